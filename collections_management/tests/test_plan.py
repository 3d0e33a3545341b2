"""Payment plans: registered, proposed, accepted, judged by what is paid, breached, and what follows."""

from datetime import date
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import days
from .test_promise import PromiseCommon
from .test_reply import ReplyCommon

SIGNATURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class PlanCommon(PromiseCommon):
    """A customer with two overdue invoices of 100 and 50; three days of grace, no tolerance."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"collection_plan_days": 3, "collection_plan_valid_days": 7})

    @classmethod
    def _plan(
        cls, *moves, schedule=None, user=None, confirmed=True, amount=None, discount=0, **values
    ):
        """Register a plan of a customer: list of (days from today, amount)."""
        lines = cls.env["account.move"].union(*moves)._get_collection_open_lines()
        model = cls.system["collection.plan"].with_context(tracking_disable=False)
        if user:
            model = cls.env(user=user.id, context={})["collection.plan"]
        currency = lines.currency_id
        plan = model._make(
            lines.with_env(model.env),
            amount and {currency: amount},
            schedules={currency: [(cls._day(after), part) for after, part in schedule]},
            discounts={currency: discount},
            **values,
        )
        if confirmed:
            plan._confirm("oral")
        return plan.with_env(model.env(user=cls.system.uid))

    def assertLines(self, plan, *expected):
        """Check the instalments' states, paid and remaining amounts."""
        plan.invalidate_recordset()
        plan.line_ids.invalidate_recordset()
        self.assertEqual(
            [(line.state, line.paid_amount, line.remaining_amount) for line in plan.line_ids],
            list(expected),
        )


class TestPlan(PlanCommon):
    def test_plan_holds_its_invoices_and_says_what_is_next(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self.assertEqual(plan.state, "active")
        self.assertRegex(plan.number, r"^PL/2026/\d{5}$")
        self.assertEqual(self.invoice.collection_status, "in_plan")
        self.assertDecision(self.invoice, "in_plan")
        self.assertDecision(self.other, "claim")
        self.assertIn("$\xa040.00", self.items(self.invoice).explanation)
        self.assertIn("03/16/2026", self.items(self.invoice).explanation)
        self.assertEqual((plan.first_date, plan.last_date), (days(5), days(35)))

    def test_payments_pay_the_oldest_instalment_first(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._pay_on(1, self.invoice, 50)
        self.assertLines(plan, ("paid", 40, 0), ("partly", 10, 50))
        self.assertEqual((plan.paid_amount, plan.remaining_amount), (50, 50))
        self.assertEqual(plan.next_date, days(35))
        self._pay_on(2, self.invoice)
        self.assertEqual(plan.state, "done")
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_late_instalment_breaks_the_plan_after_the_days_of_grace(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._run_on(8)
        self.assertEqual(plan.state, "active")
        with self.at(8):
            self.assertLines(plan, ("late", 0, 40), ("upcoming", 0, 60))
        self._run_on(9)
        self.assertEqual(plan.state, "breached")
        self.assertEqual(self.invoice.collection_status, "normal")
        self.assertTrue(self._tasks("breached_plan"))
        with self.at(9):
            self.assertDecision(self.invoice, "claim")

    def test_sum_has_to_be_the_total(self):
        with self.assertRaisesRegex(UserError, "add up to .*90.00"):
            self._plan(self.invoice, schedule=[(5, 40), (35, 50)])


class TestVerdict(PlanCommon):
    def test_undone_reconciliation_is_judged_again(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._pay_on(1, self.invoice)
        self.assertEqual(plan.state, "done")
        self._undo(self.invoice)
        self.assertEqual(plan.state, "active")
        self.assertLines(plan, ("upcoming", 0, 40), ("upcoming", 0, 60))
        self.assertEqual(self.invoice.collection_status, "in_plan")

    def test_tolerance_takes_a_little_less_for_paid(self):
        self.company.collection_promise_percent = 5
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._pay_on(1, self.invoice, 38)
        self.assertEqual(plan.line_ids[0].state, "paid")
        self._pay_on(2, self.invoice, 57)
        self.assertEqual(plan.state, "done")

    def test_paid_late_but_before_anybody_judged_is_no_breach(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._pay_on(9, self.invoice, 40)
        self._run_on(9)
        self.assertEqual(plan.state, "active")

    def test_stale_bank_gives_no_verdict(self):
        self._make_bank_line(days(-1))
        self.company.collection_stale_days = 3
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._run_on(12)
        self.assertEqual(plan.state, "active")
        with self.at(12):
            self.assertIn("newest bank transaction", plan.explanation)
            self._make_bank_line(self._day(12))
        self._run_on(12)
        self.assertEqual(plan.state, "breached")

    def test_money_that_came_in_time_and_is_booked_later_mends_a_breach(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._run_on(9)
        self.assertEqual(plan.state, "breached")
        with self.at(10):
            self._pay(self.invoice, 40, payment_date=days(7))
        self.assertEqual(plan.state, "active")
        self.assertFalse(self._tasks("breached_plan"))
        self.assertEqual(self.invoice.collection_status, "in_plan")

    def test_paid_after_a_breach_stays_breached(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._run_on(9)
        self._pay_on(10, self.invoice)
        self.assertEqual(plan.state, "breached")
        self.assertFalse(self._tasks("breached_plan"), "there is nothing to call for")

    def test_breach_is_not_taken_back_when_a_later_plan_followed(self):
        old = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._run_on(9)
        with self.at(9):
            new = self._plan(self.invoice, schedule=[(12, 40), (35, 60)])
            self._pay(self.invoice, 40, payment_date=days(7))
        self.assertEqual(old.state, "breached")
        self.assertEqual(new.previous_id, old)
        self.assertEqual(new.state, "active")

    def test_write_offs_pay_no_instalment_and_end_the_plan(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        loss = self._make_entry((self.customer, -100))
        self._allocate(self.invoice, loss)
        self.assertEqual(plan.state, "settled")

    def test_credit_notes_pay_instalments(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        self._allocate(self.invoice, self._make_credit(self.customer, 40))
        self.assertLines(plan, ("paid", 40, 0), ("upcoming", 0, 60))

    def test_missed_instalments_are_those_that_are_late(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        lines = self.system["collection.plan.line"]
        with self.at(5):
            self.assertFalse(lines.search(lines._get_missed_domain(self.company)))
        with self.at(6):
            missed = lines.search(lines._get_missed_domain(self.company))
            self.assertEqual(missed, plan.line_ids[0])
            self.assertEqual(lines.search([("state", "=", "late")]), missed)
            self.assertEqual(lines.search([("state", "in", ["upcoming"])]), plan.line_ids[1])

    def test_merged_customers_take_their_plans_along(self):
        plan = self._plan(self.invoice, schedule=[(5, 40), (35, 60)])
        target = self._make_customer("Target")
        self.customer._merge_into(target)
        self.assertEqual(plan.customer_id, target)
        self.assertEqual(plan.line_ids.partner_id, target.partner_id)


class TestProposal(PlanCommon):
    def test_proposal_holds_until_it_expires(self):
        plan = self._plan(self.invoice, schedule=[(10, 100)], confirmed=False)
        self.assertEqual((plan.state, plan.valid_until), ("proposed", days(7)))
        self.assertEqual(self.items(self.invoice).hold_until, days(7))
        self.assertIn("proposed", self.items(self.invoice).explanation)
        self._run_on(7)
        self.assertEqual(plan.state, "proposed")
        self._run_on(8)
        self.assertEqual(plan.state, "expired")
        with self.at(8):
            self.assertDecision(self.invoice, "claim")

    def test_customer_accepts_on_the_portal(self):
        plan = self._plan(self.invoice, schedule=[(10, 100)], confirmed=False)
        with self.assertRaisesRegex(UserError, "name of the person"):
            plan._accept(" ")
        plan._accept("Ana Vega", SIGNATURE)
        self.assertEqual(
            (plan.state, plan.accept_method, plan.signed_by), ("active", "portal", "Ana Vega")
        )
        self.assertTrue(plan.signed_on and plan.signature)
        with self.assertRaisesRegex(UserError, "only a proposed plan can be accepted"):
            plan._accept("Ana Vega")

    def test_expired_proposal_cannot_be_accepted(self):
        plan = self._plan(self.invoice, schedule=[(10, 100)], confirmed=False)
        with self.at(8), self.assertRaisesRegex(UserError, "valid until"):
            plan._accept("Ana Vega")

    def test_collector_confirms_what_was_agreed_on_paper(self):
        plan = self._plan(self.invoice, schedule=[(10, 100)], confirmed=False, user=self.collector)
        plan.with_user(self.collector).action_confirm_paper()
        self.assertEqual((plan.state, plan.accept_method), ("active", "paper"))

    def test_agreement_is_in_the_customers_language(self):
        self.customer.partner_id.lang = "es_ES" if self._has_spanish() else "en_US"
        plan = self._plan(self.invoice, schedule=[(10, 60), (20, 40)], confirmed=False)
        report = self.system["ir.actions.report"]
        html = report._render_qweb_html("collections_management.report_plan", plan.ids)[0].decode()
        self.assertIn(self.invoice.name, html)
        self.assertIn(plan.number, html)

    def _has_spanish(self):
        return bool(self.system["res.lang"]._lang_get("es_ES"))


class TestRefusals(PlanCommon):
    def assertRefused(self, text, *moves, **values):
        with self.assertRaisesRegex(UserError, text), self.env.cr.savepoint():
            self._plan(*(moves or [self.invoice]), **values)

    def test_what_does_not_work_is_a_sentence(self):
        self.assertRefused("at least one instalment", schedule=[])
        self.assertRefused("has passed", schedule=[(-1, 100)])
        self.assertRefused("before the one ahead", schedule=[(20, 50), (10, 50)])
        self.assertRefused("instalment 2 would be of", schedule=[(5, 100), (10, 0)])
        self.assertRefused("add up to", schedule=[(5, 40), (10, 50)])
        self.assertRefused("more than the", schedule=[(5, 120)], amount=120)
        self.assertRefused("leaves nothing", schedule=[(5, 1)], discount=100)
        self.assertRefused("settles the whole debt", schedule=[(5, 40)], amount=50, discount=10)
        self.assertRefused("instalments are more than", schedule=[(5, 1)] * 121, amount=100)

    def test_paid_invoices_and_two_customers_are_refused(self):
        self._pay(self.other)
        lines = self._get_receivable_lines(self.other).with_env(self.system)
        with self.assertRaisesRegex(UserError, "is paid already"):
            self.system["collection.plan"]._make(lines)
        theirs = self._make_invoice(self._make_customer("Second"), 10)
        self.assertRefused("several customers", self.invoice, theirs, schedule=[(5, 110)])

    def test_promise_gives_way_to_a_plan_and_its_history_says_so(self):
        promise = self._promise(self.invoice)
        plan = self._plan(self.invoice, schedule=[(5, 100)])
        self.assertEqual((promise.state, plan.state), ("replaced", "active"))
        self.assertEqual(self.invoice.collection_status, "in_plan")
        self.assertIn(plan.number, "".join(promise.message_ids.mapped("body")))
        plan.action_cancel()
        later = self._promise(self.invoice, after=9)
        self.assertEqual((later.previous_id, later.put_off), (promise, 1))

    def test_what_a_plan_leaves_out_stays_promised(self):
        promise = self._promise(self.invoice, self.other)
        self._plan(self.invoice, schedule=[(5, 100)])
        self.assertEqual((promise.state, promise.amount), ("open", 50))
        self.assertEqual(promise.move_ids, self.other)
        self.assertEqual(self.invoice.collection_status, "in_plan")
        self.assertEqual(self.other.collection_status, "promised")

    def _propose(self, *moves, total=100, after=30):
        """Propose a plan; it is valid for seven days."""
        return self._plan(*(moves or [self.invoice]), schedule=[(after, total)], confirmed=False)

    def test_promise_counts_again_when_nobody_accepts_the_proposal(self):
        promise = self._promise(self.invoice, after=20)
        plan = self._propose()
        self.assertEqual((promise.state, self.invoice.collection_status), ("replaced", "in_plan"))
        self._run_on(8)
        self.assertEqual((plan.state, promise.state), ("expired", "open"))
        self.assertFalse(promise.closed_date)
        self.assertIn(plan.number, promise.message_ids[0].body)
        with self.at(8):
            self.assertDecision(self.invoice, "promised")
        self._run_on(23)
        self.assertEqual(promise.state, "broken")

    def test_promise_whose_day_passed_meanwhile_is_judged(self):
        promise, other = self._promise(self.invoice, after=2), self._promise(self.other, after=2)
        plan = self._propose(self.invoice, self.other, total=150)
        self._pay_on(1, self.other)
        self._run_on(8)
        self.assertEqual((plan.state, promise.state, other.state), ("expired", "broken", "kept"))
        self.assertTrue(self._tasks("broken_promise"))
        with self.at(8):
            self.assertDecision(self.invoice, "claim")

    def test_promise_counts_again_when_the_proposal_is_cancelled_or_deleted(self):
        promise = self._promise(self.invoice, self.other, after=5)
        for end in ("action_cancel", "unlink"):
            plan = self._propose()
            self.assertEqual((promise.amount, promise.move_ids), (50, self.other))
            getattr(plan, end)()
            self.assertEqual((promise.state, promise.amount), ("open", 150))
            self.assertEqual(promise.move_ids, self.invoice | self.other)
            self.assertDecision(self.invoice, "promised")

    def test_promise_waits_for_the_last_of_several_proposals(self):
        promise = self._promise(self.invoice, after=20)
        self._propose()
        last = self._propose(after=40)
        self.assertEqual(promise.state, "replaced")
        last.action_cancel()
        self.assertEqual(promise.state, "open")

    def test_promise_is_kept_when_all_is_paid_before_anybody_answers_the_proposal(self):
        promise = self._promise(self.invoice, after=5)
        plan = self._propose()
        self._pay_on(1, self.invoice)
        self.assertEqual((plan.state, promise.state), ("done", "kept"))
        self._undo(self.invoice)
        self.assertEqual((plan.state, promise.state), ("proposed", "replaced"))

    def test_promise_does_not_count_again_when_an_accepted_plan_ends(self):
        promise = self._promise(self.invoice, after=20)
        plan = self._propose()
        plan._confirm("oral")
        plan.action_cancel()
        self.assertEqual(promise.state, "replaced")

    def test_promise_that_was_cancelled_meanwhile_stays_so(self):
        promise = self._promise(self.invoice, self.other, after=20)
        plan = self._propose()
        promise.action_cancel()
        plan.action_cancel()
        self.assertEqual(promise.state, "cancelled")
        self.assertDecision(self.invoice, "claim")

    def test_collector_keeps_within_the_schemes_limits(self):
        self.scheme.write({"plan_instalments": 2, "plan_days": 60, "plan_down_percent": 30})
        limited = {"user": self.collector, "confirmed": False}
        self.assertRefused("allows 2", schedule=[(5, 40), (6, 30), (7, 30)], **limited)
        self.assertRefused("at most 60 days", schedule=[(5, 40), (61, 60)], **limited)
        self.assertRefused("asks for .*30.00", schedule=[(5, 20), (6, 80)], **limited)
        self.assertRefused(
            "lets a collector grant", schedule=[(5, 50), (6, 40)], discount=10, **limited
        )
        plan = self._plan(
            self.invoice, schedule=[(5, 20), (61, 70)], discount=10, user=self.supervisor
        )
        self.assertEqual(plan.state, "active")

    def test_new_plan_takes_the_place_of_an_open_one_with_all_its_invoices(self):
        old = self._plan(self.invoice, self.other, schedule=[(5, 150)])
        self.assertRefused(self.other.name, self.invoice, schedule=[(5, 100)])
        new = self._plan(self.invoice, self.other, schedule=[(8, 150)])
        self.assertEqual((old.state, new.previous_id), ("replaced", old))
        self.assertEqual(self.invoice.collection_status, "in_plan")

    def test_what_was_agreed_stays(self):
        plan = self._plan(self.invoice, schedule=[(5, 100)], user=self.collector)
        mine = plan.with_user(self.collector)
        with self.assertRaisesRegex(UserError, "stays as it was agreed"):
            mine.write({"discount_amount": 5})
        with self.assertRaisesRegex(UserError, "stay as they were agreed"):
            mine.line_ids.write({"amount": 5})
        with self.assertRaises(UserError):
            self.env(user=self.collector.id, context={})["collection.plan.line"].create(
                {"plan_id": plan.id, "number": 2, "date": days(9), "amount": 1}
            )

    def test_companies_do_not_see_each_others_plans(self):
        plan = self._plan(self.invoice, schedule=[(5, 100)])
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        stranger = mail_new_test_user(
            self.system,
            login="stranger",
            groups="collections_management.group_collection_manager",
            company_id=elsewhere.id,
            company_ids=[elsewhere.id],
        )
        env = self.env(user=stranger.id, context={"allowed_company_ids": elsewhere.ids})
        self.assertFalse(env["collection.plan"].search([("id", "=", plan.id)]))
        self.assertFalse(env["collection.plan.line"].search([("plan_id", "=", plan.id)]))

    def test_cancelled_plan_gives_its_invoices_back(self):
        plan = self._plan(self.invoice, schedule=[(5, 100)], user=self.collector)
        plan.with_user(self.collector).action_cancel()
        self.assertEqual(plan.state, "cancelled")
        self.assertDecision(self.invoice, "claim")
        self.assertEqual(plan.line_ids.state, "void")


class TestDiscount(PlanCommon):
    """A discount (quita) is a credit note that is prepared when the plan is fulfilled."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tax = cls.company_data["default_tax_sale"].copy({"name": "21 %", "amount": 21})
        cls.company.collection_accountant_id = cls.accountant
        cls.taxed = cls._make_invoice(
            cls.customer,
            invoice_line_ids=[
                Command.create(
                    {"name": "A", "price_unit": 33.33, "quantity": 3, "tax_ids": [tax.id]}
                ),
                Command.create({"name": "B", "price_unit": 7.77, "tax_ids": [tax.id]}),
                Command.create({"name": "Free of tax", "price_unit": 10, "tax_ids": []}),
            ],
        )

    def _grant(self):
        """Do the job that makes credit notes."""
        self.env.flush_all()
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            self.system(cr=cr, context={"lang": "en_US"})["collection.plan"]._cron_grant_discounts()
        self.env.invalidate_all()

    def test_credit_notes_leave_nothing_open_and_have_the_taxes_right(self):
        total = self.taxed.amount_total + 50
        plan = self._plan(self.taxed, self.other, schedule=[(5, 60), (35, total - 80)], discount=20)
        self._pay_on(3, self.taxed, 60)
        self.assertFalse(plan.refund_ids)
        self._pay_on(4, self.other)
        self._pay_on(5, self.taxed, total - 130)
        self.assertEqual(plan.state, "done")
        self._grant()
        refund = plan.refund_ids
        self.assertEqual((refund.state, refund.amount_total), ("draft", 20))
        self.assertEqual(refund.reversed_entry_id, self.taxed)
        share = 20 / self.taxed.amount_total
        self.assertAlmostEqual(refund.amount_tax, self.taxed.amount_tax * share, delta=0.01)
        # nothing is rounded off beside the taxes
        free = refund.invoice_line_ids.filtered(lambda line: not line.tax_ids)
        self.assertAlmostEqual(free.price_subtotal, 10 * share, delta=0.01)
        task = self._tasks("discount")
        self.assertEqual(task.user_id, self.accountant)
        with self.at(6):
            refund.action_post()
            if not self.taxed.currency_id.is_zero(self.taxed.amount_residual):
                self._allocate(self.taxed, refund)
        self.assertEqual(self.taxed.amount_residual, 0)
        self.assertEqual(plan.state, "done")
        self.assertFalse(self._tasks("discount"))

    def test_discount_is_shared_by_the_invoices(self):
        plan = self._plan(self.invoice, self.other, schedule=[(5, 120)], discount=30)
        self._pay_on(1, self.invoice, 80)
        self._pay_on(2, self.other, 40)
        self._grant()
        self.assertEqual(plan.state, "done")
        self.assertEqual(
            {move.reversed_entry_id: move.amount_total for move in plan.refund_ids},
            {self.invoice: 20, self.other: 10},
        )

    def test_it_is_taken_back_when_a_payment_is(self):
        plan = self._plan(self.invoice, schedule=[(5, 90)], discount=10)
        self._pay_on(1, self.invoice, 90)
        self._grant()
        self.assertTrue(plan.refund_ids)
        self._undo(self.invoice)
        self.assertEqual(plan.state, "active")
        self.assertFalse(plan.refund_ids)
        self.assertFalse(self._tasks("discount"))
        self.assertLines(plan, ("upcoming", 0, 90))

    def test_breach_grants_none(self):
        plan = self._plan(self.invoice, schedule=[(5, 90)], discount=10)
        self._run_on(9)
        self.assertEqual(plan.state, "breached")
        self.assertFalse(plan.refund_ids)

    def test_credit_note_that_fails_refuses_no_payment(self):
        plan = self._plan(self.invoice, schedule=[(5, 90)], discount=10)
        with (
            patch.object(type(self.invoice), "_reverse_moves", side_effect=UserError("No journal")),
            mute_logger("odoo.addons.collections_management.models.collection_plan_verdict"),
        ):
            self._pay_on(1, self.invoice, 90)
            self._grant()
        self.assertEqual((plan.state, plan.failure), ("done", "No journal"))
        self.assertTrue(self._tasks("discount"))
        plan.action_prepare_refunds()
        self.assertEqual(plan.refund_ids.amount_total, 10)
        self.assertFalse(plan.failure)


class TestDialog(PlanCommon):
    def _open(self, *moves, user=None, **context):
        env = self.env(user=(user or self.collector).id, context={})
        moves = env["account.move"].union(*(move.with_env(env) for move in moves))
        action = moves.with_context(
            agreement="collection.plan", **context
        ).action_collection_register()
        return Form(env[action["res_model"]].with_context(**action["context"]))

    def _get_plan(self):
        return self.system["collection.plan"].search([], order="id desc", limit=1)

    def test_instalments_are_shown_before_they_are_registered(self):
        form = self._open(self.invoice, self.other)
        form.instalment_count = 4
        form.date_first = days(10)
        with form.amount_ids.edit(0) as row:
            row.down_payment = 30
        lines = [(line["date"], line["amount"]) for line in form.line_ids._records]
        self.assertEqual(
            lines,
            [
                (days(0), 30),
                (date(2026, 3, 21), 30),
                (date(2026, 4, 21), 30),
                (date(2026, 5, 21), 30),
                (date(2026, 6, 21), 30),
            ],
        )
        form.save().action_confirm()
        plan = self._get_plan()
        self.assertEqual((plan.state, plan.accept_method), ("active", "oral"))
        self.assertEqual(plan.line_ids.mapped("amount"), [30] * 5)
        self.assertEqual(plan.user_id, self.collector)

    def test_what_rounding_leaves_over_goes_to_the_last_one(self):
        form = self._open(self.invoice)
        form.save().action_confirm()
        self.assertEqual(self._get_plan().line_ids.mapped("amount"), [33.33, 33.33, 33.34])

    def test_so_much_each_every_ten_days(self):
        form = self._open(self.invoice)
        form.division = "amount"
        form.period = "days"
        form.date_first = days(1)
        with form.amount_ids.edit(0) as row:
            row.instalment_amount = 40
        form.save().action_confirm()
        plan = self._get_plan()
        self.assertEqual(plan.line_ids.mapped("amount"), [40, 40, 20])
        self.assertEqual(plan.line_ids.mapped("date"), [days(1), days(11), days(21)])

    def test_changed_instalments_that_do_not_add_up_are_told_and_refused(self):
        form = self._open(self.invoice)
        with form.line_ids.edit(2) as line:
            line.amount = 30
        self.assertIn("difference", form.difference)
        with self.assertRaisesRegex(UserError, "add up to"):
            form.save().action_confirm()

    def test_instalments_can_be_changed_by_hand(self):
        form = self._open(self.invoice)
        with form.line_ids.edit(0) as line:
            line.amount = 50
            line.date = days(2)
        with form.line_ids.edit(2) as line:
            line.amount = 16.67
        self.assertFalse(form.difference)
        form.save().action_confirm()
        self.assertEqual(self._get_plan().line_ids.mapped("amount"), [50, 33.33, 16.67])

    def test_percent_gives_the_discount(self):
        form = self._open(self.invoice, user=self.supervisor)
        form.instalment_count = 2
        with form.amount_ids.edit(0) as row:
            row.discount_percent = 10
            self.assertEqual(row.to_pay, 90)
        form.save().action_confirm()
        plan = self._get_plan()
        self.assertEqual((plan.discount_amount, plan.to_pay_amount), (10, 90))
        self.assertEqual(plan.line_ids.mapped("amount"), [45, 45])

    def test_proposal_opens_the_message_to_the_customer(self):
        action = self._open(self.invoice).save().action_propose()
        plan = self._get_plan()
        self.assertEqual(plan.state, "proposed")
        env = self.env(user=self.collector.id, context={})
        composer = Form(env[action["res_model"]].with_context(**action["context"])).save()
        self.assertIn(plan.number, composer.subject)
        with self.mock_mail_gateway():
            composer._action_send_mail()
        self.assertEqual(plan.proposed_on, days(0))
        message = plan.message_ids[0]
        self.assertEqual(message.partner_ids, self.customer.partner_id)
        self.assertEqual(len(message.attachment_ids), 1)
        self.assertIn(plan.number.replace("/", "-"), message.attachment_ids.name)

    def test_two_currencies_are_two_plans(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        self._open(self.invoice, foreign).save().action_confirm()
        plans = self.system["collection.plan"].search([])
        self.assertEqual(
            {plan.currency_id: plan.line_ids.mapped("amount") for plan in plans},
            {self.currency: [33.33, 33.33, 33.34], euro: [20, 20, 20]},
        )

    def test_no_instalment_is_a_sentence(self):
        form = self._open(self.invoice)
        form.instalment_count = 0
        with self.assertRaisesRegex(UserError, "needs at least one instalment"):
            form.save().action_confirm()

    def test_extension_is_one_new_date(self):
        form = self._open(self.invoice, collection_extension=True)
        self.assertEqual(form.open_text, "$\xa0100.00")
        form.date = days(20)
        form.save().action_register()
        plan = self._get_plan()
        self.assertTrue(plan.is_extension)
        self.assertEqual(plan.state, "active")
        self.assertIn("extended", self.items(self.invoice).explanation)
        self.assertEqual(self.items(self.invoice).date_due, days(-5), "the due date stays")

    def test_extension_takes_what_is_due_and_what_is_not(self):
        later = self._make_invoice(self.customer, 30, due=20)
        form = self._open(self.invoice, later, collection_extension=True)
        form.date = days(40)
        form.save().action_register()
        plan = self._get_plan()
        self.assertEqual(plan.amount, 130)
        self.assertEqual(plan.line_ids.mapped("amount"), [130])


class TestOffer(PlanCommon):
    """A discount for paying early what is not due yet: a proposal of one payment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scheme.plan_discount_percent = 5
        cls.coming = cls._make_invoice(cls.customer, 200, due=20)

    def _offer(self, *moves, percent=2.0, user=None, **values):
        """Make an offer in the dialog, as a person does; return the plan."""
        env = self.env(user=(user or self.collector).id, context={})
        moves = env["account.move"].union(*(move.with_env(env) for move in moves))
        action = moves.with_context(
            agreement="collection.plan", collection_offer=True
        ).action_collection_register()
        form = Form(env[action["res_model"]].with_context(**action["context"]))
        form.discount_percent = percent
        for name, value in values.items():
            setattr(form, name, value)
        self.offer_text = form.offer_text
        form.save().action_offer()
        return self.system["collection.plan"].search([], order="id desc", limit=1)

    def test_it_is_a_proposal_until_its_date(self):
        plan = self._offer(self.coming, date=days(7))
        self.assertEqual(self.offer_text, "$\xa0196.00 instead of $\xa0200.00")
        self.assertEqual(
            (plan.state, plan.valid_until, plan.last_date), ("proposed", days(7), days(7))
        )
        self.assertEqual((plan.amount, plan.discount_amount, plan.to_pay_amount), (200, 4, 196))

    def test_it_is_valid_until_the_invoice_is_due_at_most(self):
        soon = self._make_invoice(self.customer, 50, due=3)
        self.assertEqual(self._offer(soon).valid_until, days(3))
        with self.assertRaisesRegex(UserError, "is due on 03/14/2026 already"):
            self._offer(soon, date=days(4))

    def test_what_is_overdue_gets_none(self):
        with self.assertRaisesRegex(UserError, "payment plan with a discount"):
            self._offer(self.coming, self.invoice)

    def test_no_discount_is_no_offer(self):
        for percent in (0, 100, -3):
            with self.subTest(percent=percent), self.assertRaisesRegex(UserError, "less than 100"):
                self._offer(self.coming, percent=percent)

    def test_more_than_the_scheme_lets_a_collector_grant(self):
        with self.assertRaisesRegex(UserError, "lets a collector grant"):
            self._offer(self.coming, percent=6)
        self.assertEqual(
            self._offer(self.coming, percent=6, user=self.supervisor).discount_amount, 12
        )

    def test_two_currencies_are_two_offers(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, due=20, currency_id=euro.id)
        self._offer(self.coming, foreign)
        plans = self.system["collection.plan"].search([])
        self.assertEqual(
            {plan.currency_id: plan.to_pay_amount for plan in plans},
            {self.currency: 196, euro: 58.8},
        )

    def test_nobody_accepts_it_in_time(self):
        plan = self._offer(self.coming, date=days(7))
        self._run_on(8)
        self.assertEqual(plan.state, "expired")

    def test_the_message_says_what_is_let_off(self):
        plan = self._offer(self.coming, date=days(7))
        body = self.system.ref("collections_management.mail_template_plan")._render_field(
            "body_html", plan.ids
        )[plan.id]
        for words in ("196.00", "4.00", "03/18/2026", "nothing remains owed"):
            self.assertIn(words, body)
        self.assertNotIn("instalments", body)


class TestReminders(PlanCommon):
    """Reminders of instalments are steps of the scheme, decided by the same query as all others."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template_instalment = cls._make_template("Instalment")
        cls.scheme = cls._make_scheme(
            cls._claim(3, name="First claim"),
            cls._announce(
                3, name="Soon", is_instalment=True, template_id=cls.template_instalment.id
            ),
            cls._claim(
                2, name="Missing", is_instalment=True, template_id=cls.template_instalment.id
            ),
        )
        cls.customer.strategy_id = cls.scheme

    def _say(self, day):
        """Run a day, and return what was said: (step, claimed amounts) of each notice."""
        self._run_on(day)
        with self.at(day):
            notices = self.run_day(self.customer)
            self.env.invalidate_all()
            return [
                (notice.step_id.name, sorted(notice.line_ids.mapped("residual_currency")))
                for notice in notices
            ]

    def test_customer_hears_of_each_instalment_once_before_and_once_after_its_date(self):
        self._plan(self.invoice, self.other, schedule=[(5, 60), (35, 90)])
        said = {day: told for day in (1, 2, 3, 5, 6, 7, 8) if (told := self._say(day))}
        self.assertEqual(said, {2: [("Soon", [0, 60])], 7: [("Missing", [0, 60])]})
        self._pay_on(8, self.invoice, 60)
        said = {day: told for day in (31, 32, 33, 36, 37, 38) if (told := self._say(day))}
        self.assertEqual(said, {32: [("Soon", [40, 50])], 37: [("Missing", [40, 50])]})

    def test_items_due_on_one_day_are_asked_for_in_one_order(self):
        plan = self._plan(self.invoice, self.other, schedule=[(5, 60), (35, 90)])
        lines = plan.move_line_ids.sorted("id")
        for order in (lines, lines[::-1]):
            rows = [
                {
                    "notice_id": 1,
                    "round_number": -plan.line_ids[0].id,
                    "move_line_id": line.id,
                    "date_due": line.date_maturity,
                    "residual": line.amount_residual,
                    "residual_currency": line.amount_residual_currency,
                }
                for line in order
            ]
            self.env["collection.plan.line"]._ask(rows)
            asked = {row["move_line_id"]: row["residual_currency"] for row in rows}
            self.assertEqual([asked[line.id] for line in lines], [60, 0])

    def test_only_what_is_missing_is_asked_for(self):
        self._hold(self.other)
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        self._pay_on(1, self.invoice, 25)
        self.assertEqual(self._say(2), [("Soon", [35])])

    def test_message_names_the_instalment_not_the_invoice(self):
        self._hold(self.other)
        plan = self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        self._run_on(2)
        with self.at(2):
            notice = self.decide(self.customer)
            self.assertIn(f"Instalment 1 of 2, plan {plan.number}", notice.items_html)
            self.assertIn("$\xa060.00", notice.items_html)
            self.assertNotIn("$\xa0100.00", notice.items_html)
            self.assertEqual(notice.claimed_text, "$\xa060.00")

    def test_other_messages_keep_quiet_about_invoices_in_a_plan(self):
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        policy = self._make_policy(interval_days=5)
        notice = self.decide(self.customer)
        self.assertEqual(notice.line_ids.move_id, self.other)
        self.scheme.policy_id = policy
        with self.at(2):
            self.assertNotIn(self.invoice.name, notice.items_html)
            self.assertNotIn("PL/", notice.items_html)

    def test_paid_instalment_is_withdrawn_before_it_is_sent(self):
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        with self.at(2):
            notice = self.decide(self.customer)
            self.assertEqual(notice.state, "ready")
            lines = notice.line_ids.filtered(lambda line: line.round_number < 0)
            self.assertTrue(lines)
        self._pay_on(2, self.invoice, 60)
        with self.at(2):
            self.deliver()
            self.assertFalse(lines.filtered("live"))

    def test_other_invoices_are_claimed_as_ever(self):
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        self.assertDecision(self.other, "claim")

    def test_scheme_without_steps_for_instalments_says_nothing(self):
        self.customer.strategy_id = self._make_scheme(self._claim(3))
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        with self.at(7):
            self.assertDecision(self.invoice, "in_plan")

    def test_proposal_is_not_reminded_of(self):
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)], confirmed=False)
        with self.at(2):
            self.assertDecision(self.invoice, "in_plan")

    def test_credits_that_cover_the_instalment_silence_it(self):
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        self._make_credit(self.customer, 60)
        with self.at(2):
            self.assertDecision(self.invoice, "covered")

    def test_money_in_doubt_never_accuses(self):
        plan = self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        with self.at(6):
            self._make_payment(self.customer, 60)
        self._run_on(7)
        self.assertTrue(plan.in_doubt)
        self.assertTrue(self._tasks("allocate"))
        with self.at(7):
            self.assertDecision(self.invoice, "in_plan")

    def test_after_a_breach_claims_begin_anew(self):
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        for day in (2, 7):
            self._say(day)
        self._run_on(9)
        with self.at(9):
            item = self.items(self.invoice)
            self.assertEqual((item.decision, item.next_step_id.name), ("claim", "First claim"))
            self.assertGreater(item.round_number, 0)

    def test_dry_run_foresees_the_reminders(self):
        self._plan(self.invoice, schedule=[(5, 60), (35, 40)])
        self._make_customer("Idle")
        run = self.system["collection.dry.run"].create(
            {"customer_ids": self.customer.ids, "days": 40}
        )
        run._forecast()
        steps = {
            (item.date, item.step_id.name)
            for item in run.notice_ids.item_ids
            if item.move_id == self.invoice
        }
        self.assertEqual(steps, {(days(2), "Soon"), (days(7), "Missing")})


class TestAnswer(ReplyCommon):
    def test_answer_to_a_proposal_waits_with_the_customer(self):
        invoice = self._make_invoice(self.customer, 100)
        lines = self._get_receivable_lines(invoice).with_env(self.system)
        plan = self.system["collection.plan"]._make(
            lines, schedules={self.currency: [(days(9), lines.amount_residual_currency)]}
        )
        with self.mock_mail_gateway():
            message = plan.with_user(self.collector).message_post(
                body="We propose",
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                partner_ids=self.customer.partner_id.ids,
            )
        answer = {"In_Reply_To": message.message_id, "References": message.message_id}
        reply = self._receive(self._mail("We agree", **answer))
        self.assertEqual((reply.customer_id, reply.state), (self.customer, "pending"))

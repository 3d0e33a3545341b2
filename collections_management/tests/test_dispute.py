"""Disputes: registered, solved by another department, credited or rejected, and what follows."""

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, HttpCase, tagged
from odoo.tools import SQL

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import CollectionsCommon, days


class DisputeCommon(CollectionsCommon):
    """A customer with two overdue invoices of 100 and 50; logistics solves in five working days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.collection_dispute_days = 7
        cls.resolver = cls._make_user("resolver", "collections_management.group_dispute_resolver")
        cls.area = cls.system["collection.area"].create(
            {"name": "Logistics", "responsible_id": cls.resolver.id, "days": 5}
        )
        cls.reason = cls.system["collection.dispute.reason"].create(
            {"name": "Not received", "area_id": cls.area.id}
        )
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls.other = cls._make_invoice(cls.customer, 50)

    @classmethod
    def _make_user(cls, role, *groups, **values):
        return mail_new_test_user(
            cls.system,
            login=f"test_{role}",
            name=f"Test {role}",
            email=f"{role}@company.example.com",
            groups=",".join(groups),
            company_id=cls.company.id,
            notification_type="inbox",
            **values,
        )

    @classmethod
    def _dispute(cls, *moves, amount=None, user=None, **values):
        """Register a dispute of a customer about these moves."""
        lines = cls.env["account.move"].union(*moves)._get_collection_open_lines()
        model = cls.system["collection.dispute"].with_context(tracking_disable=False)
        if user:
            model = cls.env(user=user.id, context={})["collection.dispute"]
        amounts = amount and {lines.currency_id: amount}
        values.setdefault("reason_id", cls.reason.id)
        dispute = model._make(lines.with_env(model.env), amounts, **values)
        return dispute.with_env(model.env(user=cls.system.uid))

    def _find(self, move):
        return self.system["collection.dispute"].search(
            [("item_ids.move_line_id.move_id", "=", move.id)]
        )

    def _tasks(self, dispute, name):
        return dispute.with_env(self.system)._find_tasks(f"activity_type_{name}")

    def _run(self):
        """Do what stands before the day's decision: the verdicts."""
        self.env.flush_all()
        run = self.system(context={"lang": "en_US"})["collection.run"]
        run.with_company(self.company)._prepare_company(self.company)
        self.env.invalidate_all()


class TestRegister(DisputeCommon):
    def test_dispute_holds_its_invoice(self):
        dispute = self._dispute(self.invoice, user=self.collector, note="Box is empty")
        self.assertRegex(dispute.number, r"^DI/2026/\d{5}$")
        self.assertEqual((dispute.amount, dispute.open_amount), (100, 100))
        self.assertEqual((dispute.area_id, dispute.owner_id), (self.area, self.resolver))
        self.assertEqual(dispute.deadline, days(7), "five working days, over a weekend")
        self.assertEqual(self.invoice.collection_status, "disputed")
        self.assertDecision(self.invoice, "disputed")
        self.assertDecision(self.other, "claim")

    def test_banner_tells_what_why_who_and_until_when(self):
        dispute = self._dispute(self.invoice)
        self.assertEqual(
            self.items(self.invoice).explanation,
            "$\xa0100.00 is disputed: Not received. Test resolver (Logistics) solves it until "
            f"03/18/2026 ({dispute.number}).",
        )

    def test_owner_gets_a_task_and_follows_the_discussion(self):
        dispute = self._dispute(self.invoice)
        task = self._tasks(dispute, "dispute")
        self.assertEqual((task.user_id, task.date_deadline), (self.resolver, days(7)))
        self.assertIn(self.resolver.partner_id, dispute.message_partner_ids)

    def test_history_of_the_customer_tells_of_it(self):
        dispute = self._dispute(self.invoice)
        self.assertIn(dispute.number, self.customer.message_ids[0].body)

    def test_collector_owns_it_where_the_area_has_no_responsible(self):
        self.area.responsible_id = False
        self.assertEqual(self._dispute(self.invoice).owner_id, self.collector)

    def test_working_days_are_those_of_the_companys_calendar(self):
        self.system["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": self.company.resource_calendar_id.id,
                "company_id": self.company.id,
                "date_from": "2026-03-12 00:00:00",
                "date_to": "2026-03-12 23:59:59",
            }
        )
        self.assertEqual(self._dispute(self.invoice).deadline, days(8))

    def test_area_with_no_days_solves_it_today(self):
        self.area.days = 0
        self.assertEqual(self._dispute(self.invoice).deadline, days(0))

    def test_an_instalment_brings_its_whole_invoice_along(self):
        terms = self._make_terms((40, 0), (60, 60))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        dispute = self._dispute(invoice, amount=100)
        self.assertEqual(dispute.item_ids.mapped("amount"), [80, 20], "earliest due first")

    def test_less_than_the_first_instalment_holds_the_others_too(self):
        terms = self._make_terms((50, 5), (50, 10))
        invoice = self._make_invoice(
            self.customer, 200, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        dispute = self._dispute(invoice, amount=30)
        self.assertEqual(dispute.item_ids.mapped("amount"), [30, 0])
        self.assertDecision(invoice, "disputed")
        self.scheme.claim_undisputed = True
        self.env.registry.clear_cache()
        self.assertEqual(sum(self.items(invoice).mapped("claimable_currency")), 170)

    def test_two_currencies_are_two_disputes(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        disputes = self._dispute(self.invoice, foreign)
        self.assertEqual(
            {dispute.currency_id: dispute.amount for dispute in disputes},
            {self.currency: 100, euro: 60},
        )

    def test_dialog_takes_an_amount_for_each_invoice_and_files(self):
        action = (
            (self.invoice | self.other)
            .with_user(self.collector)
            .with_context(agreement="collection.dispute")
            .action_collection_register()
        )
        file = (
            self.env["ir.attachment"]
            .with_user(self.collector)
            .create({"name": "photo.txt", "raw": b"broken"})
        )
        form = Form.from_action(self.env(user=self.collector.id), action)
        form.reason_id = self.reason
        form.note = "Half of it is missing"
        self.assertEqual((form.area_id, form.owner_id), (self.area, self.resolver))
        with form.item_ids.edit(0) as item:
            item.amount = 30
        with form.item_ids.edit(1) as item:
            item.amount = 0
        form.attachment_ids.add(file)
        form.save().action_register()
        dispute = self._find(self.invoice)
        self.assertEqual(dispute.amount, 30)
        self.assertFalse(self._find(self.other))
        self.assertEqual((file.res_model, file.res_id), ("collection.dispute", dispute.id))

    def test_dialog_opens_from_items_and_the_customers_file(self):
        for record in (self.items(self.invoice), self.customer):
            action = (
                record.with_user(self.collector)
                .with_context(agreement="collection.dispute")
                .action_register_agreement()
            )
            self.assertEqual(action["res_model"], "collection.register.dispute")

    def test_files_of_two_disputes_are_each_ones_own(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        disputes = self._dispute(self.invoice, foreign)
        disputes._attach(self.system["ir.attachment"].create({"name": "a.txt", "raw": b"a"}))
        found = self.system["ir.attachment"].search([("res_model", "=", "collection.dispute")])
        self.assertEqual(set(found.mapped("res_id")), set(disputes.ids))

    def test_area_handed_over_has_its_own_days_and_owner(self):
        dispute = self._dispute(self.invoice)
        sales = self.system["collection.area"].create(
            {"name": "Sales", "responsible_id": self.supervisor.id, "days": 1}
        )
        with self.at(2):
            wizard = (
                self.env["collection.dispute.hand.over"]
                .with_user(self.resolver)
                .create(
                    {
                        "dispute_ids": [Command.set(dispute.ids)],
                        "area_id": sales.id,
                        "note": "Prices",
                    }
                )
            )
            wizard.action_hand_over()
        self.assertEqual((dispute.area_id, dispute.owner_id), (sales, self.supervisor))
        self.assertEqual(dispute.deadline, days(5), "from Friday on: Monday")
        self.assertEqual(self._tasks(dispute, "dispute").user_id, self.supervisor)
        self.assertIn("Prices", dispute.message_ids.mapped("body")[0])
        with self.assertRaises(AccessError):
            dispute.with_user(self.resolver).read(["number"])

    def test_cancelled_one_frees_its_invoice(self):
        dispute = self._dispute(self.invoice)
        dispute.with_user(self.collector).action_cancel()
        self.assertEqual(dispute.state, "cancelled")
        self.assertDecision(self.invoice, "claim")
        self.assertFalse(self._tasks(dispute, "dispute"))


class TestRefused(DisputeCommon):
    def test_paid_invoice(self):
        self._pay(self.invoice)
        lines = self._get_receivable_lines(self.invoice).with_env(self.system)
        with self.assertRaisesRegex(UserError, f"{self.invoice.name} is paid already"):
            self.system["collection.dispute"]._make(lines, reason_id=self.reason.id)

    def test_more_than_is_open(self):
        with self.assertRaisesRegex(UserError, "more than the .*100.00"):
            self._dispute(self.invoice, amount=101)

    def test_more_than_one_invoice_is_open_for(self):
        shares = {
            self._get_receivable_lines(self.invoice).with_env(self.system): 10,
            self._get_receivable_lines(self.other).with_env(self.system): 60,
        }
        with self.assertRaisesRegex(UserError, f"{self.other.name}: .*60.00 is more than"):
            self.system["collection.dispute"]._make(
                self.system["account.move.line"], shares=shares, reason_id=self.reason.id
            )

    def test_nothing_and_less_than_nothing(self):
        for amount in (-5, 0.001):
            with self.assertRaisesRegex(UserError, "above zero"):
                self._dispute(self.invoice, amount=amount)

    def test_invoices_of_two_customers(self):
        other = self._make_invoice(self._make_customer("Stranger"), 20)
        with self.assertRaisesRegex(UserError, "several customers"):
            self._dispute(self.invoice, other)

    def test_invoices_of_two_companies(self):
        data = self.setup_other_company(name="Elsewhere")
        foreign = (
            self.env["account.move"]
            .with_company(data["company"])
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": self.customer.partner_id.id,
                    "invoice_date": days(-30),
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": "Goods",
                                "price_unit": 10,
                                "tax_ids": False,
                                "account_id": data["default_account_revenue"].id,
                            }
                        )
                    ],
                }
            )
        )
        foreign.action_post()
        with self.assertRaisesRegex(UserError, "several companies"):
            self._dispute(self.invoice, foreign)

    def test_what_is_disputed_already(self):
        first = self._dispute(self.invoice)
        with self.assertRaisesRegex(UserError, f"disputed already .{first.number}"):
            self._dispute(self.invoice)

    def test_what_another_agreement_holds(self):
        self._hold(self.invoice, "promised")
        with self.assertRaisesRegex(UserError, "is held already: Promise"):
            self._dispute(self.invoice)

    def test_owner_who_cannot_see_disputes(self):
        with self.assertRaisesRegex(ValidationError, "Test employee can't see disputes"):
            self._dispute(self.invoice, owner_id=self.employee.id)
        with self.assertRaisesRegex(ValidationError, "Test employee can't see disputes"):
            self.area.responsible_id = self.employee

    def test_deleting_what_is_used(self):
        self._dispute(self.invoice)
        with self.assertRaisesRegex(UserError, "Reason “Not received” is used by 1 disputes"):
            self.reason.unlink()
        with self.assertRaisesRegex(UserError, "Area “Logistics” is used by 1 disputes and 1"):
            self.area.unlink()

    def test_unused_ones_can_be_deleted(self):
        area = self.system["collection.area"].create({"name": "Unused"})
        reason = self.system["collection.dispute.reason"].create({"name": "Unused"})
        (area + area.browse()).unlink()
        reason.unlink()
        self.assertFalse(area.exists() or reason.exists())

    def test_negative_days(self):
        with self.assertRaisesRegex(ValidationError, "Logistics: the working days"):
            self.area.days = -1
        with self.assertRaisesRegex(ValidationError, "days of grace after a dispute"):
            self.company.collection_dispute_days = -1

    def test_what_was_agreed_stays(self):
        dispute = self._dispute(self.invoice).with_user(self.collector)
        for name in ("amount", "state", "resolution", "accepted_amount", "item_ids"):
            value = [Command.clear()] if name == "item_ids" else False
            with self.assertRaisesRegex(UserError, "stays as it was agreed"):
                dispute.write({name: value})

    def test_no_item_is_added_later(self):
        dispute = self._dispute(self.invoice)
        line = self._get_receivable_lines(self.other)
        with self.assertRaisesRegex(UserError, "no item can be added"):
            self.env["collection.dispute.item"].with_user(self.collector).create(
                {"dispute_id": dispute.id, "move_line_id": line.id, "amount": 5}
            )

    def test_reason_without_area(self):
        reason = self.system["collection.dispute.reason"].create({"name": "Strange"})
        with self.assertRaisesRegex(UserError, "Reason “Strange” has no area"):
            self._dispute(self.invoice, reason_id=reason.id)
        dispute = self._dispute(self.invoice, reason_id=reason.id, area_id=self.area.id)
        self.assertEqual(dispute.owner_id, self.resolver)

    def test_solved_one_is_not_cancelled(self):
        dispute = self._dispute(self.invoice)
        dispute._resolve("accepted")
        with self.assertRaisesRegex(UserError, "open it again first"):
            dispute.action_cancel()

    def test_hold_is_not_lifted_behind_its_back(self):
        dispute = self._dispute(self.invoice)
        with self.assertRaisesRegex(UserError, dispute.number):
            dispute._get_holds().action_lift()

    def test_closed_one_is_history(self):
        dispute = self._dispute(self.invoice)
        dispute.action_cancel()
        with self.assertRaisesRegex(UserError, "part of the customer's history"):
            dispute.unlink()


class TestSolve(DisputeCommon):
    def _solve(self, dispute, resolution, accepted=None, user=None, **values):
        """Solve a dispute in the dialog; ``accepted``: amounts by invoice."""
        user = user or self.resolver
        wizard = Form.from_action(
            self.env(user=user.id, context={"lang": "en_US"}),
            dispute.with_user(user).action_resolve(),
        )
        wizard.resolution = resolution
        for index, amount in enumerate(accepted or []):
            with wizard.item_ids.edit(index) as item:
                item.accepted = amount
        for name, value in values.items():
            wizard[name] = value
        wizard.save().action_resolve()
        dispute.invalidate_recordset()

    def test_accepted_prepares_a_credit_note_for_accounting(self):
        self.company.collection_accountant_id = self.accountant
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "accepted", answer="The carrier lost it")
        note = dispute.credit_move_ids
        self.assertEqual((note.state, note.move_type), ("draft", "out_refund"))
        self.assertEqual((note.amount_total, note.reversed_entry_id), (100, self.invoice))
        self.assertIn(dispute.number, note.ref)
        self.assertEqual(note.activity_ids.user_id, self.accountant)
        self.assertEqual((dispute.state, dispute.accepted_amount), ("to_credit", 100))
        self.assertEqual(dispute.resolver_id, self.resolver)
        self.assertDecision(self.invoice, "disputed")
        self.assertIn("credit note of", self.items(self.invoice).explanation)
        self.assertIn("The carrier lost it", self.customer.message_ids[0].body)
        self.assertFalse(self._tasks(dispute, "dispute"))

    def test_posting_the_credit_note_closes_it(self):
        dispute = self._dispute(self.invoice)
        with self.at(3):
            self._solve(dispute, "accepted")
        with self.at(5):
            dispute.credit_move_ids.with_env(self.env).action_post()
        self.assertEqual((dispute.state, dispute.closed_date), ("accepted", days(5)))
        self.assertEqual(dispute.cycle_days, 3, "solving is what is measured")
        self.assertFalse(dispute.credit_move_ids.activity_ids)
        self.assertEqual(self.invoice.payment_state, "reversed")

    def test_resetting_the_credit_note_opens_it_again(self):
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "accepted")
        note = dispute.credit_move_ids.with_env(self.env)
        note.action_post()
        note.button_draft()
        self.assertEqual((dispute.state, dispute.closed_date), ("to_credit", False))
        note.button_cancel()
        self.assertEqual(dispute.state, "to_credit")
        self.assertDecision(self.invoice, "disputed")

    def test_deleting_the_draft_leaves_it_to_credit(self):
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "accepted")
        dispute.credit_move_ids.unlink()
        self._run()
        self.assertEqual(dispute.state, "to_credit")
        by_hand = self._make_credit(self.customer, 100)
        (self._get_receivable_lines(by_hand) | self._get_receivable_lines(self.invoice)).reconcile()
        self.assertEqual(dispute.state, "accepted")

    def test_part_is_credited_with_the_right_taxes(self):
        taxes = self.env["account.tax"].create(
            [
                {"name": f"VAT {rate}", "amount": rate, "type_tax_use": "sale"}
                for rate in (21.0, 10.0)
            ]
        )
        invoice = self._make_invoice(
            self.customer,
            invoice_line_ids=[
                Command.create(
                    {"name": "Goods", "price_unit": price, "tax_ids": [Command.set(tax.ids)]}
                )
                for price, tax in ((333.33, taxes[0]), (77.77, taxes[1]), (12.5, taxes[0]))
            ],
        )
        for amount in (123.45, 0.01, 99.99, 250):
            with self.subTest(amount=amount):
                dispute = self._dispute(invoice)
                self._solve(dispute, "partly", [amount])
                note = dispute.credit_move_ids
                self.assertAlmostEqual(note.amount_total, amount, 2)
                if amount > 1:
                    sums = {
                        tax: sum(
                            note.line_ids.filtered(
                                lambda line, tax=tax: line.tax_line_id == tax
                            ).mapped("balance")
                        )
                        for tax in taxes
                    }
                    whole = invoice.line_ids.filtered("tax_line_id")
                    for line in whole:
                        share = amount / invoice.amount_total
                        self.assertAlmostEqual(
                            sums[line.tax_line_id], -line.balance * share, delta=0.02
                        )
                dispute.action_reopen()
                dispute.action_cancel()

    def test_part_is_accepted_and_the_rest_is_claimed_again(self):
        dispute = self._dispute(self.invoice, self.other)
        self._solve(dispute, "partly", [40, 0])
        self.assertEqual((dispute.state, dispute.accepted_amount), ("to_credit", 40))
        self.assertEqual(dispute.credit_move_ids.amount_total, 40)
        dispute.credit_move_ids.with_env(self.env).action_post()
        self.assertEqual(dispute.state, "partly")
        self.assertEqual(self.items(self.invoice).residual_currency, 60)
        self.assertDecision(self.invoice, "claim")
        self.assertDecision(self.other, "claim")

    def test_parts_that_are_none(self):
        dispute = self._dispute(self.invoice)
        for accepted, words in (
            ([0], "nothing would be accepted"),
            ([100], "is all that is disputed"),
            ([101], "you can't accept"),
            ([-1], "you can't accept"),
        ):
            with self.subTest(accepted=accepted), self.assertRaisesRegex(UserError, words):
                self._solve(dispute, "partly", accepted)

    def test_opening_entry_is_credited_by_hand(self):
        entry = self._make_entry((self.customer, 30), (self.customer, 40))
        line = entry.line_ids.filtered(lambda line: line.debit == 30).with_env(self.system)
        dispute = self.system["collection.dispute"]._make(line, reason_id=self.reason.id)
        self._solve(dispute, "accepted")
        self.assertFalse(dispute.credit_move_ids)
        self.assertEqual(dispute.state, "to_credit")
        task = self._tasks(dispute, "credit_note")
        self.assertEqual(task.user_id, self.supervisor)

    def test_foreign_invoice_is_credited_in_its_currency(self):
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        dispute = self._dispute(foreign)
        self._solve(dispute, "partly", [25])
        note = dispute.credit_move_ids
        self.assertEqual((note.currency_id, note.amount_total), (euro, 25))

    def test_rejected_waits_for_the_days_of_grace(self):
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "rejected", tell_customer=False)
        self.assertEqual((dispute.state, dispute.grace_until), ("grace", days(7)))
        self.assertIn("claims go on after 03/18/2026", self.items(self.invoice).explanation)
        with self.at(7):
            self._run()
            self.assertDecision(self.invoice, "disputed")
        with self.at(8):
            self.assertDecision(self.invoice, "claim")
            self._run()
            self.assertDecision(self.invoice, "claim")
        self.assertEqual(dispute.state, "rejected")
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_without_grace_claims_go_on_the_next_day(self):
        self.company.collection_dispute_days = 0
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "rejected", tell_customer=False)
        with self.at(1):
            self._run()
            self.assertDecision(self.invoice, "claim")

    def test_rejection_is_told_on_the_customers_conversation(self):
        dispute = self._dispute(self.invoice)
        with self.mock_mail_gateway():
            self._solve(dispute, "rejected")
        message = self.customer.message_ids.filtered(
            lambda message: message.message_type == "comment"
        )
        self.assertEqual(message.author_id, self.resolver.partner_id)
        self.assertEqual(message.partner_ids, self.customer.partner_id)
        self.assertIn(self.invoice.name, message.subject)
        self.assertIn("100.00", message.body)
        self.assertSentEmail(self.resolver.partner_id, [self.customer.partner_id])

    def test_rejection_speaks_the_customers_language(self):
        if not self.env["res.lang"]._get_data(code="es_ES"):
            self.env["res.lang"]._activate_lang("es_ES")
        template = self.system["collection.dispute"]._get_rejection_template()
        template.with_context(lang="es_ES").subject = "Su reclamación"
        self.customer.partner_id.lang = "es_ES"
        dispute = self._dispute(self.invoice)
        self.assertEqual(dispute._render_answer(template)[0], "Su reclamación")

    def test_rejection_in_a_trial_goes_to_our_own_mailbox(self):
        self.company.collection_mailbox = "trial@company.example.com"
        dispute = self._dispute(self.invoice)
        with self.mock_mail_gateway():
            self._solve(dispute, "rejected")
        self.assertEqual(
            [mail["email_to"] for mail in self._mails], [["trial@company.example.com"]]
        )

    def test_customer_without_address_is_named(self):
        self.customer.partner_id.email = False
        dispute = self._dispute(self.invoice)
        with self.assertRaisesRegex(UserError, "Customer has no e-mail address"):
            self._solve(dispute, "rejected")
        dispute.invalidate_recordset()

    def test_solved_one_is_not_solved_again(self):
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "rejected", tell_customer=False)
        with self.assertRaisesRegex(UserError, "only an open dispute can be solved"):
            dispute._resolve("accepted")

    def test_rejected_one_opens_again(self):
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "rejected", tell_customer=False)
        with self.at(2):
            dispute.with_user(self.resolver).action_reopen()
        self.assertEqual((dispute.state, dispute.resolution), ("open", False))
        self.assertEqual(dispute.deadline, days(9), "counted from the day it was opened again")
        self.assertFalse(dispute.cycle_days)
        self.assertEqual(self._tasks(dispute, "dispute").user_id, self.resolver)

    def test_accepted_one_opens_again_without_its_draft(self):
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "accepted")
        dispute.with_user(self.resolver).action_reopen()
        self.assertFalse(dispute.credit_move_ids)
        self.assertEqual((dispute.state, dispute.accepted_amount), ("open", 0))

    def test_posted_credit_note_keeps_it_closed(self):
        dispute = self._dispute(self.invoice, self.other)
        self._solve(dispute, "accepted")
        dispute.credit_move_ids[0].with_env(self.env).action_post()
        with self.assertRaisesRegex(UserError, "is posted. Accounting resets it"):
            dispute.action_reopen()

    def test_paid_one_does_not_open_again(self):
        dispute = self._dispute(self.invoice)
        self._solve(dispute, "rejected", tell_customer=False)
        self._pay(self.invoice)
        self.assertEqual(dispute.state, "rejected")
        with self.assertRaisesRegex(UserError, "invoices are paid"):
            dispute.action_reopen()


class TestLedger(DisputeCommon):
    def test_paid_one_is_settled_and_undone_holds_again(self):
        dispute = self._dispute(self.invoice)
        self._pay(self.invoice)
        self.assertEqual((dispute.state, dispute.resolved_date), ("settled", days(0)))
        self.assertFalse(self._tasks(dispute, "dispute"))
        self._get_receivable_lines(self.invoice).remove_move_reconcile()
        self.assertEqual((dispute.state, dispute.resolved_date), ("open", False))
        self.assertDecision(self.invoice, "disputed")
        self.assertTrue(self._tasks(dispute, "dispute"))

    def test_credit_note_lowers_what_is_disputed(self):
        dispute = self._dispute(self.invoice, amount=30)
        note = self._make_credit(self.customer, 10)
        (self._get_receivable_lines(note) | self._get_receivable_lines(self.invoice)).reconcile()
        self.assertEqual((dispute.state, dispute.open_amount), ("open", 20))
        rest = self._make_credit(self.customer, 20)
        (self._get_receivable_lines(rest) | self._get_receivable_lines(self.invoice)).reconcile()
        self.assertEqual(dispute.state, "settled")
        self.assertDecision(self.invoice, "claim")

    def test_what_was_credited_before_counts_for_nothing(self):
        note = self._make_credit(self.customer, 10)
        (self._get_receivable_lines(note) | self._get_receivable_lines(self.invoice)).reconcile()
        dispute = self._dispute(self.invoice, amount=30)
        self.assertEqual(dispute.open_amount, 30)

    def test_cancelled_invoice_settles_it_and_posted_again_it_holds(self):
        dispute = self._dispute(self.invoice)
        self.invoice.button_draft()
        self.assertEqual(dispute.state, "settled")
        self.invoice.action_post()
        self.assertEqual(dispute.state, "open")
        self.assertDecision(self.invoice, "disputed")

    def test_merged_customers_take_it_along(self):
        dispute = self._dispute(self.invoice)
        target = self._make_customer("Target")
        self.customer._merge_into(target)
        self.assertEqual(dispute.customer_id, target)

    def test_late_one_escalates_once(self):
        self.area.responsible_id = self.supervisor
        dispute = self._dispute(self.invoice, owner_id=self.resolver.id)
        with self.at(7):
            self._run()
        self.assertFalse(dispute.escalated_date)
        with self.at(8):
            self._run()
        with self.at(9):
            self._run()
        self.assertEqual(dispute.escalated_date, days(8))
        task = self._tasks(dispute, "dispute_late")
        self.assertEqual((len(task), task.user_id), (1, self.supervisor))
        with self.at(9):
            late = self.system["collection.dispute"].search(
                [("state", "=", "open"), ("deadline", "<", "today")]
            )
            self.assertIn(dispute, late)
            self.assertIn("it is late", dispute.explanation)

    def test_responsible_who_is_late_is_told_to_the_supervisor(self):
        dispute = self._dispute(self.invoice)
        with self.at(8):
            self._run()
        self.assertEqual(self._tasks(dispute, "dispute_late").user_id, self.supervisor)

    def test_later_deadline_may_be_missed_anew(self):
        dispute = self._dispute(self.invoice)
        with self.at(8):
            self._run()
            dispute.with_user(self.collector).deadline = days(10)
            self.assertFalse(dispute.escalated_date)
            self.assertFalse(self._tasks(dispute, "dispute_late"))
        with self.at(11):
            self._run()
        self.assertEqual(dispute.escalated_date, days(11))

    def test_average_days_leave_out_what_is_not_solved(self):
        solved, _open = self._dispute(self.invoice), self._dispute(self.other)
        with self.at(4):
            solved._resolve("rejected")
        [[average]] = self.system["collection.dispute"]._read_group(
            [("customer_id", "=", self.customer.id)], [], ["cycle_days:avg"]
        )
        self.assertEqual(average, 4)

    def test_invoices_are_found_and_grouped_by_area_and_owner(self):
        self._dispute(self.invoice)
        moves = self.invoice | self.other
        search = self.env["account.move"].search
        only = [("id", "in", moves.ids)]
        self.assertEqual(
            search([*only, ("collection_dispute_owner_id", "=", self.resolver.id)]), self.invoice
        )
        self.assertEqual(
            search([*only, ("collection_dispute_area_id", "ilike", "logist")]), self.invoice
        )
        groups = self.env["account.move"]._read_group(
            only, ["collection_dispute_area_id"], ["__count"]
        )
        self.assertEqual(
            dict(groups),
            {self.area.with_env(self.env): 1, self.area.browse().with_env(self.env): 1},
        )
        self.assertEqual(self.invoice.collection_dispute_count, 1)
        self.assertEqual(self.customer.dispute_count, 1)

    def test_queries_do_not_grow_with_disputes(self):
        def count(number):
            disputes = self.system["collection.dispute"]
            for index in range(number):
                disputes |= self._dispute(self._make_invoice(self.customer, 10 + index))
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            disputes._judge()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count(2)
        self.assertLessEqual(count(8), count(2) + 2)


class TestRights(DisputeCommon):
    """A resolver of another department, with no accounting right at all."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dispute = cls._dispute(cls.invoice, note="Nothing arrived")
        cls.foreign = cls._dispute(
            cls.other,
            area_id=cls.system["collection.area"].create({"name": "Sales"}).id,
            owner_id=cls.supervisor.id,
        )

    def test_resolver_sees_only_theirs(self):
        disputes = self.env["collection.dispute"].with_user(self.resolver)
        self.assertEqual(disputes.search([]), self.dispute)
        with self.assertRaises(AccessError):
            self.foreign.with_user(self.resolver).read(["number"])
        with self.assertRaises(AccessError):
            self.foreign.with_user(self.resolver)._resolve("rejected")
        with self.assertRaises(AccessError):
            self.foreign.item_ids.with_user(self.resolver).read(["document"])

    def test_owner_of_another_area_sees_it(self):
        self.foreign.owner_id = self.resolver
        self.assertTrue(self.foreign.with_user(self.resolver).has_access("write"))

    def test_resolver_reads_the_facts_and_no_invoice(self):
        resolver = self.env(user=self.resolver.id, context={})
        self.assertFalse(resolver["account.move"].has_access("read"))
        self.assertFalse(resolver["collection.customer"].has_access("read"))
        view = resolver["collection.dispute"].get_view(
            resolver.ref("collections_management.collection_dispute_view_form").id
        )
        self.assertNotIn('name="move_ids"', view["arch"])
        item = self.dispute.item_ids.with_env(resolver)
        [facts] = item.web_read(
            {
                name: {}
                for name in ("document", "customer", "date_due", "total", "residual", "products")
            }
        )
        self.assertEqual(facts["document"], self.invoice.name)
        self.assertEqual((facts["total"], facts["residual"]), (100, 100))
        self.assertIn("Goods", facts["products"])

    def test_everything_of_it_can_be_read(self):
        names = [
            name
            for name, field in self.system["collection.dispute"]._fields.items()
            if not field.groups
        ]
        self.dispute.with_user(self.resolver).read(names)

    def test_resolver_discusses_attaches_and_solves(self):
        dispute = self.dispute.with_user(self.resolver)
        dispute.message_post(body="Checked with the carrier", message_type="comment")
        self.env["ir.attachment"].with_user(self.resolver).create(
            {"name": "cmr.txt", "raw": b"x", "res_model": dispute._name, "res_id": dispute.id}
        )
        dispute._resolve("accepted")
        self.assertEqual(self.dispute.state, "to_credit")

    def test_resolver_registers_and_cancels_nothing(self):
        with self.assertRaises(AccessError):
            self.dispute.with_user(self.resolver).action_cancel()
        with self.assertRaises(AccessError):
            self._dispute(self._make_invoice(self.customer, 20), user=self.resolver)

    def test_resolver_does_not_move_the_deadline(self):
        with self.assertRaises(AccessError):
            self.dispute.with_user(self.resolver).deadline = days(90)

    def test_files_of_others_are_not_attached(self):
        private = (
            self.env["ir.attachment"].with_user(self.manager).create({"name": "x", "raw": b"x"})
        )
        with self.assertRaises(AccessError):
            self.dispute.with_user(self.collector)._attach(private.with_user(self.collector))

    def test_collector_changes_their_customers_only(self):
        self.customer.collector_id = self.manager
        self.dispute.user_id = self.manager
        with self.assertRaises(AccessError):
            self.dispute.with_user(self.collector).action_cancel()
        self.assertTrue(self.dispute.with_user(self.collector).has_access("read"))
        self.dispute.with_user(self.supervisor).action_cancel()

    def test_auditors_read_and_employees_do_not(self):
        self.assertTrue(self.dispute.with_user(self.auditor).has_access("read"))
        self.assertFalse(self.dispute.with_user(self.auditor).has_access("write"))
        self.assertFalse(self.dispute.with_user(self.employee).has_access("read"))

    def test_other_companies_do_not_see_it(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        stranger = self._make_user("stranger", "collections_management.group_collection_supervisor")
        stranger.write({"company_ids": [Command.set(elsewhere.ids)], "company_id": elsewhere.id})
        self.assertFalse(
            self.env["collection.dispute"].with_user(stranger).search([]) & self.dispute
        )

    def test_menu_of_a_resolver_is_their_list(self):
        menus = self.env["ir.ui.menu"].with_user(self.resolver)
        seen = menus.browse(menus._visible_menu_ids())
        shown = self.env.ref("collections_management.menu_collection_root").with_env(menus.env)
        # the web client shows what hangs below something that is shown
        for _level in range(3):
            shown |= seen.filtered(lambda menu, above=shown: menu.parent_id in above)
        names = shown.filtered("action").mapped("name")
        self.assertEqual(set(names), {"Disputes to Solve", "My Alarms"})


@tagged("post_install", "-at_install")
class TestInvoicePdf(HttpCase):
    """The route of the PDF, with real logins."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company

    def _make(self, owner):
        partner = self.env["res.partner"].create({"name": "Buyer", "is_company": True})
        journal = self.env["account.journal"].search([("type", "=", "sale")], limit=1)
        if not journal:
            self.env["account.chart.template"].try_loading("generic_coa", self.company, False)
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_date": "2026-01-10",
                "invoice_line_ids": [
                    Command.create({"name": "Goods", "price_unit": 10, "tax_ids": False})
                ],
            }
        )
        invoice.action_post()
        area = self.env["collection.area"].create({"name": "Quality"})
        reason = self.env["collection.dispute.reason"].create(
            {"name": "Broken", "area_id": area.id}
        )
        return self.env["collection.dispute"]._make(
            invoice._get_collection_open_lines(), reason_id=reason.id, owner_id=owner.id
        )

    def test_only_who_sees_the_dispute_sees_the_pdf(self):
        users = {
            name: mail_new_test_user(
                self.env, login=f"pdf_{name}", password=f"pdf_{name}", groups=group
            )
            for name, group in (
                ("owner", "collections_management.group_dispute_resolver"),
                ("other", "collections_management.group_dispute_resolver"),
                ("employee", "base.group_user"),
            )
        }
        dispute = self._make(users["owner"])
        move = dispute.item_ids.move_line_id.move_id
        # a PDF that Odoo has kept
        self.env["ir.attachment"].create(
            {
                "name": "invoice.pdf",
                "raw": b"%PDF-1.4 test",
                "mimetype": "application/pdf",
                "res_model": "account.move",
                "res_id": move.id,
                "res_field": "invoice_pdf_report_file",
            }
        )
        url = f"/collections/disputes/{dispute.item_ids.id}/invoice.pdf"
        for name, status in (("owner", 200), ("other", 404), ("employee", 404)):
            with self.subTest(user=name):
                self.authenticate(f"pdf_{name}", f"pdf_{name}")
                answer = self.url_open(url)
                self.assertEqual(answer.status_code, status)
        self.authenticate("pdf_owner", "pdf_owner")
        self.assertEqual(self.url_open(url).headers["Content-Type"], "application/pdf")
        self.assertEqual(self.url_open("/collections/disputes/0/invoice.pdf").status_code, 404)


class TestPartly(DisputeCommon):
    """Only a part is disputed."""

    def test_whole_invoice_is_held_unless_the_scheme_says_otherwise(self):
        self._dispute(self.invoice, amount=30)
        self.assertDecision(self.invoice, "disputed")

    def _claim_rest(self):
        self.scheme.claim_undisputed = True

    def test_rest_is_claimed_where_the_scheme_says_so(self):
        self._claim_rest()
        dispute = self._dispute(self.invoice, amount=30)
        item = self.items(self.invoice)
        self.assertEqual(item.decision, "claim")
        self.assertEqual((item.residual_currency, item.claimable_currency), (100, 70))
        self.assertEqual(item.claimable, 70)
        self.assertIn("Claimed today", item.explanation)
        self.assertIn(dispute.number, item.explanation)
        notice = self.decide(self.customer)
        line = notice.line_ids.filtered(lambda line: line.move_id == self.invoice)
        self.assertEqual((line.residual_currency, line.residual), (70, 70))
        self.assertEqual(notice.claimed_text, "$\xa0120.00")
        self.assertIn("In dispute", notice.items_html)
        self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_all_of_it_is_held_where_all_is_disputed(self):
        self._claim_rest()
        self._dispute(self.invoice)
        self.assertDecision(self.invoice, "disputed")

    def test_rest_that_is_paid_leaves_the_disputed_part(self):
        self._claim_rest()
        dispute = self._dispute(self.invoice, amount=30)
        self._pay(self.invoice, 50)
        self.assertEqual(self.items(self.invoice).claimable_currency, 20)
        self._pay(self.invoice, 20)
        self.assertDecision(self.invoice, "disputed")
        self.assertEqual((dispute.state, dispute.open_amount), ("open", 30))
        self._pay(self.invoice)
        self.assertEqual(dispute.state, "settled")

    def test_rest_is_no_more_than_credits_leave(self):
        self._claim_rest()
        self._dispute(self.invoice, self.other, amount=149)
        self._make_credit(self.customer, 20)
        self.assertDecision(self.other, "covered")

    def test_pause_stops_the_rest_too(self):
        self._claim_rest()
        self._dispute(self.invoice, amount=30)
        self._hold(self.invoice, "paused")
        self.assertDecision(self.invoice, "paused")

    def test_what_is_sent_is_withdrawn_when_the_rest_is_disputed_too(self):
        self._claim_rest()
        notice = self.decide(self.customer)
        self._dispute(self.invoice, amount=30)
        self.assertEqual(len(notice.line_ids), 2)
        self.deliver()
        line = notice.line_ids.filtered(lambda line: line.move_id == self.invoice)
        self.assertEqual(line.residual_currency, 70)

    def test_sums_of_the_customer_are_the_same_both_ways(self):
        self._claim_rest()
        euro = self.setup_other_currency("EUR")
        foreign = self._make_invoice(self.customer, 60, currency_id=euro.id)
        self._dispute(self.invoice, amount=30)
        self._dispute(foreign, amount=20)
        items = self.system["collection.due.item"]
        self.env.flush_all()
        ids = SQL("%s", (self.customer.id,))
        today = days(0)
        one = self.env.execute_query_dict(
            SQL("SELECT * FROM (%s) q ORDER BY id", items._get_query(today, ids))
        )
        once = self.env.execute_query_dict(
            SQL(
                "SELECT * FROM (%s) q ORDER BY id",
                items._get_query(today, ids, nets=items._get_nets_sql(today, ids)),
            )
        )
        self.assertEqual(one, once)
        [row] = [row for row in one if row["move_id"] == foreign.id]
        self.assertEqual(row["claimable_currency"], 40)
        self.assertAlmostEqual(
            float(row["claimable"]), round(foreign.amount_residual_signed * 40 / 60, 2), 2
        )

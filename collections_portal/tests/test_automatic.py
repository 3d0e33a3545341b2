"""Plans that are paid by themselves: the page, the job, and what goes wrong."""

from unittest.mock import patch

import requests
from psycopg2 import IntegrityError
from urllib3.exceptions import NewConnectionError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import mute_logger

from odoo.addons.payment.tests.http_common import PaymentHttpCommon

from .common import ROOT, PortalCase

MODELS = "odoo.addons.collections_portal.models"


class AutomaticCase(PortalCase):
    """``plan``: 100 + 60 in instalments of 50, 50 and 60; the first is due today."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plan = cls._make_plan()
        cls.token = cls.customer._get_portal_token(cls.contact)

    @classmethod
    def _make_plan(cls, *amounts, confirm=True, after=0):
        lines = cls._get_receivable_lines(cls.first_invoice + cls.second_invoice)
        schedule = [
            (cls._day(after + 30 * index), amount)
            for index, amount in enumerate(amounts or (50, 50, 60))
        ]
        plan = cls.system["collection.plan"]._make(
            lines.with_env(cls.system), schedules={cls.currency: schedule}
        )
        if confirm:
            plan._confirm("oral")
        return plan

    @classmethod
    def _save(cls, state="done", partner=None):
        """Return a saved card whose charges end in a state."""
        return cls.system["payment.token"].create(
            {
                "provider_id": cls.provider.id,
                "payment_method_id": cls.card.id,
                "partner_id": (partner or cls.contact).id,
                "payment_details": "card 4242",
                "provider_ref": "ref",
                "demo_simulated_state": state,
            }
        )

    def _turn_on(self, state="done", plan=None):
        card = self._save(state)
        (plan or self.plan)._turn_on_charges(card, self.contact)
        return card

    def run_job(self, after=0):
        """Do the job, so many days from today."""
        self.env.flush_all()
        self.env.invalidate_all()
        with self.at(after), self.enter_registry_test_mode(), self.registry.cursor() as cr:
            env = self.system(cr=cr, context={"lang": "en_US"})
            env["collection.plan.charge"]._cron_charge()
        self.env.invalidate_all()

    def charges(self):
        return self.plan.charge_ids.sorted("id")

    def outcomes(self):
        return [(charge.line_id.number, charge.state) for charge in self.charges()]

    def mails(self):
        """Return what was written to the customer about automatic payment, newest first."""
        return self.customer.message_ids.filtered(
            lambda message: "Automatic payment" in (message.subject or "")
        ).sorted("id", reverse=True)

    def tasks(self, record):
        return record.activity_ids.filtered(
            lambda task: (
                task.activity_type_id == self.system.ref("collections_portal.activity_type_charge")
            )
        )


class TestJob(AutomaticCase):
    def test_each_instalment_is_charged_on_its_date(self):
        self._turn_on()
        self.run_job()
        self.assertEqual(self.outcomes(), [(1, "paid")])
        # the oldest item first
        self.assertEqual(self._line(self.first_invoice).amount_residual, 50)
        self.assertEqual(self.plan.line_ids.mapped("state"), ["paid", "upcoming", "upcoming"])
        self.run_job(29)
        self.assertEqual(len(self.charges()), 1)
        self.run_job(30)
        self.run_job(60)
        self.assertEqual(self.outcomes(), [(1, "paid"), (2, "paid"), (3, "paid")])
        self.assertEqual(self.charges().mapped("amount"), [50, 50, 60])
        self.assertEqual(self.plan.state, "done")
        self.run_job(61)
        self.assertFalse(self.plan.is_automatic)

    def test_nothing_is_charged_twice_however_often_the_job_runs(self):
        self._turn_on()
        for _time in range(3):
            self.run_job()
        self.assertEqual(self.outcomes(), [(1, "paid")])
        self.assertEqual(
            self.system["account.payment"].search_count(
                [("partner_id", "=", self.customer.partner_id.id)]
            ),
            1,
        )

    def test_several_that_are_due(self):
        self._turn_on()
        self.run_job(35)
        self.assertEqual(self.outcomes(), [(1, "paid"), (2, "paid")])

    def test_the_database_allows_no_second_one(self):
        self._turn_on()
        self.run_job()
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError):
            self.charges().copy(
                {"attempt": 2, "transaction_id": self.charges().transaction_id.copy().id}
            )

    def test_nothing_without_automatic_payment_or_for_a_proposal(self):
        self.run_job()
        self.plan.action_cancel()
        proposal = self._make_plan(confirm=False)
        self._turn_on(plan=proposal)
        self.run_job()
        self.assertFalse(self.charges() + proposal.charge_ids)
        proposal._accept("Paula")
        self.run_job()
        self.assertEqual(proposal.charge_ids.state, "paid")

    def test_what_the_customer_paid_meanwhile_is_not_charged(self):
        self._turn_on()
        self._pay(self.first_invoice, 30)
        self.run_job()
        self.assertEqual(self.charges().amount, 20)
        self.assertEqual(self.plan.line_ids[0].state, "paid")

    def test_what_was_paid_in_full(self):
        self._turn_on()
        self._pay(self.first_invoice, 50)
        self.run_job()
        self.assertFalse(self.charges())

    def test_what_is_on_its_way_is_not_charged(self):
        self._turn_on()
        rows = self.system["collection.portal.order"]._make(
            self._line(self.first_invoice).with_env(self.system),
            {self._line(self.first_invoice).id: 15},
        )
        self._make_transaction(15, rows)._set_pending()
        self.run_job()
        self.assertEqual(self.charges().amount, 35)

    def _make_transaction(self, amount, rows, **values):
        return self.system["payment.transaction"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.card.id,
                "amount": amount,
                "currency_id": self.currency.id,
                "partner_id": self.contact.id,
                "operation": "online_direct",
                **self.system["collection.portal.order"]._prepare_transaction_values(rows),
                **values,
            }
        )

    def test_it_waits_while_the_customer_pays_on_the_page(self):
        self._turn_on()
        rows = self.system["collection.portal.order"]._make(
            self._line(self.first_invoice).with_env(self.system)
        )
        self._make_transaction(100, rows)
        self.run_job()
        self.assertFalse(self.charges())
        self.run_job(1)
        self.assertEqual(self.charges().amount, 50)

    def test_it_waits_while_money_is_to_be_allocated(self):
        self._turn_on()
        payment = self._make_payment(self.customer, 70)
        self.run_job()
        self.assertFalse(self.charges())
        (payment.move_id.line_ids + self._line(self.first_invoice)).filtered(
            lambda line: line.account_type == "asset_receivable"
        ).reconcile()
        self.run_job()
        self.assertFalse(self.charges())
        self.run_job(30)
        self.assertEqual(self.charges().amount, 30)

    def test_never_more_than_the_invoices_are_open_for(self):
        self._turn_on()
        self._make_credit(self.customer, 130)
        credit = self.customer.partner_id.invoice_ids.filtered(
            lambda move: move.move_type == "out_refund"
        )
        (self._line(credit) + self._line(self.first_invoice + self.second_invoice)).reconcile()
        self.run_job(70)
        self.assertLessEqual(sum(self.charges().mapped("amount")), 30)

    def test_an_opening_entry_in_the_plan(self):
        entry = self._make_entry((self.customer, 50), (self.stranger, 70))
        line = self._line(entry).filtered(lambda line: line.partner_id == self.customer.partner_id)
        plan = self.system["collection.plan"]._make(
            line.with_env(self.system), schedules={self.currency: [(self._day(0), 50)]}
        )
        plan._confirm("oral")
        self._turn_on(plan=plan)
        self.run_job()
        self.assertEqual((line.amount_residual, plan.state), (0, "done"))
        self.assertEqual((self._line(entry) - line).amount_residual, 70)

    def test_another_currency(self):
        euro = self.setup_other_currency("EUR")
        invoice = self._make_invoice(self.customer, 90, currency_id=euro.id)
        plan = self.system["collection.plan"]._make(
            self._line(invoice).with_env(self.system),
            schedules={euro: [(self._day(0), 40), (self._day(30), 50)]},
        )
        plan._confirm("oral")
        self._turn_on(plan=plan)
        self.run_job()
        self.assertEqual((plan.charge_ids.amount, plan.charge_ids.currency_id.name), (40, "EUR"))
        self.assertEqual(self._line(invoice).amount_residual_currency, 50)

    def test_a_reminder_says_that_it_will_be_charged(self):
        self.customer.strategy_id = self._make_scheme(
            self._announce(3, name="Soon", is_instalment=True)
        )
        self.plan.action_cancel()
        self.plan = self._make_plan(after=2)
        [notice] = self.run_day(self.customer)
        self.assertNotIn("It is charged", notice.items_html)
        self._turn_on()
        notice.invalidate_recordset(["items_html"])
        self.assertIn("It is charged on its date", notice.items_html)

    def test_the_customer_is_told(self):
        self._turn_on()
        self.assertIn("will be charged", self.mails()[0].body)
        self.assertEqual(self.mails()[0].partner_ids, self.contact)
        self.run_job()
        self.assertIn("we have charged instalment", self.mails()[0].body)

    def test_the_customer_is_told_in_spanish(self):
        self.contact.lang = "es_ES"
        self._turn_on("error")
        self.run_job()
        self.assertIn("no hemos podido cobrar", self.mails()[0].body)
        self.assertIn("Pago automático", self.mails()[0].subject)

    def mails(self):
        return self.customer.message_ids.filtered(
            lambda message: message.partner_ids == self.contact
        ).sorted("id", reverse=True)


class TestFailures(AutomaticCase):
    def test_a_failure_is_told_and_tried_again(self):
        card = self._turn_on("error")
        self.run_job()
        self.assertEqual(self.outcomes(), [(1, "failed")])
        [charge] = self.charges()
        self.assertEqual(charge.retry_on, self._day(3))
        self.assertIn("could not charge", self.mails()[0].body)
        self.assertEqual(self.tasks(charge).user_id, self.collector)
        self.assertTrue(self.plan.charge_failure)
        self.run_job(2)
        self.assertEqual(len(self.charges()), 1)
        card.demo_simulated_state = "done"
        self.run_job(3)
        self.assertEqual(self.outcomes(), [(1, "failed"), (1, "paid")])
        self.assertEqual(len(set(self.charges().mapped("reference"))), 2)
        self.assertFalse(self.tasks(charge))
        self.assertFalse(self.plan.charge_failure)

    def test_after_the_last_failure_it_stops_and_both_are_told(self):
        self._turn_on("cancel")
        for after in (0, 3, 6, 9):
            self.run_job(after)
        self.assertEqual(self.outcomes(), [(1, "failed")] * 3)
        self.assertFalse(self.plan.is_automatic)
        self.assertEqual(self.plan.charge_stopped, "failed")
        self.assertIn("we no longer charge", self.mails()[0].body)
        self.assertEqual(self.tasks(self.plan).user_id, self.collector)
        # another card: it begins anew
        self._turn_on()
        self.run_job(9)
        self.assertEqual(self.outcomes()[-1], (1, "paid"))
        self.assertFalse(self.tasks(self.plan))

    def test_the_others_wait_behind_one_that_failed(self):
        self._turn_on("error")
        self.run_job(31)
        self.assertEqual(self.outcomes(), [(1, "failed")])

    def test_attempts_and_days_are_the_companys(self):
        self.company.write({"collection_charge_attempts": 2, "collection_charge_retry_days": 1})
        self._turn_on("error")
        for after in range(4):
            self.run_job(after)
        self.assertEqual(len(self.charges()), 2)
        with self.assertRaisesRegex(ValidationError, "at least once"):
            self.company.collection_charge_attempts = 0

    def test_pending_at_the_provider(self):
        self._turn_on("pending")
        self.run_job()
        self.run_job(5)
        self.assertEqual(self.outcomes(), [(1, "pending")])
        # the page knows that it is on its way
        with self.assertRaisesRegex(UserError, "more than the"):
            self.system["collection.portal.order"]._make(
                self._line(self.first_invoice).with_env(self.system),
                {self._line(self.first_invoice).id: 60},
            )
        transaction = self.charges().transaction_id
        transaction._set_done()
        transaction._post_process()
        self.assertEqual(self.charges().state, "paid")
        self.run_job(5)
        self.assertIn("we have charged", self.mails()[0].body)
        self.assertEqual(self.plan.line_ids[0].state, "paid")

    def test_pending_then_refused(self):
        self._turn_on("pending")
        self.run_job()
        self.charges().transaction_id._set_error("No money")
        self.run_job(1)
        self.assertEqual(self.charges().state, "failed")
        self.assertIn("No money", self.mails()[0].body)

    def test_an_archived_card(self):
        card = self._turn_on()
        card.active = False
        self.assertEqual(self.plan.charge_stopped, "removed")
        self.assertIn("we no longer charge", self.mails()[0].body)
        self.run_job()
        self.assertFalse(self.charges())

    def test_a_deleted_card(self):
        self._turn_on().unlink()
        self.assertEqual((self.plan.is_automatic, self.plan.charge_stopped), (False, "removed"))

    def test_a_provider_that_is_disabled(self):
        self._turn_on()
        self.provider.state = "disabled"
        self.assertEqual(self.plan.charge_stopped, "removed")

    def test_a_card_that_is_somebody_elses_by_now(self):
        self._turn_on()
        self.contact.parent_id = self.stranger.partner_id
        self.run_job()
        self.assertFalse(self.charges())
        self.assertEqual(self.plan.charge_stopped, "foreign")

    def test_merged_customers(self):
        self._turn_on()
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge(
            (self.customer.partner_id + self.stranger.partner_id).ids,
            self.stranger.partner_id,
            extra_checks=False,
        )
        self.env.invalidate_all()
        self.run_job()
        self.assertEqual(self.charges().state, "paid")
        self.assertEqual(self.charges().customer_id, self.stranger)

    def test_a_plan_that_ends(self):
        self._turn_on()
        self.plan.action_cancel()
        self.run_job()
        self.assertFalse(self.charges())
        self.assertFalse(self.plan.is_automatic)

    def test_a_charge_that_cannot_be_booked_is_paid_all_the_same(self):
        self._turn_on()
        with (
            patch.object(
                self.registry["payment.transaction"], "_create_payment", side_effect=UserError("No")
            ),
            mute_logger(f"{MODELS}.collection_plan_charge"),
        ):
            self.run_job()
            self.run_job()
        self.assertEqual(self.outcomes(), [(1, "paid")])
        self.charges().transaction_id._post_process()
        self.assertEqual(self.plan.line_ids[0].state, "paid")

    def test_a_plan_that_cannot_be_charged_stops_no_other(self):
        self._turn_on()
        other = self.system["collection.plan"]._make(
            self._line(self.strange_invoice).with_env(self.system),
            schedules={self.currency: [(self._day(0), 77)]},
        )
        other._confirm("oral")
        other._turn_on_charges(self._save(partner=self.stranger.partner_id), self.contact)
        charges = self.registry["collection.plan.charge"]
        get_amounts = charges._get_amounts

        def fail_for_one(self, plan, today):
            if plan != other:
                raise KeyError("Broken")
            return get_amounts(self, plan, today)

        with (
            patch.object(charges, "_get_amounts", fail_for_one),
            mute_logger(f"{MODELS}.collection_plan_charge"),
        ):
            self.run_job()
        self.assertEqual((self.plan.failure, self.charges().ids), ("'Broken'", []))
        self.assertEqual(other.charge_ids.state, "paid")

    def test_a_charged_plan_is_not_deleted(self):
        self._turn_on()
        self.run_job()
        with self.assertRaisesRegex(UserError, "part of the customer's history"):
            self.plan.unlink()


class TestDoubt(AutomaticCase):
    """What nobody knows is asked for, and never repeated."""

    def _run_with(self, error, after=0):
        """Do the job while the provider's answer is an error."""
        with (
            patch.object(
                self.registry["payment.transaction"], "_send_payment_request", side_effect=error
            ),
            mute_logger(f"{MODELS}.collection_plan_charge"),
        ):
            self.run_job(after)

    def _refuse(self, cause):
        """Return how Odoo's providers tell of a request that failed."""
        refusal = "Could not establish the connection"

        def send(*_args, **_kwargs):
            try:
                raise cause
            except requests.RequestException:
                raise ValidationError(refusal) from None

        return send

    def _doubt(self):
        self._turn_on()
        self._run_with(self._refuse(requests.ReadTimeout()))
        return self.charges()

    def test_no_answer_in_time(self):
        charge = self._doubt()
        self.assertEqual((charge.state, charge.transaction_id.sudo().state), ("unknown", "draft"))
        self.assertIn(charge.reference, self.tasks(charge).summary)
        for after in (0, 3, 31):
            self.run_job(after)
        self.assertEqual(self.outcomes(), [(1, "unknown")])
        # nor may the customer pay it on the page
        with self.assertRaisesRegex(UserError, "more than the"):
            self.system["collection.portal.order"]._make(
                self._line(self.first_invoice).with_env(self.system),
                {self._line(self.first_invoice).id: 60},
            )

    def test_an_error_of_the_provider(self):
        response = requests.Response()
        response.status_code = 502
        self._turn_on()
        self._run_with(self._refuse(requests.HTTPError(response=response)))
        self.assertEqual(self.outcomes(), [(1, "unknown")])

    def test_an_error_of_ours_after_the_request(self):
        self._turn_on()
        self._run_with(KeyError("answer"))
        self.assertEqual(self.outcomes(), [(1, "unknown")])

    def test_a_refusal_is_no_doubt(self):
        response = requests.Response()
        response.status_code = 402
        self._turn_on()
        self._run_with(self._refuse(requests.HTTPError(response=response)))
        self.assertEqual(self.outcomes(), [(1, "failed")])

    def test_what_was_never_sent_is_no_doubt(self):
        self._turn_on()
        for after, cause in enumerate(
            (
                requests.ConnectTimeout(),
                requests.ConnectionError(
                    requests.packages.urllib3.exceptions.MaxRetryError(
                        None, "/", NewConnectionError(None, "refused")
                    )
                ),
            )
        ):
            self._run_with(self._refuse(cause), after * 3)
        self.assertEqual(self.outcomes(), [(1, "failed"), (1, "failed")])

    def test_a_person_says_that_it_was_paid(self):
        charge = self._doubt()
        charge.with_user(self.collector).action_was_paid()
        self.assertEqual(charge.state, "paid")
        self.assertEqual(self.plan.line_ids[0].state, "paid")
        self.assertFalse(self.tasks(charge))
        self.assertIn("Test collector", str(charge.message_ids.mapped("body")))

    def test_a_person_says_that_it_was_not(self):
        charge = self._doubt()
        charge.with_user(self.collector).action_was_not_paid()
        # no fault of the customer's
        self.assertNotIn("could not charge", self.mails()[0].body)
        self.run_job()
        self.assertEqual(self.outcomes(), [(1, "failed"), (1, "paid")])

    def test_a_person_erred_and_it_comes_twice(self):
        charge = self._doubt()
        charge.action_was_not_paid()
        self.run_job()
        charge.transaction_id._set_done()
        charge.transaction_id._post_process()
        self.run_job()
        self.assertEqual(charge.state, "surplus")
        self.assertIn("give one of them back", self.tasks(charge).summary)
        self.assertEqual(self._line(self.first_invoice).amount_residual, 0)

    def test_only_what_is_in_doubt_is_decided(self):
        self._turn_on()
        self.run_job()
        for action in ("action_was_paid", "action_was_not_paid"):
            with self.assertRaisesRegex(UserError, "in doubt"):
                getattr(self.charges(), action)()

    def test_the_provider_is_asked_where_it_can_be(self):
        def answer(transaction):
            transaction._set_done()

        with patch.object(self.registry["payment.transaction"], "_ask_for_charge", answer):
            self._doubt()
        self.assertEqual(self.outcomes(), [(1, "paid")])
        self.assertFalse(self.tasks(self.charges()))

    def test_the_provider_tells_later(self):
        charge = self._doubt()
        charge.transaction_id._set_done()
        self.run_job(1)
        self.assertEqual(self.outcomes(), [(1, "paid")])
        self.assertFalse(self.tasks(charge))

    def test_what_a_process_left_behind_is_in_doubt_after_some_minutes(self):
        self._turn_on()
        with patch.object(self.registry["collection.plan.charge"], "_send", lambda charge: None):
            self.run_job()
        self.run_job()
        self.assertEqual(self.outcomes(), [(1, "begun")])
        self.run_job(1)
        self.assertEqual(self.outcomes(), [(1, "unknown")])
        self.assertTrue(self.tasks(self.charges()))


class TestRights(AutomaticCase):
    def test_the_collector_sees_how_it_stands_and_no_card(self):
        card = self._turn_on()
        plan = self.plan.with_user(self.collector)
        self.assertIn("The next charge is of $ 50.00", plan.charge_text.replace("\xa0", " "))
        self.assertIn(self.card.name, plan.charge_text)
        self.assertNotIn("4242", plan.charge_text)
        with self.assertRaises(AccessError):
            plan.charge_token_id.read()
        self.assertTrue(card)

    def test_the_collector_turns_it_off(self):
        self._turn_on()
        self.plan.with_user(self.collector).action_stop_charges()
        self.assertFalse(self.plan.is_automatic)
        self.assertIn("was turned off", self.mails()[0].body)

    def test_who_may_not(self):
        self._turn_on()
        for user in (self.auditor, self.employee, self.visitor):
            with self.assertRaises(AccessError):
                self.plan.with_user(user).action_stop_charges()
        self.run_job()
        charge = self.charges()
        self.assertEqual(charge.with_user(self.auditor).amount, 50)
        with self.assertRaises(AccessError):
            charge.with_user(self.auditor).action_was_paid()
        with self.assertRaises(AccessError):
            charge.with_user(self.employee).read(["amount"])

    def test_nobody_writes_it_by_hand(self):
        for values in ({"charge_stopped": "failed"}, {"is_automatic": True}):
            with self.assertRaises(UserError):
                self.plan.with_user(self.manager).write(values)
        self._turn_on()
        self.run_job()
        with self.assertRaises(AccessError):
            self.charges().with_user(self.manager).write({"state": "failed"})

    def test_companies(self):
        self._turn_on()
        self.run_job()
        company = self.setup_other_company()["company"]
        other = self.collector.copy(
            {"login": "other", "company_id": company.id, "company_ids": company.ids}
        )
        charges = self.system["collection.plan.charge"].with_user(other)
        self.assertFalse(charges.with_context(allowed_company_ids=company.ids).search([]))


class TestPage(AutomaticCase):
    """As the customer's browser does."""

    def _context(self, **params):
        response = self.get(f"/plans/{self.plan.id}/automatic", **params)
        self.assertEqual(response.status_code, 200)
        self.response = response
        return PaymentHttpCommon._get_payment_context(self, response)

    def _call(self, route, **params):
        answer = self.url_open(
            f"{ROOT}/automatic/{route}",
            json={"jsonrpc": "2.0", "id": 0, "params": params},
            timeout=60,
        ).json()
        self.env.invalidate_all()
        return answer

    def _begin(self, context, **changes):
        return self._call(
            "transaction",
            **{
                "provider_id": self.provider.id,
                "payment_method_id": self.card.id,
                "token_id": None,
                "amount": 999,
                "flow": "direct",
                "tokenization_requested": True,
                "landing_route": context["landing_route"],
                "is_validation": True,
                "access_token": context["access_token"],
                "csrf_token": "x",
                **changes,
            },
        )

    def _save_new(self, context, state="done"):
        reference = self._begin(context)["result"]["reference"]
        self.url_open(
            "/payment/demo/simulate_payment",
            json={
                "params": {
                    "reference": reference,
                    "payment_details": "1234",
                    "simulated_state": state,
                }
            },
        )
        self.env.invalidate_all()
        return self.system["payment.transaction"].search([("reference", "=", reference)])

    def test_a_new_card_by_a_link(self):
        context = self._context()
        self.assertIn("I agree that each instalment", self.response.text)
        transaction = self._save_new(context)
        self.assertEqual((transaction.operation, transaction.amount), ("validation", 0))
        self.assertTrue(self.plan.is_automatic)
        self.assertEqual(self.plan.charge_token_id.partner_id, self.contact)
        words = self.text(self.page(f"/plans/{self.plan.id}"))
        self.assertIn("The next charge is of $ 50.00", words.replace("\xa0", " "))
        # who has the link need not be who has the card
        self.assertNotIn("1234", words)
        self.run_job()
        words = self.text(self.page(f"/plans/{self.plan.id}"))
        self.assertIn("instalment 1", words)
        self.assertEqual(self.outcomes(), [(1, "paid")])

    def test_a_saved_card_with_a_login(self):
        card = self._save()
        self.authenticate("paula", "paula")
        context = self._context(access_token=None)
        self.assertIn("card 4242", self.response.text)
        answer = self._call("assign", access_token=context["access_token"], token_id=card.id)
        self.assertNotIn("error", answer)
        self.assertEqual(self.plan.charge_token_id, card)
        words = self.text(self.page(f"/plans/{self.plan.id}", access_token=None))
        self.assertIn("card 4242", words)

    def test_saved_cards_are_nobody_elses(self):
        strange = self._save(partner=self.stranger.partner_id)
        card = self._save()
        context = self._context()
        self.assertNotIn("card 4242", self.response.text)
        answer = self._call("assign", access_token=context["access_token"], token_id=card.id)
        self.assertEqual(answer["error"]["code"], 404)
        self.authenticate("paula", "paula")
        for token in (strange.id, 0, None, "x", [card.id]):
            answer = self._call("assign", access_token=context["access_token"], token_id=token)
            self.assertEqual(answer["error"]["code"], 404)
        self.assertFalse(self.plan.is_automatic)

    def test_what_the_page_does_not_offer(self):
        context = self._context()
        other = self.provider.copy({"state": "disabled"})
        for changes in (
            {"provider_id": other.id},
            {"provider_id": None},
            {"flow": "token", "token_id": self._save().id},
            {"access_token": self.token},
            {"access_token": context["access_token"][:-3] + "abc"},
        ):
            with self.subTest(changes=changes):
                self.assertEqual(self._begin(context, **changes)["error"]["code"], 404)
        self.assertIn("error", self._begin(context, partner_id=1))

    def test_a_colleague_chooses_no_payment_method_for_the_customer(self):
        context = self._context()
        self.authenticate("test_collector", "test_collector")
        self.assertNotIn("Turn on automatic", self.get(f"/plans/{self.plan.id}").text)
        self.assertEqual(self._begin(context)["error"]["code"], 404)
        self.assertFalse(self.plan.is_automatic)

    def test_turned_off_by_a_link(self):
        self._turn_on()
        self.post(f"/plans/{self.plan.id}/automatic/off")
        self.env.invalidate_all()
        self.assertFalse(self.plan.is_automatic)
        self.assertIn("was turned off", self.mails()[0].body)
        self.run_job()
        self.assertFalse(self.charges())

    def test_what_is_due_is_charged_soon(self):
        job = self.system.ref("collections_portal.ir_cron_charge")
        triggers = self.system["ir.cron.trigger"]
        self._turn_on()
        self.assertTrue(triggers.search([("cron_id", "=", job.id)]))

    def test_nothing_to_turn_on_for_a_plan_that_has_ended(self):
        self.plan.action_cancel()
        response = self.get(f"/plans/{self.plan.id}/automatic")
        self.assertTrue(response.url.split("?")[0].endswith(f"/plans/{self.plan.id}"))
        self.assertNotIn("Turn on automatic payment", response.text)
        with self.assertRaisesRegex(UserError, "nothing left"):
            self._turn_on()

    def test_before_signing(self):
        self.plan.action_cancel()
        self.plan = self._make_plan(confirm=False)
        self._save_new(self._context())
        words = self.text(self.page(f"/plans/{self.plan.id}"))
        self.assertIn("once the plan is accepted", words)

    def test_two_payments_never_begin_at_once(self):
        before = self.customer.portal_turn
        self._turn_on()
        self.run_job()
        self.assertEqual(self.customer.portal_turn, before + 1)

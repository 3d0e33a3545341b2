"""The dry run: what today and the next days would say, without saying it."""

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError

from .common import TODAY, CollectionsCommon, days


class TestDryRun(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer("Acme")
        cls.invoice = cls._make_invoice(cls.customer, 100, due=-5)

    def _forecast(self, user=None, **values):
        run = (
            self.env["collection.dry.run"]
            .with_user(user or self.collector)
            .with_context(allowed_company_ids=self.company.ids)
            .create({"company_id": self.company.id, **values})
        )
        run._forecast()
        return run.notice_ids

    def test_each_step_is_foretold_on_its_day(self):
        notices = self._forecast()
        self.assertEqual(
            [(n.date, n.step_id.name) for n in notices],
            [(TODAY, "First claim"), (days(7), "Second claim"), (days(25), "Lawyer")],
        )
        self.assertEqual(notices.customer_id, self.customer)
        self.assertEqual(notices.mapped("amount"), [100, 100, 100])

    def test_nothing_is_made_or_sent(self):
        self._forecast()
        self.assertFalse(self.system["collection.notice"].search([]))
        self.assertFalse(self.system["mail.mail"].search([("model", "=", "collection.customer")]))
        self.assertDecision(self.invoice, "claim")

    def test_in_simulation_it_tells_what_would_be_said(self):
        self.company.collection_mode = "simulation"
        notices = self._forecast()
        self.assertEqual(notices[:1].date, TODAY)
        self.assertEqual(set(notices.mapped("mode")), {"simulation"})

    def test_items_that_come_due_join_on_their_day(self):
        young = self._make_invoice(self.customer, 40, due=4)
        notices = self._forecast()
        [joined] = notices.filtered(lambda n: n.item_ids.move_id == (self.invoice | young))
        self.assertEqual(joined.date, days(7), "one message names both")
        self.assertEqual(joined.amount, 140)

    def test_why_tells_age_and_what_went_before(self):
        notices = self._forecast()
        self.assertEqual(notices[0].item_ids.explanation, "5 days overdue on that day.")
        self.assertEqual(
            notices[1].item_ids.explanation,
            "12 days overdue on that day. After “First claim” on 03/11/2026.",
        )

    def test_paused_items_are_silent_until_the_pause_ends(self):
        self.system["collection.pause"].create(
            {
                "move_ids": [Command.set(self.invoice.ids)],
                "until": days(3),
                "reason": "asked for it",
            }
        ).action_apply()
        self.assertEqual(self._forecast()[:1].date, days(4))

    def test_what_waits_today_is_taken_for_sent(self):
        self.decide(self.customer)
        self.assertEqual(
            [(n.date, n.step_id.name) for n in self._forecast()],
            [(days(7), "Second claim"), (days(25), "Lawyer")],
        )

    def test_contact_policy_puts_messages_off(self):
        self.scheme.policy_id = self._make_policy(interval_days=9)
        self.assertEqual([n.date for n in self._forecast()][:2], [TODAY, days(9)])

    def test_payments_change_it(self):
        self._pay(self.invoice, 100)
        self.assertFalse(self._forecast())

    def test_only_the_days_asked_for(self):
        self.assertEqual(self._forecast(days=0).mapped("date"), [TODAY])
        self.assertEqual(len(self._forecast(days=7)), 2)

    def test_only_the_customers_asked_for(self):
        other = self._make_customer("Other")
        self._make_invoice(other, 40)
        chosen = self._forecast(customer_ids=[Command.set(other.ids)])
        self.assertEqual(chosen.customer_id, other)

    def test_too_many_days_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "0 to 90 days ahead, not 400"):
            self._forecast(days=400)

    def test_another_companys_customers_are_not_looked_at(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"].with_env(self.system)
        theirs = self._make_customer("Theirs", company=elsewhere)
        self.assertEqual(self._forecast().customer_id, self.customer)
        with self.assertRaisesRegex(AccessError, "Customer File"):
            self._forecast(customer_ids=[Command.set(theirs.ids)])

    def test_a_dry_run_is_seen_by_who_asked(self):
        notices = self._forecast()
        self.assertFalse(
            notices.with_user(self.supervisor).search([("id", "in", notices.ids)]),
        )

    def test_what_comes_next_of_an_invoice(self):
        other = self._make_invoice(self.customer, 40, due=20)
        action = other.with_user(self.collector).action_open_collection_dry_run()
        notices = self.env[action["res_model"]].with_user(self.collector).search(action["domain"])
        self.assertEqual(notices.mapped("date"), [days(23), days(30)])

    def test_without_a_file_it_says_what_to_do(self):
        stranger = self.env["res.partner"].create({"name": "Stranger"})
        invoice = self._make_invoice(stranger, 40)
        with self.assertRaisesRegex(UserError, "no customer's file yet"):
            invoice.with_user(self.collector).action_open_collection_dry_run()

"""What makes no sense is refused with a sentence that names the record, the rule and the way out."""

from psycopg2.errors import CheckViolation

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tools import mute_logger

from .common import TODAY, CollectionsCommon, days


class RefusalsCommon(CollectionsCommon):
    def assertRefused(self, *words, error=ValidationError):
        """Return a context in which something is refused with these words, in any order."""
        return self.assertRaisesRegex(error, "(?s)" + "".join(f"(?=.*{word})" for word in words))

    def assertConstraint(self, name):
        """Return a context in which the database refuses by this constraint."""
        self.enterContext(mute_logger("odoo.sql_db"))
        return self.assertRaisesRegex(CheckViolation, name)

    def _get_message(self, model, constraint):
        model = self.env[model]
        return model._table_objects[model._table + constraint].get_error_message(model)


class TestSchemes(RefusalsCommon):
    def test_steps_out_of_order_are_refused(self):
        with self.assertRefused("Late.*Early|Early.*Late", "Test scheme", "drag"):
            self._make_scheme(self._claim(10, name="Late"), self._claim(3, name="Early"))

    def test_step_moved_out_of_order_is_refused(self):
        with self.assertRefused("First claim", "Second claim"):
            self.first.days = 11

    def test_steps_dragged_out_of_order_are_refused(self):
        with self.assertRefused("First claim", "Second claim"):
            self.scheme.step_ids = [Command.update(self.first.id, {"sequence": 99})]

    def test_steps_in_order_are_accepted(self):
        self.first.days = 10
        self.assertEqual(self.scheme.step_ids.mapped("days"), [10, 10, 30])

    def test_announcements_have_an_order_of_their_own(self):
        scheme = self._make_scheme(self._announce(9), self._announce(2), self._claim(1))
        self.assertEqual(scheme.step_ids.mapped("days"), [-9, -2, 1])
        with self.assertRefused("out|drag"):
            self._make_scheme(self._announce(2), self._announce(9))

    def test_archived_step_does_not_count_for_the_order(self):
        self.first.active = False
        self.second.days = 1
        self.assertEqual(self.second.days, 1)

    def test_step_that_comes_back_out_of_order_is_refused(self):
        self.first.active = False
        self.second.days = 1
        with self.assertRefused("First claim", "Second claim"):
            self.first.active = True

    def test_negative_gap_is_refused(self):
        for name in ("gap_days", "window_days", "repeat_days"):
            with (
                self.subTest(name),
                self.assertConstraint("gap_not_negative"),
                self.env.cr.savepoint(),
            ):
                self.first[name] = -1
                self.first.flush_recordset()
        self.assertIn("negative", self._get_message("collection.step", "_gap_not_negative"))

    def test_negative_minimum_is_refused(self):
        with self.assertConstraint("minimum_not_negative"):
            self.first.minimum_amount = -1
            self.first.flush_recordset()

    def test_claim_before_the_due_date_is_refused(self):
        with self.assertRefused("Early", "2 days before", "coming due"):
            self._make_scheme(self._claim(-2, name="Early"))

    def test_announcement_after_the_due_date_is_refused(self):
        with self.assertRefused("Late", "2 days after", "overdue"):
            self._make_scheme(self._announce(-2, name="Late"))

    def test_claim_counted_from_the_invoice_date_may_have_any_days(self):
        self._make_scheme(self._claim(0, anchor="invoice"))

    def test_scheme_without_steps_is_refused(self):
        with self.assertRefused("Empty", "no steps", "Sends nothing"):
            self._make_scheme(name="Empty", sends_nothing=False)

    def test_scheme_without_steps_that_sends_nothing_is_accepted(self):
        self.assertTrue(self._make_scheme(name="VIP").sends_nothing)

    def test_taking_the_last_step_away_is_refused(self):
        scheme = self._make_scheme(self._claim(3))
        with self.assertRefused("Test scheme", "no steps"), self.env.cr.savepoint():
            scheme.step_ids = [Command.clear()]
        with self.assertRefused("Test scheme", "no steps"), self.env.cr.savepoint():
            scheme.step_ids.unlink()
        with self.assertRefused("Test scheme", "no steps"), self.env.cr.savepoint():
            scheme.step_ids.active = False

    def test_replacing_all_steps_at_once_is_accepted(self):
        scheme = self._make_scheme(self._claim(3))
        scheme.step_ids = [Command.clear(), Command.create(self._claim(5, name="New"))]
        self.assertEqual(scheme.step_ids.name, "New")

    def test_taking_a_step_away_is_accepted_where_another_is_left(self):
        self.lawyer.unlink()
        self.second.active = False
        self.assertTrue(self.first.exists())

    def test_step_without_channel_is_refused(self):
        with self.assertRefused("First claim", "no channel", "choose"):
            self.first.channel_ids = False

    def test_step_that_writes_without_message_is_refused(self):
        with self.assertRefused("First claim", "no message", "choose"):
            self.first.template_id = False

    def test_action_that_writes_without_message_is_refused(self):
        with self.assertRefused("Lawyer", "no message"):
            self.lawyer.channel_ids = self.email

    def test_call_needs_no_message(self):
        self.first.write({"channel_ids": [Command.set(self.call.ids)], "template_id": False})

    def test_archived_message_is_refused(self):
        template = self._make_template("Old", active=False)
        with self.assertRefused("Test Old", "First claim", "archived"):
            self.first.template_id = template

    def test_archiving_a_message_that_a_step_sends_is_refused(self):
        with self.assertRefused("Test Claim", "claim", "Test scheme", "before you archive"):
            self.template.active = False

    def test_message_that_no_step_sends_may_be_archived(self):
        template = self._make_template("Unused")
        template.active = False
        self.assertFalse(template.active)


class TestRules(RefusalsCommon):
    def _make_rule(self, domain):
        return self.system["collection.strategy.rule"].create(
            {"name": "My rule", "strategy_id": self.scheme.id, "domain": domain}
        )

    def test_broken_filters_are_refused(self):
        for domain in (
            "[('nonsense', '=', 1)]",
            "[('overdue', 'is', 1)]",
            "nonsense",
            "[('overdue', '=', 1)",
            "42",
            "[1, 2]",
            "__import__('os').getcwd()",
            "[('partner_id.nonsense', '=', 1)]",
        ):
            with (
                self.subTest(domain=domain),
                self.assertRefused("My rule", "filter editor"),
                self.env.cr.savepoint(),
            ):
                self._make_rule(domain)

    def test_filters_that_can_be_read_are_accepted(self):
        for domain in (
            "[]",
            "[('overdue', '>', 100)]",
            "['|', ('partner_id.country_id.code', '=', 'ES'), ('is_consumer', '=', True)]",
        ):
            with self.subTest(domain=domain):
                self.assertTrue(self._make_rule(domain))


class TestPauses(RefusalsCommon):
    def _pause(self, **values):
        return (
            self.env["collection.pause"]
            .with_user(self.collector)
            .create({"until": days(5), "reason": "Fair", **values})
            .action_apply()
        )

    def test_pause_in_the_past_is_refused(self):
        invoice = self._make_invoice(self._make_customer())
        with self.assertRefused("before today", "later day", error=UserError):
            self._pause(move_ids=invoice.ids, until=days(-1))

    def test_pause_until_today_is_accepted(self):
        invoice = self._make_invoice(self._make_customer())
        self._pause(move_ids=invoice.ids, until=TODAY)
        self.assertDecision(invoice, "paused")

    def test_pause_of_a_paid_invoice_is_refused(self):
        invoice = self._make_invoice(self._make_customer())
        self._pay(invoice)
        with self.assertRefused("nothing to pause", error=UserError):
            self._pause(move_ids=invoice.ids)

    def test_pause_of_several_invoices_leaves_the_paid_one(self):
        customer = self._make_customer()
        paid, open_one = self._make_invoice(customer), self._make_invoice(customer)
        self._pay(paid)
        self._pause(move_ids=(paid | open_one).ids)
        self.assertDecision(open_one, "paused")

    def test_second_pause_replaces_the_first(self):
        invoice = self._make_invoice(self._make_customer())
        self._pause(move_ids=invoice.ids)
        self._pause(move_ids=invoice.ids, until=days(2))
        self.assertEqual(self.items(invoice).hold_until, days(2))

    def test_pause_of_customers_is_written_on_their_files(self):
        customer = self._make_customer()
        self._pause(customer_ids=customer.ids)
        self.assertEqual((customer.pause_until, customer.pause_reason), (days(5), "Fair"))
        customer.with_user(self.collector).action_resume()
        self.assertFalse(customer.pause_until)

    def test_pause_is_chosen_from_the_list_of_open_items(self):
        invoice = self._make_invoice(self._make_customer())
        action = self.items(invoice).with_user(self.collector).action_pause()
        wizard = (
            self.env["collection.pause"]
            .with_user(self.collector)
            .with_context(**action["context"])
            .create({"until": days(5), "reason": "Fair"})
        )
        wizard.action_apply()
        self.assertDecision(invoice, "paused")

    def test_pause_without_reason_is_refused(self):
        customer = self._make_customer()
        with self.assertRefused("Customer", "Say why"):
            customer.pause_until = days(5)

    def test_pause_with_reason_is_accepted(self):
        customer = self._make_customer()
        customer.write({"pause_until": days(5), "pause_reason": "Fair"})
        self.assertEqual(customer.pause_until, days(5))

    def test_hold_that_ends_before_it_begins_is_refused(self):
        invoice = self._make_invoice(self._make_customer())
        with self.assertConstraint("dates_in_order"):
            self._hold(invoice, date_from=TODAY, date_to=days(-1))
        self.assertIn("later last day", self._get_message("collection.hold", "_dates_in_order"))


class TestRecords(RefusalsCommon):
    def test_file_of_a_contact_is_refused(self):
        customer = self._make_customer()
        contact = self._make_contact(customer, "Buyer")
        with self.assertRefused("Buyer", "Choose Customer"):
            self._make_customer(partner=contact)

    def test_file_of_a_branch_is_refused(self):
        branch = self.system["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        with self.assertRefused("main company", self.company.name):
            self._make_customer(company=branch, scheme=False, collector_id=False)

    def test_bucket_of_a_branch_is_refused(self):
        branch = self.system["res.company"].create({"name": "Branch", "parent_id": self.company.id})
        with self.assertRefused("Bad", "Branch", self.company.name):
            self.system["collection.bucket"].create(
                {"name": "Bad", "days_from": 5, "company_id": branch.id}
            )

    def test_policy_whose_hours_are_not_in_order_is_refused(self):
        for hours in ((10, 9), (9, 9), (-1, 9), (9, 25)):
            with self.subTest(hours=hours), self.assertRefused("Test policy", "between 0:00"):
                self._make_policy(hour_from=hours[0], hour_to=hours[1])

    def test_negative_interval_is_refused(self):
        with self.assertConstraint("interval_not_negative"):
            self._make_policy(interval_days=-1)

    def test_supervisor_who_does_not_work_in_the_company_is_refused(self):
        other = self.system["res.company"].create({"name": "Elsewhere"})
        with self.assertRefused("Test supervisor", "Elsewhere"):
            other.collection_supervisor_id = self.supervisor

    def test_visitor_is_no_supervisor(self):
        with self.assertRefused("Test visitor", "internal user"):
            self.company.collection_supervisor_id = self.visitor

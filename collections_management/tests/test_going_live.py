"""The first Monday: pilot customers, everything to one's own mailbox, stopping, and the page for it."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tools import email_normalize

from .common import TODAY, CollectionsCommon, days


class GoingLiveCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer("Acme")
        cls.other = cls._make_customer("Other")
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls.others_invoice = cls._make_invoice(cls.other, 40)

    def _open_page(self, user):
        return (
            self.env["collection.going.live"]
            .with_user(user)
            .with_context(allowed_company_ids=self.company.ids)
            .create({"company_id": self.company.id})
        )

    def _get_addresses(self):
        return sorted(
            email_normalize(address) for mail in self._mails for address in mail["email_to"]
        )


class TestPilot(GoingLiveCommon):
    def test_only_pilot_customers_hear_from_us(self):
        self.company.collection_pilot = True
        self.customer.pilot = True
        self.assertDecision(self.invoice, "claim")
        self.assertDecision(self.others_invoice, "not_pilot")
        self.assertEqual(self.run_day().customer_id, self.customer)

    def test_the_others_items_say_so(self):
        self.company.collection_pilot = True
        self.assertIn("Outside the pilot", self.items(self.others_invoice).explanation)

    def test_what_waits_for_those_outside_is_withdrawn_when_the_pilot_begins(self):
        notice = self.decide(self.other)
        self.company.collection_pilot = True
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")

    def test_without_a_pilot_the_mark_changes_nothing(self):
        self.customer.pilot = True
        self.assertDecision(self.others_invoice, "claim")


class TestMailbox(GoingLiveCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.collection_mailbox = "me@company.example.com"

    def test_everything_goes_to_the_mailbox_and_nothing_to_customers(self):
        notices = self.run_day()
        self.assertEqual(set(notices.mapped("state")), {"sent"})
        self.assertEqual(self._get_addresses(), ["me@company.example.com"] * 2)
        self.assertFalse([mail for mail in self._mails if mail.get("email_cc")])

    def test_the_subject_says_to_whom_it_would_have_gone(self):
        self.run_day(self.customer)
        [mail] = self._mails
        self.assertIn("acme@example.com", mail["subject"])

    def test_ones_own_words_go_to_the_mailbox_too(self):
        notice = self.decide(self.customer)
        notice.write({"subject": "Own", "body": "<p>Own words</p>"})
        self.deliver()
        self.assertEqual(self._get_addresses(), ["me@company.example.com"])

    def test_a_trial_is_not_repeated_every_day(self):
        self.run_day()
        self.assertFalse(self.run_day())

    def test_when_it_ends_customers_hear_what_they_never_heard(self):
        trial = self.run_day(self.customer)
        self.company.collection_mailbox = False
        self.assertEqual(trial.state, "cancelled")
        self.assertIn("me@company.example.com", trial.failure)
        self.assertDecision(self.invoice, "claim")
        self.run_day(self.customer)
        self.assertEqual(self._get_addresses(), ["acme@example.com"])

    def test_when_it_ends_a_step_of_two_channels_begins_anew_in_both(self):
        self.first.channel_ids = self.email | self.call
        trial = self.run_day(self.customer)
        self.assertEqual(set(trial.mapped("state")), {"sent", "queued"})
        self.company.collection_mailbox = False
        self.assertEqual(set(trial.mapped("state")), {"cancelled"})
        self.run_day(self.customer)
        self.assertEqual(self._get_addresses(), ["acme@example.com"])
        tasks = self.customer.notice_ids.activity_id.exists()
        self.assertEqual(len(tasks), 1, "one call, not two")

    def test_what_was_composed_for_the_mailbox_does_not_leave_for_it_afterwards(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self.company.collection_mailbox = False
        self.assertFalse(self.deliver())
        self.run_day(self.customer)
        self.assertEqual(self._get_addresses(), ["acme@example.com"])

    def test_what_was_composed_for_customers_does_not_leave_once_a_trial_begins(self):
        self.company.collection_mailbox = False
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self.company.collection_mailbox = "me@company.example.com"
        self.deliver()
        self.deliver()
        self.assertNotIn("acme@example.com", self._get_addresses())

    def test_what_customers_got_before_goes_on_counting(self):
        self.company.collection_mailbox = False
        sent = self.run_day(self.customer)
        self.company.collection_mailbox = "me@company.example.com"
        self.company.collection_mailbox = False
        self.assertEqual(sent.state, "sent")
        self.assertDecision(self.invoice, "waiting")

    def test_invoices_are_not_sent_to_customers_during_a_trial(self):
        issued = self._make_scheme(self._issue(), self._claim(3))
        customer = self._make_customer("Undelivered", scheme=issued)
        customer.partner_id.invoice_sending_method = "email"
        self.company.collection_delivery_from = "2025-01-01"
        invoice = self._make_invoice(customer)
        self.assertDecision(invoice, "not_delivered")
        self.assertNotIn(invoice, self.system["collection.run"]._get_moves_to_send())
        self.company.collection_mailbox = False
        self.assertIn(invoice, self.system["collection.run"]._get_moves_to_send())

    def test_what_is_no_address_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "nobody.*no e-mail address"):
            self.company.collection_mailbox = "nobody"


class TestStop(GoingLiveCommon):
    def test_all_that_waits_is_withdrawn_and_nothing_is_made_any_more(self):
        ready, composed = self.decide(self.customer), self.decide(self.other)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(composed)
        self._open_page(self.supervisor).action_stop()
        self.assertFalse(self.deliver())
        self.assertEqual((ready | composed).mapped("state"), ["cancelled", "cancelled"])
        self.assertIn("Test supervisor", ready.failure)
        self.assertEqual(self.company.collection_mode, "simulation")
        self.assertFalse(self.run_day())

    def test_what_was_sent_goes_on_counting_and_tasks_stay(self):
        sent = self.run_day(self.customer)
        self.first.channel_ids = self.call
        task = self.run_day(self.other)
        self.company._stop_collections()
        self.assertEqual(sent.state, "sent")
        self.assertTrue(task.activity_id.exists())
        self.assertEqual(task.state, "queued")

    def test_what_was_decided_before_a_stop_that_did_not_see_it_never_leaves(self):
        ready, composed = self.decide(self.customer), self.decide(self.other)
        statement = self.system["collection.statement"]._send_by_hand(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(composed)
        self.company.collection_stops += 1  # as seen by who had them in hand
        self.assertFalse(self.deliver())
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(statement)
        for delivery in (ready, composed, statement):
            self.assertEqual(delivery.state, "cancelled")
            self.assertIn("stopped", delivery.failure)
        self.assertEqual(self.run_day(self.customer).state, "sent", "what is decided now leaves")

    def _ask_approval_unseen(self, record, **values):
        """Have each approved, as whoever has notices in hand at that moment sees it."""
        for kind in self.env["collection.delivery"]._get_kinds():
            self.patch(type(kind), "_ask_approval_again", lambda *args: None)
        record.with_env(self.system).write(values)

    def test_what_was_made_while_each_is_to_be_approved_again_waits(self):
        ready, composed = self.decide(self.customer), self.decide(self.other)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(composed)
        self._ask_approval_unseen(self.company, collection_mode="approve")
        self.assertFalse(self.deliver())
        self.assertEqual((ready.state, composed.state), ("to_approve", "to_approve"))
        self.assertFalse(composed.mail_id)
        (ready | composed).action_approve()
        self.deliver()
        self.assertEqual((ready.state, composed.state), ("sent", "sent"))

    def test_so_it_does_when_the_scheme_has_become_more_careful(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self._ask_approval_unseen(notice.strategy_id, mode="approve")
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "to_approve")

    def test_a_careful_scheme_asks_again_what_waits(self):
        notice = self.decide(self.customer)
        notice.strategy_id.mode = "approve"
        self.assertEqual(notice.state, "to_approve")

    def test_afterwards_one_goes_on_where_one_stopped(self):
        self.decide(self.customer)
        self.company._stop_collections()
        self.company.collection_mode = "automatic"
        self.assertEqual(self.run_day(self.customer).state, "sent")

    def test_another_company_goes_on(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"].with_env(self.system)
        elsewhere.collection_mode = "automatic"
        self.company._stop_collections()
        self.assertEqual(elsewhere.collection_mode, "automatic")


class TestPage(GoingLiveCommon):
    def test_it_tells_what_would_happen_today(self):
        self.company.collection_mode = "simulation"
        page = self._open_page(self.manager)
        self.assertEqual((page.customer_count, page.item_count, page.amount), (2, 2, 140))
        action = page.action_open_today()
        items = self.env["collection.due.item"].search(action["domain"])
        self.assertEqual(items.move_id, self.invoice | self.others_invoice)

    def test_a_manager_changes_it_without_rights_on_companies(self):
        page = self._open_page(self.manager)
        self.assertEqual(page.mode, "automatic")
        page.write({"mode": "approve", "pilot": True, "mailbox": "me@company.example.com"})
        page.action_apply()
        self.assertEqual(self.company.collection_mode, "approve")
        self.assertTrue(self.company.collection_pilot)
        self.assertEqual(self.company.collection_mailbox, "me@company.example.com")

    def test_a_supervisor_only_stops(self):
        page = self._open_page(self.supervisor)
        page.mode = "approve"
        with self.assertRaisesRegex(AccessError, "Manager"):
            page.action_apply()

    def test_a_collector_has_no_such_page(self):
        with self.assertRaises(AccessError):
            self._open_page(self.collector)

    def test_customers_are_chosen_for_the_pilot_many_at_a_time(self):
        page = self._open_page(self.supervisor)
        action = page.action_choose_pilot()
        chosen = self.env["collection.customer"].with_user(self.supervisor).search(action["domain"])
        chosen.action_set_pilot(True)
        self.assertEqual(self._open_page(self.manager).pilot_count, 2)
        (chosen & self.other).action_set_pilot(False)
        self.assertEqual(self._open_page(self.manager).pilot_count, 1)
        with self.assertRaises(AccessError):
            self.customer.with_user(self.accountant).action_set_pilot(False)

    def test_who_owes_since_the_last_run_is_counted_too(self):
        self._make_invoice(self._make_partner("Fresh"), 30, due=-20)
        before = self.system["collection.customer"].search_count([])
        self.env["collection.going.live"].with_user(self.manager).with_context(
            allowed_company_ids=self.company.ids
        ).default_get(["company_id"])
        self.assertEqual(self.system["collection.customer"].search_count([]), before + 1)

    def test_the_checklist_counts_who_is_to_be_looked_at(self):
        self.customer.partner_id.email = False
        self.other.write({"collector_id": False, "pilot": True})
        self._make_credit(self.other, 10)
        page = self._open_page(self.manager)
        for check, expected in {
            "no_address_count": self.customer,
            "no_collector_count": self.other,
            "credit_count": self.other,
            "pilot_count": self.other,
        }.items():
            with self.subTest(check=check):
                self.assertEqual(page[check], 1)
                action = page.with_context(check=check).action_open_customers()
                found = self.system["collection.customer"].search(action["domain"])
                self.assertEqual(found, expected)


class TestDoubt(GoingLiveCommon):
    """Notices wait for approval when customers may have paid, or when there are unusually many."""

    def _run(self):
        self._run_job("_cron_run")
        return self.system["collection.notice"].search(
            [("company_id", "=", self.company.id), ("date", "=", TODAY)]
        )

    def _make_bank_line(self, date):
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.company_data["default_journal_bank"].id,
                "date": date,
                "payment_ref": "Something",
                "amount": 10,
            }
        )

    def test_with_a_stale_bank_they_wait_and_say_why(self):
        self._make_bank_line(days(-20))
        notices = self._run()
        self.assertEqual(set(notices.mapped("state")), {"to_approve"})
        self.assertIn("newest bank transaction", notices[0].failure)
        self.assertFalse(self.deliver())
        notices.action_approve()
        self.deliver()
        self.assertEqual(set(notices.mapped("state")), {"sent"})

    def test_only_working_days_make_it_stale(self):
        # a Wednesday; five working days lie between, and two weekends' ends
        self._make_bank_line(days(-8))
        self.assertEqual(set(self._run().mapped("state")), {"ready"})

    def test_one_working_day_more_makes_it_stale(self):
        self._make_bank_line(days(-9))
        self.assertEqual(set(self._run().mapped("state")), {"to_approve"})

    def test_a_company_that_keeps_no_bank_here_goes_on(self):
        self.assertEqual(set(self._run().mapped("state")), {"ready"})

    def test_the_limit_can_be_lifted(self):
        self._make_bank_line(days(-200))
        self.company.collection_stale_days = 0
        self.assertEqual(set(self._run().mapped("state")), {"ready"})

    def test_a_person_who_runs_one_customer_has_looked(self):
        self._make_bank_line(days(-200))
        run = self.env["collection.run"].with_user(self.collector)
        notice = run._run_customers(self.customer.with_user(self.collector))
        self.assertEqual(notice.state, "ready")

    def test_more_than_the_ceiling_asks_first(self):
        self.company.collection_ceiling = 1
        notices = self._run()
        self.assertEqual(set(notices.mapped("state")), {"to_approve"})
        self.assertIn("more than the 1", notices[0].failure)

    def test_as_many_as_the_ceiling_leave(self):
        self.company.collection_ceiling = 2
        self.assertEqual(set(self._run().mapped("state")), {"ready"})

    def test_more_than_three_times_the_usual_asks_first(self):
        for ago in range(5, 0, -1):
            before = self._make_customer(f"Before {ago}")
            self._make_invoice(before, due=-3 - ago)
            with self.at(-ago):
                self.run_day(before)
        for number in range(2):
            self._make_invoice(self._make_customer(f"More {number}"))
        notices = self._run()
        self.assertEqual(set(notices.mapped("state")), {"to_approve"})
        self.assertIn("usually there are 1", notices[0].failure)

    def test_limits_are_not_negative(self):
        for field in ("collection_ceiling", "collection_stale_days"):
            with self.subTest(field=field), self.assertRaisesRegex(ValidationError, "negative"):
                self.company[field] = -1

"""Why an item is or is not claimed today: each reason, with a neighbour that it does not touch."""

from odoo.tests import users

from .common import TODAY, CollectionsCommon, days


class TestClaimed(CollectionsCommon):
    def test_overdue_item_whose_step_has_come_is_claimed(self):
        invoice = self._make_invoice(self._make_customer(), due=-3)
        self.assertDecision(invoice, "claim")

    def test_item_waits_until_the_step_comes(self):
        invoice = self._make_invoice(self._make_customer(), due=-2)
        self.assertDecision(invoice, "waiting")
        self.assertEqual(self.items(invoice).next_date, days(1))

    def test_item_not_due_has_its_first_claim_ahead(self):
        item = self.items(self._make_invoice(self._make_customer(), due=4))
        self.assertEqual(item.decision, "not_due")
        self.assertEqual(item.next_step_id, self.first)
        self.assertEqual(item.next_date, days(7))

    def test_item_due_today_is_not_overdue(self):
        item = self.items(self._make_invoice(self._make_customer(), due=0))
        self.assertEqual(item.days_overdue, 0)
        self.assertEqual(item.decision, "not_due")

    def test_due_date_is_announced_when_its_day_has_come(self):
        scheme = self._make_scheme(self._announce(5), self._claim(3))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), due=5)
        self.assertDecision(invoice, "notify")

    def test_due_date_is_not_announced_before_its_day(self):
        scheme = self._make_scheme(self._announce(5), self._claim(3))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), due=6)
        self.assertDecision(invoice, "not_due")

    def test_item_whose_claims_are_done_gets_the_action(self):
        scheme = self._make_scheme(self._act(30))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), due=-31)
        self.assertDecision(invoice, "act")

    def test_days_may_count_from_the_invoice_date(self):
        scheme = self._make_scheme(self._claim(20, anchor="invoice"))
        customer = self._make_customer(scheme=scheme)
        early = self._make_invoice(customer, due=-3, issued=-20)
        late = self._make_invoice(customer, due=-3, issued=-19)
        self.assertDecision(early, "claim")
        self.assertDecision(late, "waiting")

    def test_claim_counted_from_the_invoice_date_still_waits_for_the_due_date(self):
        scheme = self._make_scheme(self._claim(20, anchor="invoice"))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), due=0, issued=-40)
        self.assertDecision(invoice, "not_due")
        self.assertEqual(self.items(invoice).next_date, days(1))


class TestCustomerReasons(CollectionsCommon):
    def test_customer_without_file_says_so(self):
        invoice = self._make_invoice(self._make_partner("Stranger"))
        self.assertDecision(invoice, "no_file")

    def test_run_makes_the_missing_file(self):
        invoice = self._make_invoice(self._make_partner("Stranger"))
        self.decide()
        self.assertDecision(invoice, "no_strategy")

    def test_customer_without_scheme_is_not_claimed(self):
        invoice = self._make_invoice(self._make_customer(scheme=False))
        self.assertDecision(invoice, "no_strategy")

    def test_vip_is_not_claimed(self):
        invoice = self._make_invoice(self._make_customer(scheme=self._make_scheme()))
        self.assertDecision(invoice, "no_claims")

    def test_insolvent_customer_is_not_claimed(self):
        invoice = self._make_invoice(self._make_customer(insolvent=True))
        self.assertDecision(invoice, "insolvent")

    def test_paused_customer_is_not_claimed_on_the_last_day(self):
        customer = self._make_customer(pause_until=TODAY, pause_reason="Fair")
        invoice = self._make_invoice(customer)
        self.assertDecision(invoice, "paused")

    def test_pause_expires_the_day_after(self):
        customer = self._make_customer(pause_until=days(-1), pause_reason="Fair")
        invoice = self._make_invoice(customer)
        self.assertDecision(invoice, "claim")

    def test_insolvency_comes_before_everything_that_could_be_claimed(self):
        customer = self._make_customer(
            insolvent=True, pause_until=days(9), pause_reason="x", scheme=self._make_scheme()
        )
        invoice = self._make_invoice(customer)
        self._hold(invoice)
        self.assertDecision(invoice, "insolvent")

    def test_finished_scheme_says_nothing_more(self):
        scheme = self._make_scheme(self._claim(3))
        customer = self._make_customer(scheme=scheme)
        invoice = self._make_invoice(customer)
        self.run_day(customer)
        self.assertDecision(invoice, "finished")

    def test_item_beyond_the_announcement_of_a_scheme_without_claims_is_finished(self):
        customer = self._make_customer(scheme=self._make_scheme(self._announce(5)))
        self.assertDecision(self._make_invoice(customer, due=-1), "finished")
        self.assertDecision(self._make_invoice(customer, due=5, issued=-1), "notify")


class TestHolds(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer)
        cls.other = cls._make_invoice(cls.customer)

    def test_each_kind_of_hold_is_a_decision_of_its_own(self):
        kinds = ("paused", "promised", "payment_reported", "disputed", "in_plan", "in_action")
        for kind in kinds:
            with self.subTest(kind=kind):
                hold = self._hold(self.invoice, kind)
                self.assertDecision(self.invoice, kind)
                hold.open = False

    def test_hold_leaves_the_other_invoice_alone(self):
        self._hold(self.invoice)
        self.assertDecision(self.other, "claim")

    def test_strongest_of_several_holds_counts(self):
        self._hold(self.invoice, "promised")
        self._hold(self.invoice, "in_plan")
        self._hold(self.invoice, "disputed")
        self.assertDecision(self.invoice, "in_plan")

    def test_hold_holds_on_its_last_day(self):
        self._hold(self.invoice, "promised", date_to=TODAY)
        self.assertDecision(self.invoice, "promised")

    def test_hold_expires_the_day_after(self):
        self._hold(self.invoice, "promised", date_from=days(-9), date_to=days(-1))
        self.assertDecision(self.invoice, "claim")

    def test_hold_of_the_future_does_not_hold_yet(self):
        self._hold(self.invoice, "promised", date_from=days(1))
        self.assertDecision(self.invoice, "claim")

    def test_lifted_hold_no_longer_holds(self):
        hold = self._hold(self.invoice)
        hold.action_lift()
        self.assertDecision(self.invoice, "claim")

    def test_hold_without_end_stays_until_it_is_lifted(self):
        self._hold(self.invoice, "disputed", date_from=days(-400))
        self.assertDecision(self.invoice, "disputed")

    def test_run_closes_expired_holds_and_the_status_follows(self):
        hold = self._hold(self.invoice, "promised", date_from=days(-9), date_to=days(-1))
        self.assertEqual(self.invoice.collection_status, "promised")
        self.decide()
        self.assertFalse(hold.open)
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_pause_does_not_change_the_status_of_the_invoice(self):
        self._hold(self.invoice, "paused")
        self.assertEqual(self.invoice.collection_status, "normal")

    def test_hold_on_one_instalment_leaves_the_other(self):
        terms = self._make_terms((50, 10), (50, 20))
        invoice = self._make_invoice(
            self.customer, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        first, second = self._get_receivable_lines(invoice).sorted("date_maturity")
        self.system["collection.hold"].create(
            {"move_line_id": first.id, "kind": "disputed", "reason": "Wrong goods"}
        )
        self.assertDecision(first, "disputed")
        self.assertDecision(second, "claim")


class TestExclusion(CollectionsCommon):
    def test_no_followup_set_by_a_person_excludes_the_invoice(self):
        customer = self._make_customer()
        invoice, other = self._make_invoice(customer), self._make_invoice(customer)
        invoice.no_followup = True
        self.assertDecision(invoice, "excluded")
        self.assertDecision(other, "claim")

    def test_opening_entry_is_not_claimed_unless_the_company_says_so(self):
        entry = self._make_entry((self._make_customer(), 100))
        self.assertDecision(self._get_receivable_lines(entry), "journal_entry")

    def test_opening_entry_is_claimed_when_the_company_says_so(self):
        self.company.collection_claim_entries = True
        entry = self._make_entry((self._make_customer(), 100))
        self.assertDecision(self._get_receivable_lines(entry), "claim")

    def test_opening_entry_of_several_customers_is_claimed_from_each(self):
        self.company.collection_claim_entries = True
        one, two = self._make_customer("One"), self._make_customer("Two")
        entry = self._make_entry((one, 100), (two, 200), (one, 50))
        self.assertEqual(self.items(one).mapped("residual"), [100, 50])
        self.assertEqual(self.items(two).mapped("residual"), [200])
        self.assertEqual(set(self.items(entry).mapped("decision")), {"claim"})

    def test_line_without_partner_is_a_decision_of_its_own(self):
        self.company.collection_claim_entries = True
        entry = self._make_entry((None, 100))
        self.assertDecision(self._get_receivable_lines(entry), "no_partner")

    def test_line_without_partner_leaves_the_rest_of_its_entry(self):
        self.company.collection_claim_entries = True
        entry = self._make_entry((None, 100), (self._make_customer(), 70))
        self.assertEqual(
            {item.residual: item.decision for item in self.items(entry)},
            {100: "no_partner", 70: "claim"},
        )

    def test_item_on_a_non_trade_account_is_not_claimed(self):
        self.company.collection_claim_entries = True
        account = self.copy_account(self.company_data["default_account_receivable"])
        account.non_trade = True
        customer = self._make_customer()
        entry = self._make_entry((customer, 100), account=account)
        self.assertDecision(self._get_receivable_lines(entry), "non_trade")
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_payable_of_the_same_partner_is_no_open_item(self):
        customer = self._make_customer()
        bill = self._make_invoice(customer, kind="in_invoice")
        self.assertFalse(self.items(bill))

    def test_moves_that_do_not_count_never_appear(self):
        customer = self._make_customer()
        draft = self._make_invoice(customer, post=False)
        cancelled = self._make_invoice(customer, post=False)
        cancelled.button_cancel()
        reversed_invoice = self._make_invoice(customer)
        self._reverse_invoice(reversed_invoice, is_modify=True)
        for name, move in (
            ("draft", draft),
            ("cancelled", cancelled),
            ("reversed", reversed_invoice),
        ):
            with self.subTest(name):
                self.assertFalse(self.items(move))

    def test_invoice_reset_to_draft_disappears(self):
        invoice = self._make_invoice(self._make_customer())
        self.assertDecision(invoice, "claim")
        invoice.button_draft()
        self.assertFalse(self.items(invoice))


class TestDelivery(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.collection_delivery_from = days(-100)
        cls.issuing = cls._make_scheme(cls._issue(), cls._claim(3))
        cls.customer = cls._make_customer(scheme=cls.issuing)
        cls.task_type = cls.system.ref("collections_management.activity_type_undelivered")

    def _get_tasks(self, customer):
        return customer.activity_ids.filtered(lambda a: a.activity_type_id == self.task_type)

    def _notify_of(self, invoice, *statuses):
        """Record that the invoice was sent by e-mail to as many contacts."""
        message = invoice.sudo().message_post(body="Invoice")
        self.system["mail.notification"].create(
            [
                {
                    "mail_message_id": message.id,
                    "res_partner_id": self._make_partner(f"Reader {index}").id,
                    "notification_type": "email",
                    "notification_status": status,
                }
                for index, status in enumerate(statuses)
            ]
        )

    def test_invoice_that_was_never_sent_is_not_claimed(self):
        self.assertDecision(self._make_invoice(self.customer), "not_delivered")

    def test_sent_invoice_is_claimed(self):
        self.assertDecision(self._make_invoice(self.customer, is_move_sent=True), "claim")

    def test_scheme_without_issued_step_does_not_ask_for_delivery(self):
        self.assertDecision(self._make_invoice(self._make_customer("Other")), "claim")

    def test_invoice_older_than_the_sending_is_taken_for_delivered(self):
        invoice = self._make_invoice(self.customer, issued=-101)
        self.assertDecision(invoice, "claim")

    def test_bounced_invoice_is_not_claimed(self):
        invoice = self._make_invoice(self.customer, is_move_sent=True)
        self._notify_of(invoice, "bounce")
        self.assertDecision(invoice, "not_delivered")

    def test_invoice_that_reached_one_of_its_readers_is_claimed(self):
        invoice = self._make_invoice(self.customer, is_move_sent=True)
        self._notify_of(invoice, "bounce", "sent")
        self.assertDecision(invoice, "claim")

    def test_undelivered_invoices_raise_one_task_of_the_collector(self):
        self._make_invoice(self.customer)
        self._make_invoice(self.customer)
        self.decide()
        task = self._get_tasks(self.customer)
        self.assertEqual(len(task), 1)
        self.assertEqual(task.user_id, self.collector)

    def test_open_task_is_not_doubled_on_the_next_run(self):
        self._make_invoice(self.customer)
        self.decide()
        self.decide()
        self.assertEqual(len(self._get_tasks(self.customer)), 1)

    def test_customer_whose_invoices_arrived_has_no_task(self):
        self._make_invoice(self.customer, is_move_sent=True)
        self.decide()
        self.assertFalse(self._get_tasks(self.customer))

    def test_odoo_is_told_to_send_the_invoice_by_the_customers_method(self):
        self.customer.partner_id.invoice_sending_method = "email"
        invoice = self._make_invoice(self.customer)
        self.decide()
        self.assertIn(invoice, self.system["collection.run"]._get_moves_to_send())
        with self.mock_mail_gateway():
            self.assertTrue(invoice._send_undelivered_invoice())
        self.assertTrue(invoice.is_move_sent)

    def test_invoice_of_a_customer_served_by_hand_is_left_to_the_collector(self):
        invoice = self._make_invoice(self.customer)
        self.decide()
        self.assertNotIn(invoice, self.system["collection.run"]._get_moves_to_send())
        self.assertTrue(self._get_tasks(self.customer))

    def test_bounced_invoice_is_not_sent_again_by_itself(self):
        self.customer.partner_id.invoice_sending_method = "email"
        invoice = self._make_invoice(self.customer, is_move_sent=True)
        self._notify_of(invoice, "bounce")
        self.decide()
        self.assertFalse(invoice.is_being_sent)
        self.assertTrue(self._get_tasks(self.customer))

    def test_company_that_approves_each_message_sends_no_invoice_by_itself(self):
        self.company.collection_mode = "approve"
        self.customer.partner_id.invoice_sending_method = "email"
        invoice = self._make_invoice(self.customer)
        self.decide()
        self.assertNotIn(invoice, self.system["collection.run"]._get_moves_to_send())
        self.assertTrue(self._get_tasks(self.customer))

    def test_simulation_neither_sends_nor_raises_a_task(self):
        self.company.collection_mode = "simulation"
        self.customer.partner_id.invoice_sending_method = "email"
        invoice = self._make_invoice(self.customer)
        self.decide()
        self.assertNotIn(invoice, self.system["collection.run"]._get_moves_to_send())
        self.assertFalse(self._get_tasks(self.customer))

    def test_opening_entry_needs_no_delivery(self):
        self.company.collection_claim_entries = True
        entry = self._make_entry((self.customer, 100))
        self.assertDecision(self._get_receivable_lines(entry), "claim")


class TestContactPolicy(CollectionsCommon):
    def _make_customer_with_policy(self, *steps, name="Customer", consumer=None, **policy):
        scheme = self._make_scheme(
            *(steps or [self._claim(3), self._claim(10)]),
            policy_id=self._make_policy(**policy).id,
            consumer_policy_id=consumer and consumer.id,
        )
        return self._make_customer(name, scheme=scheme, is_consumer=bool(consumer))

    def _say(self, customer, ago, channel=None):
        """Record that the customer got a message some days ago."""
        channel = channel or self.email
        self.system["collection.notice"].create(
            {
                "customer_id": customer.id,
                "company_id": self.company.id,
                "channel_id": channel.id,
                "step_id": customer.strategy_id.step_ids[0].id,
                "date": days(-ago),
                "sent_date": days(-ago),
                "state": "sent",
            }
        )

    def test_message_of_the_last_days_makes_the_next_one_wait(self):
        customer = self._make_customer_with_policy(interval_days=3)
        self._say(customer, ago=2)
        self.assertDecision(self._make_invoice(customer), "contact_policy")

    def test_message_of_longer_ago_does_not(self):
        customer = self._make_customer_with_policy(interval_days=3)
        self._say(customer, ago=3)
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_policy_without_interval_sets_no_limit(self):
        customer = self._make_customer_with_policy(interval_days=0)
        self._say(customer, ago=0)
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_message_to_another_customer_does_not_count(self):
        customer = self._make_customer_with_policy(interval_days=3)
        self._say(self._make_customer("Other"), ago=1)
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_call_is_no_message(self):
        customer = self._make_customer_with_policy(interval_days=3)
        self._say(customer, ago=1, channel=self.call)
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_call_may_be_made_soon_after_a_message(self):
        customer = self._make_customer_with_policy(
            self._claim(3, channels=self.call), interval_days=3
        )
        self._say(customer, ago=1)
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_urgent_step_does_not_wait_for_the_interval(self):
        customer = self._make_customer_with_policy(self._claim(3, urgent=True), interval_days=3)
        self._say(customer, ago=1)
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_consumer_falls_under_the_stricter_policy(self):
        strict = self._make_policy(interval_days=10)
        customer = self._make_customer_with_policy(interval_days=3, consumer=strict)
        self._say(customer, ago=5)
        self.assertDecision(self._make_invoice(customer), "contact_policy")

    def test_business_does_not_fall_under_the_consumers_policy(self):
        strict = self._make_policy(interval_days=10)
        customer = self._make_customer_with_policy(interval_days=3, consumer=strict)
        customer.is_consumer = False
        self._say(customer, ago=5)
        self.assertDecision(self._make_invoice(customer), "claim")

    def test_consumer_without_policy_of_its_own_falls_under_the_schemes(self):
        customer = self._make_customer_with_policy(interval_days=3)
        customer.is_consumer = True
        self._say(customer, ago=1)
        self.assertDecision(self._make_invoice(customer), "contact_policy")


class TestWorkingDays(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.calendar = cls.company.resource_calendar_id.copy({"tz": "UTC"})
        cls.policy = cls._make_policy(calendar_id=cls.calendar.id)
        cls.polite = cls._make_scheme(cls._claim(3), policy_id=cls.policy.id)
        cls.invoice = cls._make_invoice(cls._make_customer(scheme=cls.polite))

    def _close(self, calendar, company=None):
        return self.system["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": calendar.id,
                "company_id": (company or self.company).id,
                "date_from": f"{TODAY} 00:00:00",
                "date_to": f"{TODAY} 23:59:59",
            }
        )

    def test_message_leaves_on_a_working_day(self):
        self.assertDecision(self.invoice, "claim")

    def test_holidays_and_hours_count_as_soon_as_they_change(self):
        self.assertDecision(self.invoice, "claim")
        holiday = self._close(self.calendar)
        self.assertDecision(self.invoice, "not_working_day")
        holiday.unlink()
        self.assertDecision(self.invoice, "claim")
        hours = self.calendar.attendance_ids.filtered(lambda hours: hours.dayofweek == "2")
        hours.unlink()
        self.assertDecision(self.invoice, "not_working_day")
        self.policy.calendar_id = False
        self.assertDecision(self.invoice, "claim")
        self.company.resource_calendar_id = self.calendar
        self.assertDecision(self.invoice, "not_working_day")

    def test_message_waits_on_a_holiday(self):
        self._close(self.calendar)
        self.assertDecision(self.invoice, "not_working_day")

    def test_message_waits_on_a_sunday(self):
        with self.at(4):
            self.assertDecision(self.invoice, "not_working_day")

    def test_holiday_of_another_calendar_does_not_count(self):
        self._close(self.company.resource_calendar_id)
        self.assertDecision(self.invoice, "claim")

    def test_policy_without_calendar_follows_the_companys(self):
        self.policy.calendar_id = False
        self._close(self.company.resource_calendar_id)
        self.assertDecision(self.invoice, "not_working_day")

    def test_archived_policy_of_a_scheme_still_counts(self):
        self.policy.active = False
        self._close(self.calendar)
        self.assertDecision(self.invoice, "not_working_day")

    def test_scheme_without_policy_works_every_day(self):
        self.polite.policy_id = False
        self._close(self.company.resource_calendar_id)
        self.assertDecision(self.invoice, "claim")

    def test_run_makes_nothing_on_a_holiday(self):
        self._close(self.calendar)
        self.assertFalse(self.decide())

    def test_run_goes_on_the_day_after(self):
        self._close(self.calendar)
        with self.at(1):
            self.assertTrue(self.decide())


class TestMinimumAndCredits(CollectionsCommon):
    def test_customer_who_owes_less_than_the_minimum_is_not_claimed(self):
        scheme = self._make_scheme(self._claim(3, minimum_amount=50))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), 49.99)
        self.assertDecision(invoice, "below_minimum")

    def test_customer_who_owes_the_minimum_is_claimed(self):
        scheme = self._make_scheme(self._claim(3, minimum_amount=50))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), 50)
        self.assertDecision(invoice, "claim")

    def test_minimum_is_of_all_that_the_customer_owes(self):
        scheme = self._make_scheme(self._claim(3, minimum_amount=50))
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer, 30)
        self._make_invoice(customer, 30)
        self.assertDecision(customer, "claim")

    def test_minimum_that_a_step_is_given_later_counts_at_once(self):
        scheme = self._make_scheme(self._claim(3))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), 30)
        self.assertDecision(invoice, "claim")
        step = scheme.step_ids.filtered(lambda step: step.phase == "overdue")
        step.minimum_amount = 50
        self.assertDecision(invoice, "below_minimum")
        step.minimum_amount = 0
        self.assertDecision(invoice, "claim")

    def test_minimum_counts_no_items_that_are_not_due(self):
        scheme = self._make_scheme(self._claim(3, minimum_amount=50))
        customer = self._make_customer(scheme=scheme)
        invoice = self._make_invoice(customer, 30)
        self._make_invoice(customer, 30, due=5)
        self.assertDecision(invoice, "below_minimum")

    def test_minimum_is_measured_less_credits(self):
        scheme = self._make_scheme(self._claim(3, minimum_amount=50))
        customer = self._make_customer(scheme=scheme)
        invoice = self._make_invoice(customer, 60)
        self._make_credit(customer, 20)
        self.assertDecision(invoice, "below_minimum")

    def test_customer_whose_credits_cover_the_overdue_is_not_claimed(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        credit = self._make_credit(customer, 100)
        self.assertDecision(invoice, "covered")
        self.assertDecision(credit, "credit")

    def test_unallocated_payment_covers_too(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self._make_payment(customer, 120)
        self.assertDecision(invoice, "covered")

    def test_smaller_credit_leaves_the_claim(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self._make_credit(customer, 99)
        self.assertDecision(invoice, "claim")

    def test_credit_of_another_customer_does_not_cover(self):
        invoice = self._make_invoice(self._make_customer("One"), 100)
        self._make_credit(self._make_customer("Two"), 100)
        self.assertDecision(invoice, "claim")

    def test_credit_covers_only_its_own_currency(self):
        other = self.setup_other_currency("EUR")
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        foreign = self._make_invoice(customer, 100, currency_id=other.id)
        self._make_credit(customer, 100, currency_id=other.id)
        self.assertDecision(invoice, "claim")
        self.assertDecision(foreign, "covered")

    def test_disputed_debt_does_not_use_up_the_credit(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self._hold(self._make_invoice(customer, 500))
        self._make_credit(customer, 100)
        self.assertDecision(invoice, "covered")

    def test_opening_entry_that_is_not_claimed_does_not_use_up_the_credit(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self._make_entry((customer, 500))
        self._make_credit(customer, 100)
        self.assertDecision(invoice, "covered")

    def test_opening_entry_that_is_claimed_uses_up_the_credit(self):
        self.company.collection_claim_entries = True
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        self._make_entry((customer, 500))
        self._make_credit(customer, 100)
        self.assertDecision(invoice, "claim")

    def test_due_date_is_not_announced_where_credits_cover_everything(self):
        customer = self._make_customer(scheme=self._make_scheme(self._announce(5)))
        invoice = self._make_invoice(customer, 100, due=5, issued=-1)
        self._make_credit(customer, 100)
        self.assertDecision(invoice, "covered")


class TestExplanation(CollectionsCommon):
    def _explain(self, record):
        return self.items(record).explanation

    def test_claim_names_the_step(self):
        invoice = self._make_invoice(self._make_customer())
        self.assertIn("First claim", self._explain(invoice))

    def test_simulation_says_that_nothing_is_sent(self):
        self.company.collection_mode = "simulation"
        invoice = self._make_invoice(self._make_customer())
        self.assertIn("nothing is sent", self._explain(invoice))

    def test_approval_says_that_it_waits(self):
        self.scheme.mode = "approve"
        invoice = self._make_invoice(self._make_customer())
        self.assertIn("wait for approval", self._explain(invoice))

    def test_automatic_says_nothing_of_modes(self):
        invoice = self._make_invoice(self._make_customer())
        self.assertEqual(self._explain(invoice), "Claimed today: “First claim”.")

    def test_waiting_item_names_last_and_next_step(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        self.run_day(customer)
        text = self._explain(invoice)
        self.assertIn("First claim", text)
        self.assertIn("Second claim", text)
        self.assertIn("03/18/2026", text)

    def test_hold_gives_its_reason(self):
        invoice = self._make_invoice(self._make_customer())
        self._hold(invoice, reason="Box arrived broken")
        self.assertIn("Box arrived broken", self._explain(invoice))

    def test_reason_with_a_percent_sign_is_shown_as_written(self):
        customer = self._make_customer(pause_until=days(5), pause_reason="Gets 100% back (%s)")
        self.assertIn("Gets 100% back (%s)", self._explain(self._make_invoice(customer)))

    def test_every_decision_has_a_sentence(self):
        item = self.system["collection.due.item"]
        decisions = dict(item._fields["decision"].selection)
        self.assertEqual(set(item._get_sentences()), set(decisions))

    @users("test_collector", "test_accountant", "test_auditor")
    def test_whoever_sees_the_invoice_reads_why(self):
        customer = self._make_customer(pause_until=days(5), pause_reason="Fair")
        invoice = self._make_invoice(customer)
        item = self.items(invoice).with_env(self.env(user=self.env.user))
        self.assertIn("Fair", item.explanation)
        self.assertIn("Fair", invoice.with_user(self.env.user).collection_decision)

    def test_invoice_with_instalments_explains_each_by_its_date(self):
        terms = self._make_terms((50, 10), (50, 60))
        invoice = self._make_invoice(
            self._make_customer(),
            issued=-30,
            invoice_payment_term_id=terms.id,
            invoice_date_due=False,
        )
        claimed, coming = invoice.collection_decision.split("\n")
        self.assertIn("Claimed today", claimed)
        self.assertIn("Not due yet", coming)

    def test_paid_invoice_has_no_explanation(self):
        invoice = self._make_invoice(self._make_customer())
        self._pay(invoice)
        self.assertFalse(invoice.collection_decision)

"""Which step comes next, when, by which channels, and how carefully."""

from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.tools import mute_logger

from .common import CollectionsCommon, days


class TestClimbing(CollectionsCommon):
    def _get_next(self, record):
        item = self.items(record)
        return item.next_step_id, item.next_date

    def test_debt_that_is_imported_late_starts_with_the_first_claim(self):
        customer = self._make_customer()
        self._make_invoice(customer, due=-300)
        notice = self.decide(customer)
        self.assertEqual(notice.step_id, self.first)

    def test_next_rung_waits_for_its_gap(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, due=-300)
        self.run_day(customer)
        self.assertEqual(self._get_next(invoice), (self.second, days(7)))
        with self.at(6):
            self.assertDecision(invoice, "waiting")
        with self.at(7):
            self.assertDecision(invoice, "claim")

    def test_next_rung_waits_for_its_own_day_if_that_is_later(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, due=-3)
        self.run_day(customer)
        self.assertEqual(self._get_next(invoice), (self.second, days(7)))
        invoice = self._make_invoice(self._make_customer("Other"), due=-1)
        with self.at(2):
            self.run_day()
        self.assertEqual(self._get_next(invoice), (self.second, days(9)))

    def test_whole_ladder_is_climbed_one_rung_at_a_time(self):
        customer = self._make_customer()
        self._make_invoice(customer, due=-300)
        said = []
        for day in range(40):
            with self.at(day):
                for notice in self.run_day(customer):
                    said.append((day, notice.step_id.name))
                customer.action_ids.filtered(lambda action: action.state == "open").action_done()
        self.assertEqual(said, [(0, "First claim"), (7, "Second claim"), (14, "Lawyer")])

    def test_each_item_climbs_for_itself(self):
        customer = self._make_customer()
        old = self._make_invoice(customer, due=-20)
        self.run_day(customer)
        young = self._make_invoice(customer, due=-3)
        with self.at(7):
            self.assertEqual(self.items(old).next_step_id, self.second)
            self.assertEqual(self.items(young).next_step_id, self.first)

    def test_returned_step_is_only_for_returned_debits(self):
        scheme = self._make_scheme(self._claim(0, only_returned=True), self._claim(9))
        invoice = self._make_invoice(self._make_customer(scheme=scheme), due=-10)
        self.assertEqual(self._get_next(invoice), (scheme.step_ids[1], days(-1)))

    def test_action_is_taken_only_after_the_claims(self):
        customer = self._make_customer(scheme=self._make_scheme(self._claim(3), self._act(3)))
        invoice = self._make_invoice(customer, due=-100)
        self.assertDecision(invoice, "claim")
        self.run_day(customer)
        self.assertDecision(invoice, "act")

    def test_archived_step_is_left_out(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, due=-300)
        self.first.active = False
        self.assertEqual(self.items(invoice).next_step_id, self.second)

    def test_skipped_notice_counts_as_said(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, due=-300)
        self.decide(customer).action_skip()
        self.assertEqual(self._get_next(invoice), (self.second, days(7)))

    def test_withdrawn_notice_does_not_count(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, due=-300)
        self.decide(customer).action_cancel()
        self.assertEqual(self.items(invoice).next_step_id, self.first)
        self.assertTrue(self.decide(customer), "it is decided anew")

    def test_customer_who_changes_scheme_goes_on_at_the_same_height(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, due=-300)
        self.run_day(customer)
        customer.strategy_id = self._make_scheme(
            self._claim(1), self._claim(2, name="Other second")
        )
        self.assertEqual(self.items(invoice).next_step_id.name, "Other second")


class TestChangedScheme(CollectionsCommon):
    """A scheme that is changed while customers are on its ladder neither repeats nor skips."""

    def setUp(self):
        super().setUp()
        self.customer = self._make_customer()
        self.invoice = self._make_invoice(self.customer, due=-300)
        self.run_day(self.customer)

    def _get_next_name(self):
        return self.items(self.invoice).next_step_id.name

    def test_step_put_before_what_was_said_is_not_gone_back_to(self):
        self.scheme.write(
            {"step_ids": [Command.create(dict(self._claim(1, name="Courtesy"), sequence=5))]}
        )
        self.assertEqual(self._get_next_name(), "Second claim")
        with self.at(7):
            self.assertEqual(self.decide(self.customer).step_id, self.second)

    def test_step_put_after_what_was_said_comes_next(self):
        self.scheme.write(
            {"step_ids": [Command.create(dict(self._claim(5, name="Between"), sequence=15))]}
        )
        self.assertEqual(self._get_next_name(), "Between")

    def test_step_archived_after_it_was_said_hides_no_other(self):
        self.first.active = False
        self.assertEqual(self._get_next_name(), "Second claim")

    def test_step_archived_and_brought_back_is_not_said_again(self):
        self.first.active = False
        self.first.active = True
        self.assertEqual(self._get_next_name(), "Second claim")


class TestLevels(CollectionsCommon):
    def test_claims_and_actions_share_a_ladder_and_announcements_have_their_own(self):
        scheme = self._make_scheme(
            self._issue(), self._announce(9), self._announce(2), self._claim(3), self._act(9)
        )
        self.assertEqual(scheme.step_ids.mapped("level"), [0, 1, 2, 1, 2])

    def test_archiving_a_step_moves_the_later_ones_down(self):
        self.first.active = False
        self.assertEqual((self.second.level, self.lawyer.level), (1, 2))

    def test_deleting_a_step_moves_the_later_ones_down(self):
        self.first.unlink()
        self.assertEqual((self.second.level, self.lawyer.level), (1, 2))

    def test_archived_issued_step_no_longer_asks_for_delivery(self):
        scheme = self._make_scheme(self._issue(), self._claim(3))
        self.assertTrue(scheme.has_issued_step)
        scheme.step_ids[0].active = False
        self.assertFalse(scheme.has_issued_step)


class TestUpcoming(CollectionsCommon):
    def _make_announced(self, *steps, due=5, **values):
        customer = self._make_customer(scheme=self._make_scheme(*steps), **values)
        return self._make_invoice(customer, due=due, issued=-1)

    def test_announcement_is_still_sent_within_its_window(self):
        invoice = self._make_announced(self._announce(5, window_days=3), due=2)
        self.assertDecision(invoice, "notify")

    def test_announcement_lapses_after_its_window(self):
        invoice = self._make_announced(self._announce(5, window_days=3), due=1)
        self.assertDecision(invoice, "not_due")
        self.assertFalse(self.items(invoice).next_step_id)

    def test_announcement_of_the_due_date_itself_is_sent_that_day(self):
        invoice = self._make_announced(self._announce(0), due=0)
        self.assertDecision(invoice, "notify")

    def test_announcement_is_not_sent_once_overdue(self):
        invoice = self._make_announced(self._announce(0), self._claim(3), due=-1)
        self.assertDecision(invoice, "waiting")

    def test_latest_of_two_open_announcements_is_sent(self):
        invoice = self._make_announced(self._announce(5), self._announce(4), due=4)
        self.assertEqual(self.items(invoice).next_step_id.days, -4)

    def test_second_announcement_follows_the_first(self):
        invoice = self._make_announced(self._announce(5), self._announce(2))
        self.run_day()
        item = self.items(invoice)
        self.assertEqual((item.next_step_id.days, item.next_date), (-2, days(3)))

    def test_announcement_does_not_count_as_a_claim(self):
        invoice = self._make_announced(self._announce(5), self._claim(3))
        self.run_day()
        with self.at(8):
            self.assertDecision(invoice, "claim")


class TestRepeat(CollectionsCommon):
    def _make_repeated(self, *later, repeat=10):
        scheme = self._make_scheme(self._claim(3, name="Last", repeat_days=repeat), *later)
        self.customer = self._make_customer(scheme=scheme)
        return self._make_invoice(self.customer, due=-20)

    def test_last_claim_is_said_again_after_its_days(self):
        invoice = self._make_repeated()
        self.run_day(self.customer)
        with self.at(9):
            self.assertDecision(invoice, "waiting")
        with self.at(10):
            self.assertDecision(invoice, "claim")
            self.assertEqual(len(self.run_day(self.customer)), 1)
        with self.at(20):
            self.assertDecision(invoice, "claim")

    def test_claim_without_repetition_is_said_once(self):
        invoice = self._make_repeated(repeat=0)
        self.run_day(self.customer)
        with self.at(100):
            self.assertDecision(invoice, "finished")

    def test_next_step_comes_before_another_repetition(self):
        invoice = self._make_repeated(self._act(60, name="Lawyer"))
        self.run_day(self.customer)
        with self.at(10):
            self.assertEqual(self.items(invoice).next_step_id.name, "Last")
        with self.at(40):
            self.assertEqual(self.items(invoice).next_step_id.name, "Lawyer")

    def test_repetition_does_not_put_the_next_step_off(self):
        invoice = self._make_repeated(self._act(4, name="Lawyer", gap_days=12), repeat=5)
        names = {}
        for day in (0, 5, 10, 12):
            with self.at(day):
                names[day] = self.items(invoice).next_step_id.name
                self.assertDecision(invoice, "act" if day == 12 else "claim")
                self.run_day(self.customer)
        self.assertEqual(names, {0: "Last", 5: "Last", 10: "Last", 12: "Lawyer"})

    def test_repeated_claim_counts_its_repetitions(self):
        self._make_repeated()
        self.run_day(self.customer)
        with self.at(10):
            notice = self.run_day(self.customer)
        self.assertEqual(notice.line_ids.repetition, 1)


class TestMessages(CollectionsCommon):
    """One message per customer and channel, whatever the items."""

    def test_items_at_several_steps_go_in_one_message_of_the_firmest_step(self):
        customer = self._make_customer()
        old = self._make_invoice(customer, due=-30)
        self.run_day(customer)
        with self.at(7):
            young = self._make_invoice(customer, due=-3)
            notice = self.decide(customer)
        self.assertEqual(len(notice), 1)
        self.assertEqual(notice.step_id, self.second)
        steps = {line.move_id: line.step_id for line in notice.line_ids}
        self.assertEqual(steps, {old: self.second, young: self.first})

    def test_claim_is_firmer_than_an_announcement(self):
        scheme = self._make_scheme(self._announce(9), self._announce(5), self._claim(3))
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer, due=5, issued=-1)
        self._make_invoice(customer, due=-3)
        notice = self.decide(customer)
        self.assertEqual(notice.step_id, scheme.step_ids[2])
        self.assertEqual(len(notice.line_ids), 2)

    def test_step_with_several_channels_makes_a_notice_of_each(self):
        scheme = self._make_scheme(self._claim(3, channels=self.email | self.call))
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer)
        notices = self.decide(customer)
        self.assertEqual(notices.channel_id, self.email | self.call)
        self.assertEqual(len(notices), 2)

    def test_call_names_only_the_items_whose_step_calls(self):
        scheme = self._make_scheme(
            self._claim(3), self._claim(5, channels=self.email | self.call, gap_days=1)
        )
        customer = self._make_customer(scheme=scheme)
        old = self._make_invoice(customer, due=-30)
        self.run_day(customer)
        with self.at(1):
            young = self._make_invoice(customer, due=-3)
            notices = self.decide(customer)
        by_channel = notices.grouped("channel_id")
        self.assertEqual(by_channel[self.email].line_ids.move_id, old | young)
        self.assertEqual(by_channel[self.call].line_ids.move_id, old)

    def test_each_customer_gets_a_message_of_its_own(self):
        for name in ("One", "Two"):
            self._make_invoice(self._make_customer(name))
        notices = self.decide()
        self.assertEqual(len(notices), 2)
        self.assertEqual(len(notices.customer_id), 2)

    def test_preferred_channel_replaces_the_steps(self):
        customer = self._make_customer(channel_id=self.letter.id)
        self._make_invoice(customer)
        self.assertEqual(self.decide(customer).channel_id, self.letter)

    def test_preferred_channel_replaces_several_messages_by_one(self):
        scheme = self._make_scheme(self._claim(3, channels=self.email | self.letter))
        customer = self._make_customer(scheme=scheme, channel_id=self.whatsapp.id)
        self._make_invoice(customer)
        self.assertEqual(self.decide(customer).mapped("channel_id"), self.whatsapp)

    def test_preferred_channel_does_not_replace_a_call(self):
        scheme = self._make_scheme(self._claim(3, channels=self.call))
        customer = self._make_customer(scheme=scheme, channel_id=self.letter.id)
        self._make_invoice(customer)
        self.assertEqual(self.decide(customer).channel_id, self.call)

    def test_consumers_only_channel_replaces_the_steps(self):
        policy = self._make_policy(channel_id=self.email.id)
        scheme = self._make_scheme(
            self._claim(3, channels=self.letter | self.whatsapp), consumer_policy_id=policy.id
        )
        customer = self._make_customer(scheme=scheme, is_consumer=True)
        self._make_invoice(customer)
        self.assertEqual(self.decide(customer).mapped("channel_id"), self.email)

    def test_business_keeps_the_steps_channels(self):
        policy = self._make_policy(channel_id=self.email.id)
        scheme = self._make_scheme(
            self._claim(3, channels=self.letter | self.whatsapp), consumer_policy_id=policy.id
        )
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer)
        self.assertEqual(self.decide(customer).channel_id, self.letter | self.whatsapp)

    def test_action_without_channel_becomes_a_task(self):
        scheme = self._make_scheme(self._act(3, channels=self.email.browse(), channel_ids=False))
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer)
        self.assertEqual(self.decide(customer).channel_id, self.action)

    def test_line_keeps_document_date_and_amounts_when_the_invoice_goes(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 123.45)
        number = invoice.name
        line = self.run_day(customer).line_ids
        invoice.button_draft()
        invoice.with_context(force_delete=True).unlink()
        self.assertFalse(line.move_id)
        self.assertEqual((line.name, line.residual, line.date_due), (number, 123.45, days(-5)))


class TestOnce(CollectionsCommon):
    def test_second_run_of_the_day_makes_nothing(self):
        self._make_invoice(self._make_customer())
        self.assertEqual(len(self.decide()), 1)
        self.assertFalse(self.decide())

    def test_second_run_after_sending_makes_nothing(self):
        self._make_invoice(self._make_customer())
        self.run_day()
        self.assertFalse(self.decide())

    def test_new_item_of_the_same_day_gets_its_own_notice(self):
        customer = self._make_customer()
        self._make_invoice(customer)
        self.run_day(customer)
        invoice = self._make_invoice(customer)
        self.assertEqual(self.decide(customer).line_ids.move_id, invoice)

    def test_notice_on_its_way_keeps_its_items(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        self.decide(customer)
        self.assertDecision(invoice, "in_notice")

    def test_database_refuses_the_same_step_twice(self):
        customer = self._make_customer()
        self._make_invoice(customer)
        line = self.run_day(customer).line_ids
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(UniqueViolation, "said_once"),
            self.env.cr.savepoint(),
        ):
            line.copy()

    def test_withdrawn_line_leaves_room_for_the_same_step(self):
        customer = self._make_customer()
        self._make_invoice(customer)
        notice = self.decide(customer)
        notice.action_cancel()
        again = self.decide(customer)
        self.assertEqual(again.line_ids.step_id, notice.line_ids.step_id)

    def test_button_and_job_together_make_one_notice(self):
        customer = self._make_customer()
        self._make_invoice(customer)
        customer.with_user(self.collector).action_run_now()
        self.assertFalse(self.decide())
        self.assertEqual(len(customer.notice_ids), 1)


class TestMode(CollectionsCommon):
    """The more careful of the company's mode and the scheme's counts."""

    def _decide_with(self, company, scheme):
        self.company.collection_mode = company
        self.scheme.mode = scheme
        customer = self._make_customer(f"{company} {scheme}")
        invoice = self._make_invoice(customer)
        return self.items(invoice), self.decide(customer)

    def test_mode_is_the_more_careful_one(self):
        simulation, approve, automatic = "simulation", "approve", "automatic"
        for company, scheme, expected in (
            (automatic, automatic, automatic),
            (automatic, approve, approve),
            (automatic, simulation, simulation),
            (approve, automatic, approve),
            (approve, approve, approve),
            (approve, simulation, simulation),
            (simulation, automatic, simulation),
            (simulation, approve, simulation),
            (simulation, simulation, simulation),
        ):
            with self.subTest(company=company, scheme=scheme):
                item, _notices = self._decide_with(company, scheme)
                self.assertEqual(item.mode, expected)

    def test_simulation_decides_and_makes_nothing(self):
        item, notices = self._decide_with("simulation", "automatic")
        self.assertEqual(item.decision, "claim")
        self.assertFalse(notices)

    def test_approval_makes_notices_that_wait(self):
        _item, notices = self._decide_with("approve", "automatic")
        self.assertEqual(notices.state, "to_approve")
        self.deliver()
        self.assertEqual(notices.state, "to_approve")

    def test_automatic_makes_notices_that_leave(self):
        _item, notices = self._decide_with("automatic", "automatic")
        self.assertEqual(notices.state, "ready")
        self.deliver()
        self.assertEqual(notices.state, "sent")

    def test_new_company_starts_in_simulation(self):
        company = self.system["res.company"].create({"name": "New"})
        self.assertEqual(company.collection_mode, "simulation")

    def test_scheme_in_simulation_is_not_even_looked_at(self):
        self._decide_with("automatic", "simulation")
        ids = self.system["collection.run"]._get_customer_ids(self.company)
        self.assertFalse(ids)

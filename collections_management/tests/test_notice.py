"""A notice's way: approved, edited, rechecked, composed, sent, failed, tried again."""

import smtplib
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tools import SQL, mute_logger

from ..models import collection_run
from .common import TODAY, CollectionsCommon, days


class NoticeCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls.other = cls._make_invoice(cls.customer, 50)

    def _decide_to_approve(self):
        self.company.collection_mode = "approve"
        return self.decide(self.customer)

    def _get_bodies(self):
        return [str(mail["body"]) for mail in self._mails]


class TestApproval(NoticeCommon):
    def test_approved_notice_is_sent(self):
        notice = self._decide_to_approve()
        notice.with_user(self.collector).action_approve()
        self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_notice_that_nobody_approves_is_not_sent(self):
        notice = self._decide_to_approve()
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "to_approve")

    def test_notice_that_was_sent_can_not_be_approved(self):
        notice = self.run_day(self.customer)
        with self.assertRaisesRegex(UserError, "Sent.*approve"):
            notice.action_approve()

    def test_skipped_notice_is_not_sent_and_counts(self):
        notice = self._decide_to_approve()
        notice.with_user(self.collector).action_skip()
        self.assertFalse(self.deliver())
        self.assertEqual(self.items(self.invoice).last_step_id, self.first)

    def test_sent_notice_can_not_be_skipped(self):
        with self.assertRaises(UserError):
            self.run_day(self.customer).action_skip()

    def test_withdrawn_notice_is_not_sent_and_does_not_count(self):
        notice = self._decide_to_approve()
        notice.with_user(self.collector).action_cancel()
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")
        self.assertFalse(self.items(self.invoice).last_step_id)
        self.assertIn("Test collector", notice.failure)

    def test_sent_notice_can_not_be_withdrawn(self):
        with self.assertRaises(UserError):
            self.run_day(self.customer).action_cancel()

    def test_withdrawing_a_task_takes_it_from_the_list(self):
        self.customer.channel_id = self.letter
        notice = self.run_day(self.customer)
        task = notice.activity_id
        self.assertTrue(task)
        notice.action_cancel()
        self.assertFalse(task.exists())


class TestEditing(NoticeCommon):
    def _edit(self, **values):
        notice = self._decide_to_approve().with_user(self.collector)
        notice.action_edit_message()
        notice.write(values)
        return notice

    def test_editing_begins_with_the_templates_words(self):
        notice = self._edit()
        self.assertIn("Claim:", notice.subject)
        self.assertIn("100.00", notice.body)

    def test_edited_words_are_what_is_sent(self):
        notice = self._edit(subject="My own subject", body="<p>My own words</p>")
        notice.action_approve()
        self.deliver()
        self.assertEqual(notice.state, "sent", notice.failure)
        self.assertEqual([mail["subject"] for mail in self._mails], ["My own subject"])
        self.assertIn("My own words", self._get_bodies()[0])

    def test_edited_message_whose_item_was_paid_comes_back(self):
        notice = self._edit(body="<p>Pay both</p>")
        notice.action_approve()
        self._pay(self.other)
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "to_approve")
        self.assertIn("changed", notice.failure)

    def test_edited_message_whose_amount_changed_comes_back(self):
        notice = self._edit(body="<p>Pay 150</p>")
        notice.action_approve()
        self._pay(self.other, 10)
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "to_approve")

    def test_edited_message_that_comes_back_is_sent_when_approved_again(self):
        notice = self._edit(body="<p>Pay both</p>")
        notice.action_approve()
        self._pay(self.other)
        self.deliver()
        notice.action_approve()
        self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_template_message_whose_amount_changed_is_made_anew_and_sent(self):
        notice = self._decide_to_approve()
        notice.action_approve()
        self._pay(self.other, 10)
        self.deliver()
        self.assertEqual(notice.state, "sent")
        self.assertIn("40.00", self._get_bodies()[0])

    def test_reset_message_has_the_templates_words_again(self):
        notice = self._edit(body="<p>My own words</p>")
        notice.action_reset_message()
        notice.action_approve()
        self.deliver()
        self.assertNotIn("My own words", self._get_bodies()[0])

    def test_message_that_left_can_not_be_edited(self):
        notice = self.run_day(self.customer)
        with self.assertRaises(UserError):
            notice.action_edit_message()


class TestRecheck(NoticeCommon):
    """Between the decision and the delivery the world goes on."""

    def test_notice_whose_items_are_all_paid_is_cancelled(self):
        notice = self.decide(self.customer)
        self._pay(self.invoice + self.other)
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")

    def test_item_that_was_paid_leaves_the_notice(self):
        notice = self.decide(self.customer)
        self._pay(self.invoice)
        self.deliver()
        self.assertEqual(notice.state, "sent")
        self.assertEqual(notice.line_ids.filtered("live").move_id, self.other)
        self.assertEqual(len(notice.line_ids), 2, "what was decided stays on record")

    def test_part_payment_lowers_the_amount(self):
        notice = self.decide(self.customer)
        self._pay(self.invoice, 30)
        self.deliver()
        amounts = {line.move_id: line.residual for line in notice.line_ids}
        self.assertEqual(amounts, {self.invoice: 70, self.other: 50})

    def test_item_that_is_held_meanwhile_leaves_the_notice(self):
        notice = self.decide(self.customer)
        self._hold(self.invoice)
        self.deliver()
        self.assertEqual(notice.state, "sent")
        self.assertEqual(notice.line_ids.filtered("live").move_id, self.other)

    def test_pause_of_the_customer_cancels_the_notice(self):
        notice = self.decide(self.customer)
        self.customer.write({"pause_until": days(3), "pause_reason": "Fair"})
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")

    def test_credit_that_covers_meanwhile_cancels_the_notice(self):
        notice = self.decide(self.customer)
        self._make_payment(self.customer, 150)
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")

    def test_item_that_left_is_decided_anew_when_it_is_free_again(self):
        self.decide(self.customer)
        hold = self._hold(self.invoice)
        self.deliver()
        hold.action_lift()
        self.assertEqual(self.decide(self.customer).line_ids.move_id, self.invoice)

    def test_step_of_the_notice_is_the_firmest_of_what_is_left(self):
        self.run_day(self.customer)
        with self.at(7):
            young = self._make_invoice(self.customer, due=-3)
            notice = self.decide(self.customer)
            self.assertEqual(notice.step_id, self.second)
            self._pay(self.invoice + self.other)
            self.deliver()
        self.assertEqual(notice.step_id, self.first)
        self.assertEqual(notice.line_ids.filtered("live").move_id, young)

    def test_notice_waits_when_the_day_becomes_a_holiday(self):
        self.scheme.policy_id = self._make_policy()
        notice = self.decide(self.customer)
        with self.at(4):  # a Sunday
            self.assertFalse(self.deliver())
            self.assertEqual(notice.state, "ready")
        with self.at(5):
            self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_going_back_to_simulation_stops_what_is_ready(self):
        notice = self.decide(self.customer)
        self.company.collection_mode = "simulation"
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "ready")
        self.company.collection_mode = "automatic"
        self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_going_back_to_simulation_stops_what_is_composed(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self.scheme.mode = "simulation"
        self.deliver()
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "ready")

    def test_going_back_to_approving_asks_for_what_was_to_leave_by_itself(self):
        for place, field in ((self.company, "collection_mode"), (self.scheme, "mode")):
            with self.subTest(place=place._name):
                customer = self._make_customer(place._name)
                self._make_invoice(customer)
                notice = self.decide(customer)
                place[field] = "approve"
                self.assertFalse(self.deliver())
                self.assertEqual(notice.state, "to_approve")
                place[field] = "automatic"
                notice.action_approve()
                self.deliver()
                self.assertEqual(notice.state, "sent")

    def test_going_back_to_approving_takes_back_what_is_composed(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self.company.collection_mode = "approve"
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "to_approve")
        self.assertFalse(notice.message_id)

    def test_approved_notices_need_not_be_approved_again(self):
        self.company.collection_mode = "approve"
        notice = self.decide(self.customer)
        notice.action_approve()
        self.company.collection_mode = "approve"
        self.assertEqual(notice.state, "ready")

    def test_notices_of_one_day_on_several_channels_do_not_cancel_each_other(self):
        self.first.channel_ids = self.email | self.call | self.letter
        notices = self.run_day(self.customer)
        states = {notice.channel_id: notice.state for notice in notices}
        self.assertEqual(states, {self.email: "sent", self.call: "queued", self.letter: "queued"})

    def test_sibling_that_failed_is_still_sent_on_another_day(self):
        self.first.channel_ids = self.email | self.letter
        address = self.customer.partner_id.email
        self.customer.partner_id.email = False
        notices = self.run_day(self.customer)
        mail = notices.filtered(lambda n: n.channel_id == self.email)
        self.assertEqual(mail.state, "failed")
        self.customer.partner_id.email = address
        with self.at(1):
            self.run_day(self.customer)
        self.assertEqual(mail.state, "sent")

    def test_notice_under_a_contact_policy_does_not_wait_for_itself(self):
        self.scheme.policy_id = self._make_policy(interval_days=10)
        notice = self.run_day(self.customer)
        self.assertEqual(notice.state, "sent")

    def test_composed_mail_whose_item_is_paid_before_it_leaves_is_made_anew(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self.assertEqual(notice.state, "queued")
        self._pay(self.invoice)
        self.deliver()
        self.assertFalse(self._mails, "the old words did not leave")
        self.assertEqual(notice.state, "ready")
        self.deliver()
        self.assertEqual(notice.state, "sent")
        [body] = self._get_bodies()
        self.assertIn("50.00", body)
        self.assertNotIn("100.00", body)

    def test_composed_mail_whose_items_are_all_paid_never_leaves(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self._pay(self.invoice + self.other)
        self.deliver()
        self.assertFalse(self._mails)
        self.deliver()
        self.assertFalse(self._mails)
        self.assertEqual(notice.state, "cancelled")

    def test_odoos_own_mail_queue_sends_no_notice_that_is_out_of_date(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
            self._pay(self.invoice + self.other)
            notice.mail_id.send()
        self.assertFalse(self._mails)

    def test_line_that_left_and_is_owed_again_does_not_hold_up_the_rest(self):
        notice = self.decide(self.customer)
        hold = self._hold(self.invoice)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        hold.action_lift()
        self.deliver()
        self.assertEqual(notice.state, "sent")
        self.assertEqual(notice.line_ids.filtered("live").move_id, self.other)


class TestSending(NoticeCommon):
    def test_sent_notice_knows_its_mail_and_the_customers_conversation_has_it(self):
        notice = self.run_day(self.customer)
        self.assertEqual((notice.state, notice.sent_date), ("sent", TODAY))
        self.assertEqual(notice.message_id.model, "collection.customer")
        self.assertEqual(notice.message_id.res_id, self.customer.id)
        self.assertEqual(notice.message_uid, notice.message_id.message_id)
        sending = notice.message_id.notification_ids
        self.assertEqual(sending.res_partner_id, self.customer.partner_id)
        self.assertEqual(sending.notification_status, "sent")

    def test_one_mail_leaves_a_customer(self):
        self._make_invoice(self._make_customer("Second"))
        self.decide()
        mails = self.deliver()
        self.assertEqual(len(mails), 2)
        self.assertEqual(len({mail["email_to"][0] for mail in mails}), 2)

    def _refuse(self, *_args, **_kwargs):
        raise ConnectionRefusedError("Connection refused")

    def _deliver_to_closed_server(self):
        self.env.flush_all()
        with (
            mute_logger("odoo.addons.mail.models.mail_mail"),
            patch.object(type(self.env["ir.mail_server"]), "_connect__", self._refuse),
        ):
            self.deliver()

    def test_refused_connection_is_shown_and_tried_again(self):
        notice = self.decide(self.customer)
        self._deliver_to_closed_server()
        self.assertEqual(notice.state, "failed")
        self.assertIn("refused", notice.failure)
        self.assertEqual(str(notice.retry_at), f"{TODAY} 10:05:00")

    def test_every_further_failure_waits_longer(self):
        notice = self.decide(self.customer)
        self._deliver_to_closed_server()
        with self.at(f"{TODAY} 10:06:00"):
            self._deliver_to_closed_server()
        self.assertEqual(notice.attempts, 2)
        self.assertEqual(str(notice.retry_at), f"{TODAY} 10:16:00")

    def test_failed_notice_is_left_alone_before_its_time(self):
        notice = self.decide(self.customer)
        self._deliver_to_closed_server()
        with self.at(f"{TODAY} 10:04:00"):
            self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "failed")

    def test_notice_sent_in_the_end_keeps_its_message_id(self):
        notice = self.decide(self.customer)
        self._deliver_to_closed_server()
        uid = notice.message_uid
        self.assertTrue(uid)
        with self.at(f"{TODAY} 10:06:00"):
            [mail] = self.deliver()
        self.assertEqual(notice.state, "sent")
        self.assertEqual((notice.message_uid, mail["message_id"]), (uid, uid))
        self.assertFalse(notice.failure)

    def test_person_may_retry_before_its_time(self):
        notice = self.decide(self.customer)
        self._deliver_to_closed_server()
        notice.with_user(self.collector).action_retry()
        self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_notice_paid_while_the_server_was_down_is_not_sent(self):
        notice = self.decide(self.customer)
        self._deliver_to_closed_server()
        self._pay(self.invoice + self.other)
        with self.at(f"{TODAY} 10:06:00"):
            self.assertFalse(self.deliver())
            self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")

    def test_server_that_hangs_up_in_the_middle_loses_nothing(self):
        notice = self.decide(self.customer)
        second = self._make_customer("Second")
        self._make_invoice(second)
        notice |= self.decide(second)

        def hang_up(*_args, **_kwargs):
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

        with (
            mute_logger(
                "odoo.addons.mail.models.mail_mail",
                "odoo.addons.collections_management.models.collection_run",
            ),
            patch.object(type(self.env["ir.mail_server"]), "send_email", hang_up),
            self.enter_registry_test_mode(),
            self.registry.cursor() as cr,
        ):
            self.system(cr=cr, context={})["collection.run"]._cron_deliver()
        self.env.invalidate_all()
        self.assertLessEqual(set(notice.mapped("state")), {"queued", "failed"})
        with self.at(1):
            self.deliver()
        self.assertEqual(set(notice.mapped("state")), {"sent"})

    def test_hours_of_the_policy_are_kept(self):
        self.scheme.policy_id = self._make_policy(hour_from=11, hour_to=12)
        notice = self.decide(self.customer)
        self.assertFalse(self.deliver())
        self.assertEqual((notice.state, str(notice.retry_at)), ("ready", f"{TODAY} 11:00:00"))
        with self.at(f"{TODAY} 11:00:00"):
            self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_notice_that_comes_too_late_for_today_leaves_on_the_next_working_day(self):
        self.scheme.policy_id = self._make_policy(hour_from=8, hour_to=9)
        notice = self.decide(self.customer)
        self.deliver()
        self.assertEqual(str(notice.retry_at), f"{days(1)} 08:00:00")

    def test_hours_are_those_of_the_calendars_time_zone(self):
        calendar = self.company.resource_calendar_id.copy({"tz": "Atlantic/Canary"})
        calendar.tz = "America/New_York"  # 6:00 there
        self.scheme.policy_id = self._make_policy(hour_from=8, hour_to=12, calendar_id=calendar.id)
        notice = self.decide(self.customer)
        self.assertFalse(self.deliver())
        self.assertEqual(str(notice.retry_at), f"{TODAY} 12:00:00")


class TestFailures(NoticeCommon):
    """One customer's trouble is shown there and stops nobody else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.healthy = cls._make_customer("Healthy")
        cls._make_invoice(cls.healthy)

    def _run_both(self):
        notices = self.decide().grouped("customer_id")
        with mute_logger("odoo.addons.collections_management.models.collection_run"):
            self.deliver()
        self.assertEqual(notices[self.healthy].state, "sent")
        return notices[self.customer]

    def test_customer_without_address_fails_and_says_what_to_do(self):
        self.customer.partner_id.email = False
        notice = self._run_both()
        self.assertEqual(notice.state, "failed")
        self.assertIn("no valid e-mail address", notice.failure)
        self.assertFalse(notice.retry_at, "trying again in minutes would not help")

    def test_customer_without_address_is_tried_again_every_day(self):
        self.customer.partner_id.email = False
        notice = self._run_both()
        self.customer.partner_id.email = "new@example.com"
        self.assertFalse(self.deliver())
        with self.at(1):
            self.run_day()
        self.assertEqual(notice.state, "sent")

    def test_failed_notice_keeps_its_items_from_a_second_one(self):
        self.customer.partner_id.email = False
        self._run_both()
        self.assertDecision(self.customer, "in_notice")
        with self.at(1):
            self.assertFalse(self.decide(self.customer))

    def _break_template(self, template):
        """Give a template words that raise for one customer, as data that changed later would."""
        with patch.object(type(template), "_check_can_be_rendered", lambda *args, **kwargs: None):
            template.body_html = "<p><t t-out=\"1 / (object.partner_id.name != 'Customer')\"/></p>"

    def test_template_that_raises_fails_only_its_own_customers(self):
        bad = self._make_template("Bad")
        self._break_template(bad)
        self.customer.strategy_id = self._make_scheme(self._claim(3, template_id=bad.id))
        notice = self._run_both()
        self.assertEqual(notice.state, "failed")
        self.assertIn("could not be made", notice.failure)

    def test_template_that_raises_for_one_customer_spares_the_others(self):
        self._break_template(self.template)
        notice = self._run_both()
        self.assertEqual(notice.state, "failed")
        self.assertIn("division", notice.failure)

    def test_mended_template_is_sent_by_itself(self):
        words = self.template.body_html
        self._break_template(self.template)
        notice = self._run_both()
        self.template.body_html = words
        with self.at(1):
            self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_language_that_is_not_installed_gives_way_to_the_companys(self):
        self.env.cr.execute(
            "UPDATE res_partner SET lang = 'xx_XX' WHERE id = %s", [self.customer.partner_id.id]
        )
        self.env.invalidate_all()
        notice = self._run_both()
        self.assertEqual((notice.state, notice.lang), ("sent", "en_US"))

    def test_deleted_contact_gives_way_to_the_customer(self):
        contact = self._make_contact(self.customer, "Gone")
        self.customer.payments_contact_id = contact
        notices = self.decide()
        contact.unlink()
        self.deliver()
        self.assertEqual(set(notices.mapped("state")), {"sent"})
        notice = notices.filtered(lambda n: n.customer_id == self.customer)
        self.assertEqual(notice.recipient_id, self.customer.partner_id)

    def test_archived_contact_gives_way_to_the_customer(self):
        contact = self._make_contact(self.customer, "Left")
        self.customer.payments_contact_id = contact
        contact.active = False
        notice = self._run_both()
        self.assertEqual(notice.recipient_id, self.customer.partner_id)

    def test_customer_that_can_not_be_decided_is_shown_and_the_rest_goes_on(self):
        run = self.registry["collection.run"]
        decide = run._decide

        def fail_for_one(self_run, company, customers, **options):
            if self.customer.id in customers.ids:
                raise ValueError("Broken record")
            return decide(self_run, company, customers, **options)

        with (
            patch.object(run, "_decide", fail_for_one),
            mute_logger("odoo.addons.collections_management.models.collection_run"),
        ):
            self._run_job("_cron_run")
        self.assertEqual(self.customer.failure, "Broken record")
        self.assertFalse(self.customer.notice_ids)
        self.assertEqual(len(self.healthy.notice_ids), 1)

    def test_failure_of_the_run_is_forgotten_when_it_works_again(self):
        self.customer.failure = "Broken record"
        self.decide()
        self.assertFalse(self.customer.failure)


class TestTasks(NoticeCommon):
    def _make_task(self, channel, step=None):
        self.first.channel_ids = channel
        if step:
            self.first.write(step)
        return self.run_day(self.customer)

    def test_manual_channels_become_tasks_of_the_collector(self):
        for channel in (self.call, self.letter, self.whatsapp):
            with self.subTest(channel.code):
                notice = self._make_task(channel)
                task = notice.activity_id
                self.assertEqual(notice.state, "queued")
                self.assertEqual(task.user_id, self.collector)
                self.assertEqual(task.activity_type_id, channel.activity_type_id)
                self.assertEqual(task.res_model, "collection.customer")
                self.assertEqual(task.res_id, self.customer.id)
                notice.action_cancel()

    def test_email_makes_no_task(self):
        self.assertFalse(self._make_task(self.email).activity_id)

    def test_action_is_a_task_of_the_person_responsible(self):
        scheme = self._make_scheme(self._act(3, responsible_id=self.manager.id, note="Decide"))
        self.customer.strategy_id = scheme
        self.run_day(self.customer)
        action = self.customer.action_ids
        self.assertEqual(action.activity_ids.user_id, self.manager)
        self.assertEqual(action.instructions, "Decide")

    def test_task_of_a_customer_without_collector_goes_to_the_supervisor(self):
        self.company.collection_supervisor_id = self.supervisor
        self.customer.collector_id = self.supervisor
        self.assertEqual(self._make_task(self.call).activity_id.user_id, self.supervisor)

    def test_notice_marked_done_is_sent_and_closes_its_task(self):
        notice = self._make_task(self.call)
        task = notice.activity_id
        notice.with_user(self.collector).action_mark_done()
        self.assertEqual((notice.state, notice.sent_date), ("sent", TODAY))
        self.assertFalse(task.exists().active)

    def test_task_marked_done_sends_its_notice(self):
        notice = self._make_task(self.call)
        notice.activity_id.with_user(self.collector).action_feedback(feedback="Will pay")
        self.assertEqual(notice.state, "sent")

    def test_task_of_the_customer_that_is_no_notice_sends_none(self):
        notice = self._make_task(self.call)
        self.customer.activity_schedule("mail.mail_activity_data_todo").action_feedback()
        self.assertEqual(notice.state, "queued")

    def test_email_can_not_be_marked_done_by_hand(self):
        notice = self.decide(self.customer)
        with self.assertRaisesRegex(UserError, "sent by the system"):
            notice.action_mark_done()

    def test_retrying_a_task_makes_no_second_one(self):
        notice = self._make_task(self.call)
        with self.assertRaises(UserError):
            notice.action_retry()
        self.deliver()
        self.assertEqual(len(self.customer.activity_ids), 1)

    def test_task_that_is_not_done_does_not_keep_the_next_step_waiting(self):
        self._make_task(self.call)
        self.assertDecision(self.customer, "waiting")

    def test_delivering_again_makes_no_second_task(self):
        self._make_task(self.call)
        self.deliver()
        self.assertEqual(len(self.customer.activity_ids), 1)


class TestPreview(NoticeCommon):
    def _preview(self, user=None):
        action = self.customer.with_user(user or self.collector).action_preview()
        return self.env["collection.preview"].sudo().browse(action["res_id"])

    def test_preview_shows_todays_message(self):
        preview = self._preview()
        self.assertEqual(preview.step_name, "First claim")
        self.assertIn("Claim", preview.subject)
        self.assertIn("100.00", str(preview.body))
        self.assertIn("customer@example.com", preview.recipient)

    def test_preview_leaves_nothing_behind(self):
        before = self._count()
        self._preview()
        self.assertEqual(self._count(), before)
        self.assertDecision(self.customer, "claim")

    def _count(self):
        return [
            self.system[model].search_count([])
            for model in (
                "collection.notice",
                "collection.notice.line",
                "mail.mail",
                "mail.activity",
                "ir.attachment",
            )
        ] + [len(self.customer.message_ids)]

    def test_preview_works_in_simulation(self):
        self.company.collection_mode = "simulation"
        self.assertTrue(self._preview().body)

    def test_preview_of_nothing_says_so(self):
        self._pay(self.invoice + self.other)
        with self.assertRaisesRegex(UserError, "nothing to say to Customer"):
            self._preview()

    def test_preview_of_a_task_says_that_it_is_one(self):
        self.first.channel_ids = self.call
        with self.assertRaisesRegex(UserError, "a task, no message"):
            self._preview()

    def test_preview_of_a_notice_shows_its_own_words(self):
        notice = self._decide_to_approve()
        notice.write({"subject": "Mine", "body": "<p>My words</p>"})
        action = notice.with_user(self.collector).action_preview()
        preview = self.env["collection.preview"].sudo().browse(action["res_id"])
        self.assertEqual(preview.subject, "Mine")
        self.assertEqual(notice.state, "to_approve")

    def test_button_runs_for_one_customer_and_says_what_came_of_it(self):
        self._make_invoice(self._make_customer("Other"))
        result = self.customer.with_user(self.collector).action_run_now()
        self.assertEqual(result["params"]["type"], "success")
        made = self.system["collection.notice"].search([("company_id", "=", self.company.id)])
        self.assertEqual(made.customer_id, self.customer)

    def test_button_with_nothing_to_say_says_so(self):
        self._pay(self.invoice + self.other)
        result = self.customer.with_user(self.collector).action_run_now()
        self.assertEqual(result["params"]["type"], "info")

    def test_button_sends_nothing_in_simulation(self):
        self.company.collection_mode = "simulation"
        self.customer.with_user(self.collector).action_run_now()
        self.assertFalse(self.customer.notice_ids)


class TestStatistics(NoticeCommon):
    def test_run_that_makes_many_notices_tells_the_database_of_them(self):
        self.env.cr.execute("ANALYZE collection_notice")
        for name in ("One", "Two"):
            self._make_invoice(self._make_customer(name))
        with patch.object(collection_run, "MANY_NOTICES", 3):
            self._run_job("_cron_run")
        known = SQL("SELECT reltuples FROM pg_class WHERE oid = 'collection_notice'::regclass")
        made = self.system["collection.notice"].search_count([])
        self.assertGreaterEqual(made, 3)
        self.assertEqual(self.env.execute_query(known), [(made,)])

"""Whether an invoice reached its customer: one state for lists, people and claims."""

import json
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, mute_logger

from .common import CollectionsCommon, days


class DeliveryCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.collection_delivery_from = days(-100)
        cls.customer = cls._make_customer(scheme=cls._make_scheme(cls._issue(), cls._claim(3)))
        cls.customer.partner_id.invoice_sending_method = "email"
        cls.sent = cls._make_invoice(cls.customer, is_move_sent=True)

    def _notify_of(self, invoice, *statuses, partner=None, **values):
        """Record that the invoice was sent by e-mail: a contact and a mail for each status."""
        for index, status in enumerate(statuses):
            message = invoice.sudo().message_post(body="Invoice")
            reader = partner or self._make_partner(f"Reader {index} of {message.id}")
            self.system["mail.notification"].create(
                {
                    "mail_message_id": message.id,
                    "res_partner_id": reader.id,
                    "notification_type": "email",
                    "notification_status": status,
                    **values,
                }
            )

    def _read(self, invoice, name="collection_delivery_state"):
        self.env.flush_all()
        self.env.invalidate_all()
        return invoice.with_user(self.accountant)[name]

    def _send_job(self):
        with self.mock_mail_gateway():
            self._run_job("_cron_send_invoices")


class TestState(DeliveryCommon):
    def assertState(self, invoice, state):
        """Check the state as it is read, searched and decided by."""
        self.assertEqual(self._read(invoice), state)
        found = self.env["account.move"].search([("collection_delivery_state", "=", state)])
        self.assertIn(invoice, found)
        if state and invoice.move_type == "out_invoice":
            arrived = state in ("sent", "accepted")
            self.assertDecision(invoice, "claim" if arrived else "not_delivered")

    def test_posted_invoice_is_not_sent(self):
        self.assertState(self._make_invoice(self.customer), "not_sent")

    def test_draft_and_vendor_bill_have_no_state(self):
        self.assertState(self._make_invoice(self.customer, post=False), False)
        self.assertState(self._make_invoice(self.customer, kind="in_invoice"), False)

    def test_invoice_from_before_the_sending_has_no_state(self):
        old = self._make_invoice(self.customer, issued=-101)
        self.assertFalse(self._read(old))
        self.assertDecision(old, "claim")

    def test_credit_notes_have_a_state_too(self):
        self.assertState(self._make_credit(self.customer, 20), "not_sent")

    def test_invoice_that_waits_for_odoos_queue_is_queued(self):
        invoice = self._make_invoice(self.customer)
        invoice.sending_data = {"author_user_id": self.accountant.id}
        self.assertState(invoice, "queued")

    def test_sent_invoice_without_mails_is_sent(self):
        self.assertState(self.sent, "sent")

    def test_mail_that_waits_for_the_server_is_queued(self):
        self._notify_of(self.sent, "ready")
        self.assertState(self.sent, "queued")

    def test_mail_that_came_back_is_bounced(self):
        self._notify_of(self.sent, "bounce")
        self.assertState(self.sent, "bounced")

    def test_mail_that_did_not_leave_is_an_error(self):
        self._notify_of(self.sent, "exception")
        self.assertState(self.sent, "error")

    def test_one_mail_that_arrived_is_enough(self):
        self._notify_of(self.sent, "bounce", "exception", "sent")
        self.assertState(self.sent, "sent")

    def test_mail_to_a_colleague_is_no_delivery(self):
        self._notify_of(self.sent, "bounce")
        self._notify_of(self.sent, "sent", partner=self.manager.partner_id)
        self.assertState(self.sent, "bounced")

    def test_mail_to_a_colleague_that_failed_is_no_trouble(self):
        self._notify_of(self.sent, "exception", partner=self.manager.partner_id)
        self.assertState(self.sent, "sent")

    def test_invoice_sent_again_after_a_bounce_is_sent(self):
        self._notify_of(self.sent, "bounce")
        self._notify_of(self.sent, "sent")
        self.assertState(self.sent, "sent")

    def test_invoice_that_could_not_be_made_is_an_error(self):
        invoice = self._make_invoice(self.customer)
        invoice.sudo().collection_sending_error = "No paper"
        self.assertState(invoice, "error")

    def test_answer_of_an_einvoicing_network_comes_before_the_mails(self):
        Move = self.registry["account.move"]
        self._notify_of(self.sent, "bounce")

        def answer(moves, alias):
            return SQL(
                "CASE %s.ref WHEN 'yes' THEN 'accepted' WHEN 'no' THEN 'rejected' END", alias
            )

        with patch.object(Move, "_get_einvoice_state_sql", answer):
            self.assertState(self.sent, "bounced")
            self.sent.ref = "yes"
            self.assertState(self.sent, "accepted")
            self.sent.ref = "no"
            self.assertState(self.sent, "rejected")

    def test_state_sorts_and_groups(self):
        self._make_invoice(self.customer)
        bounced = self._make_invoice(self.customer, is_move_sent=True)
        self._notify_of(bounced, "bounce")
        domain = [("partner_id", "=", self.customer.partner_id.id)]
        Move = self.env["account.move"].with_user(self.accountant)
        groups = Move._read_group(domain, ["collection_delivery_state"], ["__count"])
        self.assertEqual(dict(groups), {"sent": 1, "bounced": 1, "not_sent": 1})
        moves = Move.search(domain, order="collection_delivery_state")
        self.assertEqual(moves.mapped("collection_delivery_state"), ["bounced", "not_sent", "sent"])
        undelivered = [("collection_delivery_state", "in", ["not_sent", "bounced"])]
        self.assertEqual(Move.search(domain + undelivered), moves[:2].sorted())

    def test_who_may_not_read_invoices_learns_nothing_by_searching(self):
        with self.assertRaises(AccessError):
            self.env["account.move"].with_user(self.employee).search(
                [("collection_delivery_state", "=", "sent")]
            )

    def test_many_invoices_cost_no_more_queries(self):
        def count(number):
            moves = self.env["account.move"]
            for _index in range(number):
                move = self._make_invoice(self.customer, is_move_sent=True)
                self._notify_of(move, "bounce")
                moves |= move
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            moves.mapped("collection_delivery_problem")
            return self.cr.sql_log_count - before

        count(1)
        self.assertEqual(count(2), count(8))


class TestProblem(DeliveryCommon):
    def _get_problem(self, invoice):
        return self._read(invoice, "collection_delivery_problem")

    def test_bounce_tells_contact_and_reason(self):
        ana = self._make_partner("Ana")
        self._notify_of(
            self.sent,
            "bounce",
            partner=ana,
            failure_type="mail_bounce",
            failure_reason="No such user",
        )
        self.assertEqual(self._get_problem(self.sent), "Ana: No such user")

    def test_failure_without_reason_tells_its_kind(self):
        self._notify_of(self.sent, "exception", failure_type="mail_email_invalid")
        self.assertIn("Invalid email address", self._get_problem(self.sent))

    def test_last_failure_is_told(self):
        for reason in ("First", "Last"):
            self._notify_of(self.sent, "bounce", failure_type="mail_bounce", failure_reason=reason)
        self.assertIn("Last", self._get_problem(self.sent))

    def test_customer_without_address_is_named(self):
        self.customer.partner_id.email = False
        problem = self._get_problem(self._make_invoice(self.customer))
        self.assertIn("Customer has no e-mail address", problem)

    def test_customer_served_by_hand_is_named(self):
        self.customer.partner_id.invoice_sending_method = "manual"
        problem = self._get_problem(self._make_invoice(self.customer))
        self.assertIn("Invoices of Customer are sent by hand", problem)

    def test_delivered_invoice_has_no_problem(self):
        self.assertFalse(self._get_problem(self.sent))
        self.assertFalse(self._get_problem(self._make_invoice(self.customer)))


class TestSendAgain(DeliveryCommon):
    def _send_again(self, invoices, user=None):
        action = invoices.with_user(user or self.accountant).action_collection_send_again()
        self.env.flush_all()
        return action["params"]["message"]

    def test_bounced_invoice_is_queued_and_sent_again(self):
        self._notify_of(self.sent, "bounce")
        self.assertIn("background: 1", self._send_again(self.sent))
        self.assertEqual(self._read(self.sent), "queued")
        self._send_job()
        self.assertEqual(self._read(self.sent), "sent")
        message = self.sent.message_ids.filtered("notified_partner_ids")[:1]
        self.assertEqual(message.notified_partner_ids, self.customer.partner_id)

    def test_delivered_invoice_may_be_sent_once_more(self):
        self._send_again(self.sent)
        self._send_job()
        self.assertTrue(self.sent.message_ids.filtered("notified_partner_ids"))

    def test_invoice_is_sent_once_though_asked_for_twice(self):
        self._send_again(self.sent)
        self.assertIn("background: 0", self._send_again(self.sent))
        self._send_job()
        self._send_job()
        self.assertEqual(len(self.sent.message_ids.filtered("notified_partner_ids")), 1)

    def test_invoice_of_a_company_that_only_simulates_is_sent_when_a_person_asks(self):
        self.company.collection_mode = "simulation"
        invoice = self._make_invoice(self.customer)
        self._send_again(invoice)
        self._send_job()
        self.assertEqual(self._read(invoice), "sent")

    def test_drafts_and_vendor_bills_are_refused_by_name_and_nothing_is_queued(self):
        bill = self._make_invoice(self.customer, kind="in_invoice")
        draft = self._make_invoice(self.customer, post=False)
        for wrong in (bill, draft):
            with self.assertRaisesRegex(UserError, "can't be sent to a customer: only posted"):
                self._send_again(self.sent | wrong)
        self.assertFalse(self.sent.sending_data)

    def test_invoice_that_can_not_be_sent_is_left_and_named(self):
        self.customer.partner_id.email = False
        other = self._make_invoice(self._make_customer("Other"), is_move_sent=True)
        other.commercial_partner_id.invoice_sending_method = "email"
        text = self._send_again(self.sent | other)
        self.assertIn("background: 1", text)
        self.assertIn(f"{self.sent.name}: Customer has no e-mail address", text)
        self.assertEqual((bool(self.sent.sending_data), bool(other.sending_data)), (False, True))

    def test_customer_without_address_is_not_taken_for_served(self):
        self.customer.partner_id.email = False
        invoice = self._make_invoice(self.customer)
        self.assertFalse(invoice._send_undelivered_invoice())
        self.assertEqual(self._read(invoice), "not_sent")

    def test_trial_keeps_invoices_from_customers(self):
        self.company.collection_mailbox = "me@example.com"
        self.assertIn("end the trial first", self._send_again(self.sent))
        self.assertFalse(self.sent.sending_data)

    def test_failure_is_kept_with_its_reason_and_the_others_are_sent(self):
        broken, fine = (self._make_invoice(self.customer) for _number in range(2))
        self._send_again(broken | fine)
        send = self.registry["account.move.send"]
        generate = send._generate_invoice_documents

        def fail_for_one(model, invoices_data, **options):
            if broken.id in [move.id for move in invoices_data]:
                raise ValueError("No paper")
            return generate(model, invoices_data, **options)

        with (
            patch.object(send, "_generate_invoice_documents", fail_for_one),
            mute_logger("odoo.addons.collections_management.models.collection_run"),
        ):
            self._send_job()
        self.assertEqual(self._read(broken), "error")
        self.assertIn("No paper", self._read(broken, "collection_delivery_problem"))
        self.assertFalse(broken.sending_data, "it is not tried again for ever")
        self.assertEqual(self._read(fine), "sent")

    def test_what_odoos_own_sending_refuses_is_kept_until_it_is_sent(self):
        invoice = self._make_invoice(self.customer)
        self._send_again(invoice)
        send = self.registry["account.move.send"]

        def refuse(_model, _invoice, invoice_data):
            invoice_data["error"] = {"error_title": "The tax office says no", "errors": ["Stamp"]}

        with patch.object(send, "_hook_invoice_document_before_pdf_report_render", refuse):
            self._send_job()
        self.assertEqual(self._read(invoice), "error")
        self.assertIn("tax office", self._read(invoice, "collection_delivery_problem"))
        self._send_again(invoice)
        self._send_job()
        self.assertEqual(self._read(invoice), "sent")
        self.assertFalse(self._read(invoice, "collection_sending_error"))

    def test_auditor_sends_nothing(self):
        with self.assertRaises(AccessError):
            self._send_again(self.sent, self.auditor)

    def test_queued_invoice_raises_no_task(self):
        invoice = self._make_invoice(self.customer)
        self._send_again(invoice)
        self.decide()
        self.assertFalse(self.customer.activity_ids)


class TestPlan(DeliveryCommon):
    def test_one_invoices_state_is_looked_up_by_index(self):
        state = self.env["account.move"]._get_delivery_state_sql(SQL.identifier("move"))
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        [[plan]] = self.env.execute_query(
            SQL(
                "EXPLAIN (FORMAT JSON) SELECT %s FROM account_move move WHERE move.id = %s",
                state,
                self.sent.id,
            )
        )
        self.assertNotIn("Seq Scan", json.dumps(plan))

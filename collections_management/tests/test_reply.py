"""What customers answer: filed, pending, answered; absences, bounces, strays and bombs."""

from email.message import EmailMessage
from email.policy import SMTP
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tools import mute_logger

from .common import TODAY, CollectionsCommon, days

MODULE = "collections_management"
GATEWAY = "odoo.addons.mail.models.mail_thread"
OURS = f"odoo.addons.{MODULE}.models.mail_thread"

REPORT = """From: Mail Delivery System <MAILER-DAEMON@mx.example.com>
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-Id: <{uid}@mx.example.com>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain; charset=utf-8

The message could not be delivered.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {address}
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user

{copy}--cut--
"""
COPY = """--cut
Content-Type: text/rfc822-headers

Message-Id: {message_id}
Subject: Claim

"""


class ReplyCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer()
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls.gateway = cls.system["mail.thread"]
        cls.address = cls.company._get_collection_address()
        cls.number = 0

    def _say(self):
        """Send the day's notice; return it."""
        notice = self.run_day(self.customer)
        self.assertEqual(notice.state, "sent")
        return notice

    def _mail(self, text="I paid", notice=None, sender=None, **headers):
        """Return a mail from the customer, which answers a notice."""
        type(self).number += 1
        mail = EmailMessage(policy=SMTP)
        mail["From"] = sender or self.customer.partner_id.email_formatted
        mail["To"] = self.address
        mail["Subject"] = "Re: Claim"
        mail["Message-Id"] = f"<{self.number}@customer.example.com>"
        if notice:
            mail["In-Reply-To"] = mail["References"] = notice.message_uid
        for name, value in headers.items():
            del mail[name.replace("_", "-")]
            mail[name.replace("_", "-")] = value
        mail.set_content(text)
        return mail

    def _receive(self, mail, readable=True):
        """Hand a mail to the gateway, as its script does."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        with self.mock_mail_gateway(), mute_logger(GATEWAY, OURS, "odoo.addons.mail.models.models"):
            self.gateway.message_process(False, raw)
        self.env.invalidate_all()
        reply = self._get_reply()
        if readable:
            self.assertNotIn("could not be read", reply.message_body or "")
        return reply

    def _get_reply(self):
        return self.system["collection.reply"].search([], order="id desc", limit=1)

    def _get_replies(self):
        return self.system["collection.reply"].search([])

    def _answered(self, **values):
        """Return the pending reply to a notice that was sent."""
        return self._receive(self._mail(notice=self._say(), **values))

    def _write_to_customer(self, user=None, **values):
        """Send a message from the conversation, as a person does."""
        options = {
            "body": "Thank you",
            "message_type": "comment",
            "subtype_xmlid": "mail.mt_comment",
            "partner_ids": self.customer.partner_id.ids,
            **values,
        }
        with self.mock_mail_gateway():
            return self.customer.with_user(user or self.collector).message_post(**options)


class TestPending(ReplyCommon):
    def test_answer_lands_on_the_conversation_and_waits(self):
        notice = self._say()
        reply = self._receive(self._mail("I paid\non Monday", notice=notice))
        self.assertEqual((reply.state, reply.date), ("pending", TODAY))
        self.assertEqual((reply.customer_id, reply.notice_id), (self.customer, notice))
        self.assertEqual(reply.author_id, self.customer.partner_id)
        self.assertEqual(reply.collector_id, self.collector)
        self.assertIn("I paid", reply.summary)
        message = reply.message_id
        self.assertEqual((message.model, message.res_id), (self.customer._name, self.customer.id))

    def test_company_is_sent_no_copy_of_what_it_is_answered(self):
        self._answered()
        self.assertFalse(self._mails)

    def test_nothing_is_claimed_while_it_is_pending(self):
        second = self._make_invoice(self.customer, 50, due=10)
        self._answered()
        self.assertDecision(self.customer, "pending_reply")
        self.assertIn("03/11/2026", self.items(self.invoice).explanation)
        self.assertEqual(self.decision(second), "pending_reply")
        with self.at(10):
            self.assertFalse(self.run_day(self.customer))

    def test_other_customers_are_claimed(self):
        self._answered()
        other = self._make_customer("Other")
        self._make_invoice(other)
        self.assertDecision(other, "claim")

    def test_items_that_are_in_credit_or_held_keep_their_own_reason(self):
        credit = self._make_credit(self.customer, 10)
        disputed = self._make_invoice(self.customer, 20)
        self._hold(disputed)
        self._answered()
        self.assertEqual(self.decision(credit), "credit")
        self.assertEqual(self.decision(disputed), "disputed")

    def test_notice_that_waits_for_its_turn_is_withdrawn(self):
        self._say()
        with self.at(10):
            notice = self.decide(self.customer)
            self._receive(self._mail())
            self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")
        self.assertFalse(notice.line_ids.filtered("live"))

    def test_notice_that_is_composed_does_not_leave(self):
        notice = self.decide(self.customer)
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(notice)
        self._receive(self._mail())
        self.deliver()
        self.assertFalse(self.deliver())
        self.assertEqual(notice.state, "cancelled")

    def test_customers_file_says_so(self):
        self._answered()
        self.assertEqual(self.customer.pending_reply_count, 1)
        self.assertEqual(self.customer.pending_reply_date, TODAY)
        found = self.customer.search([("reply_ids.state", "=", "pending")])
        self.assertEqual(found, self.customer)

    def test_claims_go_on_once_it_is_answered(self):
        reply = self._answered()
        self._write_to_customer()
        self.assertEqual((reply.state, reply.closed_by_id), ("answered", self.collector))
        with self.at(10):
            self.assertDecision(self.customer, "claim")

    def test_note_and_message_among_colleagues_are_no_answer(self):
        reply = self._answered()
        self._write_to_customer(subtype_xmlid="mail.mt_note", partner_ids=[])
        self._write_to_customer(partner_ids=self.supervisor.partner_id.ids)
        self.customer.message_post(body="By the system")
        self.assertEqual(reply.state, "pending")

    def test_collector_who_reads_only_the_file_may_answer(self):
        reply = self._answered()
        self._write_to_customer(user=self.accountant)
        self.assertEqual(reply.state, "answered")

    def test_nothing_to_answer(self):
        reply = self._answered()
        reply.with_user(self.collector).action_dismiss()
        self.assertEqual((reply.state, reply.closed_by_id), ("dismissed", self.collector))
        with self.at(10):
            self.assertDecision(self.customer, "claim")

    def test_several_are_dismissed_from_the_file(self):
        notice = self._say()
        self._receive(self._mail(notice=notice))
        self._receive(self._mail(notice=notice))
        self.customer.with_user(self.collector).action_dismiss_replies()
        self.assertEqual(self._get_replies().mapped("state"), ["dismissed", "dismissed"])

    def test_reopened_reply_holds_claims_again(self):
        reply = self._answered()
        reply.action_mark_answered()
        reply.with_user(self.collector).action_reopen()
        self.assertFalse(reply.closed_by_id)
        self.assertDecision(self.customer, "pending_reply")

    def test_state_that_does_not_fit_is_refused(self):
        reply = self._answered()
        with self.assertRaisesRegex(UserError, "Pending.*reopen"):
            reply.action_reopen()
        reply.action_dismiss()
        with self.assertRaisesRegex(UserError, "Nothing to answer.*dismiss"):
            reply.action_dismiss()

    def test_answer_button_writes_to_the_person_who_wrote(self):
        reply = self._answered()
        action = reply.with_user(self.collector).action_answer()
        with self.mock_mail_gateway():
            composer = self.env["mail.compose.message"].with_user(self.collector)
            composer = composer.with_context(**action["context"]).create({"body": "<p>Thanks</p>"})
            composer.action_send_mail()
        self.assertEqual(reply.state, "answered")
        self.assertSentEmail(self.collector.partner_id, self.customer.partner_id)

    def test_message_of_the_customers_own_page_waits_too(self):
        with self.mock_mail_gateway():
            self.customer.message_post(
                body="I paid",
                author_id=self.customer.partner_id.id,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
            )
        self.assertEqual(self._get_reply().customer_id, self.customer)

    def test_file_with_replies_is_kept(self):
        customer = self._make_customer("Other")
        self._receive(self._mail(sender=customer.partner_id.email))
        with self.assertRaisesRegex(UserError, "1 replies"):
            customer.unlink()


class TestRouting(ReplyCommon):
    def test_messages_ask_to_answer_to_the_companys_own_address(self):
        self._say()
        [mail] = self._mails
        self.assertIn(self.address, mail["reply_to"])
        self.assertTrue(self.address.endswith(f"@{self.alias_domain}"))

    def test_without_e_mail_domain_the_sender_is_answered(self):
        self.company.alias_domain_id = False
        self.assertFalse(self.company._get_collection_address())
        self._say()
        [mail] = self._mails
        self.assertIn("collections@example.com", mail["reply_to"])

    def test_answer_to_the_catch_all_address_is_filed_too(self):
        to = f"{self.alias_catchall}@{self.alias_domain}"
        self.assertEqual(self._answered(To=to).customer_id, self.customer)

    def test_someone_else_who_answers_is_filed_with_the_customer(self):
        reply = self._answered(sender="Agency <agency@elsewhere.example>")
        self.assertEqual(reply.customer_id, self.customer)
        self.assertFalse(reply.author_id)
        self.assertIn("agency@elsewhere.example", reply.email_from)

    def test_contact_of_the_customer_is_the_author(self):
        self._make_partner("Twin", email="ana@example.com")
        ana = self._make_contact(self.customer, "Ana", email="ana@example.com")
        self.assertEqual(self._answered(sender="ana@example.com").author_id, ana)

    def test_colleague_who_answers_from_a_mail_program_answers_the_customer(self):
        reply = self._answered()
        self._receive(self._mail(notice=reply.notice_id, sender=self.collector.email))
        self.assertEqual((reply.state, reply.closed_by_id), ("answered", self.collector))
        self.assertEqual(self._get_replies(), reply)

    def test_new_mail_is_matched_by_its_sender(self):
        ana = self._make_contact(self.customer, "Ana")
        reply = self._receive(self._mail(sender=ana.email))
        self.assertEqual((reply.customer_id, reply.author_id), (self.customer, ana))
        self.assertFalse(reply.notice_id)
        self.assertDecision(self.customer, "pending_reply")

    def test_same_sender_with_two_customers_is_for_a_person_to_decide(self):
        other = self._make_customer("Other")
        other.partner_id.email = self.customer.partner_id.email
        reply = self._receive(self._mail())
        self.assertFalse(reply.customer_id)
        self.assertEqual(reply.state, "pending")
        self.assertDecision(self.customer, "claim")

    def test_customer_of_two_companies_is_filed_where_the_mail_was_sent_to(self):
        company = self.system["res.company"].create({"name": "Second"})
        other = self._make_customer(company=company, partner=self.customer.partner_id)
        self.assertNotEqual(company._get_collection_address(), self.address)
        reply = self._receive(self._mail(To=company._get_collection_address()))
        self.assertEqual((reply.customer_id, reply.company_id), (other, company))

    def test_mail_to_an_address_that_does_not_exist_is_refused(self):
        with self.assertRaisesRegex(ValueError, "No possible route"):
            self._receive(self._mail(To=f"nobody@{self.alias_domain}"))

    def test_same_mail_twice_is_filed_once(self):
        mail = self._mail(notice=self._say())
        self._receive(mail)
        self._receive(mail)
        self.assertEqual(len(self._get_replies()), 1)

    def test_answer_to_a_merged_customer_lands_on_the_file_that_is_left(self):
        notice = self._say()
        reply = self._receive(self._mail(notice=notice))
        target = self._make_customer("Target")
        self.customer._merge_into(target)
        self.assertEqual(reply.customer_id, target)
        late = self._receive(self._mail(notice=notice, sender="x@elsewhere.example"))
        self.assertNotEqual(late, reply)
        self.assertEqual(late.customer_id, target)
        self.assertEqual(target.pending_reply_count, 2)

    def test_answer_to_an_archived_file_waits_there(self):
        notice = self._say()
        self.customer.active = False
        for mail in (self._mail(notice=notice), self._mail()):
            self.assertEqual(self._receive(mail).customer_id, self.customer)

    def test_answer_to_a_deleted_file_waits_for_a_person(self):
        customer = self._make_customer("Other")
        with self.mock_mail_gateway():
            message = customer.message_post(body="Hello", message_type="comment")
        uid = message.message_id
        customer.unlink()
        reply = self._receive(self._mail(sender="x@elsewhere.example", In_Reply_To=uid))
        self.assertFalse(reply.customer_id)
        self.assertEqual(reply.state, "pending")


class TestUnassigned(ReplyCommon):
    def setUp(self):
        super().setUp()
        mail = self._mail("Our invoice?", sender="Eva <eva@elsewhere.example>")
        mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="proof.pdf")
        self.reply = self._receive(mail)

    def test_stray_mail_is_kept_with_its_files(self):
        self.assertFalse(self.reply.customer_id)
        self.assertEqual((self.reply.state, self.reply.company_id), ("pending", self.company))
        self.assertEqual(self.reply.subject, "Re: Claim")
        self.assertIn("eva@elsewhere.example", self.reply.email_from)
        self.assertEqual(self.reply.attachment_ids.mapped("name"), ["proof.pdf"])

    def test_assigned_mail_is_filed_on_the_conversation_with_its_files(self):
        self.reply.with_user(self.collector).customer_id = self.customer
        message = self.reply.message_id
        self.assertIn(message, self.customer.message_ids)
        self.assertEqual(message.attachment_ids.res_model, "collection.customer")
        self.assertEqual(message.attachment_ids.res_id, self.customer.id)
        self.assertDecision(self.customer, "pending_reply")
        self._write_to_customer()
        self.assertEqual(self.reply.state, "answered")

    def test_mail_that_was_assigned_to_the_wrong_customer_is_moved(self):
        other = self._make_customer("Other")
        self.reply.customer_id = other
        note = other.message_post(body="Stays")
        self.reply.customer_id = self.customer
        self.assertIn(self.reply.message_id, self.customer.message_ids)
        self.assertIn(note, other.message_ids)
        self.assertFalse(other.pending_reply_count)

    def test_assigned_mail_is_not_taken_away(self):
        self.reply.customer_id = self.customer
        with self.assertRaisesRegex(UserError, "Re: Claim.*Customer"):
            self.reply.customer_id = False

    def test_stranger_is_answered_and_may_write_again(self):
        eva = self._make_partner("Eva", email="eva@elsewhere.example")
        with self.mock_mail_gateway():
            answer = self.reply.with_user(self.collector).message_post(
                body="Which one?",
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                partner_ids=eva.ids,
            )
        self.assertEqual(self.reply.state, "answered")
        again = self._mail(sender=eva.email, In_Reply_To=answer.message_id)
        self.assertEqual(self._receive(again), self.reply)
        self.assertEqual(self.reply.state, "pending")

    def test_sender_without_end_is_stopped(self):
        self.system["ir.config_parameter"].set_param("mail.gateway.loop.threshold", "2")
        for _number in range(3):
            self._receive(self._mail(sender="loop@elsewhere.example"))
        found = self._get_replies().filtered(lambda r: "loop" in r.email_from)
        self.assertEqual(len(found), 2)


class TestAutomatic(ReplyCommon):
    def _check_automatic(self, **headers):
        notice = self.system["collection.notice"].search([], limit=1) or self._say()
        before = len(self.customer.message_ids)
        self._receive(self._mail("I am away", notice=notice, **headers))
        self.assertFalse(self._get_replies())
        self.assertEqual(len(self.customer.message_ids), before + 1, "it is filed")

    def test_absences_are_filed_and_hold_nothing(self):
        for headers in (
            {"Auto_Submitted": "auto-replied"},
            {"Auto_Submitted": "auto-generated (vacation)"},
            {"X_Autoreply": "yes"},
            {"X_Autorespond": "Away"},
            {"X_Auto_Response_Suppress": "DR, RN, NRN, OOF, AutoReply"},
            {"X_Auto_Response_Suppress": "All"},
            {"Precedence": "bulk"},
            {"Precedence": "auto_reply"},
            {"Return_Path": "<>"},
            {"Subject": "Automatic reply: Claim"},
            {"Subject": "Respuesta automática: Reclamación"},
            {"Subject": "Fuera de la oficina: Reclamación"},
        ):
            with self.subTest(headers=headers):
                self._check_automatic(**headers)

    def test_absence_that_is_sent_to_the_bounce_address_is_no_bounce(self):
        notice = self._say()
        to = f"{self.alias_bounce}@{self.alias_domain}"
        self._check_automatic(To=to, Auto_Submitted="auto-replied")
        self.assertEqual(notice.state, "sent")

    def test_what_people_write_waits(self):
        for headers in (
            {"Auto_Submitted": "no"},
            {"X_Auto_Response_Suppress": "OOF"},
            {"Subject": "Re: Out of office furniture, invoice 12"},
            {"Subject": "We are out of the office on Friday"},
        ):
            with self.subTest(headers=headers):
                before = len(self._get_replies())
                self._receive(self._mail(**headers))
                self.assertEqual(len(self._get_replies()), before + 1)

    def test_colleagues_absence_is_no_answer(self):
        reply = self._answered()
        self._receive(
            self._mail(
                notice=reply.notice_id, sender=self.collector.email, Auto_Submitted="auto-replied"
            )
        )
        self.assertEqual(reply.state, "pending")

    def test_absence_of_a_stranger_is_kept_and_waits_for_nobody(self):
        reply = self._receive(
            self._mail(sender="x@elsewhere.example", Auto_Submitted="auto-replied")
        )
        self.assertEqual((reply.state, reply.automatic), ("dismissed", True))


class TestBounces(ReplyCommon):
    def _report(self, notice, action="failed", copy=True, address=None):
        type(self).number += 1
        return REPORT.format(
            to=f"{self.alias_bounce}@{self.alias_domain}",
            uid=self.number,
            address=address or self.customer.partner_id.email,
            action=action,
            copy=COPY.format(message_id=notice.message_uid) if copy else "",
        ).encode()

    def _get_tasks(self):
        return self.customer.activity_ids.filtered(
            lambda task: task.activity_type_id == self.env.ref(f"{MODULE}.activity_type_bounced")
        )

    def _bounced(self):
        notice = self._say()
        self._receive(self._report(notice))
        return notice

    def test_notice_bounces_with_its_cause_and_the_collector_gets_a_task(self):
        notice = self._bounced()
        self.assertEqual(notice.state, "bounced")
        self.assertIn("No such user", notice.failure)
        self.assertEqual(notice.bounced_address, self.customer.partner_id.email)
        self.assertEqual(notice.message_id.notification_ids.notification_status, "bounce")
        [task] = self._get_tasks()
        self.assertEqual(task.user_id, self.collector)
        self.assertIn(self.customer.partner_id.email, task.note)
        self.assertIn("No such user", task.note)
        self.assertFalse(self._get_replies())

    def test_one_address_makes_one_task(self):
        notice = self._bounced()
        self._receive(self._report(notice))
        self.assertEqual(len(self._get_tasks()), 1)
        contact = self._make_contact(self.customer, "Ana")
        self._receive(self._report(notice, address=contact.email))
        self.assertEqual(len(self._get_tasks()), 2, "another address is another task")

    def test_report_that_names_only_the_address_is_understood(self):
        notice = self._say()
        self._receive(self._report(notice, copy=False))
        self.assertEqual(notice.state, "bounced")

    def test_bounce_in_plain_words_is_understood(self):
        notice = self._say()
        self._receive(self._mail("No such user", notice, sender="MAILER-DAEMON@mx.example.com"))
        self.assertEqual(notice.state, "bounced")
        self.assertTrue(self._get_tasks())

    def test_report_that_a_message_is_late_is_no_bounce(self):
        notice = self._say()
        for action in ("delayed", "delivered", "relayed"):
            self._receive(self._report(notice, action=action))
        self.assertEqual(notice.state, "sent")
        self.assertEqual(notice.message_id.notification_ids.notification_status, "sent")
        self.assertFalse(self._get_tasks())
        self.assertIn("Undelivered", str(self.customer.message_ids[0].body), "it is filed")

    def test_step_is_neither_repeated_nor_followed_by_the_next(self):
        notice = self._bounced()
        self.assertDecision(self.customer, "bounced")
        self.assertIn("First claim", self.items(self.invoice).explanation)
        for number in (1, 10, 20):
            with self.at(number):
                self.assertFalse(self.run_day(self.customer))
        self.assertEqual(notice.state, "bounced")
        self.assertTrue(notice.line_ids.live)

    def test_other_items_are_not_sent_to_an_address_that_bounces(self):
        self._bounced()
        self._make_invoice(self.customer, 50)
        notice = self.run_day(self.customer)
        self.assertFalse(self._mails)
        self.assertEqual(notice.state, "failed")
        self.assertIn("come back", notice.failure)

    def test_it_is_sent_again_once_the_address_is_corrected(self):
        notice = self._bounced()
        first = notice.message_id
        self.customer.partner_id.email = "right@example.com"
        with self.at(1):
            self.run_day(self.customer)
        self.assertEqual((notice.state, notice.sent_date), ("sent", days(1)))
        self.assertEqual(self._mails[0]["email_to"], ['"Customer" <right@example.com>'])
        self.assertNotEqual(notice.message_id, first)
        self.assertTrue(first.exists(), "what came back stays on record")
        self.assertFalse(self._get_tasks())

    def test_another_contact_is_another_address(self):
        notice = self._bounced()
        self.customer.payments_contact_id = self._make_contact(self.customer, "Ana")
        with self.at(1):
            self.run_day(self.customer)
        self.assertEqual(notice.state, "sent")

    def test_what_was_paid_meanwhile_is_not_sent_again(self):
        notice = self._bounced()
        self._pay(self.invoice)
        self.customer.partner_id.email = "right@example.com"
        with self.at(1):
            self.assertFalse(self.run_day(self.customer))
            self.assertFalse(self._mails)
        self.assertEqual(notice.state, "bounced")

    def test_approving_company_is_asked_before_it_is_sent_again(self):
        notice = self._bounced()
        self.company.collection_mode = "approve"
        self.customer.partner_id.email = "right@example.com"
        with self.at(1):
            self.run_day(self.customer)
            self.assertEqual(notice.state, "to_approve")
            notice.action_approve()
            self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_person_may_send_it_again_to_the_same_address(self):
        notice = self._bounced()
        notice.with_user(self.collector).action_retry()
        self.deliver()
        self.assertEqual(notice.state, "sent")

    def test_person_may_skip_it_and_the_next_step_comes(self):
        notice = self._bounced()
        notice.with_user(self.collector).action_skip()
        with self.at(7):
            self.assertEqual(self.items(self.invoice).next_step_id, self.second)
            self.assertDecision(self.customer, "claim")

    def test_trial_that_bounces_from_ones_own_mailbox_makes_no_task(self):
        self.company.collection_mailbox = "me@company.example.com"
        notice = self._say()
        self._receive(self._report(notice, address="me@company.example.com"))
        self.assertFalse(self._get_tasks())
        with self.at(1):
            self.assertFalse(self.run_day(self.customer))


class TestHostile(ReplyCommon):
    """Whatever comes is filed: no exception leaves the gateway, nothing is lost silently."""

    def setUp(self):
        super().setUp()
        self.notice = self._say()

    def _add_file(self, mail, name, content=b"x"):
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)

    def _raw(self, body, **headers):
        mail = self._mail(notice=self.notice, **headers)
        head = mail.as_bytes().split(b"\r\nContent-Type")[0]
        return head + b"\r\nMIME-Version: 1.0\r\n" + body

    def _check_filed(self, mail):
        reply = self._receive(mail, readable=False)
        self.assertEqual(reply.customer_id, self.customer)
        self.assertEqual(reply.state, "pending")
        return reply

    def test_too_many_files(self):
        mail = self._mail(notice=self.notice)
        for number in range(25):
            self._add_file(mail, f"{number}.bin")
        reply = self._check_filed(mail)
        self.assertEqual(len(reply.attachment_ids), 20)
        self.assertIn("I paid", reply.message_body)
        self.assertIn("24.bin", reply.message_body)
        self.assertIn("more than 20 files", reply.message_body)

    def test_too_big_files(self):
        parameters = self.system["ir.config_parameter"]
        parameters.set_param("collections_management.incoming_size", "1000")
        parameters.set_param("collections_management.incoming_total", "1500")
        mail = self._mail(notice=self.notice)
        for name, size in (("big.bin", 1001), ("a.bin", 900), ("b.bin", 900), ("c.bin", 500)):
            self._add_file(mail, name, b"x" * size)
        reply = self._check_filed(mail)
        self.assertEqual(set(reply.attachment_ids.mapped("name")), {"a.bin", "c.bin"})
        self.assertIn("big.bin", reply.message_body)
        self.assertIn("b.bin", reply.message_body)

    def test_thousands_of_empty_parts(self):
        part = b"--cut\r\nContent-Type: text/plain\r\n\r\n\r\n"
        text = b"--cut\r\nContent-Type: text/plain\r\n\r\nI paid\r\n"
        head = b'Content-Type: multipart/mixed; boundary="cut"\r\n\r\n'
        reply = self._check_filed(self._raw(head + text + part * 5000 + b"--cut--\r\n"))
        self.assertIn("I paid", reply.message_body)
        self.assertIn("further parts", reply.message_body)

    def test_parts_within_parts(self):
        for depth in (50, 2000):
            with self.subTest(depth=depth):
                body = b"".join(
                    b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (level, level)
                    for level in range(depth)
                )
                reply = self._check_filed(
                    self._raw(body + b"Content-Type: text/plain\r\n\r\nI paid\r\n")
                )
                self.assertTrue(reply.message_body)

    def test_mails_attached_to_mails(self):
        mail = self._mail(notice=self.notice)
        for _level in range(30):
            outer = self._mail(notice=self.notice)
            outer.add_attachment(mail)
            mail = outer
        self.assertIn("I paid", self._check_filed(mail).message_body)

    def test_file_names_with_folders_and_markup(self):
        mail = self._mail(notice=self.notice)
        names = [
            "../../etc/passwd",
            "C:\\x\\bill.pdf",
            "<img src=x onerror=alert(1)>.png",
            "é" * 300,
        ]
        for name in names:
            self._add_file(mail, name)
        reply = self._check_filed(mail)
        found = reply.attachment_ids.mapped("name")
        self.assertLessEqual({"passwd", "bill.pdf"}, set(found))
        self.assertTrue(all("/" not in name and len(name) <= 120 for name in found))
        self.assertNotIn("<img src=x", reply.message_body)

    def test_name_with_markup_that_is_left_out_is_shown_as_text(self):
        self.system["ir.config_parameter"].set_param(f"{MODULE}.incoming_number", "0")
        mail = self._mail(notice=self.notice)
        self._add_file(mail, "<b>x</b>.png")
        self.assertIn("b&gt;.png", self._check_filed(mail).message_body)

    def test_broken_encodings(self):
        for kind in (
            b"Content-Type: text/plain; charset=no-such\r\n\r\nI paid\xff\r\n",
            b"Content-Type: text/plain; charset=utf-8\r\n\r\nI paid\xff\xfe\r\n",
            b"Content-Type: text/plain; charset=us-ascii\r\n\r\nI paid \xc3\xb1\r\n",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSSBwYWlk=@!\r\n",
            b"Content-Type: text/plain\r\n\r\nI paid\x00\r\n",
            b'Content-Type: multipart/mixed; boundary="no"\r\n\r\nI paid\r\n',
            b"Content-Type: multipart/mixed\r\n\r\nI paid\r\n",
            b"Content-Type: message/rfc822\r\n\r\n",
            b'Content-Type: text/html; charset="\xff"\r\n\r\n<p>I paid</p>\r\n',
            b"Content-Type: \xff/\xfe;;;=\r\n\r\nI paid\r\n",
        ):
            with self.subTest(kind=kind):
                self._check_filed(self._raw(kind))

    def test_unknown_encoding_is_read_as_far_as_it_can_be(self):
        body = b"Content-Type: text/plain; charset=no-such\r\n\r\nI paid\r\n"
        reply = self._check_filed(self._raw(body))
        self.assertIn("I paid", reply.message_body)
        self.assertEqual(reply.attachment_ids.mapped("name"), ["original.txt"])

    def test_broken_headers(self):
        whole = self._mail(notice=self.notice).as_bytes()
        for broken in (
            whole.replace(b"Subject: Re: Claim", b"Subject: \xff\xfe\x00"),
            whole.replace(b"Subject: Re: Claim", b"Subject: =?no-such?q?=FF?="),
            whole.replace(b"Subject: Re: Claim\r\n", b""),
            whole.replace(b"From: ", b"From: \xff<"),
            whole.replace(b"From: ", b"X-From: "),
            whole.replace(b"Message-Id: ", b"X-Id: "),
            whole.replace(b"Subject: Re: Claim", b"Date: not a day"),
            whole.replace(b"Subject: Re: Claim", b"Cc: " + b"<@,;:" * 50),
        ):
            with self.subTest(broken=broken[:200]):
                before = len(self._get_replies())
                # else it is the same mail once more
                number = str(self.number + 1).encode()
                type(self).number += 1
                self._check_filed(broken.replace(b"@customer.", b"@%s.customer." % number))
                self.assertEqual(len(self._get_replies()), before + 1)

    def test_strangers_broken_subject_is_kept_and_the_stranger_is_told_nothing(self):
        mail = self._mail(sender="x@elsewhere.example").as_bytes()
        reply = self._receive(mail.replace(b"Subject: Re: Claim", b"Subject: Our\x00invoice"))
        self.assertEqual(reply.subject, "Our invoice")
        self.assertFalse(self._mails)

    def test_what_is_not_for_us_fails_as_ever(self):
        body = b"Content-Type: text/plain; charset=no-such\r\n\r\nHello\r\n"
        raw = self._raw(body, To="info@elsewhere.example")
        raw = raw.replace(self.notice.message_uid.encode(), b"<other@elsewhere.example>")
        with self.assertRaises(LookupError):
            self._receive(raw)


class TestUrgent(ReplyCommon):
    def _escalate(self):
        self._run_reply_job()
        task_type = self.env.ref(f"{MODULE}.activity_type_reply")
        return self.system["mail.activity"].search([("activity_type_id", "=", task_type.id)])

    def _run_reply_job(self):
        self.env.flush_all()
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            self.system(cr=cr, context={})["collection.reply"]._cron_escalate()
        self.env.invalidate_all()

    def test_urgent_task_after_three_working_days(self):
        reply = self._answered()  # on a Wednesday
        for number in (1, 2, 3, 4, 5):
            with self.at(number):
                self.assertFalse(self._escalate(), "Thursday, Friday, the weekend and Monday pass")
                self.assertFalse(reply.overdue)
        self.env.invalidate_all()
        with self.at(6):
            self.assertTrue(reply.search([("overdue", "=", True)]))
            self.assertTrue(reply.overdue)
            [task] = self._escalate()
            self.assertEqual((task.user_id, task.res_id), (self.collector, reply.id))
            self.assertEqual(task.date_deadline, days(6))
        with self.at(7):
            self.assertEqual(len(self._escalate()), 1, "once")

    def test_days_are_those_of_the_settings(self):
        reply = self._answered()
        self.company.collection_reply_days = 1
        with self.at(2):
            self.assertTrue(self._escalate())
        reply.search([]).escalated_on = False
        self.company.collection_reply_days = 0
        self.env.invalidate_all()
        with self.at(30):
            self.assertFalse(reply.overdue)
            self.assertEqual(len(self._escalate()), 1, "never: no further one")

    def test_days_can_not_be_negative(self):
        with self.assertRaises(UserError):
            self.company.collection_reply_days = -1

    def test_answer_ends_the_task(self):
        self._answered()
        with self.at(6):
            self.assertTrue(self._escalate())
            self._write_to_customer()
            self.assertFalse(self._escalate())

    def test_task_that_is_done_is_an_answer(self):
        reply = self._answered()
        with self.at(6):
            task = self._escalate()
            task.with_user(self.collector).action_feedback()
        self.assertEqual((reply.state, reply.closed_by_id), ("answered", self.collector))

    def test_mail_of_nobody_is_the_supervisors(self):
        self._receive(self._mail(sender="x@elsewhere.example"))
        with self.at(6):
            self.assertEqual(self._escalate().user_id, self.supervisor)

    def test_one_that_fails_keeps_no_other_waiting(self):
        first = self._receive(self._mail(sender="x@elsewhere.example"))
        self._receive(self._mail(sender="y@elsewhere.example"))
        model = type(self.system["collection.reply"])
        original = model._prepare_urgent_task_values

        def stumble(reply, model_id):
            if reply.id == first.id:
                raise ValueError("Stumbled")
            return original(reply, model_id)

        with (
            self.at(6),
            patch.object(model, "_prepare_urgent_task_values", stumble),
            mute_logger(f"odoo.addons.{MODULE}.models.collection_reply"),
        ):
            [task] = self._escalate()
        self.assertNotEqual(task.res_id, first.id)


class TestAddress(ReplyCommon):
    """The address that customers answer to."""

    def test_each_main_company_has_one_of_its_own(self):
        first, second = self.system["res.company"].create([{"name": "One"}, {"name": "Two"}])
        addresses = {company._get_collection_address() for company in (self.company, first, second)}
        self.assertEqual(len(addresses), 3)
        branch = self.system["res.company"].create({"name": "Branch", "parent_id": first.id})
        self.assertFalse(branch.collection_alias_id)
        self.assertEqual(branch._get_collection_address(), first._get_collection_address())

    def test_it_follows_the_companys_e_mail_domain(self):
        domain = self.system["mail.alias.domain"].create(
            {"name": "other.example", "bounce_alias": "collections", "catchall_alias": "all"}
        )
        self.company.alias_domain_id = domain
        address = self.company._get_collection_address()
        self.assertTrue(address.endswith("@other.example"))
        self.assertNotEqual(address, "collections@other.example", "bounces go there")

    def test_it_is_changed_and_switched_off_in_the_settings(self):
        settings = self.system["res.config.settings"].create({"collection_alias_name": "Cobros"})
        settings.execute()
        self.assertEqual(self.company._get_collection_address(), f"cobros@{self.alias_domain}")
        self.company.collection_alias_name = False
        self.assertFalse(self.company._get_collection_address())

    def test_checklist_tells_where_answers_go(self):
        page = self.env["collection.going.live"].with_user(self.manager).create({})
        self.assertEqual(page.reply_address, self.address)
        self.assertFalse(page.last_reply_date)
        self._answered()
        self.company.alias_domain_id = False
        page = page.create({})
        self.assertFalse(page.reply_address)
        self.assertEqual(page.last_reply_date, TODAY)

"""Letters: all of a day in one PDF, true at the moment they are printed, posted by a person."""

import io
from unittest.mock import patch

from odoo.exceptions import AccessError, LockError, UserError
from odoo.tools import html2plaintext
from odoo.tools.pdf import PdfReader

from .common import TODAY, CollectionsCommon

REPORT = "report.collections_management.report_notice_letter"


class LettersCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first.channel_ids = cls.letter
        cls.zoe = cls._make_addressee("Zoe")
        cls.adam = cls._make_addressee("Adam")
        cls.invoice = cls._make_invoice(cls.zoe, 100)
        cls.other = cls._make_invoice(cls.adam, 40)

    @classmethod
    def _make_addressee(cls, name, **values):
        address = {"street": "1 Main Street", "city": "Valencia", "zip": "46001", **values}
        return cls._make_customer(partner=cls._make_partner(name, **address))

    def _print(self, notices, user=None):
        """Print letters as a person does.

        :return: the names of the customers in the order of the pages, and the notification
        """
        action = notices.with_user(user or self.collector).action_print_letter()
        text = ""
        if action.get("tag") == "display_notification":
            text = action["params"]["message"]
            action = action["params"]["next"]
        if action["type"] != "ir.actions.report":
            return [], text
        letters = self.env[REPORT]._get_report_values(action["context"]["active_ids"])["letters"]
        return [letter["notice"].partner_id.name for letter in letters], text

    def _get_letters(self, notices):
        """Return the texts of the letters as the report has them, by customer's name."""
        return {
            letter["notice"].partner_id.name: html2plaintext(letter["body"])
            for letter in self.env[REPORT]._get_report_values(notices.ids)["letters"]
        }


class TestPrinting(LettersCommon):
    def test_letters_are_printed_together_in_the_order_of_their_customers(self):
        notices = self.run_day()
        self.assertEqual(self._print(notices), (["Adam", "Zoe"], ""))
        self.assertEqual(set(notices.mapped("printed_date")), {TODAY})
        self.assertEqual(set(notices.mapped("state")), {"queued"}, "they are not in the post yet")

    def test_paid_letter_is_cancelled_and_named_instead_of_printed(self):
        notices = self.run_day()
        self._pay(self.invoice)
        names, text = self._print(notices)
        self.assertEqual(names, ["Adam"])
        self.assertIn("Zoe: Paid", text)
        paid = notices.filtered(lambda notice: notice.customer_id == self.zoe)
        self.assertEqual(paid.state, "cancelled")
        self.assertFalse(paid.activity_id.exists())

    def test_when_nothing_is_left_nothing_is_printed(self):
        notices = self.run_day()
        self._pay(self.invoice)
        self._pay(self.other)
        names, text = self._print(notices)
        self.assertEqual(names, [])
        self.assertIn("Adam", text)

    def test_held_letter_is_not_printed(self):
        notices = self.run_day()
        self._hold(self.invoice)
        self.assertEqual(self._print(notices)[0], ["Adam"])

    def test_amounts_are_those_of_the_moment_it_is_printed(self):
        notices = self.run_day()
        self._pay(self.invoice, 30)
        self._print(notices)
        self.assertIn("70.00", self._get_letters(notices)["Zoe"])
        self.assertEqual(sum(notices.mapped("line_ids.residual")), 110)

    def test_one_of_several_invoices_that_was_paid_leaves_the_letter(self):
        second = self._make_invoice(self.zoe, 55)
        notices = self.run_day()
        self._pay(second)
        self._print(notices)
        text = self._get_letters(notices)["Zoe"]
        self.assertIn(self.invoice.name, text)
        self.assertNotIn(second.name, text)

    def test_each_letter_is_in_its_customers_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"]._load_module_terms(["collections_management"], ["es_ES"])
        self.zoe.partner_id.lang = "es_ES"
        notices = self.run_day()
        self._print(notices)
        letters = self._get_letters(notices)
        self.assertIn("vencimiento", letters["Zoe"].lower())
        self.assertIn("due date", letters["Adam"].lower())

    def test_own_words_are_printed_as_they_were_written(self):
        self.company.collection_mode = "approve"
        notice = self.decide(self.zoe)
        notice.write({"subject": "Mine", "body": "<p>My own words</p>"})
        notice.action_approve()
        self.deliver()
        self._print(notice)
        self.assertEqual(notice.letter_subject, "Mine")
        self.assertIn("My own words", self._get_letters(notice)["Zoe"])

    def test_own_words_whose_item_was_paid_come_back_and_are_named(self):
        self._make_invoice(self.zoe, 55)
        self.company.collection_mode = "approve"
        notice = self.decide(self.zoe)
        notice.write({"subject": "Mine", "body": "<p>Pay 155</p>"})
        notice.action_approve()
        self.deliver()
        self._pay(self.invoice)
        names, text = self._print(notice)
        self.assertEqual((names, notice.state), ([], "to_approve"))
        self.assertIn("Its items changed", text)
        self.assertFalse(notice.activity_id.exists(), "approved again, it becomes a new task")
        notice.action_approve()
        self.deliver()
        self.assertEqual(len(self.zoe.activity_ids), 1)

    def test_letter_without_address_is_left_out_and_says_what_to_do(self):
        self.adam.partner_id.write({"street": False, "city": False})
        notices = self.run_day()
        names, text = self._print(notices)
        self.assertEqual(names, ["Zoe"])
        self.assertIn("Adam has no postal address: add one", text)
        homeless = self.env["collection.notice"].search([("has_postal_address", "=", False)])
        self.assertEqual(homeless & notices, notices.filtered(lambda n: not n.printed_date))

    def test_contact_without_address_is_written_to_at_the_customers(self):
        contact = self._make_contact(self.adam, "Ana", email=False)
        self.adam.payments_contact_id = contact
        notice = self.run_day(self.adam)
        self.assertEqual(notice.recipient_id, contact, "a letter needs no e-mail address")
        self.assertTrue(notice.has_postal_address)
        self.assertIn("Valencia", notice.postal_address)

    def test_a_letter_of_a_day_that_is_not_the_customers_is_printed_all_the_same(self):
        notices = self.run_day(self.zoe)
        self.scheme.policy_id = self._make_policy()
        with patch.object(
            type(self.env["collection.contact.policy"]),
            "_get_closed",
            lambda policies, date: ((self.scheme.policy_id.id, self.company.id),),
        ):
            self.assertEqual(self._print(notices)[0], ["Zoe"])

    def test_nothing_is_printed_when_the_company_went_back_to_simulation(self):
        notices = self.run_day()
        self.company.collection_mode = "simulation"
        names, text = self._print(notices)
        self.assertEqual(names, [])
        self.assertIn("simulation", text)
        self.assertEqual(set(notices.mapped("state")), {"queued"})

    def test_stale_letter_whose_next_step_was_said_is_not_printed(self):
        notice = self.run_day(self.zoe)
        with self.at(8):
            self.run_day(self.zoe)
            names, text = self._print(notice)
        self.assertEqual((names, notice.state), ([], "cancelled"))
        self.assertIn("Zoe", text)

    def test_email_can_not_be_printed_as_a_letter_of_the_day(self):
        self.first.channel_ids = self.email
        notice = self.decide(self.zoe)
        with self.assertRaisesRegex(UserError, "goes by E-mail"):
            notice.action_print_letter()

    def test_withdrawn_letter_can_not_be_printed(self):
        notice = self.run_day(self.zoe)
        notice.action_cancel()
        with self.assertRaisesRegex(UserError, "Cancelled.*print"):
            notice.action_print_letter()

    def test_all_letters_are_those_that_were_not_printed_yet(self):
        notices = self.run_day()
        self._print(notices.filtered(lambda notice: notice.customer_id == self.zoe))
        Notice = self.env["collection.notice"].with_user(self.collector)
        action = Notice.action_print_all_letters()
        printed = self.env["collection.notice"].browse(action["context"]["active_ids"])
        self.assertEqual(printed.customer_id, self.adam)
        with self.assertRaisesRegex(UserError, "No letter waits"):
            Notice.action_print_all_letters()

    def test_job_that_has_a_customer_in_hand_refuses_to_print(self):
        notices = self.run_day()
        with (
            patch.object(
                type(self.zoe), "try_lock_for_update", lambda files, **kwargs: files - self.zoe
            ),
            self.assertRaisesRegex(LockError, "has Zoe in hand"),
        ):
            notices.action_print_letter()

    def test_auditor_prints_copies_only(self):
        notice = self.run_day(self.zoe)
        with self.assertRaises(AccessError):
            notice.with_user(self.auditor).action_print_letter()
        self._print(notice)
        notice.action_mark_posted()
        self.assertEqual(self._print(notice, self.auditor)[0], ["Zoe"])

    def test_employee_without_accounting_rights_reads_no_letter(self):
        notice = self.run_day(self.zoe)
        with self.assertRaises(AccessError):
            self.env[REPORT].with_user(self.employee)._get_report_values(notice.ids)

    def test_printing_many_costs_hardly_more_queries(self):
        def count(number):
            for index in range(number):
                self._make_invoice(self._make_addressee(f"Batch {number} {index}"), 10)
            notices = self.run_day()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            notices.action_print_letter()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count(2)
        few = count(2)
        self.assertLess(count(12) - few, 12, "less than a query a letter")


class TestPosting(LettersCommon):
    def _post(self, notices):
        self._print(notices)
        notices.with_user(self.collector).action_mark_posted()

    def test_posted_letters_are_sent_and_their_tasks_done(self):
        notices = self.run_day()
        tasks = notices.activity_id
        self._post(notices)
        self.assertEqual(set(notices.mapped("state")), {"sent"})
        self.assertEqual(set(notices.mapped("sent_date")), {TODAY})
        self.assertFalse(any(tasks.mapped("active")))

    def test_posted_letter_stands_on_the_conversation_word_for_word(self):
        notice = self.run_day(self.zoe)
        self._post(notice)
        message = notice.message_id
        self.assertEqual(self.zoe.message_ids[:1], message)
        self.assertEqual(message.subject, notice.letter_subject)
        self.assertIn(self.invoice.name, message.body)
        self.assertEqual(message.author_id, self.collector.partner_id)
        self.assertTrue(message.is_internal)

    def test_copy_of_a_posted_letter_is_what_was_posted(self):
        notice = self.run_day(self.zoe)
        self._post(notice)
        self._pay(self.invoice)
        with self.at(3):
            self.assertEqual(self._print(notice)[0], ["Zoe"])
            [letter] = self.env[REPORT]._get_report_values(notice.ids)["letters"]
        self.assertEqual(letter["date"], TODAY)
        self.assertIn("100.00", letter["body"])
        self.assertEqual(notice.state, "sent")

    def test_letter_that_was_not_printed_can_not_have_been_posted(self):
        notices = self.run_day()
        self._print(notices.filtered(lambda notice: notice.customer_id == self.zoe))
        with self.assertRaisesRegex(UserError, "Adam.*not printed"):
            notices.action_mark_posted()
        self.assertEqual(set(notices.mapped("state")), {"queued"}, "all or none")

    def test_letter_left_out_of_a_second_printing_can_not_be_posted(self):
        notice = self.run_day(self.zoe)
        self._print(notice)
        self.company.collection_mode = "simulation"
        self._print(notice)
        with self.assertRaisesRegex(UserError, "not printed"):
            notice.action_mark_posted()

    def test_task_marked_done_in_the_conversation_posts_the_letter_too(self):
        notice = self.run_day(self.zoe)
        self._print(notice)
        notice.activity_id.with_user(self.collector).action_feedback()
        self.assertEqual(notice.state, "sent")
        self.assertIn(self.invoice.name, notice.message_id.body)

    def test_posted_letter_climbs_the_ladder(self):
        self._post(self.run_day(self.zoe))
        with self.at(7):
            self.assertEqual(self.decide(self.zoe).step_id, self.second)

    def test_two_letters_of_one_customer_are_both_posted(self):
        first = self.run_day(self.zoe)
        self._print(first)
        self.second.channel_ids = self.letter
        with self.at(8):
            second = self.run_day(self.zoe)
            self._print(second)
            (first | second).action_mark_posted()
        self.assertEqual(len((first | second).message_id), 2)


class TestPaper(LettersCommon):
    """The PDF itself, made by wkhtmltopdf."""

    def test_each_letter_starts_on_a_page_of_its_own(self):
        notices = self.run_day()
        notices.action_print_letter()
        content, _type = (
            self.env["ir.actions.report"]
            .with_context(force_report_rendering=True)
            ._render_qweb_pdf("collections_management.report_notice_letter", notices.ids)
        )
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
        self.assertEqual(len(pages), 2)
        self.assertIn("Adam", pages[0])
        self.assertIn("Zoe", pages[1])

"""The day's calls: a list on the screen and on paper, marked done with what came of them."""

import io

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form
from odoo.tools.pdf import PdfReader

from .common import TODAY, CollectionsCommon

REPORT = "report.collections_management.report_call_list"


class CallsCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first.write({"channel_ids": cls.call.ids, "note": "Ask for the date"})
        cls.small = cls._make_customer(partner=cls._make_partner("Small", phone="960 111 111"))
        cls.large = cls._make_customer(partner=cls._make_partner("Large", phone="960 222 222"))
        cls.invoice = cls._make_invoice(cls.small, 100)
        cls.other = cls._make_invoice(cls.large, 900)

    def _print(self, calls, user=None):
        """Print a call list as a person does; return its lists and the notification."""
        action = calls.with_user(user or self.collector).action_print_calls()
        text = ""
        if action.get("tag") == "display_notification":
            text = action["params"]["message"]
            action = action["params"]["next"]
        if action["type"] != "ir.actions.report":
            return [], text
        return self._get_lists(action["context"]["active_ids"]), text

    def _get_lists(self, ids):
        return self.env[REPORT]._get_report_values(ids)["lists"]

    def _get_call(self, customer):
        """Return what the list tells of one customer's call."""
        [call_list], _text = self._print(self.run_day(customer))
        return call_list["calls"][0]


class TestCallList(CallsCommon):
    def test_largest_debt_comes_first(self):
        [call_list], text = self._print(self.run_day())
        names = [call["customer"].name for call in call_list["calls"]]
        self.assertEqual((names, text), (["Large", "Small"], ""))
        self.assertEqual(call_list["user"], self.collector)

    def test_each_person_who_calls_has_a_list(self):
        self.small.collector_id = self.supervisor
        lists, _text = self._print(self.run_day())
        self.assertEqual([one["user"] for one in lists], [self.collector, self.supervisor])
        self.assertEqual([len(one["calls"]) for one in lists], [1, 1])

    def test_list_is_in_the_language_of_who_calls(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.first.with_context(lang="es_ES").name = "Primera llamada"
        self.collector.lang = "es_ES"
        self.assertEqual(self._get_call(self.small)["step"], "Primera llamada")

    def test_customer_who_paid_is_withdrawn_and_named_instead_of_called(self):
        calls = self.run_day()
        self._pay(self.other)
        [call_list], text = self._print(calls)
        self.assertEqual([call["customer"].name for call in call_list["calls"]], ["Small"])
        self.assertIn("Large: Paid", text)

    def test_amounts_are_apart_by_currency_and_less_nothing(self):
        euro = self.setup_other_currency("EUR")
        self._make_invoice(self.small, 500, currency_id=euro.id)
        self._make_credit(self.small, 30)
        self._make_invoice(self.small, 70, due=5)
        held = self._make_invoice(self.small, 20, due=-9)
        calls = self.run_day(self.small)
        self._hold(held)
        [call_list], _text = self._print(calls)
        call = call_list["calls"][0]
        amounts = {
            name: call[name].replace("\N{NO-BREAK SPACE}", " ")
            for name in call
            if call[name] and name in ("overdue", "held", "credits")
        }
        self.assertEqual(
            set(amounts["overdue"].split(" + ")), {"$ 120.00", "500.00 €"}, "all that is overdue"
        )
        self.assertEqual(amounts["held"], "$ 20.00")
        self.assertIn("30.00", amounts["credits"])
        self.assertEqual(call["oldest"], "03/02/2026")

    def test_items_are_those_of_the_step_as_they_are_open_now(self):
        part = self._make_invoice(self.small, 60)
        self._make_invoice(self.small, 70, due=5)
        calls = self.run_day(self.small)
        self._pay(part, 10)
        self._pay(self.invoice)
        [call_list], _text = self._print(calls)
        [row] = call_list["calls"][0]["items"]
        self.assertEqual(row["name"], part.name)
        self.assertIn("50.00", row["open"])

    def test_payments_contact_comes_first_and_the_customers_number_after_it(self):
        contact = self._make_contact(self.small, "Ana", phone="600 333 333")
        self.small.payments_contact_id = contact
        contacts = self._get_call(self.small)["contacts"]
        self.assertEqual([one.phone for one in contacts], ["600 333 333", "960 111 111"])

    def test_contact_without_phone_gives_way_to_one_with(self):
        self.small.payments_contact_id = self._make_contact(self.small, "Ana", phone=False)
        notice = self.run_day(self.small)
        self.assertEqual(notice.recipient_id, self.small.partner_id)
        self.assertEqual(notice.phone, "960 111 111")

    def test_call_without_any_phone_is_found_and_still_on_the_list(self):
        self.small.partner_id.phone = False
        calls = self.run_day()
        view = self.env.ref("collections_management.collection_notice_view_search_calls")
        self.assertIn("no_phone", view.get_combined_arch())
        found = self.env["collection.notice"].search(
            [("recipient_id.phone", "=", False), ("partner_id.phone", "=", False)]
        )
        self.assertEqual((found & calls).customer_id, self.small)
        [call_list], _text = self._print(calls)
        self.assertEqual(len(call_list["calls"]), 2)

    def test_what_to_say_and_how_to_treat_the_customer_are_told(self):
        self.small.guidelines = "<p>Never before noon</p>"
        call = self._get_call(self.small)
        self.assertEqual(call["note"], "Ask for the date")
        self.assertIn("Never before noon", call["guidelines"])

    def test_empty_guidelines_take_no_room(self):
        self.small.guidelines = "<p><br></p>"
        self.assertFalse(self._get_call(self.small)["guidelines"])

    def test_what_was_said_last_and_the_customers_answer_are_told(self):
        self.first.channel_ids = self.email
        self.second.channel_ids = self.call
        self.run_day(self.small)
        self.small.message_post(
            body="We pay on Friday", message_type="email", author_id=self.small.partner_id.id
        )
        self.small.action_dismiss_replies()
        with self.at(8):
            call = self._get_call(self.small)
        self.assertEqual(call["said"].step_id, self.first)
        self.assertEqual(call["said"].sent_date, TODAY)
        self.assertEqual(call["answer"][1], "We pay on Friday")

    def test_printing_many_costs_hardly_more_queries(self):
        def count(number):
            for index in range(number):
                partner = self._make_partner(f"Batch {number} {index}", phone="960 000 000")
                self._make_invoice(self._make_customer(partner=partner), 10)
            calls = self.run_day()
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._print(calls)
            return self.cr.sql_log_count - before

        count(2)
        few = count(2)
        self.assertLess(count(12) - few, 12, "less than a query a call")

    def test_my_calls_are_those_assigned_to_me(self):
        self.small.collector_id = self.supervisor
        calls = self.run_day()
        Notice = self.env["collection.notice"]
        action = Notice.with_user(self.supervisor).action_print_my_calls()
        mine = Notice.browse(action["context"]["active_ids"])
        self.assertEqual(mine, calls.filtered(lambda call: call.customer_id == self.small))
        self.assertEqual(mine.user_id, self.supervisor)
        with self.assertRaisesRegex(UserError, "No call waits for you"):
            Notice.with_user(self.manager).action_print_my_calls()

    def test_calls_are_grouped_by_who_has_them(self):
        self.small.collector_id = self.supervisor
        calls = self.run_day()
        groups = self.env["collection.notice"]._read_group(
            [("id", "in", calls.ids)], ["user_id"], ["__count"]
        )
        self.assertEqual(dict(groups), {self.collector: 1, self.supervisor: 1})

    def test_letter_is_no_call(self):
        self.first.channel_ids = self.letter
        notice = self.run_day(self.small)
        with self.assertRaisesRegex(UserError, "goes by Letter"):
            notice.action_print_calls()

    def test_people_without_rights_print_nothing(self):
        call = self.run_day(self.small)
        with self.assertRaises(AccessError):
            call.with_user(self.auditor).action_print_calls()
        with self.assertRaises(AccessError):
            self.env[REPORT].with_user(self.employee)._get_report_values(call.ids)

    def test_paper_has_a_page_for_each_person(self):
        self.small.collector_id = self.supervisor
        calls = self.run_day()
        content, _type = (
            self.env["ir.actions.report"]
            .with_context(force_report_rendering=True)
            ._render_qweb_pdf("collections_management.report_call_list", calls.ids)
        )
        pages = [
            " ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages
        ]
        self.assertEqual(len(pages), 2)
        self.assertIn("Large", pages[0])
        self.assertIn("960 111 111", pages[1])


class TestDone(CallsCommon):
    def _mark_done(self, notices, comment):
        action = notices.with_user(self.collector).action_open_mark_done()
        wizard = Form(
            self.env["collection.mark.done"]
            .with_user(self.collector)
            .with_context(**action["context"])
        )
        wizard.comment = comment
        wizard.save().action_confirm()

    def test_done_call_is_sent_and_its_comment_is_on_the_conversation(self):
        call = self.run_day(self.small)
        self._mark_done(call, "Will pay on Friday")
        self.assertEqual((call.state, call.sent_date), ("sent", TODAY))
        self.assertFalse(call.activity_id.active)
        self.assertIn("Will pay on Friday", self.small.message_ids[0].body)

    def test_one_comment_goes_to_the_conversations_of_all(self):
        self._mark_done(self.run_day(), "On holiday until Monday")
        for customer in (self.small, self.large):
            self.assertIn("On holiday", customer.message_ids[0].body)

    def test_comment_is_kept_though_the_task_is_gone(self):
        call = self.run_day(self.small)
        call.activity_id.unlink()
        self._mark_done(call, "Will pay on Friday")
        self.assertIn("Will pay on Friday", self.small.message_ids[0].body)

    def test_call_that_was_made_can_not_be_made_again(self):
        call = self.run_day(self.small)
        self._mark_done(call, False)
        with self.assertRaisesRegex(UserError, "Sent.*mark as done"):
            call.action_open_mark_done()

    def test_email_can_not_be_marked_done(self):
        self.first.channel_ids = self.email
        notice = self.decide(self.small)
        with self.assertRaisesRegex(UserError, "sent by the system"):
            self._mark_done(notice, "Never")
        self.assertEqual(notice.state, "ready")

    def test_call_counts_once_it_was_made(self):
        self._mark_done(self.run_day(self.small), "Spoke to Ana")
        self.assertEqual(self.items(self.invoice).last_date, TODAY)
        with self.at(8):
            self.assertEqual(self.decide(self.small).step_id, self.second)

"""WhatsApp by hand: whom, at which number, in which words; it counts when a person says so."""

import doctest
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form

from odoo.addons.collections_management.models import phone_number

from .common import TODAY, CollectionsCommon


class WhatsappCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first.channel_ids = cls.whatsapp
        cls.spain = cls.env.ref("base.es")
        cls.france = cls.env.ref("base.fr")
        cls.customer = cls._make_customer(
            partner=cls._make_partner("Customer", phone="600 111 222", country_id=cls.spain.id)
        )
        cls.invoice = cls._make_invoice(cls.customer, 100)

    def _open(self, record, user=None):
        """Open the message of a notice or a customer's file; return it (collection.whatsapp)."""
        action = record.with_user(user or self.collector).action_open_whatsapp()
        return self.env["collection.whatsapp"].with_user(self.collector).browse(action["res_id"])

    def _get_link(self, message):
        """Return number and text of the link that WhatsApp is opened with."""
        action = message.action_open_whatsapp()
        self.assertEqual((action["type"], action["target"]), ("ir.actions.act_url", "new"))
        parts = urlsplit(action["url"])
        self.assertEqual((parts.scheme, parts.netloc), ("https", "wa.me"))
        return parts.path.strip("/"), parse_qs(parts.query)["text"][0]


class TestNumber(WhatsappCommon):
    def _get_number(self, phone, **values):
        self.customer.partner_id.write({"phone": phone, **values})
        return self.customer.partner_id._get_international_phone(self.company)

    def test_plain_rules(self):
        self.assertFalse(doctest.testmod(phone_number).failed)

    def test_number_with_country_code_stays_as_it_is(self):
        self.assertEqual(self._get_number("+33 6 12 34 56 78"), "+33612345678")

    def test_number_without_country_code_is_of_the_contacts_country(self):
        self.assertEqual(
            self._get_number("06 12 34 56 78", country_id=self.france.id), "+33612345678"
        )

    def test_contact_without_country_is_of_the_customers(self):
        contact = self._make_contact(self.customer, "Ana", phone="600 333 444", country_id=False)
        self.assertEqual(contact._get_international_phone(self.company), "+34600333444")

    def test_customer_without_country_is_of_the_companys(self):
        self.company.country_id = self.spain
        self.assertEqual(self._get_number("600 111 222", country_id=False), "+34600111222")

    def test_invalid_number_names_contact_rule_and_way_out(self):
        with self.assertRaisesRegex(
            UserError, r"(?s)“12” of Customer is no phone number.*\+34 600 111 222.*Spain"
        ):
            self._get_number("12")

    def test_contact_without_number_names_the_way_out(self):
        with self.assertRaisesRegex(UserError, "Customer has no phone number: add one"):
            self._get_number(False)

    def test_what_odoos_own_validation_refuses_is_refused_with_its_reason(self):
        partner = self.customer.partner_id
        if not hasattr(partner, "_phone_format"):
            # the module phone_validation is not there: its place is taken by the plain rules
            self.assertEqual(self._get_number("600 111 222"), "+34600111222")
            return

        reason = "Impossible number: not enough digits."

        def refuse(*_args, **_kwargs):
            raise UserError(reason)

        with (
            patch.object(type(partner), "_phone_format", refuse),
            self.assertRaisesRegex(UserError, "not enough digits"),
        ):
            self._get_number("600 111 222")


class TestMessage(WhatsappCommon):
    def test_link_has_number_and_text(self):
        number, text = self._get_link(self._open(self.run_day(self.customer)))
        self.assertEqual(number, "34600111222")
        self.assertIn(self.invoice.name, text)
        self.assertIn("100.00", text)
        self.assertIn("Test collector", text)

    def test_text_is_plain_with_a_link_to_each_document(self):
        _number, text = self._get_link(self._open(self.run_day(self.customer)))
        self.assertNotRegex(text, "<[a-z]")
        self.assertIn(
            f"/my/invoices/{self.invoice.id}?access_token={self.invoice.access_token}", text
        )
        self.assertIn("\n\n", text)

    def test_text_is_in_the_contacts_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        template = self.system.ref("collections_management.mail_template_whatsapp_reminder")
        template.with_context(
            lang="es_ES"
        ).body_html = "<p>Vencido: <t t-out='object.short_amount'/></p>"
        self.customer.payments_contact_id = self._make_contact(
            self.customer, "Ana", phone="600 333 444", lang="es_ES"
        )
        number, text = self._get_link(self._open(self.run_day(self.customer)))
        self.assertEqual(number, "34600333444")
        self.assertIn("Vencido: ", text)

    def test_step_has_words_of_its_own(self):
        self.first.whatsapp_template_id = self._make_template(
            "Own", body_html="<p>Our own words of <t t-out='object.short_amount'/></p>"
        )
        text = self._open(self.run_day(self.customer)).text
        self.assertTrue(text.startswith("Our own words of"), text)

    def test_words_of_a_step_can_not_be_archived(self):
        template = self._make_template("Own")
        self.first.whatsapp_template_id = template
        with self.assertRaisesRegex(UserError, "Test Own.*First claim"):
            template.active = False

    def test_item_that_is_not_due_is_announced_not_claimed(self):
        self.customer.strategy_id = self._make_scheme(
            self._announce(3, channels=self.whatsapp), self._claim(5)
        )
        self._pay(self.invoice)
        coming = self._make_invoice(self.customer, 70, due=2)
        text = self._open(self.run_day(self.customer)).text
        self.assertIn("comes due shortly", text)
        self.assertIn(coming.name, text)
        self.assertNotIn("past its due date", text)

    def test_direct_debit_is_told_when_not_asked_to_pay(self):
        self.customer.strategy_id = self._make_scheme(
            self._announce(3, channels=self.whatsapp), self._claim(5), is_direct_debit=True
        )
        self._pay(self.invoice)
        self._make_invoice(self.customer, 70, due=2)
        text = self._open(self.run_day(self.customer)).text
        self.assertIn("70.00 on 03/13/2026", text.replace("\N{NO-BREAK SPACE}", " "))
        self.assertIn("nothing you need to do", text)

    def test_long_list_is_cut_to_what_fits_and_summed_up(self):
        for _number in range(30):
            self._make_invoice(self.customer, 10)
        message = self._open(self.run_day(self.customer))
        self.assertRegex(message.text, r"and \d+ more, .*0\.00 in all")
        self.assertIn("400.00", message.text, "the sum is of all")
        self.assertLess(len(message.action_open_whatsapp()["url"]), 3000)

    def test_what_stands_in_the_customers_favour_is_told(self):
        self._make_credit(self.customer, 30)
        self.assertRegex(self._open(self.run_day(self.customer)).text, "In your favour: .*30.00")

    def test_own_text_is_what_is_opened_and_logged(self):
        message = self._open(self.run_day(self.customer))
        form = Form(message)
        form.text = "Hola & adiós\n¿cuándo?"
        form.save()
        self.assertEqual(self._get_link(message)[1], "Hola & adiós\n¿cuándo?")

    def test_text_that_is_too_long_says_by_how_much(self):
        message = self._open(self.run_day(self.customer))
        message.text = "x" * 5000
        with self.assertRaisesRegex(UserError, "too long.*shorten it by about 10"):
            message.action_open_whatsapp()

    def test_another_contact_may_be_chosen(self):
        ana = self._make_contact(self.customer, "Ana", phone="600 333 444", is_company=False)
        message = self._open(self.run_day(self.customer))
        form = Form(message)
        form.recipient_id = ana
        form.save()
        number, text = self._get_link(message)
        self.assertEqual(number, "34600333444")
        self.assertIn("Dear Ana,", text)

    def test_invalid_number_is_shown_and_can_not_be_opened(self):
        self.customer.partner_id.phone = "12"
        message = self._open(self.run_day(self.customer))
        self.assertIn("no phone number", message.problem)
        with self.assertRaisesRegex(UserError, "no phone number"):
            message.action_open_whatsapp()

    def test_paid_notice_is_withdrawn_and_named_instead_of_opened(self):
        notice = self.run_day(self.customer)
        self._pay(self.invoice)
        action = notice.with_user(self.collector).action_open_whatsapp()
        self.assertIn("Customer: Paid", action["params"]["message"])
        self.assertEqual(notice.state, "cancelled")

    def test_message_of_another_channel_is_not_opened(self):
        self.first.channel_ids = self.letter
        with self.assertRaisesRegex(UserError, "goes by Letter"):
            self.run_day(self.customer).action_open_whatsapp()

    def test_auditor_sends_nothing(self):
        notice = self.run_day(self.customer)
        for record in (notice, self.customer):
            with self.assertRaises(AccessError):
                record.with_user(self.auditor).action_open_whatsapp()


class TestConfirmation(WhatsappCommon):
    def test_opening_counts_as_nothing(self):
        notice = self.run_day(self.customer)
        before = len(self.customer.message_ids)
        self._get_link(self._open(notice))
        self.assertEqual(notice.state, "queued")
        self.assertTrue(notice.activity_id.active)
        self.assertEqual(len(self.customer.message_ids), before)

    def test_confirmed_message_is_sent_and_stands_on_the_conversation(self):
        notice = self.run_day(self.customer)
        message = self._open(notice)
        message.text = "First line\nPay <soon>"
        message.action_confirm_sent()
        self.assertEqual((notice.state, notice.sent_date), ("sent", TODAY))
        self.assertFalse(notice.activity_id.active)
        note = self.customer.message_ids[0]
        self.assertEqual(notice.message_id, note)
        self.assertIn("First line<br>Pay &lt;soon&gt;", note.body.replace("<br/>", "<br>"))
        self.assertEqual(note.author_id, self.collector.partner_id)

    def test_message_can_not_be_confirmed_twice(self):
        message = self._open(self.run_day(self.customer))
        message.action_confirm_sent()
        before = len(self.customer.message_ids)
        with self.assertRaisesRegex(UserError, "Sent.*send"):
            message.action_confirm_sent()
        self.assertEqual(len(self.customer.message_ids), before)

    def test_confirmed_message_climbs_the_ladder(self):
        self._open(self.run_day(self.customer)).action_confirm_sent()
        with self.at(7):
            self.assertEqual(self.decide(self.customer).step_id, self.second)


class TestReminder(WhatsappCommon):
    """From the customer's file, without a notice."""

    def test_reminder_names_all_that_is_overdue_and_may_be_claimed(self):
        second = self._make_invoice(self.customer, 50, due=-1)
        held = self._make_invoice(self.customer, 300)
        self._hold(held)
        coming = self._make_invoice(self.customer, 70, due=9)
        text = self._open(self.customer).text
        self.assertIn("150.00", text)
        for move, told in ((self.invoice, 1), (second, 1), (held, 0), (coming, 0)):
            self.assertEqual(move.name in text, bool(told), move.name)

    def test_reminder_is_logged_and_counts_as_no_step(self):
        message = self._open(self.customer)
        message.action_confirm_sent()
        self.assertIn(self.invoice.name, self.customer.message_ids[0].body)
        self.assertFalse(self.customer.notice_ids)
        self.assertDecision(self.customer, "claim")
        self.assertFalse(self.items(self.invoice).last_step_id)

    def test_nothing_overdue_says_so(self):
        self._hold(self.invoice)
        with self.assertRaisesRegex(UserError, "Customer owes nothing overdue"):
            self._open(self.customer)

    def test_insolvent_customer_is_not_reminded(self):
        self.customer.insolvent = True
        with self.assertRaisesRegex(UserError, "nothing overdue"):
            self._open(self.customer)

    def test_reminder_beside_a_notice_of_another_item_names_all(self):
        self.run_day(self.customer)
        late = self._make_invoice(self.customer, 25)
        self.assertIn(late.name, self._open(self.customer).text)

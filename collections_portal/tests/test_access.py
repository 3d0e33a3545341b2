from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from freezegun import freeze_time

from odoo import fields

from .common import PortalCase

PAGES = ("", "/invoices", "/messages", "/statement.pdf", "/statement.xlsx")


class TestLinks(PortalCase):
    """A link in a message opens its customer's page, and no more."""

    def test_it_opens_the_customers_page_without_a_login(self):
        for page in PAGES:
            with self.subTest(page=page):
                self.assertEqual(self.get(page).status_code, 200)

    def test_an_altered_one_opens_nothing(self):
        for token in (self.token[:-2] + "xx", "x", "é", self.token + "A" * 40):
            for page in PAGES:
                with self.subTest(token=token[-5:], page=page):
                    self.assertEqual(self.get(page, access_token=token).status_code, 404)

    def test_an_expired_one_opens_nothing(self):
        with freeze_time(fields.Datetime.now() - timedelta(days=61)):
            old = self.customer._get_portal_token(self.contact)
        self.assertEqual(self.get(access_token=old).status_code, 404)
        with freeze_time(fields.Datetime.now() - timedelta(days=59)):
            young = self.customer._get_portal_token(self.contact)
        self.assertEqual(self.get(access_token=young).status_code, 200)

    def test_a_withdrawn_one_opens_nothing(self):
        self.customer.with_user(self.collector).action_renew_portal_links()
        self.assertEqual(self.get().status_code, 404)
        self.assertEqual(
            self.get(access_token=self.customer._get_portal_token(self.contact)).status_code, 200
        )

    def test_one_of_a_contact_who_left_the_company_opens_nothing(self):
        self.contact.parent_id = self.stranger.partner_id
        self.assertEqual(self.get().status_code, 404)

    def test_without_one_visitors_are_asked_to_log_in(self):
        response = self.get(access_token=None)
        self.assertIn("/web/login", response.url)


class TestLogin(PortalCase):
    """With a login the same page opens, and nobody else's."""

    def test_the_company_s_page(self):
        self.authenticate("paula", "paula")
        words = self.text(self.page(access_token=None))
        self.assertIn(self.first_invoice.name, words)
        self.assertNotIn(self.strange_invoice.name, words)

    def test_a_file_of_another_customer_is_not_found(self):
        self.authenticate("paula", "paula")
        for page in PAGES:
            response = self.get(page, access_token=None, account=self.stranger.id)
            self.assertEqual(response.status_code, 404, page)

    def test_a_restricted_contact_sees_its_own_invoices_only(self):
        self.contact.collection_portal_restricted = True
        own = self._make_invoice(self.contact, 30, due=-3)
        words = self.text(self.page())
        self.assertIn(own.name, words)
        self.assertNotIn(self.first_invoice.name, words)
        self.assertNotIn(self.first_invoice.name, self.text(self.page("/invoices")))
        self.assertEqual(self.get("/statement.pdf").status_code, 404)
        response = self.get(f"/invoices/{self.first_invoice.id}/pdf")
        self.assertEqual(response.status_code, 404)

    def test_a_restricted_contact_reads_its_own_messages_only(self):
        self.contact.collection_portal_restricted = True
        other = self._make_contact(self.customer, "Other")
        for person, words in ((other, "For Other"), (self.contact, "For Paula")):
            self.customer.message_post(
                body=words,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                partner_ids=person.ids,
                attachments=[(f"{person.name}.txt", b"file")],
            )
        words = self.text(self.page("/messages"))
        self.assertIn("For Paula", words)
        self.assertNotIn("For Other", words)
        self.assertNotIn("For Other", self.get("/messages/list").text)
        [mine, others] = self.customer.message_ids[:2]
        for message, status in ((mine, 200), (others, 404)):
            path = f"/messages/{message.id}/{message.attachment_ids.id}"
            self.assertEqual(self.get(path).status_code, status)
        self.post("/messages/send", text="My own words")
        self.assertIn("My own words", self.text(self.page("/messages")))

    def test_a_restricted_contact_sees_agreements_about_its_own_invoices(self):
        self.contact.collection_portal_restricted = True
        own = self._make_invoice(self.contact, 30, due=-3)
        promises = self.system["collection.promise"]
        mine = promises._make(self._line(own).with_env(self.system), date_promised=self._day(3))
        others = promises._make(
            self._line(self.first_invoice).with_env(self.system), date_promised=self._day(3)
        )
        words = self.text(self.page("/agreements"))
        self.assertIn(mine.number, words)
        self.assertNotIn(others.number, words)

    def test_a_contact_of_the_same_company_sees_the_company_s(self):
        other = self._make_contact(self.customer, "Other")
        self.assertIn(
            self.first_invoice.name,
            self.text(self.page(access_token=self.customer._get_portal_token(other))),
        )


class TestIds(PortalCase):
    """Ids guessed from other customers are not found, whatever is asked for."""

    def test_invoices(self):
        response = self.get(f"/invoices/{self.strange_invoice.id}/pdf")
        self.assertEqual(response.status_code, 404)
        self.assertEqual(self.get("/invoices/999999999/pdf").status_code, 404)

    def test_drafts_and_vendor_bills(self):
        draft = self._make_invoice(self.customer, 5, post=False)
        bill = self._make_invoice(self.customer, 5, kind="in_invoice")
        for move in (draft, bill):
            self.assertEqual(self.get(f"/invoices/{move.id}/pdf").status_code, 404)

    def test_items_of_others_lead_back(self):
        strange = self._line(self.strange_invoice)
        for path in ("/pay", "/settle"):
            response = self.get(path, item=[strange.id], kind="promise")
            self.assertNotIn(self.strange_invoice.name, response.text)
            address = urlsplit(response.url)
            self.assertEqual(address.path, "/my/collections")
            self.assertEqual(list(parse_qs(address.query)), ["access_token"])

    def test_a_mix_of_own_and_others_is_refused_whole(self):
        items = [self._line(self.first_invoice).id, self._line(self.strange_invoice).id]
        response = self.post(
            "/settle", kind="promise", key="k", item=items, date=self._day(3).isoformat()
        )
        self.assertIn("done=gone", response.url)
        self.assertFalse(self.requests())
        self.assertFalse(self.system["collection.promise"].search([]))

    def test_parameters_that_are_none_of_ours(self):
        for path, params in (
            ("", {"access": "1", "page": "2", "x": "y"}),
            ("/pay", {"access": "1", "offer": "x", "overdue": ""}),
            ("/pay", {"offer": "9999999999999"}),
            ("/settle", {"kind": "promise", "access": "1", "item": "99999999999999999"}),
        ):
            with self.subTest(path=path, params=params):
                self.assertEqual(self.get(path, **params).status_code, 200)

    def test_files_of_other_conversations(self):
        message = self.stranger.message_post(body="Secret", attachments=[("a.txt", b"secret")])
        file = message.attachment_ids
        response = self.get(f"/messages/{message.id}/{file.id}")
        self.assertEqual(response.status_code, 404)

    def test_notes_of_colleagues_are_not_shown(self):
        self.customer.message_post(body="Internal words", subtype_xmlid="mail.mt_note")
        note = self.customer.message_post(
            body="With a file", subtype_xmlid="mail.mt_note", attachments=[("b.txt", b"x")]
        )
        self.assertNotIn("Internal words", self.get("/messages").text)
        response = self.get(f"/messages/{note.id}/{note.attachment_ids.id}")
        self.assertEqual(response.status_code, 404)


class TestBrowsers(PortalCase):
    def test_forms_need_their_own_token(self):
        response = self.settle(
            "promise", self.first_invoice, csrf=False, date=self._day(3).isoformat()
        )
        self.assertEqual(response.status_code, 400)
        self.assertFalse(self.requests())

    def test_pages_stay_out_of_caches_and_search_engines(self):
        for page in PAGES:
            headers = self.get(page).headers
            self.assertEqual(headers["Cache-Control"], "no-store", page)
            self.assertEqual(headers["X-Robots-Tag"], "noindex", page)
            self.assertEqual(headers["Referrer-Policy"], "same-origin", page)

"""Every route, for everybody who may try it: to read and to write."""

import re
from datetime import timedelta

from freezegun import freeze_time

from odoo import fields, http

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import ROOT, PortalCase

PAGES = (
    "",
    "/page/1",
    "/invoices",
    "/invoices/page/1",
    "/invoices/{invoice}/pdf",
    "/statement.pdf",
    "/statement.xlsx",
    "/agreements",
    "/agreements/page/1",
    "/plans/{plan}",
    "/plans/{plan}/pdf",
    "/plans/{plan}/automatic",
    "/messages",
    "/messages/page/1",
    "/messages/list",
    "/messages/{message}/{file}",
    "/pay?item={item}",
    "/settle?kind=promise&item={item}",
    "/details",
)
FORMS = {
    "/settle": {"kind": "promise", "key": "k", "item": "{item}", "date": "{date}"},
    "/messages/send": {"text": "Words of whoever tries"},
    "/details": {"key": "d", "email": "new@example.com", "phone": "1"},
    "/plans/{plan}/decline": {},
    "/plans/{plan}/automatic/off": {},
}
# What is tried by tests of its own: the signature's form, and the transaction of a signed order.
ELSEWHERE = {"/plans/{plan}/accept", "/transaction"}
# What is the whole company's, which a restricted contact doesn't see.
WHOLE = {"/invoices/{invoice}/pdf", "/statement.pdf", "/statement.xlsx", "/plans/{plan}"}
WHOLE |= {"/plans/{plan}/pdf", "/plans/{plan}/automatic", "/messages/{message}/{file}"}


class TestMatrix(PortalCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = cls._make_customer("Strangeland")
        cls.other_contact = cls._make_contact(cls.own, "Otto", type="other")
        cls._make_visitor("otto", cls.other_contact)
        cls._make_invoice(cls.own, 5, due=-9)
        cls.resolver = mail_new_test_user(
            cls.system,
            login="resolver",
            groups="collections_management.group_dispute_resolver",
            company_id=cls.company.id,
        )
        company = cls.setup_other_company()["company"]
        cls.foreign = mail_new_test_user(
            cls.system,
            login="foreign",
            groups="collections_management.group_collection_collector",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        lines = cls._get_receivable_lines(cls.second_invoice).with_env(cls.system)
        cls.plan = cls.system["collection.plan"]._make(
            lines, schedules={cls.currency: [(cls._day(5), 30), (cls._day(35), 30)]}
        )
        cls.message = cls.customer.message_post(
            body="Our secret",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            attachments=[("secret.txt", b"secret file")],
        )
        cls.ids = {
            "invoice": cls.first_invoice.id,
            "item": cls._get_receivable_lines(cls.first_invoice).id,
            "plan": cls.plan.id,
            "message": cls.message.id,
            "file": cls.message.attachment_ids.id,
            "date": cls._day(3).isoformat(),
        }
        # what nobody else may read, in no answer
        cls.secrets = ("Our secret", "secret file", cls.plan.number, "Paula", "paula@example.com")

    def test_every_route_is_in_the_matrix(self):
        tried = {page.partition("?")[0] for page in PAGES} | set(FORMS) | ELSEWHERE
        tried = {re.sub(r"{\w+}|/page/\d+$", "*", path) for path in tried}
        rules = self.env["ir.http"]._generate_routing_rules(["collections_portal"], {})
        routes = {
            re.sub(r"<[^>]+>", "*", url.removeprefix(ROOT)).replace("/page/*", "*")
            for url, _endpoint in rules
            if url.startswith(ROOT)
        }
        self.assertIn("/plans/*", routes)
        self.assertEqual(routes - tried, set())

    def _open(self, page, **params):
        return self.url_open(
            ROOT + page.format(**self.ids), params=params, allow_redirects=False, timeout=60
        )

    def _send(self, path, **params):
        data = {key: value.format(**self.ids) for key, value in FORMS[path].items()}
        data |= params | {"csrf_token": http.Request.csrf_token(self)}
        return self.url_open(
            ROOT + path.format(**self.ids), data=data, allow_redirects=False, timeout=60
        )

    def _sign(self, **params):
        return self.url_open(
            f"{ROOT}/plans/{self.plan.id}/accept",
            json={"jsonrpc": "2.0", "params": {"name": "X", "signature": "iVBORw0KGgo=", **params}},
            timeout=60,
        )

    def _login(self, login):
        self.authenticate(login, login)

    def assertNoSecrets(self, response):
        for secret in self.secrets:
            self.assertNotIn(secret.encode(), response.content)

    def assertUntouched(self):
        self.env.invalidate_all()
        self.assertFalse(self.requests())
        self.assertEqual(self.plan.state, "proposed")
        self.assertNotIn("Words of whoever", str(self.customer.message_ids.mapped("body")))
        self.assertEqual(self.contact.email, "paula@example.com")

    def _check(self, status, **params):
        """Check that every route answers so to a stranger, and that nothing happens."""
        for page in PAGES:
            with self.subTest(page=page):
                response = self._open(page, **params)
                expected = 404 if page == "/messages/list" else status
                self.assertEqual(response.status_code, expected)
                self.assertNoSecrets(response)
        for path in FORMS:
            with self.subTest(form=path):
                response = self._send(path, **params)
                self.assertEqual(response.status_code, 404)
                self.assertNoSecrets(response)
        self.assertEqual(self._sign(**params).json()["error"]["code"], 404)
        self.assertUntouched()

    def test_nobody_is_asked_to_log_in(self):
        self.authenticate(None, None)
        self._check(303)

    def test_an_altered_link(self):
        self.authenticate(None, None)
        self.patch_limit()
        self._check(404, access_token=self.token[:-2] + "zz")

    def test_an_expired_link(self):
        with freeze_time(fields.Datetime.now() - timedelta(days=61)):
            old = self.customer._get_portal_token(self.contact)
        self.authenticate(None, None)
        self.patch_limit()
        self._check(404, access_token=old)

    def test_a_resolver_and_a_collector_of_another_company(self):
        for login in ("resolver", "foreign"):
            with self.subTest(login=login):
                self._login(login)
                self._check(404)

    def test_another_customer_asks_for_this_ones_account(self):
        self._login("otto")
        self._check(404, account=str(self.customer.id))

    def _check_other_customer(self, **params):
        """Check what opens for another customer: their own page, and nothing by our ids."""
        for page in PAGES:
            with self.subTest(page=page):
                response = self._open(page, **params)
                self.assertNoSecrets(response)
                guessed = "{" in page and "item" not in page
                self.assertEqual(
                    response.status_code, 404 if guessed else 303 if "item" in page else 200
                )
        for path in ("/settle", "/plans/{plan}/decline", "/plans/{plan}/automatic/off"):
            with self.subTest(form=path):
                self.assertNoSecrets(self._send(path, **params))
        self.assertEqual(self._sign(**params).json()["error"]["code"], 404)
        self.assertUntouched()
        self.assertFalse(
            self.system["collection.portal.request"].search([("customer_id", "=", self.own.id)])
        )

    def test_another_customer_with_a_login(self):
        self._login("otto")
        self._check_other_customer()

    def test_another_customer_with_a_link(self):
        self.authenticate(None, None)
        self._check_other_customer(access_token=self.own._get_portal_token(self.other_contact))

    def test_a_restricted_contact(self):
        self.contact.collection_portal_restricted = True
        self.authenticate(None, None)
        for page in PAGES:
            with self.subTest(page=page):
                response = self._open(page, access_token=self.token)
                expected = 404 if page in WHOLE else 303 if "item" in page else 200
                self.assertEqual(response.status_code, expected)
                self.assertNotIn(self.first_invoice.name, response.text)

    def test_the_customer_with_a_login_and_with_a_link(self):
        for login, params in (("paula", {}), (None, {"access_token": self.token})):
            self.authenticate(login, login)
            for page in PAGES:
                with self.subTest(page=page, login=login):
                    self.assertEqual(self._open(page, **params).status_code, 200)
        for path in FORMS:
            with self.subTest(form=path):
                self.assertEqual(self._send(path, access_token=self.token).status_code, 303)
        self.env.invalidate_all()
        self.assertEqual(len(self.requests()), 2)
        self.assertEqual(self.plan.state, "cancelled")

    def test_what_saves_a_payment_method_needs_the_token_of_its_page(self):
        own = self.plan._sign_automatic(self.other_contact)  # of another customer
        order = self.system["collection.portal.order"]
        lines = self._get_receivable_lines(self.first_invoice).with_env(self.system)
        order = order._sign(self.customer, self.contact, order._make(lines))
        for login in (None, "otto", "resolver", "foreign", "paula"):
            self.authenticate(login, login)
            for route in ("transaction", "assign"):
                for token in (None, "", "x", self.token, own, order):
                    with self.subTest(login=login, route=route, token=token):
                        answer = self.url_open(
                            f"{ROOT}/automatic/{route}",
                            json={"jsonrpc": "2.0", "params": {"access_token": token}},
                            timeout=60,
                        )
                        self.assertEqual(answer.json()["error"]["code"], 404)
                        self.assertNoSecrets(answer)
        self.env.invalidate_all()
        self.assertFalse(self.plan.is_automatic)

    def patch_limit(self):
        """Let a wrong link be tried as often as a matrix needs."""
        self.patch(
            type(self.env["collection.portal.attempt"]), "_count_within", lambda self, env, key: 1
        )


class TestMarkup(PortalCase):
    """What others wrote is shown as written, wherever it is shown."""

    EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"

    def _assert_escaped(self, source):
        self.assertNotIn("<script>alert(1)", source)
        self.assertNotIn("<img src=x", source)

    def test_in_names(self):
        self.customer.partner_id.name = self.EVIL
        self.contact.name = self.EVIL
        self.company.name = f"We {self.EVIL}"
        for page in ("", "/invoices", "/agreements", "/messages", "/details"):
            source = self.get(page).text
            self.assertIn("&lt;script&gt;alert(1)", source)
            self._assert_escaped(source)

    def test_in_comments(self):
        self.settle("promise", self.first_invoice, date=self._day(3).isoformat(), note=self.EVIL)
        for page in ("", "/agreements", "/messages"):
            self._assert_escaped(self.get(page).text)
        # nor in the collector's web client
        bodies = " ".join(self.customer.message_ids.mapped("body"))
        self.assertIn("&lt;script&gt;", bodies)
        self._assert_escaped(bodies)

    def test_in_a_form_that_is_shown_again(self):
        for kind in ("promise", "paid", "plan"):
            response = self.settle(
                kind, self.first_invoice, date=self.EVIL, note=self.EVIL, reference=self.EVIL
            )
            self.assertIn("is no date", response.text)
            self._assert_escaped(response.text)
        response = self.post("/details", key="x", email=self.EVIL, phone=self.EVIL, lang="en_US")
        self._assert_escaped(response.text)

    def test_in_amounts(self):
        line = self._line(self.first_invoice)
        response = self.post("/pay", item=line.id, **{f"amount_{line.id}": self.EVIL})
        self.assertIn("no amount", response.text)
        self._assert_escaped(response.text)

    def test_in_addresses(self):
        self._assert_escaped(self.get("/messages", error=self.EVIL).text)
        self._assert_escaped(self.get("", done=self.EVIL).text)

    def test_in_names_of_files(self):
        name = '"><img src=x onerror=alert(2)>.txt'
        self.post("/messages/send", text="See", files=[("files", (name, b"x", "text/plain"))])
        source = self.get("/messages").text
        self.assertIn("onerror", source)
        self._assert_escaped(source)

"""What tests of the portal stand on: a customer with a login, a link, and a provider of payments."""

import re

from lxml import html

from odoo.tests import HttpCase, tagged

from odoo.addons.collections_management.tests.common import CollectionsCase
from odoo.addons.mail.tests.common import mail_new_test_user

ROOT = "/my/collections"


@tagged("post_install", "-at_install")
class PortalCase(CollectionsCase, HttpCase):
    """``customer`` has three invoices, ``contact`` a login and a link; ``stranger`` is another."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer("Client")
        cls.contact = cls._make_contact(cls.customer, "Paula", type="other")
        cls.user = cls._make_visitor("paula", cls.contact)
        cls.first_invoice = cls._make_invoice(cls.customer, 100, due=-20)
        cls.second_invoice = cls._make_invoice(cls.customer, 60, due=-10)
        cls.later_invoice = cls._make_invoice(cls.customer, 40, due=10)
        cls.stranger = cls._make_customer("Stranger")
        cls.strange_invoice = cls._make_invoice(cls.stranger, 77, due=-20)
        cls.token = cls.customer._get_portal_token(cls.contact)
        cls.provider = cls._enable_demo_provider()

    @classmethod
    def _make_visitor(cls, login, contact):
        """Return a portal user for a contact."""
        return mail_new_test_user(
            cls.system,
            login=login,
            name=contact.name,
            email=contact.email,
            groups="base.group_portal",
            partner_id=contact.id,
            company_id=cls.company.id,
        )

    @classmethod
    def _enable_demo_provider(cls):
        provider = cls.system.ref("payment.payment_provider_demo").copy(
            {"company_id": cls.company.id}
        )
        provider.write({"state": "test", "is_published": True})
        provider.journal_id = cls.company_data["default_journal_bank"].id
        cls.card = cls.system.ref("payment.payment_method_card")
        provider.payment_method_ids = cls.card
        cls.card.active = True
        provider.journal_id.inbound_payment_method_line_ids.filtered(
            lambda line: line.payment_provider_id == provider
        ).payment_account_id = cls.inbound_payment_method_line.payment_account_id
        return provider

    # ------------------------------------------------------------
    # As the customer's browser
    # ------------------------------------------------------------

    def _line(self, move):
        return self._get_receivable_lines(move)

    def get(self, path="", **params):
        """Open a page by the link, unless ``access_token`` is given; return the response."""
        params.setdefault("access_token", self.token)
        if params["access_token"] is None:
            del params["access_token"]
        # files of a link's page have no session
        return self.url_open(f"{ROOT}{path}", params=params, timeout=60)

    def page(self, path="", **params):
        """Return the tree of a page that opens."""
        response = self.get(path, **params)
        self.assertEqual(response.status_code, 200, response.text[:500])
        return html.fromstring(response.content)

    def text(self, tree, selector="o_collections_portal"):
        """Return the words of a page."""
        [part, *_more] = tree.find_class(selector)
        return re.sub(r"\s+", " ", part.text_content()).strip()

    def post(self, path, files=None, csrf=True, **data):
        """Send a form by the link, with the token that the page's form has."""
        data.setdefault("access_token", self.token)
        if data["access_token"] is None:
            del data["access_token"]
        if csrf:
            data["csrf_token"] = self._get_csrf_token()
        return self.url_open(f"{ROOT}{path}", data=data, files=files, timeout=60)

    def _get_csrf_token(self):
        if not getattr(self, "_csrf_token", None):
            tree = self.page("/messages")
            [token] = tree.xpath("//form[@enctype]//input[@name='csrf_token']/@value")
            self._csrf_token = token
        return self._csrf_token

    def settle(self, kind, *moves, files=None, key="key", **data):
        """Send what the customer says of invoices; return the response."""
        items = [line.id for move in moves for line in self._line(move)]
        return self.post("/settle", files=files, kind=kind, key=key, item=items, **data)

    def requests(self):
        self.env.invalidate_all()
        return self.system["collection.portal.request"].search(
            [("customer_id", "=", self.customer.id)]
        )

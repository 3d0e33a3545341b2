from urllib.parse import parse_qs, urlparse

from odoo.addons.payment.tests.http_common import PaymentHttpCommon

from .common import PortalCase

OVERDUE = "/my/invoices/overdue"


class TestOverdue(PortalCase):
    """Odoo's own “Pay overdue” leads to the page that never charges more than what is due."""

    def setUp(self):
        super().setUp()
        self.authenticate("paula", "paula")

    def _amount(self):
        """Return what the page that opens would charge."""
        response = self.url_open(OVERDUE)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(urlparse(response.url).path, "/my/collections/pay")
        return float(PaymentHttpCommon._get_payment_context(self, response)["amount"])

    def test_what_is_due_is_charged_not_what_was_paid(self):
        self._pay(self.first_invoice, 30)
        self.assertEqual(self._amount(), 70 + 60)

    def test_by_the_instalments_own_dates(self):
        terms = self._make_terms((50, 5), (50, 60))
        self._make_invoice(
            self.customer, 300, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        self.assertEqual(self._amount(), 100 + 60 + 150)

    def test_what_is_disputed_is_left_out(self):
        self._hold(self.first_invoice, kind="disputed")
        self.assertEqual(self._amount(), 60)

    def test_one_currency_at_a_time(self):
        other = self.setup_other_currency("EUR")
        self._make_invoice(self.customer, 500, due=-2, currency_id=other.id)
        self.assertEqual(self._amount(), 160)

    def test_nothing_overdue_leads_to_the_account(self):
        self._pay(self.first_invoice + self.second_invoice)
        self.assertEqual(urlparse(self.url_open(OVERDUE).url).path, "/my/collections")

    def test_a_currency_that_is_none_leads_back(self):
        for currency in ("XXX", "", "1 OR 1=1"):
            response = self.get("/pay", access_token=None, overdue=currency)
            self.assertEqual(urlparse(response.url).path, "/my/collections")

    def test_visitors_learn_nothing(self):
        self.logout()
        self.assertIn("/web/login", self.url_open(OVERDUE).url)

    def test_a_link_pays_what_is_overdue_too(self):
        self.logout()
        response = self.get("/pay", overdue=self.currency.name)
        self.assertEqual(
            float(PaymentHttpCommon._get_payment_context(self, response)["amount"]), 160
        )
        self.assertEqual(parse_qs(urlparse(response.url).query)["access_token"], [self.token])

    # ------------------------------------------------------------
    # Odoo's own routes of transactions
    # ------------------------------------------------------------

    def _begin(self, path, **values):
        params = {
            "provider_id": self.provider.id,
            "payment_method_id": self.card.id,
            "token_id": None,
            "flow": "direct",
            "tokenization_requested": False,
            "landing_route": "/my",
            "is_validation": False,
            **values,
        }
        return self.url_open(
            f"/invoice/transaction/{path}",
            json={"jsonrpc": "2.0", "id": 0, "params": params},
            timeout=60,
        ).json()

    def test_the_browsers_amount_for_all_overdue_is_refused(self):
        answer = self._begin("overdue", payment_reference="x", amount=1000)
        self.assertIn("page of your account", answer["error"]["data"]["message"])
        self.assertFalse(self.first_invoice.transaction_ids)

    def test_more_than_one_invoice_is_open_for_is_refused(self):
        self._pay(self.first_invoice, 30)
        token = self.first_invoice._portal_ensure_token()
        answer = self._begin(self.first_invoice.id, access_token=token, amount=100)
        self.assertIn("more than the", answer["error"]["data"]["message"])
        answer = self._begin(self.first_invoice.id, access_token=token, amount=70)
        self.assertNotIn("error", answer)
        self.env.invalidate_all()
        self.assertEqual(self.first_invoice.transaction_ids.amount, 70)

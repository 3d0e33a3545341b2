import json
from datetime import timedelta

from lxml import html

from odoo import Command, fields
from odoo.tools import format_date

from odoo.addons.payment.tests.http_common import PaymentHttpCommon

from .common import ROOT, PortalCase


class PaymentCase(PortalCase):
    """Pays by ``payment_demo``, as the payment form does."""

    def _order(self, *moves, **amounts):
        """Return the signed order of the page for some invoices, amounts by position."""
        lines = [self._line(move) for move in moves]
        form = {
            f"amount_{lines[int(name.removeprefix('a'))].id}": amount
            for name, amount in amounts.items()
        }
        response = self.post("/pay", item=[line.id for line in lines], **form)
        self.assertEqual(response.status_code, 200)
        self.response = response
        return PaymentHttpCommon._get_payment_context(self, response)

    def _begin(self, context, **changes):
        """Call the transaction route as the payment form does; return its answer."""
        params = {
            "provider_id": self.provider.id,
            "payment_method_id": self.card.id,
            "token_id": None,
            "amount": context["amount"],
            "flow": "direct",
            "tokenization_requested": False,
            "landing_route": context["landing_route"],
            "is_validation": False,
            "access_token": context["access_token"],
            "csrf_token": "x",
            **changes,
        }
        answer = self.url_open(
            f"{ROOT}/transaction", json={"jsonrpc": "2.0", "id": 0, "params": params}, timeout=60
        ).json()
        self.env.invalidate_all()
        return answer

    def _pay_order(self, context, **changes):
        """Pay, and have it booked; return the transaction."""
        answer = self._begin(context, **changes)
        self.assertNotIn("error", answer, json.dumps(answer)[:800])
        transaction = self.system["payment.transaction"].search(
            [("reference", "=", answer["result"]["reference"])]
        )
        transaction.action_demo_set_done()
        transaction._post_process()
        self.env.invalidate_all()
        return transaction

    def _open(self, move):
        return self._line(move).amount_residual_currency


class TestPayment(PaymentCase):
    def test_one_invoice_in_full(self):
        transaction = self._pay_order(self._order(self.first_invoice))
        self.assertEqual(transaction.amount, 100)
        self.assertEqual(self._open(self.first_invoice), 0)
        self.assertEqual(self._open(self.second_invoice), 60)

    def test_several_in_part_each_gets_what_was_chosen(self):
        third = self._make_invoice(self.customer, 80, due=-2)
        context = self._order(
            self.first_invoice, self.second_invoice, third, a0="30", a1="60", a2="10.50"
        )
        transaction = self._pay_order(context)
        self.assertEqual(transaction.amount, 100.5)
        self.assertEqual(
            [self._open(move) for move in (self.first_invoice, self.second_invoice, third)],
            [70, 0, 69.5],
        )
        self.assertEqual(transaction.payment_id.amount, 100.5)

    def test_the_amount_of_the_browser_counts_for_nothing(self):
        transaction = self._pay_order(self._order(self.first_invoice), amount=1)
        self.assertEqual(transaction.amount, 100)

    def test_more_than_is_open_is_refused(self):
        line = self._line(self.first_invoice)
        response = self.post("/pay", item=line.id, **{f"amount_{line.id}": "100.01"})
        self.assertIn("more than the", response.text)
        self.assertNotIn("o_payment_form", response.text)

    def test_no_amount_negative_amount_no_number(self):
        line = self._line(self.first_invoice)
        for amount, words in (("0", "nothing to pay"), ("-5", "negative"), ("abc", "no amount")):
            with self.subTest(amount=amount):
                response = self.post("/pay", item=line.id, **{f"amount_{line.id}": amount})
                self.assertIn(words, response.text)

    def test_an_altered_order_is_none(self):
        context = self._order(self.first_invoice)
        answer = self._begin(dict(context, access_token=context["access_token"][:-3] + "abc"))
        self.assertEqual(answer["error"]["code"], 404)
        answer = self._begin(dict(context, access_token=self.token))
        self.assertEqual(answer["error"]["code"], 404)
        self.assertFalse(self.first_invoice.transaction_ids)

    def test_paid_meanwhile_by_transfer(self):
        context = self._order(self.first_invoice)
        self._pay(self.first_invoice)
        answer = self._begin(context)
        self.assertIn("paid already", answer["error"]["data"]["message"])

    def test_a_second_tab_finds_what_the_first_has_begun(self):
        first, second = self._order(self.first_invoice), self._order(self.first_invoice)
        answer = self._begin(first)
        transaction = self.system["payment.transaction"].search(
            [("reference", "=", answer["result"]["reference"])]
        )
        transaction._set_pending()
        answer = self._begin(second)
        self.assertIn("on its way", answer["error"]["data"]["message"])

    def test_money_for_what_was_paid_meanwhile_stays_a_credit(self):
        context = self._order(self.first_invoice, self.second_invoice)
        answer = self._begin(context)
        self._pay(self.first_invoice)
        transaction = self.system["payment.transaction"].search(
            [("reference", "=", answer["result"]["reference"])]
        )
        transaction.action_demo_set_done()
        transaction._post_process()
        self.env.invalidate_all()
        self.assertEqual(self._open(self.second_invoice), 0)
        self.assertEqual(self.customer.credits, -100)

    def _make_early(self, amount):
        """Return an invoice with 2% discount for paying within ten days."""
        terms = self.env["account.payment.term"].create(
            {
                "name": "2% 10 days",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})
                ],
            }
        )
        return self._make_invoice(
            self.customer, amount, issued=-1, due=29, invoice_payment_term_id=terms.id
        )

    def test_a_discount_for_paying_early_is_honoured(self):
        early = self._make_early(200)
        transaction = self._pay_order(self._order(early))
        self.assertEqual((transaction.amount, self._open(early)), (196, 0))
        self.assertFalse(self.customer.credits)

    def test_it_is_honoured_for_several(self):
        early = self._make_early(200)
        transaction = self._pay_order(self._order(early, self.first_invoice))
        self.assertEqual(transaction.amount, 296)
        self.assertEqual(self._open(early), 0)
        self.assertEqual(self._open(self.first_invoice), 0)

    def test_a_sum_that_is_a_discounted_invoice_by_chance(self):
        early = self._make_early(200)
        transaction = self._pay_order(self._order(early, self.first_invoice, a0="96", a1="100"))
        self.assertEqual(transaction.amount, 196)
        self.assertEqual((self._open(early), self._open(self.first_invoice)), (104, 0))

    def test_what_is_saved_and_until_when_is_told(self):
        early = self._make_early(200)
        until = format_date(self.env, self._line(early).discount_date, lang_code="en_US")
        self.assertIn(f"Pay $ 196.00 until {until} and save $ 4.00", self.text(self.page()))
        item = self._line(early).id
        words = self.text(self.page("/settle", kind="promise", item=item))
        self.assertIn(f"Pay online until {until} and save $ 4.00", words)
        self.assertIn("$ 196.00 instead of $ 200.00", words)
        self._order(early)
        words = self.text(html.fromstring(self.response.content))
        self.assertIn(f"less $ 4.00 for paying until {until}", words)

    def test_nothing_is_saved_when_its_day_has_passed(self):
        early = self._make_early(200)
        self._line(early).discount_date = self._day(-1)
        self.assertNotIn("and save", self.text(self.page()))
        transaction = self._pay_order(self._order(early))
        self.assertEqual(transaction.amount, 200)

    def test_nothing_is_saved_when_something_was_paid(self):
        early = self._make_early(200)
        self._pay(early, 50)
        self.assertNotIn("and save", self.text(self.page()))
        self.assertEqual(self._pay_order(self._order(early)).amount, 150)

    def test_a_discount_that_ended_meanwhile(self):
        early = self._make_early(200)
        context = self._order(early)
        self._line(early).discount_date = self._day(-1)
        answer = self._begin(context)
        self.assertIn("has changed meanwhile", answer["error"]["data"]["message"])

    def test_an_opening_entry_settles_this_customers_debt_only(self):
        entry = self._make_entry((self.customer, 50), (self.stranger, 70))
        line = self._line(entry).filtered(lambda line: line.partner_id == self.customer.partner_id)
        other = self._line(entry) - line
        response = self.post("/pay", item=line.id)
        self._pay_order(PaymentHttpCommon._get_payment_context(self, response))
        self.assertEqual((line.amount_residual, other.amount_residual), (0, 70))

    def test_instalments_are_paid_by_themselves(self):
        terms = self._make_terms((50, 5), (50, 60))
        invoice = self._make_invoice(
            self.customer, 300, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        due, later = self._line(invoice).sorted("date_maturity")
        response = self.post("/pay", item=later.id)
        self._pay_order(PaymentHttpCommon._get_payment_context(self, response))
        self.assertEqual((due.amount_residual, later.amount_residual), (150, 0))

    def test_a_promise_is_kept_by_it(self):
        promise = self.system["collection.promise"]._make(
            self._line(self.first_invoice).with_env(self.system), date_promised=self._day(3)
        )
        self._pay_order(self._order(self.first_invoice))
        self.assertEqual(promise.state, "kept")

    def test_saved_cards_need_a_login(self):
        token = self.system["payment.token"].create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.card.id,
                "partner_id": self.contact.id,
                "payment_details": "card 4242",
                "provider_ref": "ref",
                "demo_simulated_state": "done",
            }
        )
        context = self._order(self.first_invoice)
        self.assertNotIn("card 4242", self.response.text)
        answer = self._begin(context, flow="token", token_id=token.id)
        self.assertEqual(answer["error"]["code"], 404)

    def test_a_payment_that_was_just_begun_is_not_begun_again(self):
        first, second = self._order(self.first_invoice), self._order(self.first_invoice)
        self.assertIn("result", self._begin(first))
        answer = self._begin(second)
        self.assertIn("on its way", answer["error"]["data"]["message"])
        self.assertEqual(len(self.first_invoice.transaction_ids), 1)

    def test_who_left_the_payment_page_can_try_again_soon(self):
        context = self._order(self.first_invoice)
        self._begin(context)
        self.env.cr.execute(
            "UPDATE payment_transaction SET create_date = create_date - interval '31 seconds'"
        )
        self.assertIn("result", self._begin(context))

    def test_orders_expire(self):
        context = self._order(self.first_invoice)
        with self.at(str(fields.Datetime.now() + timedelta(hours=3))):
            customer, _contact, rows = self.system["collection.portal.order"]._read(
                context["access_token"]
            )
        self.assertFalse(customer)
        self.assertFalse(rows)


class TestOffers(PaymentCase):
    """A discount that the collector offered for paying two invoices early: 3 of 150."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_invoice = cls._make_invoice(cls.customer, 110, due=12)
        cls.offered = cls.later_invoice + cls.other_invoice
        lines = cls._get_receivable_lines(cls.offered).with_env(cls.system)
        cls.plan = cls.system["collection.plan"]._make(
            lines,
            schedules={cls.currency: [(cls._day(5), 147)]},
            discounts={cls.currency: 3},
            valid_until=cls._day(5),
        )

    def test_it_is_on_the_first_page_with_its_day(self):
        until = format_date(self.env, self._day(5), lang_code="en_US")
        words = self.text(self.page())
        self.assertIn(f"Pay $ 147.00 until {until} and save $ 3.00", words)
        self.assertIn(self.later_invoice.name, words)

    def test_offer_is_accepted_by_paying_not_by_signing(self):
        words = self.get(f"/plans/{self.plan.id}").text
        self.assertIn("Pay and save", words)
        self.assertNotIn("Accept and sign", words)
        self.assertNotIn("Turn on automatic payment", words)

    def test_who_pays_it_has_accepted_it(self):
        response = self.get("/pay", offer=self.plan.id)
        self.assertIn("You save", response.text)
        transaction = self._pay_order(PaymentHttpCommon._get_payment_context(self, response))
        self.assertEqual(transaction.amount, 147)
        self.assertEqual(
            (self.plan.state, self.plan.accept_method, self.plan.signed_by),
            ("done", "portal", "Paula"),
        )
        self.assertEqual(sum(map(self._open, self.offered)), 3)

    def test_the_credit_note_over_the_discount_is_prepared(self):
        self._pay_order(self._order(*self.offered))
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            self.system(cr=cr)["collection.plan"]._cron_grant_discounts()
        self.env.invalidate_all()
        self.assertEqual(sum(self.plan.refund_ids.mapped("amount_total")), 3)
        self.plan.refund_ids.action_post()
        self.assertEqual(list(map(self._open, self.offered)), [0, 0])
        self.assertFalse(self.customer.credits)

    def test_who_pays_less_gets_none_and_accepts_nothing(self):
        for moves, amounts in (
            ([self.later_invoice], {}),
            (self.offered, {"a0": "20", "a1": "110"}),
        ):
            with self.subTest(moves=len(moves)):
                self._order(*moves, **amounts)
                self.assertNotIn("You save", self.response.text)
        transaction = self._pay_order(self._order(self.later_invoice))
        self.assertEqual(transaction.amount, 40)
        self.assertEqual(self.plan.state, "proposed")

    def test_it_ends_with_its_day(self):
        context = self._order(*self.offered)
        self.plan.valid_until = self._day(-1)
        answer = self._begin(context)
        self.assertIn("has changed meanwhile", answer["error"]["data"]["message"])
        self.assertNotEqual(self.plan.state, "active")
        self.assertEqual(self._pay_order(self._order(*self.offered)).amount, 150)

    def test_after_it_was_accepted_by_phone_it_is_paid_the_same_way(self):
        self.plan._confirm("oral")
        self.assertIn("Pay $ 147.00", self.text(self.page()))
        self.assertEqual(self._pay_order(self._order(*self.offered)).amount, 147)
        self.assertEqual(self.plan.state, "done")

    def test_with_other_invoices_in_the_same_payment(self):
        transaction = self._pay_order(self._order(self.first_invoice, *self.offered))
        self.assertEqual(transaction.amount, 247)
        self.assertEqual(self._open(self.first_invoice), 0)
        self.assertEqual(self.plan.state, "done")

    def test_offers_of_others_are_not_found(self):
        line = self._line(self.strange_invoice).with_env(self.system)
        plan = self.system["collection.plan"]._make(
            line,
            schedules={self.currency: [(self._day(5), 70)]},
            discounts={self.currency: 7},
            valid_until=self._day(5),
        )
        response = self.get("/pay", offer=plan.id)
        self.assertNotIn(self.strange_invoice.name, response.text)
        self.assertNotIn("o_payment_form", response.text)

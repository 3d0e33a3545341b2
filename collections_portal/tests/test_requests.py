from odoo import Command
from odoo.exceptions import UserError

from .common import PortalCase


class TestRequests(PortalCase):
    """What a customer says on the portal becomes what a collector would have made."""

    def _promise(self, *moves, after=3, **data):
        moves = moves or (self.first_invoice,)
        return self.settle("promise", *moves, date=self._day(after).isoformat(), **data)

    def test_a_promise(self):
        response = self._promise(self.first_invoice, self.second_invoice, note="After payday")
        self.assertIn("done=promise", response.url)
        request = self.requests()
        promise = request.agreement
        self.assertEqual(promise._name, "collection.promise")
        self.assertEqual((promise.amount, promise.date_promised), (160, self._day(3)))
        self.assertEqual(promise.portal_request_id, request)
        self.assertDecision(self.first_invoice, "promised")
        self.assertEqual(self.first_invoice.collection_status, "promised")
        self.assertIn("You promised to pay until", self.text(self.page()))

    def test_it_is_confirmed_by_mail(self):
        with self.mock_mail_gateway():
            self._promise()
        self.assertTrue(
            self.system["mail.mail"].search(
                [("model", "=", "collection.customer"), ("subject", "like", "We have noted it")]
            )
            or self._new_mails
        )

    def test_the_collector_reads_it_in_the_conversation(self):
        self._promise(note="After payday")
        self.assertIn("After payday", " ".join(self.customer.message_ids.mapped("body")))

    def test_sent_twice_it_counts_once(self):
        self._promise(key="same")
        self._promise(key="same")
        self.assertEqual(len(self.requests()), 1)
        self.assertEqual(len(self.system["collection.promise"].search([])), 1)

    def test_a_second_hold_waits_for_the_collector(self):
        self._promise(key="one")
        self.requests().agreement.action_cancel()
        response = self._promise(key="two", after=5)
        self.assertIn("done=waiting", response.url)
        second = self.requests()[0]
        self.assertEqual(second.state, "waiting")
        self.assertFalse(second.agreement)
        self.assertNotEqual(self.decision(self.first_invoice), "promised")
        self.assertEqual(second.activity_ids.user_id, self.collector)

    def test_the_collector_accepts_it(self):
        self._promise(key="one")
        self.requests().agreement.action_cancel()
        self._promise(key="two", after=5)
        second = self.requests()[0]
        second.with_user(self.collector).action_accept()
        self.assertEqual(second.state, "accepted")
        self.assertEqual(second.agreement.date_promised, self._day(5))
        self.assertFalse(second.activity_ids)
        with self.assertRaisesRegex(UserError, "nothing to confirm"):
            second.with_user(self.collector).action_accept()

    def test_the_collector_refuses_one(self):
        self._promise()
        request = self.requests()
        request.with_user(self.collector).action_refuse()
        self.assertEqual(request.agreement.state, "cancelled")
        self.assertNotEqual(self.decision(self.first_invoice), "promised")

    def test_bad_input_is_told_on_the_form_and_nothing_is_lost(self):
        for data, words in (
            ({"date": self._day(-1).isoformat()}, "has passed"),
            ({"date": ""}, "on which day"),
            ({"date": "2026-13-45"}, "no date"),
        ):
            with self.subTest(words=words):
                response = self.settle("promise", self.first_invoice, note="My words", **data)
                self.assertIn(words, response.text)
                self.assertIn("My words", response.text)
        self.assertFalse(self.requests())

    def test_later_than_the_scheme_allows(self):
        self.scheme.promise_days = 10
        response = self._promise(after=11)
        self.assertIn("at the latest", response.text)
        self.assertNotIn(self.scheme.name, response.text)

    def test_what_another_agreement_holds_waits_with_the_reason(self):
        self._hold(self.first_invoice, kind="disputed")
        self._promise()
        request = self.requests()
        self.assertEqual(request.state, "waiting")
        self.assertIn("held already", request.reason)

    def test_never_got_it(self):
        self.customer.partner_id.invoice_sending_method = "email"
        response = self.settle("not_received", self.first_invoice)
        self.assertIn("done=not_received", response.url)
        self.assertTrue(self.first_invoice.sending_data)

    def test_never_got_what_cant_be_sent_waits_for_the_collector(self):
        response = self.settle("not_received", self.first_invoice)
        self.assertIn("done=waiting", response.url)
        self.assertIn(self.first_invoice.name, self.requests().reason)

    def test_other_kinds_are_not_found(self):
        self.assertEqual(self.settle("details", self.first_invoice).status_code, 404)
        self.assertEqual(self.settle("_wait", self.first_invoice).status_code, 404)

    def test_paid_meanwhile_there_is_nothing_left_to_say(self):
        self._pay(self.first_invoice)
        response = self._promise()
        self.assertIn("done=gone", response.url)

    def test_collectors_of_other_companies_dont_see_it(self):
        self._promise()
        other = self.setup_other_company()["company"]
        self.collector.with_env(self.system).write(
            {"company_ids": [Command.set(other.ids)], "company_id": other.id}
        )
        found = self.env["collection.portal.request"].with_user(self.collector)
        self.assertFalse(found.with_context(allowed_company_ids=other.ids).search([]))

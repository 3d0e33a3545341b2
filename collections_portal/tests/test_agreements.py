from datetime import timedelta
from hashlib import sha1

from lxml import html

from odoo import fields
from odoo.exceptions import AccessError, UserError

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import ROOT, PortalCase

SIGNATURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PROOF = ("transfer.txt", b"Transfer of 100.00", "text/plain")


class TestPaid(PortalCase):
    """A customer says on the portal that invoices are paid."""

    def _report(self, *moves, after=-1, **data):
        return self.settle("paid", *moves, date=self._day(after).isoformat(), **data)

    def test_with_a_proof(self):
        response = self._report(
            self.first_invoice,
            means="cheque",
            reference="TR-1",
            note="From our other bank",
            files=[("files", PROOF)],
        )
        self.assertIn("done=paid", response.url)
        report = self.requests().agreement
        self.assertEqual(report._name, "collection.reported.payment")
        self.assertEqual(
            (report.amount, report.date_reported, report.means, report.reference, report.note),
            (100, self._day(-1), "cheque", "TR-1", "From our other bank"),
        )
        self.assertEqual(report.proof_ids.raw, PROOF[1])
        self.assertEqual(self.requests().attachment_ids.raw, PROOF[1])
        self.assertDecision(self.first_invoice, "payment_reported")
        self.assertEqual(self.requests().activity_ids.user_id, self.collector)
        # whoever looks for the money opens the proof
        self.assertEqual(report.proof_ids.with_user(self.collector).raw, PROOF[1])

    def test_two_currencies_each_with_its_proof(self):
        foreign = self._make_invoice(
            self.customer, 30, currency_id=self.setup_other_currency("EUR").id
        )
        self._report(self.first_invoice, foreign, files=[("files", PROOF)])
        reports = self.system["collection.reported.payment"].search([])
        self.assertEqual(sorted(reports.mapped("amount")), [30, 100])
        for report in reports:
            self.assertEqual(report.proof_ids.raw, PROOF[1])

    def test_paid_tomorrow_is_no_payment(self):
        response = self._report(self.first_invoice, after=1, note="My words")
        self.assertIn("still to come", response.text)
        self.assertIn("My words", response.text)
        self.assertFalse(self.requests())

    def test_means_that_are_none_are_transfers(self):
        self._report(self.first_invoice, means="gold")
        self.assertEqual(self.requests().agreement.means, "transfer")

    def test_the_customer_reads_where_it_stands(self):
        self._report(self.first_invoice)
        words = self.text(self.page("/agreements"))
        self.assertIn(self.requests().agreement.number, words)
        self.assertIn("Payments that you told us of", words)


class TestDispute(PortalCase):
    """A customer says on the portal what is wrong."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reason = cls.system.ref("collections_management.dispute_reason_price")

    def _dispute(self, *moves, **data):
        return self.settle("dispute", *moves, **{"reason": self.reason.id, "note": "No", **data})

    def test_with_reason_and_files(self):
        response = self._dispute(
            self.first_invoice,
            note="We agreed on 80",
            files=[("files", ("offer.txt", b"80", "text/plain")), ("files", PROOF)],
        )
        self.assertIn("done=dispute", response.url)
        dispute = self.requests().agreement
        self.assertEqual(
            (dispute._name, dispute.reason_id, dispute.note),
            ("collection.dispute", self.reason, "We agreed on 80"),
        )
        files = self.system["ir.attachment"].search(
            [("res_model", "=", dispute._name), ("res_id", "=", dispute.id)]
        )
        self.assertEqual(
            {file.name: file.checksum for file in files},
            {
                name: sha1(content).hexdigest()
                for name, content in (("offer.txt", b"80"), PROOF[:2])
            },
        )
        self.assertDecision(self.first_invoice, "disputed")

    def test_a_reason_is_needed_and_words(self):
        self.assertIn("choose what is wrong", self._dispute(self.first_invoice, reason="").text)
        self.assertIn("few words", self._dispute(self.first_invoice, note=" ").text)
        self.assertFalse(self.requests())

    def test_reasons_of_other_companies_are_none(self):
        company = self.setup_other_company()["company"]
        reason = self.reason.copy({"name": "Secret reason", "company_id": company.id})
        response = self._dispute(self.first_invoice, reason=reason.id)
        self.assertIn("choose what is wrong", response.text)
        self.assertNotIn("Secret reason", response.text)

    def test_the_answer_is_read_on_the_page_and_words_for_colleagues_are_not(self):
        self._dispute(self.first_invoice)
        dispute = self.requests().agreement
        self.env["collection.dispute.resolve"].with_user(self.collector).create(
            {
                "dispute_id": dispute.id,
                "resolution": "rejected",
                "answer": "They always try it.",
                "subject": "Your dispute",
                "body": "<p>The price is as agreed.</p>",
            }
        ).action_resolve()
        self.env.invalidate_all()
        agreements = self.get("/agreements").text
        self.assertIn("Not accepted", agreements)
        messages = self.get("/messages").text
        self.assertIn("The price is as agreed.", messages)
        self.assertNotIn("They always try it.", agreements + messages)


class TestPlan(PortalCase):
    """A customer asks for a plan, is proposed one, signs or declines it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scheme.write({"portal_plan_at_once": True, "plan_instalments": 6, "plan_days": 200})

    def _ask(self, count=4, after=5, **data):
        return self.settle(
            "plan", self.first_invoice, count=count, date=self._day(after).isoformat(), **data
        )

    def _propose(self):
        self._ask()
        return self.requests()[:1].agreement

    def _sign(self, plan, token=None, **values):
        """Answer as the signature's form does."""
        params = {"name": "Paula", "signature": SIGNATURE, **values}
        answer = self.url_open(
            f"{ROOT}/plans/{plan.id}/accept?access_token={token or self.token}",
            json={"jsonrpc": "2.0", "id": 0, "params": params},
            timeout=60,
        ).json()
        self.env.invalidate_all()
        return answer

    def test_within_the_limits_it_is_proposed_at_once(self):
        response = self._ask()
        self.assertIn("done=plan", response.url)
        plan = self.requests().agreement
        self.assertEqual(
            (plan._name, plan.state, plan.amount), ("collection.plan", "proposed", 100)
        )
        self.assertEqual(plan.line_ids.mapped("amount"), [25] * 4)
        self.assertEqual(plan.first_date, self._day(5))
        self.assertIn("We propose that you pay", self.text(self.page()))

    def test_message_leads_to_the_page_where_it_is_accepted(self):
        plan = self._propose()
        template = self.system.ref("collections_management.mail_template_plan")
        body = template._render_field("body_html", plan.ids)[plan.id]
        [link] = html.fromstring(body).xpath("//a[contains(., 'accept it')]/@href")
        page = self.url_open(link[len(plan.get_base_url()) :], timeout=60)
        self.assertIn(plan.number, page.text)
        self.assertTrue(html.fromstring(page.content).xpath("//form[contains(@action, 'decline')]"))

    def test_promise_counts_again_when_the_proposal_is_declined(self):
        promise = self.system["collection.promise"]._make(
            self._line(self.first_invoice).with_env(self.system), date_promised=self._day(9)
        )
        plan = self._propose()
        self.assertEqual((plan._name, promise.state), ("collection.plan", "replaced"))
        self.post(f"/plans/{plan.id}/decline")
        self.env.invalidate_all()
        self.assertEqual((plan.state, promise.state), ("cancelled", "open"))

    def test_it_waits_where_the_scheme_says_so(self):
        self.scheme.portal_plan_at_once = False
        response = self._ask()
        self.assertIn("done=waiting", response.url)
        request = self.requests()
        self.assertEqual((request.state, request.agreement), ("waiting", None))
        self.assertIn(self.scheme.name, request.reason)
        self.assertFalse(self.system["collection.plan"].search([]))
        # the customer reads nothing of our schemes
        self.assertNotIn(self.scheme.name, self.get().text)
        request.with_user(self.collector).action_accept()
        self.assertEqual(request.agreement.state, "proposed")

    def test_the_down_payment_that_the_scheme_asks_for(self):
        self.scheme.plan_down_percent = 50
        self._ask()
        request = self.requests()
        self.assertEqual(request.state, "waiting")
        with self.assertRaisesRegex(UserError, "first payment"):
            request.with_user(self.collector).action_accept()
        request.with_user(self.supervisor).action_accept()
        self.assertEqual(request.agreement.state, "proposed")

    def test_beyond_the_limits_it_is_told_on_the_form(self):
        for data, words in (
            ({"count": 7}, "at most 6"),
            ({"count": 1}, "2 or more"),
            ({"count": "many"}, "2 or more"),
            ({"count": 6, "after": 100}, "choose fewer instalments"),
            ({"after": -1}, "today or later"),
        ):
            with self.subTest(words=words):
                response = self._ask(note="My words", **data)
                self.assertIn(words, response.text)
                self.assertIn("My words", response.text)
                self.assertNotIn(self.scheme.name, response.text)
        self.assertFalse(self.requests())

    def test_it_is_accepted_by_signature(self):
        plan = self._propose()
        page = self.text(self.page(f"/plans/{plan.id}"))
        self.assertIn("you acknowledge that you owe", page)
        answer = self._sign(plan)
        self.assertIn(f"/plans/{plan.id}", answer["result"]["redirect_url"])
        self.assertEqual(
            (plan.state, plan.accept_method, plan.signed_by), ("active", "portal", "Paula")
        )
        self.assertEqual(plan.signature, SIGNATURE.encode())
        self.assertIn("Signed by Paula", self.text(self.page(f"/plans/{plan.id}")))

    def test_signed_twice_it_is_told(self):
        plan = self._propose()
        self._sign(plan)
        self.assertIn("only a proposed plan", self._sign(plan)["result"]["error"])

    def test_a_signature_and_a_name_are_needed(self):
        plan = self._propose()
        for values, words in (
            ({"signature": ""}, "sign first"),
            ({"signature": "no base64!"}, "sign again"),
            ({"signature": "PHN2Zz4="}, "sign again"),
            ({"name": " "}, "write the name"),
        ):
            with self.subTest(words=words):
                self.assertIn(words, self._sign(plan, **values)["result"]["error"])
        self.assertEqual(plan.state, "proposed")

    def test_it_is_declined(self):
        plan = self._propose()
        self.post(f"/plans/{plan.id}/decline")
        self.env.invalidate_all()
        self.assertEqual(plan.state, "cancelled")
        self.assertDecision(self.first_invoice, "claim")

    def test_a_signed_plan_is_not_declined(self):
        plan = self._propose()
        self._sign(plan)
        self.post(f"/plans/{plan.id}/decline")
        self.env.invalidate_all()
        self.assertEqual(plan.state, "active")

    def test_a_restricted_contact_decides_nothing_for_the_company(self):
        plan = self._propose()
        self.contact.collection_portal_restricted = True
        self.assertEqual(self._sign(plan)["error"]["code"], 404)
        self.assertEqual(self.post(f"/plans/{plan.id}/decline").status_code, 404)
        self.assertEqual(self.get(f"/plans/{plan.id}").status_code, 404)
        self.assertEqual(plan.state, "proposed")

    def test_the_agreement_as_pdf(self):
        plan = self._propose()
        response = self.get(f"/plans/{plan.id}/pdf")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Type"], "application/pdf")


class TestExpiry(PortalCase):
    """Nobody silences claims for ever."""

    def _expire(self):
        self.env.flush_all()
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            self.system(cr=cr)["collection.portal.request"]._cron_expire()
        self.env.invalidate_all()

    def _ask_at(self, days, kind, **data):
        self.settle(kind, self.first_invoice, **data)
        request = self.requests()
        request.sudo().date = fields.Date.today() - timedelta(days=days)
        return request

    def test_reports_and_disputes_that_nobody_confirmed(self):
        reason = self.system.ref("collections_management.dispute_reason_price")
        for kind, data in (
            ("paid", {"date": self._day(-1).isoformat()}),
            ("dispute", {"reason": reason.id, "note": "No"}),
        ):
            with self.subTest(kind=kind):
                request = self._ask_at(11, kind, key=kind, **data)[:1]
                if request.state == "waiting":
                    # the second one about the same invoice
                    request.with_user(self.collector).action_accept()
                    request.sudo().state = "done"
                self._expire()
                self.assertEqual((request.state, request.agreement.state), ("expired", "cancelled"))
                self.assertDecision(self.first_invoice, "claim")
                self.assertFalse(request.activity_ids)

    def test_not_before_its_time(self):
        request = self._ask_at(10, "paid", date=self._day(-1).isoformat())
        self._expire()
        self.assertEqual(request.state, "done")
        self.assertDecision(self.first_invoice, "payment_reported")

    def test_never_what_a_collector_confirmed(self):
        request = self._ask_at(30, "paid", date=self._day(-1).isoformat())
        request.with_user(self.collector).action_accept()
        self._expire()
        self.assertEqual((request.state, request.agreement.state), ("accepted", "open"))

    def test_never_where_the_company_says_so(self):
        self.company.collection_portal_confirm_days = 0
        request = self._ask_at(300, "paid", date=self._day(-1).isoformat())
        self._expire()
        self.assertEqual(request.state, "done")

    def test_what_the_ledger_ended_is_left(self):
        request = self._ask_at(11, "paid", date=self._day(-1).isoformat())
        self._pay(self.first_invoice)
        self._expire()
        self.assertEqual((request.state, request.agreement.state), ("accepted", "credited"))


class TestDetails(PortalCase):
    """New contact data: a collector confirms them."""

    def _change(self, **data):
        form = {
            "email": self.contact.email,
            "phone": self.contact.phone or "",
            "lang": self.contact.lang,
            "key": "key",
        }
        return self.post("/details", **{**form, **data})

    def test_nothing_changes_before_it_is_confirmed(self):
        before = self.contact.email
        response = self._change(email="new@example.com", phone="+34 600 100 200")
        self.assertIn("done=waiting", response.url)
        request = self.requests()
        self.assertEqual((request.kind, request.state), ("details", "waiting"))
        self.assertEqual(self.contact.email, before)
        self.assertIn(f"new@example.com (before: {before})", request.changes)
        self.assertEqual(request.activity_ids.user_id, self.collector)
        request.with_user(self.collector).action_accept()
        self.assertEqual(
            (self.contact.email, self.contact.phone), ("new@example.com", "+34 600 100 200")
        )

    def test_refused_nothing_changes(self):
        before = self.contact.email
        self._change(email="new@example.com")
        self.requests().with_user(self.collector).action_refuse()
        self.assertEqual(self.contact.email, before)

    def test_channel_and_electronic_invoices(self):
        letter = self.system.ref("collections_management.channel_letter")
        self._change(channel=letter.id, electronic="1")
        self.requests().with_user(self.collector).action_accept()
        self.assertEqual(self.customer.channel_id, letter)
        partner = self.customer.partner_id.with_company(self.company)
        self.assertEqual(partner.invoice_sending_method, "email")

    def test_bad_input_is_told_on_the_form(self):
        for data, words in (
            ({}, "Nothing was changed"),
            ({"email": "nobody"}, "no e-mail address"),
            ({"email": ""}, "no e-mail address"),
        ):
            with self.subTest(words=words):
                self.assertIn(words, self._change(**data).text)
        self.assertFalse(self.requests())

    def test_a_restricted_contact_has_no_say_in_the_companys(self):
        self.contact.collection_portal_restricted = True
        letter = self.system.ref("collections_management.channel_letter")
        self._change(phone="1", channel=letter.id, electronic="1")
        self.assertEqual(set(self.requests().data), {"phone"})

    def test_languages_and_channels_that_are_none_count_for_nothing(self):
        response = self._change(lang="xx_XX", channel="999999")
        self.assertIn("Nothing was changed", response.text)


class TestRights(PortalCase):
    """Who reads and confirms what was asked for."""

    def setUp(self):
        super().setUp()
        self.settle("promise", self.first_invoice, date=self._day(3).isoformat())
        self.request = self.requests()

    def test_portal_users_and_employees_cant_read_requests(self):
        resolver = mail_new_test_user(
            self.system,
            login="resolver",
            groups="collections_management.group_dispute_resolver",
            company_id=self.company.id,
        )
        for user in (self.user, self.employee, resolver):
            with self.subTest(user=user.login):
                requests = self.env["collection.portal.request"].with_user(user)
                with self.assertRaises(AccessError):
                    requests.search([])
                with self.assertRaises(AccessError):
                    requests.browse(self.request.id).read(["note"])
                with self.assertRaises(AccessError):
                    requests.browse(self.request.id).action_accept()
                with self.assertRaises(AccessError):
                    self.env["collection.portal.attempt"].with_user(user).search([])

    def test_portal_users_over_rpc(self):
        self.authenticate("paula", "paula")
        for model, method, args in (
            ("collection.portal.request", "search_read", [[]]),
            ("collection.portal.request", "action_accept", [self.request.ids]),
            ("collection.promise", "search_read", [[]]),
            ("collection.customer", "read", [self.stranger.ids]),
            ("collection.due.item", "search_read", [[]]),
        ):
            with self.subTest(model=model, method=method):
                answer = self.url_open(
                    "/web/dataset/call_kw",
                    json={
                        "jsonrpc": "2.0",
                        "params": {"model": model, "method": method, "args": args, "kwargs": {}},
                    },
                ).json()
                self.assertIn("AccessError", answer["error"]["data"]["name"])

    def test_auditors_read_and_decide_nothing(self):
        request = self.request.with_user(self.auditor)
        self.assertTrue(request.read(["summary"]))
        for method in ("action_accept", "action_refuse"):
            with self.assertRaises(AccessError):
                getattr(request, method)()

    def test_collectors_write_nothing_by_hand(self):
        request = self.request.with_user(self.collector)
        with self.assertRaises(AccessError):
            request.create({"customer_id": self.customer.id, "kind": "promise"})
        with self.assertRaises(AccessError):
            request.unlink()
        with self.assertRaisesRegex(AccessError, "by its buttons"):
            request.write({"state": "accepted"})

from .common import PortalCase


class TestPages(PortalCase):
    def test_what_is_open_and_the_balance(self):
        self._make_credit(self.customer, 25)
        words = self.text(self.page())
        for name in (self.first_invoice, self.second_invoice, self.later_invoice):
            self.assertIn(name.name, words)
        for figure in ("160.00", "40.00", "25.00", "175.00"):
            self.assertIn(figure, words)
        self.assertIn("20 days overdue", words)

    def test_each_instalment_by_its_own_date(self):
        terms = self._make_terms((50, 5), (50, 60))
        self._make_invoice(
            self.customer, 300, issued=-30, invoice_payment_term_id=terms.id, invoice_date_due=False
        )
        words = self.text(self.page())
        self.assertEqual(words.count("150.00"), 2)
        self.assertIn("25 days overdue", words)
        self.assertIn("in 30 days", words)

    def test_what_holds_an_item_is_told_in_the_customers_words(self):
        self._hold(self.first_invoice, kind="disputed")
        self._hold(self.second_invoice, kind="paused", reason="They are slow")
        words = self.text(self.page())
        self.assertIn("You disputed it", words)
        self.assertNotIn("They are slow", words)
        self.assertNotIn("Reason of", words)

    def test_nothing_open(self):
        for invoice in (self.first_invoice, self.second_invoice, self.later_invoice):
            self._pay(invoice)
        self.assertIn("you owe us nothing", self.text(self.page()))

    def test_all_invoices_paid_ones_too(self):
        self._pay(self.first_invoice)
        words = self.text(self.page("/invoices"))
        self.assertIn(self.first_invoice.name, words)
        self.assertIn("Paid", words)

    def test_in_the_contacts_language(self):
        self.contact.lang = "es_ES"
        self.assertIn("Vencido", self.text(self.page()))

    def test_no_more_queries_with_more_invoices(self):
        self.page()  # warms up
        few = self._count_queries()
        for _number in range(20):
            self._make_invoice(self.customer, 10)
        many = self._count_queries()
        self.assertLessEqual(many, few + 2)

    def _count_queries(self):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        room = self.system["collection.portal.account"].with_context(portal_contact=self.contact.id)
        room._read_sums(self.customer)
        room._read_items(self.customer, 40, 0)
        return self.env.cr.sql_log_count - before


class TestConversation(PortalCase):
    def test_a_message_waits_for_the_collector_and_holds_claims(self):
        self.post("/messages/send", text="When do you deliver?")
        self.env.invalidate_all()
        self.assertEqual(self.customer.pending_reply_count, 1)
        self.assertDecision(self.first_invoice, "pending_reply")
        self.assertIn("When do you deliver?", self.text(self.page("/messages")))

    def test_the_collectors_answer_is_read_there(self):
        self.post("/messages/send", text="When do you deliver?")
        self.customer.with_user(self.collector).message_post(
            body="On Friday",
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
            partner_ids=self.contact.ids,
        )
        self.assertIn("On Friday", self.text(self.page("/messages")))
        self.assertFalse(self.customer.pending_reply_count)

    def test_markup_is_shown_as_written(self):
        self.post("/messages/send", text="<script>alert(1)</script><b>x</b>")
        source = self.get("/messages").text
        self.assertNotIn("<script>alert(1)", source)
        self.assertIn("&lt;b&gt;x&lt;/b&gt;", source)

    def test_files_go_both_ways(self):
        self.post(
            "/messages/send", text="See", files=[("files", ("proof.txt", b"Paid!", "text/plain"))]
        )
        tree = self.page("/messages")
        [address] = [link for link in tree.xpath("//article//a/@href") if "/messages/" in link]
        address = address if address.startswith("/") else address[address.index("/my/") :]
        response = self.url_open(address)
        self.assertEqual(response.content, b"Paid!")
        self.assertIn("attachment", response.headers["Content-Disposition"])

    def test_files_that_a_browser_would_run_are_refused(self):
        for name, content in (
            ("a.html", b"<html><script>alert(1)</script></html>"),
            ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
            ("a.txt", b"<!DOCTYPE html><html><script>alert(1)</script></html>"),
            ("a.exe", b"MZ\x90\x00"),
        ):
            with self.subTest(name=name):
                response = self.post(
                    "/messages/send", text="See", files=[("files", (name, content, "text/plain"))]
                )
                self.assertIn("be taken", response.text)
        self.env.invalidate_all()
        self.assertFalse(self.customer.pending_reply_count)

    def test_too_many_forms_in_an_hour_are_refused(self):
        statuses = [
            self.post("/messages/send", text=f"Number {number}").status_code for number in range(42)
        ]
        self.assertEqual(statuses[0], 200)
        self.assertEqual(statuses[-1], 429)

from odoo import Command
from odoo.tools import format_date

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
        words = self.text(self.page(), "o_collections_items")
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

    def test_lists_are_paged(self):
        self._make_entry(*[(self.customer, 1.0)] * 45)
        self.assertEqual(len(self.page().xpath("//input[@name='item']")), 40)
        self.assertEqual(len(self.page("/page/2").xpath("//input[@name='item']")), 8)


class TestNextDates(PortalCase):
    def _read(self):
        """Return the lines of the list."""
        lines = self.page().xpath("//section[contains(@class, 'o_collections_next')]//li")
        return [" ".join(line.text_content().split()) for line in lines]

    def _format(self, number):
        return format_date(self.env, self._day(number), lang_code="en_US")

    def test_due_dates_promises_and_instalments_in_one_list(self):
        self._make_invoice(self.customer, 30, due=10)
        self.system["collection.promise"]._make(
            self._line(self.first_invoice).with_env(self.system), date_promised=self._day(3)
        )
        plan = self.system["collection.plan"]._make(
            self._line(self.second_invoice).with_env(self.system),
            schedules={self.currency: [(self._day(5), 25), (self._day(35), 35)]},
        )
        plan._confirm("oral")
        self.assertEqual(
            self._read(),
            [
                f"{self._format(3)} You promised to pay $ 100.00",
                f"{self._format(5)} Instalment 1 of your payment plan $ 25.00",
                f"{self._format(10)} 2 invoices are due $ 70.00",
                f"{self._format(35)} Instalment 2 of your payment plan $ 35.00",
            ],
        )
        self._pay(self.second_invoice, 20)
        self.assertIn(f"{self._format(5)} Instalment 1 of your payment plan $ 5.00", self._read())
        self._pay(self.second_invoice, 5)
        self.assertNotIn("Instalment 1", " ".join(self._read()))

    def test_what_is_promised_falls_due_once(self):
        self.system["collection.promise"]._make(
            self._line(self.later_invoice).with_env(self.system), date_promised=self._day(12)
        )
        self.assertEqual(self._read(), [f"{self._format(12)} You promised to pay $ 40.00"])

    def test_proposals_and_what_was_kept_are_no_dates(self):
        self.system["collection.plan"]._make(
            self._line(self.second_invoice).with_env(self.system),
            schedules={self.currency: [(self._day(5), 25), (self._day(35), 35)]},
        )
        self.system["collection.promise"]._make(
            self._line(self.first_invoice).with_env(self.system), date_promised=self._day(3)
        )
        self._pay(self.first_invoice)
        self.assertEqual(self._read(), [f"{self._format(10)} An invoice is due $ 40.00"])

    def test_currencies_apart(self):
        self._make_invoice(
            self.customer, 30, due=10, currency_id=self.setup_other_currency("EUR").id
        )
        self.assertEqual(len(self._read()), 2)

    def test_a_restricted_contact_sees_its_own_due_dates(self):
        self.system["collection.promise"]._make(
            self._line(self.first_invoice).with_env(self.system), date_promised=self._day(3)
        )
        self.contact.collection_portal_restricted = True
        self.assertEqual(self._read(), [])
        self._make_invoice(self.contact, 7, due=9)
        self.assertEqual(self._read(), [f"{self._format(9)} An invoice is due $ 7.00"])


class TestQueries(PortalCase):
    """No page asks more of the database when there is more to show."""

    PAGES = (
        "",
        "/invoices",
        "/agreements",
        "/messages",
        "/settle?kind=promise",
        "/settle?kind=paid",
        "/settle?kind=dispute",
        "/settle?kind=not_received",
        "/settle?kind=plan",
        "/pay?x=",
        "/details",
        "/statement.xlsx",
    )

    def _fill(self, count):
        """Make so many of all that pages show."""
        moves = self.env["account.move"].union(
            *(self._make_invoice(self.customer, 10 + number, due=-3) for number in range(count))
        )
        terms = self.env["account.payment.term"].create(
            {
                "name": "2/10",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 10,
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 100, "nb_days": 30})
                ],
            }
        )
        for _number in range(count):
            self._make_invoice(
                self.customer, 50, issued=-1, due=29, invoice_payment_term_id=terms.id
            )
        for move in moves:
            self.system["collection.promise"]._make(
                self._line(move).with_env(self.system), date_promised=self._day(3)
            )
        for number in range(count):
            self.post("/messages/send", text=f"Message {number}")

    def _count(self, page):
        """Return how many queries a page asks."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self.assertEqual(self.get(page).status_code, 200)
        return self.env.cr.sql_log_count - before

    def _count_all(self):
        lines = self.system["collection.portal.account"]._read_items(self.customer)
        items = "".join(f"&item={row['move_line_id']}" for row in lines)
        counts = {}
        for page in self.PAGES:
            address = f"{page}{items}" if "?" in page else page
            self._count(address)  # warms up
            counts[page] = self._count(address)
        return counts

    def test_no_more_with_more_of_all(self):
        self._fill(1)
        few = self._count_all()
        self._fill(6)
        many = self._count_all()
        for page in self.PAGES:
            with self.subTest(page=page):
                self.assertLessEqual(many[page], few[page] + 2)


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

    def test_sent_twice_it_is_one_message(self):
        for _time in range(2):
            self.post("/messages/send", text="When do you  deliver?")
        self.assertEqual(self.text(self.page("/messages")).count("When do you"), 1)
        self.post("/messages/send", text="And how?")
        self.post("/messages/send", text="When do you deliver?")
        self.assertEqual(self.text(self.page("/messages")).count("When do you"), 2)

    def test_the_newest_are_on_the_first_page(self):
        for number in range(45):
            self.customer.message_post(
                body=f"Number {number}.", message_type="comment", subtype_xmlid="mail.mt_comment"
            )
        self.assertEqual(len(self.page("/messages").xpath("//article")), 40)
        self.assertIn("Number 44.", self.text(self.page("/messages")))
        older = self.page("/messages/page/2")
        self.assertEqual(len(older.xpath("//article")), 5)
        self.assertIn("Number 0.", self.text(older))

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

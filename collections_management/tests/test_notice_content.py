"""What a notice says: its items, the others apart, the net, how to pay, in whose language."""

import re

from lxml import html

from odoo import Command
from odoo.tools import html2plaintext

from .common import CollectionsCommon, days


class ContentCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.partner_id.bank_ids.unlink()
        cls.bank_account = cls.system["res.partner.bank"].create(
            {
                "acc_number": "ES91 2100 0418 4502 0005 1332",
                "partner_id": cls.company.partner_id.id,
                "allow_out_payment": True,
            }
        )
        cls.company.collection_phone = "+34 960 000 000"

    @classmethod
    def _install_spanish(cls, *codes):
        for code in codes:
            cls.system["res.lang"]._activate_lang(code)
        cls.system.ref("base.module_collections_management")._update_translations(list(codes))

    def _word(self, notices):
        """Let the notices be worded anew, for their recipients."""
        notices._set_recipients()
        self.env.flush_all()
        self.env.invalidate_all()
        return notices

    def _get_tables(self, notice):
        """Return the texts of the message's tables: a list of rows of cells for each."""
        self._word(notice)
        return [
            [
                [" ".join(" ".join(cell.itertext()).split()) for cell in row.findall("td")]
                for row in table.iter("tr")
            ]
            for table in html.fromstring(f"<div>{notice.items_html}</div>").iter("table")
        ]

    def _get_text(self, notice):
        """Return the whole message as the template makes it, as plain text."""
        subject, body = notice._render_message()
        return f"{subject}\n{html2plaintext(body)}".replace("\N{NO-BREAK SPACE}", " ")

    def _use(self, template):
        """Let the first claim speak with the words of a template that is shipped."""
        self.first.template_id = self.system.ref(f"collections_management.{template}")


class TestItems(ContentCommon):
    def test_row_shows_document_dates_and_amounts(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 1000, due=-5, issued=-35)
        self._pay(invoice, 400)
        [_head, row, total] = self._get_tables(self.decide(customer))[0]
        self.assertEqual(row[0], f"{invoice.name} 02/04/2026")
        self.assertEqual(row[1], "03/06/2026 5 days overdue")
        self.assertEqual(row[2], "$ 600.00 $ 1,000.00")
        self.assertEqual(total[-1], "$ 600.00")

    def test_each_instalment_is_a_row(self):
        customer = self._make_customer()
        self._make_invoice(
            customer,
            1000,
            issued=-30,
            invoice_payment_term_id=self._make_terms((30, 10), (70, 25)).id,
            invoice_date_due=False,
        )
        rows = self._get_tables(self.decide(customer))[0]
        self.assertEqual(
            [row[-1] for row in rows],
            ["Open amount", "$ 300.00", "$ 700.00", "$ 1,000.00"],
            "the original amount is told only where a part has been paid",
        )

    def test_amounts_are_those_of_the_moment_it_is_written(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 1000)
        notice = self.decide(customer)
        self._pay(invoice, 250)
        self.assertEqual(self._word(notice).claimed_text, "$\N{NO-BREAK SPACE}750.00")

    def test_other_open_items_stand_apart(self):
        customer = self._make_customer()
        named = self._make_invoice(customer, 100, due=-5)
        other = self._make_invoice(customer, 40, due=-1)
        coming = self._make_invoice(customer, 70, due=20)
        first, overdue, upcoming, *_rest = self._get_tables(self.decide(customer))
        self.assertEqual([row[0] for row in first[1:]], [f"{named.name} 02/04/2026", "Total"])
        self.assertEqual(len(overdue), 1)
        self.assertIn(other.name, overdue[0][0])
        self.assertEqual(len(upcoming), 1)
        self.assertIn(coming.name, upcoming[0][0])
        self.assertIn("in 20 days", upcoming[0][1])

    def test_firm_words_name_only_the_items_at_their_step(self):
        customer = self._make_customer()
        old = self._make_invoice(customer, 100, due=-12)
        self.run_day(customer)
        with self.at(7):
            new = self._make_invoice(customer, 40, due=0)
            notice = self.decide(customer)
            self.assertEqual(notice.step_id, self.second)
            self.assertEqual(len(notice.line_ids), 2, "both steps are said in one message")
            first, others, *_rest = self._get_tables(notice)
            self.assertEqual(notice.claimed_text, "$\N{NO-BREAK SPACE}100.00")
        self.assertIn(old.name, first[1][0])
        self.assertEqual(len(first), 3)
        self.assertIn(new.name, others[0][0])

    def test_held_and_excluded_items_are_not_mentioned(self):
        customer = self._make_customer()
        self._make_invoice(customer, 100)
        held = self._make_invoice(customer, 200)
        self._hold(held)
        excluded = self._make_invoice(customer, 300)
        excluded.no_followup = True
        notice = self._word(self.decide(customer))
        self.assertNotIn(held.name, notice.items_html)
        self.assertNotIn(excluded.name, notice.items_html)
        self.assertEqual(notice.net_text, "$\N{NO-BREAK SPACE}100.00")

    def test_long_lists_of_other_items_are_summed_up(self):
        customer = self._make_customer()
        self._make_invoice(customer, 100)
        for _number in range(22):
            self._make_invoice(customer, 10, due=20)
        upcoming = self._get_tables(self.decide(customer))[1]
        self.assertEqual(len(upcoming), 21)
        self.assertEqual(upcoming[-1], ["and 2 more, $ 20.00 in all"])

    def test_other_customers_items_never_appear(self):
        mine, theirs = self._make_customer("Mine"), self._make_customer("Theirs")
        self._make_invoice(mine, 100)
        other = self._make_invoice(theirs, 200)
        notices = self._word(self.decide(mine, theirs))
        notice = notices.filtered(lambda n: n.customer_id == mine)
        self.assertNotIn(other.name, notice.items_html)


class TestNet(ContentCommon):
    def test_credits_lower_the_net(self):
        customer = self._make_customer()
        self._make_invoice(customer, 100)
        credit = self._make_credit(customer, 30)
        self._make_payment(customer, 25)
        notice = self.decide(customer)
        _first, credits, net, *_rest = self._get_tables(notice)
        self.assertIn(credit.name, credits[0][0])
        self.assertIn("Payment", credits[1][0])
        self.assertEqual(net[-1], ["Net amount", "$ 45.00"])
        self.assertEqual(notice.claimed_text, "$\N{NO-BREAK SPACE}100.00")
        self.assertEqual(notice.net_text, "$\N{NO-BREAK SPACE}45.00")

    def test_net_counts_other_overdue_items_not_those_to_come(self):
        customer = self._make_customer()
        self._make_invoice(customer, 100, due=-5)
        self._make_invoice(customer, 40, due=-1)
        self._make_invoice(customer, 900, due=20)
        self._make_credit(customer, 120)
        self.assertEqual(self._word(self.decide(customer)).net_text, "$\N{NO-BREAK SPACE}20.00")

    def test_nothing_to_pay_where_credits_cover_what_comes_due(self):
        scheme = self._make_scheme(self._announce(5))
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer, 100, due=4)
        self._make_invoice(customer, 500, due=40)
        self._make_credit(customer, 150)
        notice = self._word(self.decide(customer))
        self.assertEqual(notice.net_text, "$\N{NO-BREAK SPACE}0.00")
        self.assertIn("there is nothing to pay", notice.items_html)

    def test_currencies_are_claimed_and_netted_each_in_its_own(self):
        euro = self.setup_other_currency("EUR")
        customer = self._make_customer()
        self._make_invoice(customer, 100)
        self._make_invoice(customer, 200, currency_id=euro.id)
        self._make_credit(customer, 50, currency_id=euro.id)
        notice = self._word(self.decide(customer))
        amounts = {notice.claimed_text, notice.net_text}
        self.assertEqual(
            {frozenset(text.replace("\N{NO-BREAK SPACE}", " ").split(" + ")) for text in amounts},
            {frozenset({"$ 100.00", "200.00 €"}), frozenset({"$ 100.00", "150.00 €"})},
        )

    def test_credits_in_another_currency_lower_nothing(self):
        euro = self.setup_other_currency("EUR")
        customer = self._make_customer()
        self._make_invoice(customer, 100)
        self._make_credit(customer, 50, currency_id=euro.id)
        notice = self._word(self.decide(customer))
        self.assertEqual(notice.net_text, "$\N{NO-BREAK SPACE}100.00")
        self.assertIn("-\N{ZERO WIDTH NO-BREAK SPACE}50.00\N{NO-BREAK SPACE}€", notice.items_html)


class TestPaying(ContentCommon):
    def test_message_says_where_to_pay_and_whom_to_call(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, payment_reference="REF 42")
        text = html2plaintext(self._word(self.decide(customer)).items_html)
        for expected in (
            "ES91 2100 0418 4502 0005 1332",
            invoice.payment_reference,
            "+34 960 000 000",
            self.collector.name,
            self.collector.email,
        ):
            self.assertIn(expected, text)

    def test_currency_is_paid_to_the_account_in_that_currency(self):
        euro = self.setup_other_currency("EUR")
        account = self.bank_account.copy({"acc_number": "EUR-1", "currency_id": euro.id})
        customer = self._make_customer()
        self._make_invoice(customer, currency_id=euro.id)
        notice = self._word(self.decide(customer))
        self.assertIn(account.acc_number, notice.items_html)
        self.assertNotIn(self.bank_account.acc_number, notice.items_html)

    def test_document_links_to_the_portal_without_login(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        self.assertFalse(invoice.access_token)
        body = self._word(self.decide(customer)).items_html
        self.assertTrue(invoice.access_token)
        self.assertIn(f"{invoice.access_url}?access_token={invoice.access_token}", body)

    def test_token_that_exists_is_kept(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        token = invoice._portal_ensure_token()
        self.assertIn(token, self._word(self.decide(customer)).items_html)
        self.assertEqual(invoice.access_token, token)

    def test_no_links_where_the_invoices_are_attached(self):
        self.first.attach_invoices = True
        customer = self._make_customer()
        self._make_invoice(customer)
        self.assertNotIn("/my/invoices/", self._word(self.decide(customer)).items_html)

    def test_direct_debit_is_announced_and_never_asks_to_pay(self):
        scheme = self._make_scheme(
            self._announce(
                10, template_id=self.system.ref("collections_management.mail_template_debit").id
            ),
            is_direct_debit=True,
        )
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer, 100, due=8)
        self._make_invoice(customer, 40, due=9)
        text = self._get_text(self.decide(customer))
        self.assertIn("$ 100.00 on 03/19/2026, $ 40.00 on 03/20/2026", text)
        self.assertIn("Debit date", text)
        for asking in ("please pay", "how to pay", "transfer", self.bank_account.acc_number):
            self.assertNotIn(asking, text.lower())

    def test_returned_debit_says_how_to_settle_it(self):
        scheme = self._make_scheme(
            self._claim(
                0, template_id=self.system.ref("collections_management.mail_template_returned_1").id
            ),
            is_direct_debit=True,
        )
        customer = self._make_customer(scheme=scheme)
        self._make_invoice(customer, 100)
        text = self._get_text(self.decide(customer))
        self.assertIn("How to settle it", text)
        self.assertIn(self.bank_account.acc_number, text)
        self.assertNotIn("please pay", text.lower())


class TestRecipient(ContentCommon):
    def test_person_is_addressed_by_name(self):
        customer = self._make_customer()
        self._make_contact(customer, "Ada Lovelace", type="invoice")
        self._make_invoice(customer)
        self.assertEqual(self._word(self.decide(customer)).greeting, "Dear Ada Lovelace,")

    def test_company_is_addressed_in_general(self):
        customer = self._make_customer()
        self._make_invoice(customer)
        self.assertEqual(self._word(self.decide(customer)).greeting, "Dear Sir or Madam,")

    def test_spanish_recipient_gets_spanish(self):
        self._install_spanish("es_ES")
        self._use("mail_template_overdue_1")
        customer = self._make_customer()
        self._make_contact(customer, "Ana Gil", type="invoice", lang="es_ES")
        self._make_invoice(customer, 1234.5)
        text = self._get_text(self.decide(customer))
        for expected in (
            "Recordatorio de pago: $ 1.234,50",
            "Estimado/a Ana Gil:",
            "Le agradeceríamos",
            "06/03/2026",
            "Cómo pagar",
            "Atentamente",
        ):
            self.assertIn(expected, text)
        for english in ("Dear", "overdue", "Document ", "Total amount", "Kind regards"):
            self.assertNotIn(english, text)

    def test_latin_american_recipient_gets_the_words_used_there(self):
        self._install_spanish("es_419")
        self._use("mail_template_overdue_1")
        customer = self._make_customer(partner=self._make_partner("Andina", lang="es_419"))
        self._make_invoice(customer)
        text = self._get_text(self.decide(customer))
        self.assertIn("monto neto", text)
        self.assertNotIn("importe", text.lower())

    def test_recipients_of_one_batch_each_get_their_language(self):
        self._install_spanish("es_ES")
        self._use("mail_template_overdue_1")
        english = self._make_customer("English")
        spanish = self._make_customer(partner=self._make_partner("Spanish", lang="es_ES"))
        for customer in (english, spanish):
            self._make_invoice(customer)
        self.run_day(english, spanish)
        subjects = {
            customer: customer.notice_ids.mail_id.subject for customer in (english, spanish)
        }
        self.assertIn("Payment reminder", subjects[english])
        self.assertIn("Recordatorio de pago", subjects[spanish])

    def test_letterhead_has_no_buttons_for_colleagues(self):
        customer = self._make_customer()
        customer.message_subscribe(partner_ids=customer.partner_id.ids)
        self._make_invoice(customer)
        self.company.street = "Calle Mayor 1"
        self.run_day(customer)
        body = customer.notice_ids.mail_id.body_html
        self.assertIn(self.company.name, body)
        self.assertIn("Calle Mayor 1", body)
        for unwanted in ("mail/view", "unfollow", "Powered by"):
            self.assertNotIn(unwanted, body.lower() if unwanted.islower() else body)

    def test_every_message_that_is_shipped_renders(self):
        customer = self._make_customer()
        self._make_invoice(customer, 100)
        notice = self.decide(customer)
        data = self.system["ir.model.data"].search(
            [("module", "=", "collections_management"), ("model", "=", "mail.template")]
        )
        self.assertGreaterEqual(len(data), 11)
        templates = self.system["mail.template"].browse(data.mapped("res_id"))
        # those of agreements are no step's
        for template in templates.filtered(lambda one: one.model == "collection.customer"):
            notice.step_id.template_id = template
            with self.subTest(template=template.name):
                text = self._get_text(notice)
                self.assertIn("100.00", text)
                self.assertFalse(re.search(r"\bNone\b|\bFalse\b|{{", text))


class TestBatch(ContentCommon):
    def _count_queries(self, number):
        customers = [self._make_customer(f"Batch {number} {index}") for index in range(number)]
        for customer in customers:
            self._make_invoice(customer, due=-5)
            self._make_invoice(customer, due=20)
        notices = self._word(self.decide(*customers))
        before = self.cr.sql_log_count
        notices.mapped("items_html")
        return self.cr.sql_log_count - before

    def test_a_bigger_batch_costs_no_more_queries(self):
        self._count_queries(2)  # warms the caches up
        self.assertEqual(self._count_queries(2), self._count_queries(8))


class TestPaper(ContentCommon):
    def test_collector_prints_the_letter_without_links(self):
        customer = self._make_customer()
        invoice = self._make_invoice(customer, 100)
        notice = self.decide(customer).with_user(self.collector)
        [letter] = (
            self.env["report.collections_management.report_notice_letter"]
            .with_user(self.collector)
            ._get_report_values(notice.ids)["letters"]
        )
        self.assertEqual(letter["subject"], "Claim: $\N{NO-BREAK SPACE}100.00")
        self.assertIn(invoice.name, letter["body"])
        self.assertNotIn("access_token", letter["body"])

    def test_statement_adds_up_to_the_balance(self):
        euro = self.setup_other_currency("EUR")
        customer = self._make_customer()
        self._make_invoice(customer, 100, due=-5)
        self._make_invoice(customer, 60, due=-40)
        self._make_invoice(customer, 30, due=10)
        self._make_credit(customer, 20)
        self._make_invoice(customer, 500, currency_id=euro.id)
        report = self.env["report.collections_management.report_statement"].with_user(
            self.collector
        )
        [statement] = report._get_report_values(customer.ids)["statements"]
        dollars, euros = statement["groups"]
        if dollars["currency"] != self.currency:
            dollars, euros = euros, dollars
        self.assertEqual(len(dollars["items"]), 4)
        texts = {key: dollars[key] for key in ("overdue", "not_due", "credits", "balance")}
        self.assertEqual(
            {
                key: text.split()[-1].strip("-\N{ZERO WIDTH NO-BREAK SPACE}")
                for key, text in texts.items()
            },
            {"overdue": "160.00", "not_due": "30.00", "credits": "20.00", "balance": "170.00"},
        )
        self.assertEqual(euros["balance"].split()[0], "500.00")
        ageing = [float(amount.split()[-1].replace(",", "")) for _name, amount in dollars["ageing"]]
        self.assertEqual(sum(ageing), 190)

    def test_invoices_that_odoo_has_printed_are_attached_as_they_are(self):
        self.first.attach_invoices = True
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        kept = self.system["ir.attachment"].create(
            {
                "name": "legal.pdf",
                "raw": b"%PDF",
                "res_model": "account.move",
                "res_id": invoice.id,
                "res_field": "invoice_pdf_report_file",
            }
        )
        invoice.invalidate_recordset()
        self.assertEqual(self.decide(customer)._get_attachments(), kept)

    def test_printing_an_invoice_does_not_mark_it_as_sent(self):
        self.first.attach_invoices = True
        customer = self._make_customer()
        invoice = self._make_invoice(customer)
        attachment = self.decide(customer)._get_attachments()
        self.assertEqual(attachment.name, invoice._get_invoice_report_filename())
        self.assertEqual((attachment.res_model, attachment.res_id), (customer._name, customer.id))
        self.assertFalse(invoice.is_move_sent)

    def test_statement_goes_with_the_mail_where_the_step_asks_for_it(self):
        self.first.attach_statement = True
        customer = self._make_customer()
        self._make_invoice(customer)
        self.run_day(customer)
        self.assertEqual(
            customer.notice_ids.mail_id.attachment_ids.mapped("name"),
            ["Statement Customer 2026-03-11.pdf"],
        )


class TestShippedSchemes(ContentCommon):
    def _get_scheme(self, customer):
        self.system["collection.strategy.rule"].with_context(active_test=False).search(
            [
                (
                    "strategy_id",
                    "in",
                    [
                        self.system.ref(f"collections_management.strategy_{name}").id
                        for name in ("standard", "gentle", "direct_debit", "vip")
                    ],
                )
            ]
        ).active = True
        customer.strategy_manual = False
        customer._assign_strategies()
        return customer.strategy_id

    def test_everyone_gets_the_standard_scheme(self):
        scheme = self._get_scheme(self._make_customer())
        self.assertEqual(scheme, self.system.ref("collections_management.strategy_standard"))

    def test_vip_tag_gives_the_scheme_that_sends_nothing(self):
        tag = self.system.ref("collections_management.partner_category_vip")
        partner = self._make_partner("Precious", category_id=[Command.link(tag.id)])
        scheme = self._get_scheme(self._make_customer(partner=partner))
        self.assertEqual(scheme, self.system.ref("collections_management.strategy_vip"))
        self.assertTrue(scheme.sends_nothing)

    def test_direct_debit_customers_get_their_own(self):
        self.inbound_payment_method_line.sudo().collection_direct_debit = True
        customer = self._make_customer()
        customer.partner_id.property_inbound_payment_method_line_id = (
            self.inbound_payment_method_line
        )
        scheme = self._get_scheme(customer)
        self.assertEqual(scheme, self.system.ref("collections_management.strategy_direct_debit"))

    def test_standard_scheme_climbs_to_the_action(self):
        scheme = self.system.ref("collections_management.strategy_standard")
        customer = self._make_customer(scheme=scheme)
        invoice = self._make_invoice(customer, due=0, issued=-30)
        said = []
        for day in range(100):
            with self.at(day):
                notices = self.decide(customer)
                notices._mark_sent()
                said += [(notice.step_id.name, notice.channel_id.code) for notice in notices]
        names = list(dict.fromkeys(name for name, _channel in said))
        self.assertEqual(
            names,
            [
                "Reminder",
                "Second request",
                "Firm request and call",
                "Last notice",
                "Decide on action",
            ],
        )
        self.assertIn(("Firm request and call", "call"), said)
        self.assertIn(("Last notice", "letter"), said)
        self.assertEqual(invoice.invoice_date_due, days(0))

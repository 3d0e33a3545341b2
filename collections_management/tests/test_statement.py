"""Statements of account: they say what the ledger says, on paper, in Excel, by hand and by scheme."""

import io
from datetime import date
from unittest.mock import patch

from lxml import html
from openpyxl import load_workbook

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, HttpCase, tagged
from odoo.tools import email_normalize, mute_logger

from .common import TODAY, CollectionsCommon, days

YEAR = (date(2026, 1, 1), TODAY)


class StatementCommon(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer = cls._make_customer("Acme")

    def groups(self, customers, period=None):
        """Return the sums of each group with its rows, as statements show them."""
        ledger = self.system["collection.statement.ledger"]
        return [
            dict(sums, rows=list(rows)) for sums, rows in ledger._iterate_groups(customers, period)
        ]

    def group(self, customer, currency=None, period=None):
        """Return the only group of a customer, or that of a currency."""
        groups = self.groups(customer, period)
        if currency:
            groups = [group for group in groups if group["currency_id"] == currency.id]
        [group] = groups
        return group

    def ledger(self, customer, *domain):
        """Return the posted trade receivables of a customer, as the ORM finds them."""
        return self.system["account.move.line"].search(
            [
                ("account_id.account_type", "=", "asset_receivable"),
                ("account_id.non_trade", "=", False),
                ("parent_state", "=", "posted"),
                ("partner_id.commercial_partner_id", "=", customer.partner_id.id),
                ("company_id", "child_of", customer.company_id.id),
                *domain,
            ]
        )

    def assertLedger(self, customer, period=YEAR):
        """Check the sums of both kinds of statement against the ledger's, and their rows' too."""
        for span in (None, period):
            groups = self.groups(customer, span)
            lines = self.ledger(customer, *([("date", "<=", span[1])] if span else []))
            amount = "amount_currency" if span else "amount_residual_currency"
            company_amount = "balance" if span else "amount_residual"
            for currency, ours in lines.grouped("currency_id").items():
                balance = sum(g["balance"] for g in groups if g["currency_id"] == currency.id)
                self.assertAlmostEqual(balance, sum(ours.mapped(amount)), 2)
            self.assertAlmostEqual(
                sum(group["company_balance"] for group in groups),
                sum(lines.mapped(company_amount)),
                2,
            )
            for group in groups:
                rows = sum(row[amount if span else "residual_currency"] for row in group["rows"])
                self.assertAlmostEqual(group.get("opening", 0) + rows, group["balance"], 2)

    def workbook(self, customers, period=None, lang="en_US", user=None):
        file = io.BytesIO()
        self.env["collection.statement.workbook"].with_user(user or self.collector).with_context(
            lang=lang
        )._write_workbook(file, customers, period)
        file.seek(0)
        return load_workbook(file)

    def table(self, sheet, first="Customer"):
        """Return the rows below the head of a sheet as dicts."""
        rows = list(sheet.iter_rows(values_only=True))
        start = next(index for index, row in enumerate(rows) if row[0] == first)
        return [dict(zip(rows[start], row, strict=True)) for row in rows[start + 1 :]]

    def wizard(self, customers=None, user=None, **values):
        customers = self.customer if customers is None else customers
        return (
            self.env["collection.statement.wizard"]
            .with_user(user or self.collector)
            .with_context(allowed_company_ids=self.company.ids, lang="en_US")
            .create({"customer_ids": [Command.set(customers.ids)], **values})
        )


class TestLedgerOfStatements(StatementCommon):
    def test_each_instalment_is_open_by_its_own_date(self):
        self._make_invoice(
            self.customer,
            1000,
            issued=-30,
            invoice_payment_term_id=self._make_terms((30, 10), (70, 60)).id,
            invoice_date_due=False,
        )
        group = self.group(self.customer)
        self.assertEqual(
            [(row["residual_currency"], row["days_overdue"]) for row in group["rows"]],
            [(300, 20), (700, -30)],
        )
        self.assertEqual((group["overdue"], group["not_due"]), (300, 700))
        self.assertLedger(self.customer)

    def test_partial_payment_leaves_the_rest_open_and_is_a_movement(self):
        invoice = self._make_invoice(self.customer, 100)
        self._pay(invoice, 30)
        [row] = self.group(self.customer)["rows"]
        self.assertEqual((row["amount_currency"], row["residual_currency"]), (100, 70))
        group = self.group(self.customer, period=YEAR)
        self.assertEqual((group["debit"], group["credit"], group["balance"]), (100, 30, 70))
        self.assertLedger(self.customer)

    def test_credit_note_and_payment_that_nobody_applied_are_in_the_customers_favour(self):
        self._make_invoice(self.customer, 100)
        self._make_credit(self.customer, 40)
        self._make_payment(self.customer, 25)
        group = self.group(self.customer)
        self.assertEqual((group["credits"], group["balance"]), (-65, 35))
        self.assertEqual(sorted(row["is_payment"] for row in group["rows"]), [False, False, True])
        self.assertLedger(self.customer)

    def test_currencies_stand_apart_and_translated_are_the_ledgers_balance(self):
        euro = self.setup_other_currency("EUR")  # 2 for 1 of the company's
        self._make_invoice(self.customer, 100)
        self._make_invoice(self.customer, 300, currency_id=euro.id)
        own, foreign = self.group(self.customer, self.currency), self.group(self.customer, euro)
        self.assertEqual((own["balance"], foreign["balance"]), (100, 300))
        self.assertEqual(foreign["company_balance"], 150)
        self.assertLedger(self.customer)

    def test_exchange_difference_closes_the_currency_and_the_books(self):
        euro = self.setup_other_currency("EUR", rates=[("2016-01-01", 2.0), (days(-3), 4.0)])
        invoice = self._make_invoice(self.customer, 300, issued=-40, currency_id=euro.id)
        self._pay(invoice)
        group = self.group(self.customer, euro, YEAR)
        self.assertEqual(group["balance"], 0)
        self.assertAlmostEqual(group["company_balance"], 0, 2)
        self.assertIn(0, [row["amount_currency"] for row in group["rows"]], "the difference")
        self.assertFalse(self.groups(self.customer))
        self.assertLedger(self.customer)

    def test_contacts_belong_to_their_customer(self):
        self._make_invoice(self._make_contact(self.customer, "Shop"), 60)
        self._make_invoice(self.customer, 100)
        self.assertEqual(self.group(self.customer)["balance"], 160)
        self.assertLedger(self.customer)

    def test_customer_that_becomes_a_contact_takes_its_lines_along(self):
        moving = self._make_partner("Moving")
        self._make_invoice(moving, 60)
        self._make_invoice(self.customer, 100)
        moving.write({"parent_id": self.customer.partner_id.id, "is_company": False})
        self.env.flush_all()
        self.assertEqual(self.group(self.customer)["balance"], 160)
        self.assertLedger(self.customer)

    def test_cancelled_invoice_is_not_there_and_a_reversed_one_comes_to_nothing(self):
        cancelled = self._make_invoice(self.customer, 70)
        cancelled.button_draft()
        cancelled.button_cancel()
        reversed_one = self._make_invoice(self.customer, 100)
        self._reverse_invoice(reversed_one, post=True, date=days(0))
        group = self.group(self.customer, period=YEAR)
        self.assertEqual((group["debit"], group["credit"], group["balance"]), (100, 100, 0))
        self.assertLedger(self.customer)

    def test_opening_entry_of_several_customers_gives_each_its_own_lines(self):
        other = self._make_customer("Other")
        self._make_entry((self.customer, 100), (other, 40), (self.customer, -15), (None, 7))
        self.assertEqual(self.group(self.customer)["balance"], 85)
        self.assertEqual(self.group(other)["balance"], 40)
        for customer in (self.customer, other):
            self.assertLedger(customer)

    def test_reconciliation_that_is_undone_opens_the_items_again(self):
        invoice = self._make_invoice(self.customer, 100)
        payment = self._pay(invoice)
        self.assertFalse(self.groups(self.customer))
        self._get_receivable_lines(invoice).remove_move_reconcile()
        group = self.group(self.customer)
        self.assertEqual((group["overdue"], group["credits"]), (100, -100))
        self.assertTrue(payment)
        self.assertLedger(self.customer)

    def test_what_does_not_come_from_trade_is_left_out(self):
        account = self.company_data["default_account_receivable"].copy()
        account.non_trade = True
        self._make_entry((self.customer, 55), account=account)
        self._make_invoice(self.customer, 100)
        self.assertEqual(self.group(self.customer)["balance"], 100)
        self.assertEqual(self.group(self.customer, period=YEAR)["balance"], 100)
        self.assertLedger(self.customer)

    def test_what_was_booked_before_the_period_is_its_opening_balance(self):
        self._make_invoice(self.customer, 100, issued=-60)
        self._make_invoice(self.customer, 40, issued=-10)
        self._make_invoice(self.customer, 7, issued=0, due=30)
        period = (days(-20), days(-1))
        group = self.group(self.customer, period=period)
        self.assertEqual((group["opening"], group["debit"], group["balance"]), (100, 40, 140))
        self.assertEqual(len(group["rows"]), 1)
        self.assertLedger(self.customer, period)

    def test_period_without_movements_shows_its_balance_and_none_where_there_is_nothing(self):
        self._make_invoice(self.customer, 100, issued=-60)
        group = self.group(self.customer, period=(days(-2), days(-1)))
        self.assertEqual((group["opening"], group["rows"], group["balance"]), (100, [], 100))
        self.assertFalse(self.groups(self.customer, (days(-99), days(-98))))

    def test_rows_come_in_batches_without_losing_any(self):
        for index in range(7):
            self._make_invoice(self.customer, 10 + index)
        other = self._make_customer("Another")
        self._make_invoice(other, 500)
        path = "odoo.addons.collections_management.models.collection_statement_ledger.BATCH"
        with patch(path, 3):
            groups = self.groups(self.customer | other)
        self.assertEqual(
            [(g["customer"], len(g["rows"])) for g in groups], [("Acme", 7), ("Another", 1)]
        )


class TestBranchesOfStatements(CollectionsCommon):
    groups = StatementCommon.groups
    group = StatementCommon.group
    ledger = StatementCommon.ledger
    assertLedger = StatementCommon.assertLedger

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.branch = cls._make_branch()
        cls.customer = cls._make_customer()

    def test_branch_belongs_to_the_main_companys_file(self):
        self._make_invoice(self.customer, 100)
        self._make_invoice(self.customer, 40, company=self.branch)
        self.assertEqual(self.group(self.customer)["balance"], 140)
        self.assertEqual(len(self.group(self.customer, period=YEAR)["rows"]), 2)
        self.assertLedger(self.customer)


class TestPaper(StatementCommon):
    def values(self, period=None, user=None, customer=None):
        report = self.env["report.collections_management.report_statement"]
        [statement] = report.with_user(user or self.collector)._get_report_values(
            (customer or self.customer).ids, {"period": period}
        )["statements"]
        return statement

    def test_movements_run_from_the_opening_to_the_closing_balance(self):
        self._make_invoice(self.customer, 100, issued=-60)
        self._make_payment(self.customer, 30, memo="Transfer 7")
        statement = self.values((days(-20), TODAY))
        [group] = statement["groups"]
        [row] = group["movements"]
        self.assertIn("100.00", group["opening"])
        self.assertIn("30.00", row["credit"])
        self.assertFalse(row["debit"])
        self.assertIn("70.00", row["balance"])
        self.assertEqual(row["balance"], group["balance"])
        self.assertEqual((row["name"], row["due"]), ("Payment · Transfer 7", ""))
        self.assertEqual(statement["when"], "From 02/19/2026 to 03/11/2026")

    def test_differences_of_exchange_rates_are_not_the_customers(self):
        euro = self.setup_other_currency("EUR", rates=[("2016-01-01", 2.0), (days(-3), 4.0)])
        self._pay(self._make_invoice(self.customer, 300, issued=-40, currency_id=euro.id))
        [group] = self.values(YEAR)["groups"]
        self.assertEqual(len(group["movements"]), 2)

    def test_it_speaks_the_language_of_the_payments_contact(self):
        self.env["res.lang"]._activate_lang("es_ES")
        contact = self._make_contact(self.customer, "Payments", lang="es_ES")
        self.customer.payments_contact_id = contact
        statement = self.values()
        self.assertEqual((statement["lang"], statement["recipient"]), ("es_ES", contact))
        self._make_invoice(self.customer, 100)
        for name, period in (("items", None), ("movements", YEAR)):
            view = self.system.ref(f"collections_management.report_statement_{name}")
            view.update_field_translations("arch_db", {"es_ES": {"Document": "Papel"}})
            content, _type = self.system["ir.actions.report"]._render_qweb_html(
                "collections_management.report_statement", self.customer.ids, {"period": period}
            )
            self.assertIn(b"Papel", content)

    def test_menu_prints_what_is_open_and_the_dialog_what_was_chosen(self):
        self._make_invoice(self.customer, 100)
        reports = self.env["ir.actions.report"].with_user(self.auditor)
        for name, record in (
            ("report_statement", self.customer),
            ("report_statement_chosen", self.wizard(user=self.auditor, kind="period")),
        ):
            content, kind = reports._render_qweb_html(f"collections_management.{name}", record.ids)
            self.assertEqual(kind, "html")
            self.assertIn(b"100.00", content)

    def test_pdf_is_made(self):
        self._make_invoice(self.customer, 100)
        for period in (None, YEAR):
            name, content = self.customer._print_statement(period)
            self.assertEqual(name, "Statement Acme 2026-03-11.pdf")
            self.assertTrue(content)

    def test_papers_are_printed_without_asking_the_web_server(self):
        """Its processes may all wait for prints, and then would for ever."""
        self._make_invoice(self.customer, 100)
        reports = self.system["ir.actions.report"]
        content, _type = reports._render_qweb_html(
            "collections_management.report_statement", self.customer.ids
        )
        papers = reports.search(
            [
                ("report_name", "=like", "collections_management.%"),
                ("report_type", "=", "qweb-pdf"),
            ]
        )
        self.assertTrue(papers)
        for paper in papers:
            [body], *_others = paper._prepare_html(content, report_model=paper.model)
            asked = html.fromstring(body).xpath("//link | //script | //*[@src]")
            self.assertFalse(asked, paper.report_name)

    def test_whoever_may_not_read_the_customer_prints_nothing(self):
        with self.assertRaises(AccessError):
            self.values(user=self.employee)


class TestExcel(StatementCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls.setup_other_currency("EUR")
        cls.other = cls._make_customer("Other")
        cls._make_invoice(cls.customer, 100, due=-45)
        cls._make_invoice(cls.customer, 50, due=10)
        cls._make_invoice(cls.customer, 300, currency_id=cls.euro.id)
        cls._make_credit(cls.other, 20)
        cls._make_invoice(cls.other, 70)
        cls.both = cls.customer | cls.other

    def test_subtotals_stand_by_customer_and_currency(self):
        items, ageing = self.workbook(self.both).worksheets
        totals = [
            (row["Customer"], row["Currency"], row["Open Amount"])
            for row in self.table(items)
            if not row["Document"]
        ]
        self.assertEqual(
            [total[:2] for total in totals], [("Acme", "EUR"), ("Acme", "USD"), ("Other", "USD")]
        )
        self.assertTrue(all(total[2].startswith("=SUBTOTAL(9,") for total in totals))
        self.assertEqual([sheet.title for sheet in (items, ageing)], ["Open Items", "Ageing"])

    def read_values(self, *args):
        """Return the sheets with what the formulas carry."""
        file = io.BytesIO()
        self.env["collection.statement.workbook"]._write_workbook(file, *args)
        file.seek(0)
        return load_workbook(file, data_only=True).worksheets

    def test_formulas_carry_the_ledgers_sums(self):
        items, ageing = map(self.table, self.read_values(self.both))
        subtotals = {(r["Customer"], r["Currency"]): r for r in items if not r["Document"]}
        for customer in self.both:
            for group in self.groups(customer):
                code = self.env["res.currency"].browse(group["currency_id"]).name
                row = subtotals[customer.partner_id.name, code]
                self.assertAlmostEqual(row["Open Amount"], group["balance"], 2)
                self.assertAlmostEqual(row["In USD"], group["company_balance"], 2)
        totals = {row["Currency"]: row for row in ageing if row["Customer"] == "Total"}
        self.assertEqual(totals["EUR"]["Total"], 300)
        self.assertEqual((totals["USD"]["Total"], totals["USD"]["In Favour"]), (200, -20))
        [everything] = [row for row in ageing if row["Customer"] == "All currencies"]
        self.assertEqual(everything["In USD"], 350)

    def test_ageing_adds_up_to_the_balance(self):
        _items, ageing = map(self.table, self.read_values(self.both))
        for row in ageing:
            if row["Currency"]:
                parts = [
                    v
                    for k, v in row.items()
                    if k not in ("Customer", "Currency", "Total", "In USD")
                ]
                self.assertAlmostEqual(sum(part or 0 for part in parts), row["Total"], 2)

    def test_movements_run_to_the_closing_balance(self):
        movements, balances = map(self.table, self.read_values(self.other, YEAR))
        self.assertEqual(movements[0]["Document"], "Opening balance")
        self.assertEqual(movements[-1]["Document"], "Closing balance")
        self.assertEqual([row["Balance"] for row in movements][-2:], [50, 50])
        self.assertEqual(balances[0]["Closing Balance"], 50)
        self.assertEqual((balances[0]["Charged"], balances[0]["Credited"]), (70, 20))

    def test_column_in_company_currency_is_there_only_where_currencies_differ(self):
        items, _ageing = self.read_values(self.other)
        self.assertNotIn("In USD", self.table(items)[0])

    def test_each_currency_has_its_own_decimals(self):
        yen = self.setup_other_currency("JPY", rounding=1)
        self._make_invoice(self.other, 5000, currency_id=yen.id)
        items, _ageing = self.workbook(self.other).worksheets
        formats = {
            row[5].value: row[7].number_format for row in items.iter_rows(min_row=6) if row[1].value
        }
        self.assertEqual(formats["JPY"], "#,##0;[Red]-#,##0")
        self.assertEqual(formats["USD"], "#,##0.00;[Red]-#,##0.00")

    def test_text_never_becomes_a_formula(self):
        for name in ("=1+1", "+1", "-1", "@SUM(A1)"):
            self.customer.partner_id.name = name
            items, ageing = self.workbook(self.customer).worksheets
            for sheet in (items, ageing):
                cells = [row[0] for row in sheet.iter_rows() if row[0].value == name]
                self.assertTrue(cells)
                self.assertEqual({cell.data_type for cell in cells}, {"s"})

    def test_head_is_frozen_and_filtered(self):
        for sheet in self.workbook(self.both).worksheets:
            head = next(row[0].row for row in sheet.iter_rows() if row[0].value == "Customer")
            self.assertEqual(sheet.freeze_panes, f"C{head + 1}")
            self.assertTrue(sheet.auto_filter.ref.startswith(f"A{head}:"))

    def test_one_customers_workbook_speaks_its_language_and_several_the_persons(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.env["ir.module.module"]._load_module_terms(["collections_management"], ["es_ES"])
        self.customer.partner_id.lang = "es_ES"
        heads = []
        for customers in (self.customer, self.both):
            file = io.BytesIO()
            self.wizard(customers)._write_workbook(file)
            file.seek(0)
            heads.append([row[0].value for row in load_workbook(file).worksheets[0].iter_rows()])
        self.assertIn("Cliente", heads[0])
        self.assertIn("Customer", heads[1])

    def test_main_companies_have_sheets_of_their_own(self):
        company = self.system["res.company"].create({"name": "Second: Company / Ltd"})
        file = self._make_customer("Elsewhere", company=company)
        self.collector.sudo().company_ids += company
        names = [sheet.title for sheet in self.workbook(self.other | file).worksheets]
        self.assertEqual(len(names), 4)
        self.assertEqual(len(set(names)), 4)

    def test_queries_do_not_grow_with_the_items(self):
        def count():
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self.workbook(self.both)
            return self.env.cr.sql_log_count - before

        count()
        few = count()
        for _index in range(30):
            self._make_invoice(self.other, 10)
        self.assertEqual(count(), few)


class SendingCommon(StatementCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls._make_customer("Other")
        cls.invoice = cls._make_invoice(cls.customer, 100)
        cls._make_invoice(cls.other, 40)

    def setUp(self):
        super().setUp()
        # wkhtmltopdf takes its time; TestPaper prints
        reports = self.registry["ir.actions.report"]
        printed = patch.object(reports, "_render_qweb_pdf", lambda *a, **k: (b"%PDF-1", "pdf"))
        self.startPatcher(printed)

    def send_statements(self):
        """Deliver statements as their job does; return the mails."""
        self.env.flush_all()
        with (
            self.mock_mail_gateway(),
            self.enter_registry_test_mode(),
            self.registry.cursor() as cr,
        ):
            self.system(cr=cr, context={})["collection.run"]._cron_deliver("collection.statement")
        self.env.invalidate_all()
        return self._mails

    def addresses(self):
        return sorted(
            email_normalize(address) for mail in self._mails for address in mail["email_to"]
        )

    def get_statements(self, customers=None):
        domain = [("customer_id", "in", customers.ids)] if customers else []
        return self.system["collection.statement"].search(domain)


class TestSendingByHand(SendingCommon):
    def test_each_customer_gets_its_own(self):
        self.wizard(self.customer | self.other).action_send()
        self.send_statements()
        self.assertEqual(self.addresses(), ["acme@example.com", "other@example.com"])
        statements = self.get_statements()
        self.assertEqual(set(statements.mapped("state")), {"sent"})
        self.assertEqual(sorted(statements.mapped("balance")), [40, 100])
        names = statements.mail_id.attachment_ids.mapped("name")
        self.assertEqual(
            sorted(names), ["Statement Acme 2026-03-11.pdf", "Statement Other 2026-03-11.pdf"]
        )

    def test_the_message_stands_on_the_customers_conversation_with_its_files(self):
        self.wizard(with_workbook=True).action_send()
        self.send_statements()
        message = self.get_statements().message_id
        self.assertEqual((message.model, message.res_id), (self.customer._name, self.customer.id))
        self.assertIn("100.00", message.body)
        self.assertEqual(
            sorted(message.attachment_ids.mapped("name")),
            ["Statement Acme 2026-03-11.pdf", "Statement Acme 2026-03-11.xlsx"],
        )
        [book] = message.attachment_ids.filtered(lambda file: "sheet" in file.mimetype)
        self.assertTrue(load_workbook(io.BytesIO(book.raw)).sheetnames)

    def test_it_goes_to_the_payments_contact_in_its_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        template = self.system.ref("collections_management.mail_template_statement")
        template.with_context(lang="es_ES").subject = "Extracto"
        contact = self._make_contact(self.customer, "Payments", lang="es_ES")
        self.customer.payments_contact_id = contact
        self.wizard().action_send()
        [mail] = self.send_statements()
        self.assertEqual(self.addresses(), ["payments@example.com"])
        self.assertEqual(mail["subject"], "Extracto")
        self.assertEqual(self.get_statements().recipient_id, contact)

    def test_it_never_counts_as_a_claim(self):
        self.scheme.policy_id = self._make_policy(interval_days=30)
        self.wizard().action_send()
        self.send_statements()
        self.assertDecision(self.invoice, "claim")
        self.assertFalse(self.customer.notice_ids)

    def test_a_period_says_its_dates(self):
        self.wizard(kind="period", span="last_month").action_send()
        [mail] = self.send_statements()
        self.assertIn("From 02/01/2026 to 02/28/2026", mail["subject"])

    def test_one_without_address_fails_and_says_why_and_the_others_go(self):
        self.customer.partner_id.email = False
        self.wizard(self.customer | self.other).action_send()
        self.send_statements()
        self.assertEqual(self.addresses(), ["other@example.com"])
        failed = self.get_statements(self.customer)
        self.assertEqual(failed.state, "failed")
        self.assertIn("no valid e-mail address", self.customer.statement_failure)
        self.customer.partner_id.email = "acme@example.com"
        failed.with_user(self.collector).action_retry()
        self.send_statements()
        self.assertEqual(failed.state, "sent")
        self.assertFalse(self.customer.statement_failure)

    @mute_logger("odoo.addons.collections_management.models.collection_run")
    def test_one_that_can_not_be_made_is_found_and_the_others_go(self):
        bad = self.customer.id

        def render(report, name, ids, data=None):
            if bad in ids:
                raise ValueError("A broken picture")
            return b"%PDF-1", "pdf"

        self.wizard(self.customer | self.other).action_send()
        with patch.object(self.registry["ir.actions.report"], "_render_qweb_pdf", render):
            self.send_statements()
        self.assertIn("A broken picture", self.customer.statement_failure)
        self.assertEqual(self.get_statements(self.other).state, "sent")

    def test_a_trial_diverts_it_and_its_end_withdraws_it(self):
        self.company.collection_mailbox = "me@company.example.com"
        self.wizard().action_send()
        [mail] = self.send_statements()
        self.assertEqual(self.addresses(), ["me@company.example.com"])
        self.assertIn("acme@example.com", mail["subject"])
        self.company.collection_mailbox = False
        self.assertEqual(self.get_statements().state, "cancelled")

    def test_what_a_person_sends_leaves_in_simulation_too(self):
        self.company.collection_mode = "simulation"
        wizard = self.wizard()
        self.assertTrue(wizard.in_simulation)
        wizard.action_send()
        self.assertTrue(self.send_statements())

    def test_the_stop_button_withdraws_what_has_not_left(self):
        self.wizard().action_send()
        self.assertEqual(self.company._stop_collections(), 1)
        self.assertFalse(self.send_statements())
        self.assertEqual(self.get_statements().state, "cancelled")

    def test_a_payment_of_this_minute_is_seen(self):
        self.wizard().action_send()
        statement = self.get_statements()
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(statement)
        self._pay(self.invoice, 30)
        self.assertFalse(self.send_statements(), "composed before the payment")
        self.send_statements()
        self.assertEqual((statement.state, statement.balance), ("sent", 70))

    def test_yesterdays_statement_is_made_anew(self):
        self.wizard().action_send()
        statement = self.get_statements()
        with self.mock_mail_gateway():
            self.system["collection.run"]._compose_locked(statement)
        with self.at(1):
            self.send_statements()
            self.send_statements()
        self.assertEqual((statement.state, statement.date), ("sent", days(1)))

    def test_going_careful_leaves_alone_what_a_person_sent(self):
        self.wizard().action_send()
        self.company.collection_mode = "approve"
        self.assertEqual(self.get_statements().state, "ready")


class TestPeriodic(SendingCommon):
    """The scheme asks for them on the 11th, which is today."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scheme.write({"statement_frequency": "month", "statement_day": TODAY.day})

    def run_statements(self, company=None):
        """Make what is due as the daily job does; return what was made."""
        before = self.get_statements()
        self.env.flush_all()
        with self.enter_registry_test_mode(), self.registry.cursor() as cr:
            company = (company or self.company).with_env(self.system(cr=cr, context={}))
            company.env["collection.statement"].with_company(company)._make_periodic(company)
        self.env.invalidate_all()
        return self.get_statements() - before

    def test_each_customer_gets_one_on_the_day_and_no_second_one(self):
        made = self.run_statements()
        self.assertEqual(made.customer_id, self.customer | self.other)
        self.assertEqual(set(made.mapped("state")), {"ready"})
        self.assertFalse(self.run_statements())
        with self.at(1):
            self.assertFalse(self.run_statements())
        self.send_statements()
        self.assertEqual(len(self._mails), 2)

    def test_the_daily_job_makes_them(self):
        with self.mock_mail_gateway():
            self._run_job("_cron_run")
        self.assertEqual(self.get_statements().customer_id, self.customer | self.other)

    def test_next_months_comes_next_month(self):
        self.run_statements()
        with self.at(30):  # April 10th
            self.assertFalse(self.run_statements())
        with self.at(31):
            self.assertEqual(len(self.run_statements()), 2)

    def test_a_missed_day_is_made_up_for_within_a_week(self):
        with self.at(-1):
            self.assertFalse(self.run_statements())
        with self.at(8):
            self.assertFalse(self.run_statements(), "too late")
        with self.at(7):
            self.assertEqual(len(self.run_statements()), 2)

    def test_a_day_that_the_month_does_not_have_is_its_last(self):
        self.scheme.statement_day = 31
        with self.at("2026-04-29 10:00:00"):
            self.assertFalse(self.run_statements())
        with self.at("2026-04-30 10:00:00"):
            self.assertTrue(self.run_statements())

    def test_quarterly_ones_come_in_the_first_month_of_the_quarter(self):
        self.scheme.write({"statement_frequency": "quarter", "statement_kind": "period"})
        self.assertFalse(self.run_statements())
        with self.at("2026-04-11 10:00:00"):
            made = self.run_statements()
        self.assertEqual(
            set(made.mapped(lambda s: (s.date_from, s.date_to))),
            {(date(2026, 1, 1), date(2026, 3, 31))},
        )

    def test_nobody_gets_one_who_owes_nothing(self):
        self._pay(self.invoice)
        self.assertEqual(self.run_statements().customer_id, self.other)
        self._make_invoice(self.customer, 10)
        self.assertFalse(self.run_statements(), "the day was looked at")

    def test_only_overdue_customers_where_the_scheme_says_so(self):
        self.scheme.statement_condition = "overdue"
        later = self._make_customer("Later")
        self._make_invoice(later, 30, due=20)
        self.assertNotIn(later, self.run_statements().customer_id)

    def test_minimum_balance(self):
        self.scheme.statement_minimum = 40.01
        self.assertEqual(self.run_statements().customer_id, self.customer)

    def test_insolvent_paused_and_archived_customers_get_none(self):
        for values in (
            {"insolvent": True},
            {"pause_until": days(0), "pause_reason": "Waits"},
            {"active": False},
        ):
            customer = self._make_customer(f"Silent {next(iter(values))}")
            self._make_invoice(customer)
            customer.write(values)
        self.assertEqual(self.run_statements().customer_id, self.customer | self.other)

    def test_only_pilot_customers_during_a_pilot(self):
        self.company.collection_pilot = True
        self.other.pilot = True
        self.assertEqual(self.run_statements().customer_id, self.other)

    def test_nothing_is_made_in_simulation_and_the_day_is_not_lost(self):
        self.company.collection_mode = "simulation"
        self.assertFalse(self.run_statements())
        self.company.collection_mode = "automatic"
        self.scheme.mode = "simulation"
        self.assertFalse(self.run_statements())
        self.scheme.mode = "automatic"
        self.assertTrue(self.run_statements())

    def test_a_scheme_that_sends_nothing_sends_statements_only_where_it_is_told_to(self):
        vip = self._make_scheme()
        self.customer.strategy_id = vip
        self.assertNotIn(self.customer, self.run_statements().customer_id)
        vip.write({"statement_frequency": "month", "statement_day": TODAY.day})
        self.assertEqual(self.run_statements().customer_id, self.customer)

    def test_they_wait_for_approval_where_each_is_approved(self):
        self.company.collection_mode = "approve"
        made = self.run_statements()
        self.assertEqual(set(made.mapped("state")), {"to_approve"})
        self.assertFalse(self.send_statements())
        first, second = made.with_user(self.collector)
        first.action_approve()
        second.action_skip()
        self.send_statements()
        self.assertEqual((first.state, second.state), ("sent", "skipped"))
        self.assertFalse(self.run_statements(), "skipped ones do not come back")

    def test_a_stale_bank_and_too_many_messages_ask_first(self):
        self.company.collection_ceiling = 1
        made = self.run_statements()
        self.assertEqual(set(made.mapped("state")), {"to_approve"})
        self.assertIn("more than the 1", made[0].failure)

    def test_what_was_to_leave_waits_when_the_scheme_becomes_careful(self):
        made = self.run_statements()
        self.scheme.mode = "approve"
        self.assertEqual(set(made.mapped("state")), {"to_approve"})

    def test_settled_before_it_leaves_it_is_not_sent(self):
        made = self.run_statements()
        self._pay(self.invoice)
        self.send_statements()
        self.assertEqual(self.addresses(), ["other@example.com"])
        self.assertEqual(made.filtered(lambda s: s.customer_id == self.customer).state, "cancelled")

    def test_they_leave_in_the_hours_of_the_contact_policy(self):
        self.scheme.policy_id = self._make_policy(hour_from=12, hour_to=18)
        self.run_statements()
        self.assertFalse(self.send_statements())
        with self.at("2026-03-11 12:30:00"):
            self.assertTrue(self.send_statements())

    def test_the_end_of_a_trial_and_a_stop_make_them_due_again(self):
        self.company.collection_mailbox = "me@company.example.com"
        self.run_statements()
        self.send_statements()
        self.company.collection_mailbox = False
        self.assertEqual(len(self.run_statements()), 2)
        self.company._stop_collections()
        self.company.collection_mode = "automatic"
        self.assertEqual(len(self.run_statements()), 2)

    def test_a_newer_one_takes_the_place_of_one_that_waits(self):
        self.company.collection_mode = "approve"
        old = self.run_statements()
        with self.at(31):
            new = self.run_statements()
        self.assertEqual(len(new), 2)
        self.assertEqual(set(old.mapped("state")), {"cancelled"})

    def test_a_customer_that_is_changed_to_another_scheme_gets_no_second_one(self):
        self.run_statements()
        self.customer.strategy_id = self._make_scheme(
            self._claim(3), statement_frequency="month", statement_day=TODAY.day + 1
        )
        with self.at(1):
            self.assertFalse(self.run_statements())

    def test_merged_files_keep_their_statements_and_get_no_second_one(self):
        self.run_statements()
        later = self._make_customer("Later")
        self._make_invoice(later)
        self.customer.sudo()._merge_into(later)
        self.assertEqual((later.statement_count, later.statement_date), (1, TODAY))
        self.assertFalse(self.run_statements())

    @mute_logger("odoo.addons.collections_management.models.collection_run")
    def test_one_bad_file_leaves_the_others_theirs(self):
        make = type(self.env["collection.statement"])._make
        bad = self.customer.id

        def make_some(model, customers, **values):
            if bad in customers.ids:
                raise ValueError("Broken")
            return make(model, customers, **values)

        with patch.object(self.registry["collection.statement"], "_make", make_some):
            made = self.run_statements()
        self.assertEqual(made.customer_id, self.other)
        self.assertEqual(self.customer.failure, "Broken")

    def test_days_and_minimum_that_make_no_sense_are_refused(self):
        for values in ({"statement_day": 0}, {"statement_day": 32}, {"statement_minimum": -1}):
            with (
                self.subTest(values=values),
                self.assertRaises(Exception),  # noqa: B017
                self.cr.savepoint(),
                mute_logger("odoo.sql_db"),
            ):
                self.scheme.write(values)
                self.scheme.flush_recordset()


class TestDialog(StatementCommon):
    def test_periods(self):
        spans = {
            "this_year": (date(2026, 1, 1), TODAY),
            "last_month": (date(2026, 2, 1), date(2026, 2, 28)),
            "last_quarter": (date(2025, 10, 1), date(2025, 12, 31)),
            "last_year": (date(2025, 1, 1), date(2025, 12, 31)),
        }
        for span, period in spans.items():
            wizard = self.wizard(kind="period", span=span)
            self.assertEqual(wizard._get_period(), period)
        self.assertIsNone(self.wizard()._get_period())

    def test_dates_of_ones_own(self):
        wizard = self.wizard(kind="period", span="other", date_from=days(-10), date_to=days(-5))
        self.assertEqual(wizard._get_period(), (days(-10), days(-5)))

    def test_dates_the_wrong_way_round_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "swap"):
            self.wizard(kind="period", span="other", date_from=TODAY, date_to=days(-1))
        with self.assertRaisesRegex(ValidationError, "first and its last day"):
            self.wizard(kind="period", span="other")

    def test_it_opens_for_the_customers_chosen_in_the_list(self):
        other = self._make_customer("Other")
        dialog = (
            self.env["collection.statement.wizard"]
            .with_user(self.collector)
            .with_context(
                active_model="collection.customer", active_ids=(self.customer | other).ids
            )
        )
        with Form(dialog) as form:
            form.kind = "period"
            form.span = "last_month"
            wizard = form.save()
        self.assertEqual(wizard.customer_ids, self.customer | other)
        self.assertEqual(wizard.date_to, date(2026, 2, 28))
        self.assertEqual(wizard.display_name, "Statements 2026-02-28")

    def test_button_on_the_file_and_one_customers_names(self):
        action = self.customer.with_user(self.collector).action_statement()
        self.assertEqual(action["context"]["default_customer_ids"], self.customer.ids)
        wizard = self.wizard()
        self.assertEqual(wizard.display_name, "Statement Acme 2026-03-11")
        self.assertEqual(wizard.recipient_id, self.customer.partner_id)

    def test_everyone_who_reads_prints_and_only_collectors_send(self):
        for user in (self.auditor, self.accountant):
            wizard = self.wizard(user=user)
            self.assertEqual(wizard.action_print()["report_type"], "qweb-pdf")
            with self.assertRaisesRegex(AccessError, "Only collectors"):
                wizard.action_send()
        self.wizard(user=self.collector).action_send()
        statement = self.system["collection.statement"].search([])
        self.assertEqual(len(statement), 1)
        with self.assertRaises(AccessError):
            statement.with_user(self.auditor).action_cancel()
        self.assertTrue(statement.with_user(self.auditor).action_print())

    def test_nobody_opens_the_dialog_of_another(self):
        wizard = self.wizard(user=self.auditor)
        found = self.env["collection.statement.wizard"].with_user(self.collector)
        self.assertFalse(found.search([("id", "=", wizard.id)]))
        report = self.env["report.collections_management.report_statement_chosen"]
        for user in (self.collector, self.employee):
            with self.assertRaises(AccessError):
                report.with_user(user)._get_report_values(wizard.ids)

    def test_file_with_statements_is_kept(self):
        self.wizard().action_send()
        with self.assertRaisesRegex(Exception, "kept as evidence"):
            self.customer.unlink()


@tagged("post_install", "-at_install")
class TestStatementRoute(HttpCase):
    def setUp(self):
        super().setUp()
        self.authenticate("admin", "admin")
        partner = self.env["res.partner"].create({"name": "Route customer"})
        customer = self.env["collection.customer"].create({"partner_id": partner.id})
        self.wizard = (
            self.env["collection.statement.wizard"]
            .with_user(self.env.ref("base.user_admin"))
            .create({"customer_ids": [Command.set(customer.ids)]})
        )

    def test_the_workbook_is_streamed(self):
        answer = self.url_open(self.wizard.action_excel()["url"], timeout=60)
        self.assertEqual(answer.status_code, 200)
        self.assertIn("Route customer", answer.headers["Content-Disposition"].replace("%20", " "))
        self.assertTrue(load_workbook(io.BytesIO(answer.content)).sheetnames)

    def test_a_dialog_that_is_gone_is_not_found(self):
        self.assertEqual(self.url_open("/collections/statements/0.xlsx").status_code, 404)

import io
import json
from datetime import timedelta

from openpyxl import load_workbook

from odoo import fields
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.account.tests.common import AccountTestInvoicingCommon


@tagged("post_install", "-at_install")
class TestDueItemWorkbook(AccountTestInvoicingCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref("collections_management.group_collection_manager")
        cls.company = cls.company_data["company"]
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=cls.company.ids))
        cls.today = fields.Date.context_today(cls.env.user)
        cls.dollar = cls.setup_other_currency(
            "EUR" if cls.company.currency_id.name == "USD" else "USD"
        )
        cls._add_invoice(cls.partner_a, 1000, days_ago=45)
        cls._add_invoice(cls.partner_a, 500, days_ago=10)
        cls._add_invoice(cls.partner_a, 300, days_ago=10, currency=cls.dollar)
        cls._add_invoice(cls.partner_b, 70.5, days_ago=-5)
        cls._add_invoice(cls.partner_b, 20, days_ago=0, move_type="out_refund")
        cls.env["collection.customer"]._create_missing(cls.company.root_id)

    @classmethod
    def _add_invoice(cls, partner, amount, days_ago, currency=None, move_type="out_invoice"):
        date = cls.today - timedelta(days=max(days_ago, 0))
        move = cls._create_invoice_one_line(
            move_type=move_type,
            partner_id=partner,
            invoice_date=date,
            currency_id=currency or cls.company.currency_id,
            price_unit=amount,
            tax_ids=[],
            post=False,
        )
        move.invoice_payment_term_id = False
        move.invoice_date_due = cls.today - timedelta(days=days_ago)
        move.action_post()
        return move

    def _write(self, domain=(), filters=""):
        file = io.BytesIO()
        self.env["collection.due.item.workbook"]._write_workbook(file, list(domain), filters)
        file.seek(0)
        return load_workbook(file, data_only=True)

    def _get_open_balance(self):
        lines = self.env["account.move.line"].search(
            [
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
                ("company_id", "=", self.company.id),
            ]
        )
        return sum(lines.mapped("amount_residual"))

    def _read_table(self, sheet):
        """Return the rows below the head as dicts, and the row of the head."""
        rows = list(sheet.iter_rows(values_only=True))
        start = next(i for i, row in enumerate(rows) if row[0] == "Customer")
        head = [name for name in rows[start] if name]
        return [dict(zip(head, row, strict=False)) for row in rows[start + 1 :]], start + 1

    def test_total_equals_the_ledgers_balance(self):
        book = self._write()
        for sheet in book.worksheets:
            rows, _head = self._read_table(sheet)
            total = next(row for row in rows if row["Customer"] == "Total")
            column = "Open Amount" if sheet.title == "Open Items" else "Total"
            self.assertAlmostEqual(total[column], self._get_open_balance(), 2, sheet.title)

    def test_buckets_add_up_to_the_open_amount(self):
        buckets = ["Not due", "1-30", "31-60", "61-90", "91-120", "Over 120"]
        for sheet in self._write().worksheets:
            rows, _head = self._read_table(sheet)
            column = "Open Amount" if sheet.title == "Open Items" else "Total"
            for row in rows:
                if row[column] is not None and row["Customer"]:
                    self.assertAlmostEqual(
                        sum(row[bucket] or 0 for bucket in buckets), row[column], 2
                    )

    def test_every_customer_has_a_subtotal_per_currency(self):
        rows, _head = self._read_table(self._write().worksheets[0])
        subtotals = [row for row in rows if row["Customer"] and not row["Document"]]
        own, other = self.company.currency_id.name, self.dollar.name
        names = [row["Customer"] for row in subtotals]
        for name in (own, other):
            self.assertIn(f"{self.partner_a.display_name} {name}", names)
        by_name = {row["Customer"]: row for row in subtotals}
        self.assertEqual(by_name[f"{self.partner_a.display_name} {own}"]["Open in Currency"], 1500)
        self.assertEqual(by_name[f"{self.partner_a.display_name} {other}"]["Open in Currency"], 300)
        self.assertIsNone(
            by_name[self.partner_a.display_name]["Open in Currency"], "currencies are not added"
        )
        self.assertEqual(by_name[self.partner_b.display_name]["Open Amount"], 50.5)

    def test_rows_tell_the_decision_and_why(self):
        rows, _head = self._read_table(self._write().worksheets[0])
        items = [row for row in rows if row["Document"]]
        self.assertEqual(len(items), 5)
        for row in items:
            self.assertTrue(row["Decision"])
            self.assertTrue(row["Why"])

    def test_the_domain_restricts_the_rows(self):
        book = self._write([("days_overdue", ">", 30)], "Overdue")
        rows, _head = self._read_table(book.worksheets[0])
        self.assertEqual([row["Open Amount"] for row in rows if row["Document"]], [1000])
        self.assertEqual(book.worksheets[0]["A4"].value, "Filters: Overdue")

    def test_the_sheet_is_frozen_and_filtered_at_its_head(self):
        for sheet in self._write().worksheets:
            _rows, head = self._read_table(sheet)
            self.assertEqual(sheet.freeze_panes[1:], str(head + 1))
            self.assertTrue(sheet.auto_filter.ref.startswith(f"A{head}:"))

    def test_nothing_open_gives_an_empty_workbook(self):
        rows, _head = self._read_table(self._write([("id", "=", 0)]).worksheets[0])
        self.assertEqual([row["Customer"] for row in rows], ["Total"])

    def test_a_customers_name_is_never_a_formula(self):
        self.partner_a.name = "=1+1"
        file = io.BytesIO()
        self.env["collection.due.item.workbook"]._write_workbook(file, [], "")
        sheet = load_workbook(file).worksheets[0]
        cells = [row[0] for row in sheet.iter_rows() if row[0].value == "=1+1"]
        self.assertTrue(cells)
        self.assertEqual({cell.data_type for cell in cells}, {"s"})

    def test_queries_do_not_grow_with_the_items(self):
        self._write()
        with self.assertQueryCount(60):
            self._write()
        for _index in range(20):
            self._add_invoice(self.partner_b, 10, days_ago=1)
        with self.assertQueryCount(60):
            self._write()


@tagged("post_install", "-at_install")
class TestDueItemExportRoute(HttpCase):
    def test_the_route_streams_a_workbook(self):
        self.authenticate("admin", "admin")
        answer = self.url_open("/collections/due_items/xlsx?domain=[]&context={}", timeout=60)
        self.assertEqual(answer.status_code, 200)
        self.assertIn("spreadsheetml", answer.headers["Content-Type"])
        book = load_workbook(io.BytesIO(answer.content))
        self.assertTrue(book.sheetnames)

    def test_the_workbook_speaks_the_persons_language(self):
        self.env["res.lang"]._activate_lang("es_ES")
        self.authenticate("admin", "admin")
        context = json.dumps({"lang": "es_ES"})
        answer = self.url_open(f"/collections/due_items/xlsx?context={context}", timeout=60)
        self.assertEqual(answer.status_code, 200)

    def test_a_broken_request_is_refused(self):
        self.authenticate("admin", "admin")
        answer = self.url_open("/collections/due_items/xlsx?domain={}", timeout=60)
        self.assertEqual(answer.status_code, 400)

    @mute_logger("odoo.http")
    def test_whoever_may_not_export_gets_nothing(self):
        admin = self.env.ref("base.user_admin")
        group = self.env.ref("base.group_allow_export")
        admin.group_ids -= group
        admin.group_ids.filtered(lambda g: group in g.all_implied_ids).implied_ids -= group
        self.authenticate("admin", "admin")
        answer = self.url_open("/collections/due_items/xlsx", timeout=60)
        self.assertNotIn("spreadsheetml", answer.headers.get("Content-Type", ""))

    @mute_logger("odoo.http")
    def test_a_user_without_rights_on_receivables_gets_nothing(self):
        self.env["res.users"].create(
            {
                "name": "Nobody",
                "login": "nobody",
                "password": "nobody-nobody",
                "group_ids": [
                    (4, self.env.ref("base.group_user").id),
                    (4, self.env.ref("base.group_allow_export").id),
                ],
            }
        )
        self.authenticate("nobody", "nobody-nobody")
        answer = self.url_open("/collections/due_items/xlsx", timeout=60)
        self.assertNotIn("spreadsheetml", answer.headers.get("Content-Type", ""))

from collections import defaultdict
from functools import cached_property

from odoo import api, models

from .workbook import cell


class CollectionStatementWorkbook(models.AbstractModel):
    """Statements of account as an Excel workbook, of one customer or of many.

    Each main company has two sheets: what is open and its ageing, or what was booked in a period
    and the balances. A customer has a subtotal per currency; amounts of different currencies are
    never added, but where there are several, a column translates them as they were booked.
    """

    _name = "collection.statement.workbook"
    _inherit = "collection.workbook"
    _description = "Workbook of Statements of Account"

    @api.model
    def _write_workbook(self, file, customers, period=None):
        """Write the statements of ``customers`` in the language of the context.

        :param file: binary file, open for writing
        :param customers: collection.customer; the person may read them
        :param period: as ``collection.statement.ledger._iterate_groups`` takes it
        """
        customers.check_access("read")
        with self._open_workbook(file) as workbook:
            # sudo: the statement is the customer's whole account, over the branches of the company
            customers = customers.sudo()
            customers.fetch(["company_id"])  # of many customers, nothing else is kept in memory
            by_company = customers.grouped("company_id")
            for company, files in by_company.items():
                suffix = f" {company.name}" if len(by_company) > 1 else ""
                make = _Movements if period else _OpenItems
                make(self, workbook, files, period, suffix).write_sheets()

    @api.model
    def _get_about(self, company, period):
        """Return of whom and of when the sheets are: list of lines."""
        return [
            self.env._("Company: %s", company.name),
            self.env["collection.statement"]._get_when(company, period),
        ]


class _Statements:
    """Writes the two sheets of one main company: rows one by one, and sums beside them.

    The sums of a customer in a currency come from the ledger's own query, not from the rows.
    """

    names = ("", "")  # of the sheets

    def __init__(self, report, workbook, customers, period, suffix):
        self.env = report.env
        self.company = customers.company_id
        self.customers, self.period = customers, period
        self.ledger = self.env["collection.statement.ledger"]
        self.currencies = self.ledger._get_currencies(customers, period)
        # by currency, what the groups come to
        self.everything = {currency.id: defaultdict(float) for currency in self.currencies}
        self.translated = bool(self.currencies - self.company.currency_id)
        formats = report._get_formats(workbook, self.company.currency_id, self.currencies)
        about = report._get_about(self.company, period)
        items, totals = self.get_columns(), self.get_total_columns()
        if self.translated:
            title = self.env._("In %s", self.company.currency_id.name)
            items.append((title, 15, "amount"))
            totals.append((title, 15, "amount"))
        items_name, totals_name = (name + suffix for name in self.get_names())
        self.items = report._add_table(workbook, items_name, formats, items, about, frozen=2)
        self.totals = report._add_table(workbook, totals_name, formats, totals, about, frozen=2)

    def write_sheets(self):
        for sums, rows in self.ledger._iterate_groups(self.customers, self.period):
            currency = self.currencies.browse(sums["currency_id"])
            self.write_group(sums, rows, sums["customer"], currency.name)
            self.write_sums(sums, sums["customer"], currency.name)
        self.items.filter()
        self.totals.filter()
        self.write_grand_totals()

    def write_group(self, sums, rows, customer, code):
        """Write the rows of one customer in one currency, and their total.

        :param dict sums: as ``collection.statement.ledger`` reads them
        :param rows: iterator of dicts
        :param str customer: name
        :param str code: of the currency; a kind of cell
        """
        raise NotImplementedError

    def write_sums(self, sums, customer, code):
        """Write the row of one customer in one currency on the second sheet."""
        table = self.totals
        table.write_cell(0, "text", customer)
        table.write_cell(1, "text", code)
        for index, name in self.get_sum_columns().items():
            if sums[name]:
                table.write_cell(index, code, sums[name])
        last = max(self.get_sum_columns()) + 1
        table.write_formula(last, code, self.get_balance_formula(), sums["balance"], "_total")
        if self.translated:
            table.write_cell(last + 1, "amount", sums["company_balance"])
        everything = self.everything[sums["currency_id"]]
        for name in (*self.get_sum_columns().values(), "balance", "company_balance"):
            everything[name] += sums[name]
        table.end_row()

    def write_grand_totals(self):
        """Write a line per currency below the second sheet, and what all come to, translated."""
        table = self.totals
        end = table.row - 1
        columns = {**self.get_sum_columns(), max(self.get_sum_columns()) + 1: "balance"}
        for currency in self.currencies.sorted("name"):
            sums = self.everything[currency.id]
            table.fill("_grand")
            table.write_cell(0, "text", self.env._("Total"), "_grand")
            table.write_cell(1, "text", currency.name, "_grand")
            for index, name in columns.items():
                self.write_sum_of_code(index, currency.name, sums[name], currency.name, end)
            if self.translated:
                self.write_sum_of_code(
                    max(columns) + 1, "amount", sums["company_balance"], currency.name, end
                )
            table.end_row()
        if self.translated:
            total = sum(sums["company_balance"] for sums in self.everything.values())
            table.write_cell(0, "text", self.env._("All currencies"), "_grand")
            column = table.get_range(max(columns) + 1, table.first_row, end)
            table.write_formula(
                max(columns) + 1, "amount", f"SUM({column})", round(total, 6), "_grand"
            )

    def write_sum_of_code(self, index, kind, value, code, end):
        """Write the sum of a column over the rows of one currency."""
        table = self.totals
        codes = table.get_range(1, table.first_row, end)
        amounts = table.get_range(index, table.first_row, end)
        table.write_formula(
            index, kind, f'SUMIF({codes},"{code}",{amounts})', round(value, 6), "_grand"
        )


class _OpenItems(_Statements):
    """What is open today, item by item, and its ageing."""

    @cached_property
    def buckets(self):
        return self.env["collection.bucket"]._get_of_company(self.company)

    def get_names(self):
        return self.env._("Open Items"), self.env._("Ageing")

    def get_columns(self):
        _ = self.env._
        return [
            (_("Customer"), 32, "text"),
            (_("Document"), 24, "text"),
            (_("Invoice Date"), 12, "date"),
            (_("Due Date"), 12, "date"),
            (_("Days Overdue"), 10, "integer"),
            (_("Currency"), 9, "text"),
            (_("Original Amount"), 15, "amount"),
            (_("Open Amount"), 15, "amount"),
        ]

    def get_total_columns(self):
        _ = self.env._
        return [
            (_("Customer"), 36, "text"),
            (_("Currency"), 9, "text"),
            *[(bucket.name, 14, "amount") for bucket in self.buckets],
            (_("In Favour"), 14, "amount"),
            (_("Total"), 15, "amount"),
        ]

    def get_sum_columns(self):
        names = [*[f"bucket_{id_}" for id_ in self.buckets.ids], "credits"]
        return dict(enumerate(names, start=2))

    def get_balance_formula(self):
        row = self.totals.row
        return f"SUM({cell(row, 2)}:{cell(row, max(self.get_sum_columns()))})"

    def write_group(self, sums, rows, customer, code):
        table, start = self.items, self.items.row
        content = self.env["collection.notice.content"]
        for row in rows:
            table.write_cell(0, "text", customer)
            table.write_cell(1, "text", content._get_document_name(row))
            table.write_cell(2, "date", row["date_invoice"])
            table.write_cell(3, "date", row["date_due"])
            table.write_cell(4, "integer", max(row["days_overdue"], 0))
            table.write_cell(5, "text", code)
            table.write_cell(6, code, row["amount_currency"])
            table.write_cell(7, code, row["residual_currency"])
            if self.translated:
                table.write_cell(8, "amount", row["residual"])
            table.end_row()
        table.fill("_total")
        table.write_cell(0, "text", customer, "_total")
        table.write_cell(5, "text", code, "_total")
        table.write_sum(7, code, sums["balance"], start, "_total")
        if self.translated:
            table.write_sum(8, "amount", sums["company_balance"], start, "_total")
        table.end_row()


class _Movements(_Statements):
    """What was booked in a period, with opening, running and closing balance."""

    def get_names(self):
        return self.env._("Movements"), self.env._("Balances")

    def get_columns(self):
        _ = self.env._
        return [
            (_("Customer"), 32, "text"),
            (_("Document"), 32, "text"),
            (_("Date"), 12, "date"),
            (_("Due Date"), 12, "date"),
            (_("Currency"), 9, "text"),
            (_("Charged"), 15, "amount"),
            (_("Credited"), 15, "amount"),
            (_("Balance"), 15, "amount"),
        ]

    def get_total_columns(self):
        _ = self.env._
        return [
            (_("Customer"), 36, "text"),
            (_("Currency"), 9, "text"),
            (_("Opening Balance"), 15, "amount"),
            (_("Charged"), 15, "amount"),
            (_("Credited"), 15, "amount"),
            (_("Closing Balance"), 15, "amount"),
        ]

    def get_sum_columns(self):
        return {2: "opening", 3: "debit", 4: "credit"}

    def get_balance_formula(self):
        row = self.totals.row
        return f"{cell(row, 2)}+{cell(row, 3)}-{cell(row, 4)}"

    def write_group(self, sums, rows, customer, code):
        table = self.items
        content = self.env["collection.notice.content"]
        self._write_balance(
            self.env._("Opening balance"), sums, "opening", "company_opening", customer, code
        )
        start, balance = table.row, sums["opening"]
        for row in rows:
            amount = row["amount_currency"]
            balance += amount
            table.write_cell(0, "text", customer)
            table.write_cell(1, "text", content._get_movement_name(row))
            table.write_cell(2, "date", row["date"])
            table.write_cell(3, "date", not row["is_payment"] and row["date_due"])
            table.write_cell(4, "text", code)
            if amount:
                table.write_cell(5 if amount > 0 else 6, code, abs(amount))
            table.write_cell(7, code, round(balance, 6))
            if self.translated:
                table.write_cell(8, "amount", row["balance"])
            table.end_row()
        moved = table.row > start
        self._write_balance(
            self.env._("Closing balance"),
            sums,
            "balance",
            "company_balance",
            customer,
            code,
            start if moved else None,
        )

    def _write_balance(self, label, sums, name, company_name, customer, code, start=None):
        """Write the row of an opening or closing balance.

        :param int start: first row of the movements that are summed up; None: none are
        """
        table = self.items
        table.fill("_total")
        table.write_cell(0, "text", customer, "_total")
        table.write_cell(1, "text", label, "_total")
        table.write_cell(4, "text", code, "_total")
        if start is not None:
            table.write_sum(5, code, sums["debit"], start, "_total")
            table.write_sum(6, code, sums["credit"], start, "_total")
        table.write_cell(7, code, sums[name], "_total")
        if self.translated:
            table.write_cell(8, "amount", sums[company_name], "_total")
        table.end_row()

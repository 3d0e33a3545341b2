from collections import defaultdict

from odoo import api, fields, models
from odoo.tools import format_datetime, split_every

from .workbook import cell

BATCH = 2000  # items read at once


class CollectionDueItemWorkbook(models.AbstractModel):
    """The open items as an Excel workbook: by customer with subtotals, and the ageing by customer.

    Amounts of different currencies are never added: a company currency has its own two sheets,
    and a customer a subtotal per document currency.
    """

    _name = "collection.due.item.workbook"
    _inherit = "collection.workbook"
    _description = "Workbook of Open Items"

    # ------------------------------------------------------------
    # Columns
    # ------------------------------------------------------------

    @api.model
    def _get_columns(self):
        """Hook: the columns before and after those of the buckets.

        :return: two lists of tuples (title, width, format, function of the item)
        """
        _ = self.env._
        labels = dict(
            self.env["collection.due.item"]._fields["decision"]._description_selection(self.env)
        )
        before = [
            (_("Customer"), 32, "text", self._get_customer_name),
            (_("Document"), 20, "text", lambda item: item.move_id.name),
            (_("Invoice Date"), 12, "date", lambda item: item.date_invoice),
            (_("Due Date"), 12, "date", lambda item: item.date_due),
            (_("Days Overdue"), 10, "integer", lambda item: max(item.days_overdue, 0)),
            (_("Currency"), 9, "text", lambda item: item.currency_id.name),
            (_("Open in Currency"), 15, "amount", lambda item: item.residual_currency),
            (_("Open Amount"), 15, "amount", lambda item: item.residual),
        ]
        after = [
            (_("Decision"), 22, "text", lambda item: labels.get(item.decision)),
            (_("Why"), 60, "text", lambda item: item.explanation),
            (_("Scheme"), 18, "text", lambda item: item.strategy_id.name),
            (_("Last Step"), 24, "text", lambda item: item.last_step_id.name),
            (_("Last Said"), 12, "date", lambda item: item.last_date),
            (_("Next Step"), 24, "text", lambda item: item.next_step_id.name),
            (_("Next Date"), 12, "date", lambda item: item.next_date),
            (_("Collector"), 20, "text", lambda item: item.collector_id.name),
            (_("Salesperson"), 20, "text", lambda item: item.salesperson_id.name),
            (_("Company"), 24, "text", lambda item: item.company_id.name),
        ]
        return before, after

    @api.model
    def _get_customer_name(self, item):
        return item.partner_id.display_name or self.env._("(without customer)")

    @api.model
    def _get_file_name(self):
        return "{} {}.xlsx".format(
            self.env._("Open items"), fields.Date.to_string(fields.Date.context_today(self))
        )

    # ------------------------------------------------------------
    # Reading
    # ------------------------------------------------------------

    @api.model
    def _get_item_ids(self, domain):
        """Return the ids of the items, by company currency, in the order of the sheets."""
        items = self.env["collection.due.item"].search(
            domain, order="partner_id, currency_id, date_due, id"
        )
        by_currency = defaultdict(list)
        currencies = {
            company.id: company.root_id.currency_id
            for company in self.env["res.company"].sudo().search([])
        }
        for batch in self._browse_in_batches(items.ids, ["company_id"]):
            for item in batch:
                by_currency[currencies[item.company_id.id]].append(item.id)
        return by_currency

    @api.model
    def _browse_in_batches(self, ids, names=None):
        """Yield the items a batch at a time; what was read is forgotten before the next one."""
        for batch in split_every(BATCH, ids):
            items = self.env["collection.due.item"].browse(batch)
            items.fetch(names or self._get_names())
            yield items
            items.invalidate_recordset(flush=False)

    @api.model
    def _get_names(self):
        """Return the stored fields of an item: one query reads them all."""
        return [
            name
            for name, field in self.env["collection.due.item"]._fields.items()
            if field.store and field.type not in ("many2many", "one2many")
        ]

    @api.model
    def _get_buckets(self, currency):
        """Return the buckets of the main companies whose currency this is, youngest debt first."""
        buckets = self.env["collection.bucket"].search([])
        roots = self.env.companies.root_id.filtered(lambda root: root.currency_id == currency)
        by_company = buckets.grouped("company_id")
        found = buckets.browse()
        for root in roots:
            found |= by_company.get(root) or by_company.get(root.browse(), buckets.browse())
        return found.sorted("days_from")

    # ------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------

    @api.model
    def _write_workbook(self, file, domain, filters=""):
        """Write the workbook of the items of ``domain`` into ``file``, with the person's rights.

        :param file: binary file, open for writing
        :param list domain: on ``collection.due.item``
        :param str filters: what was filtered by, for people
        """
        with self._open_workbook(file) as workbook:
            groups = self._get_item_ids(domain) or {self.env.company.root_id.currency_id: []}
            for currency, ids in groups.items():
                suffix = f" {currency.name}" if len(groups) > 1 else ""
                formats = self._get_formats(workbook, currency)
                totals = self._write_items(
                    workbook, self.env._("Open Items") + suffix, formats, currency, ids, filters
                )
                self._write_ageing(
                    workbook, self.env._("Ageing") + suffix, formats, currency, totals, filters
                )

    @api.model
    def _get_about(self, currency, filters):
        """Return of whom, of when and of what the sheets are: list of lines."""
        _ = self.env._
        return [
            _("Company: %s", ", ".join(self.env.companies.mapped("name"))),
            _(
                "As of: %(date)s. Amounts in %(currency)s.",
                date=format_datetime(self.env, fields.Datetime.now(), dt_format="short"),
                currency=currency.name,
            ),
            _("Filters: %s", filters) if filters else _("All open items"),
        ]

    @api.model
    def _write_items(self, workbook, title, formats, currency, ids, filters):
        """Write the sheet of items.

        :return: dict customer's name -> dict bucket id -> amount in the company's currency
        """
        before, after = self._get_columns()
        buckets = self._get_buckets(currency)
        columns = [
            *before,
            *[(bucket.name, 13, "amount", None) for bucket in buckets],
            *after,
        ]
        table = self._add_table(
            workbook, title, formats, columns, self._get_about(currency, filters), frozen=2
        )
        writer = _ItemRows(table, len(before), buckets, self)
        for items in self._browse_in_batches(ids):
            for item in items:
                writer.add(item)
        writer.finish()
        return writer.by_customer

    @api.model
    def _write_ageing(self, workbook, title, formats, currency, by_customer, filters):
        """Write the sheet of customers by bucket, in the company's currency."""
        _ = self.env._
        buckets = self._get_buckets(currency)
        columns = [
            (_("Customer"), 36, "text"),
            *[(bucket.name, 15, "amount") for bucket in buckets],
            (_("Total"), 15, "amount"),
        ]
        last = len(columns) - 1
        table = self._add_table(
            workbook, title, formats, columns, self._get_about(currency, filters)
        )
        totals = defaultdict(float)
        for customer, amounts in by_customer.items():
            table.write_cell(0, "text", customer)
            for index, bucket in enumerate(buckets, start=1):
                amount = currency.round(amounts.get(bucket.id, 0.0))
                totals[index] += amount
                if amount:
                    table.write_cell(index, "amount", amount)
            total = currency.round(sum(amounts.values()))
            totals[last] += total
            across = f"{cell(table.row, 1)}:{cell(table.row, last - 1)}"
            table.write_formula(last, "amount", f"SUM({across})", total, "_total")
            table.end_row()
        table.filter()
        table.write_cell(0, "text", _("Total"), "_grand")
        for index in range(1, last + 1):
            table.write_sum(
                index, "amount", currency.round(totals[index]), table.first_row, "_grand"
            )
        sums = table.row
        table.end_row()
        for index in range(1, last + 1) if totals[last] else ():
            share = f"{cell(sums, index)}/{cell(sums, last)}"
            table.write_formula(index, "percent", share, totals[index] / totals[last], "_grand")


class _ItemRows:
    """Writes the rows of items one after the other, with a subtotal when the customer changes."""

    def __init__(self, table, bucket_start, buckets, report):
        self.table = table
        self.report = report
        self.bucket_columns = {
            bucket.id: index for index, bucket in enumerate(buckets, start=bucket_start)
        }
        self.residual_column = bucket_start - 1
        self.by_customer = {}
        self.customer = self.currency = None
        self.customer_start = self.currency_start = table.row
        self.several_currencies = False
        self.totals = _Totals()

    def add(self, item):
        customer, currency = item.partner_id, item.currency_id
        if self.customer is not None and customer != self.customer:
            self._close_customer()
        elif self.currency is not None and currency != self.currency:
            self._close_currency()
            self.several_currencies = True
        if customer != self.customer:
            self.customer_start = self.currency_start = self.table.row
            self.customer_name = self._get_unique_name(item)
        self.customer, self.currency = customer, currency
        self._write_item(item)

    def finish(self):
        if self.customer is not None:
            self._close_customer()
        self.table.filter()
        self._write_total(
            self.report.env._("Total"),
            self.table.first_row,
            "_grand",
            self.totals.everything,
            None,
        )

    def _get_unique_name(self, item):
        """Two customers of one name stay apart."""
        name = self.report._get_customer_name(item)
        if name in self.by_customer:
            name = f"{name} ({item.partner_id.id})"
        self.by_customer[name] = defaultdict(float)
        return name

    def _write_item(self, item):
        for index, (_title, _width, kind, value) in enumerate(self.table.columns):
            if value:
                self.table.write_cell(index, kind, value(item))
        residual = item.residual
        index = self.bucket_columns.get(item.bucket_id.id)
        if index is not None:
            self.table.write_cell(index, "amount", residual)
        self.by_customer[self.customer_name][item.bucket_id.id] += residual
        self.totals.add(residual, item.residual_currency, index)
        self.table.end_row(level=1)

    def _close_currency(self):
        self._write_total(
            f"{self.customer_name} {self.currency.name}",
            self.currency_start,
            "_total",
            self.totals.currency,
            self.currency,
        )
        self.totals.begin_currency()
        self.currency_start = self.table.row

    def _close_customer(self):
        if self.several_currencies:
            self._close_currency()
        self._write_total(
            self.customer_name,
            self.customer_start,
            "_total",
            self.totals.customer,
            None if self.several_currencies else self.currency,
        )
        self.totals.begin_customer()
        self.several_currencies = False

    def _write_total(self, label, start, style, totals, currency):
        """Write a row of sums from row ``start`` to the one above.

        :param currency: when all rows are in it, its column is summed too
        """
        self.table.fill(style)
        self.table.write_cell(0, "text", label, style)
        columns = {self.residual_column: "residual"}
        columns |= {index: index for index in self.bucket_columns.values()}
        if currency:
            columns[self.residual_column - 1] = "residual_currency"
            self.table.write_cell(self.residual_column - 2, "text", currency.name, style)
        for index, key in columns.items():
            value = totals[key]
            if value or key in ("residual", "residual_currency"):
                self.table.write_sum(index, "amount", value, start, style)
        self.table.end_row()


class _Totals:
    """Running sums: of the customer's items in one currency, of the customer, of everything."""

    def __init__(self):
        self.currency = defaultdict(float)
        self.customer = defaultdict(float)
        self.everything = defaultdict(float)

    def add(self, residual, residual_currency, bucket_column):
        for sums in (self.currency, self.customer, self.everything):
            sums["residual"] += residual
            sums["residual_currency"] += residual_currency
            sums[bucket_column] += residual

    def begin_currency(self):
        self.currency.clear()

    def begin_customer(self):
        self.currency.clear()
        self.customer.clear()

from collections import defaultdict

import xlsxwriter

from odoo import api, fields, models
from odoo.tools import format_datetime, split_every

BATCH = 2000  # items read at once


class CollectionDueItemWorkbook(models.AbstractModel):
    """The open items as an Excel workbook: by customer with subtotals, and the ageing by customer.

    Amounts of different currencies are never added: a company currency has its own two sheets,
    and a customer a subtotal per document currency.
    """

    _name = "collection.due.item.workbook"
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
        with xlsxwriter.Workbook(file, {"constant_memory": True}) as workbook:
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
    def _get_formats(self, workbook, currency):
        """Return the cell formats by name; ``_total`` ones are those of subtotals."""
        decimals = "." + "0" * currency.decimal_places if currency.decimal_places else ""
        number = f"#,##0{decimals};[Red]-#,##0{decimals}"
        kinds = {
            "text": {},
            "date": {"num_format": "dd/mm/yyyy", "align": "left"},
            "integer": {"num_format": "0;-0;"},
            "amount": {"num_format": number},
        }
        formats = {}
        for name, values in kinds.items():
            formats[name] = workbook.add_format(values)
            formats[f"{name}_total"] = workbook.add_format(
                {**values, "bold": True, "bg_color": "#EEF3F2", "top": 4, "top_color": "#8AA5A0"}
            )
            formats[f"{name}_grand"] = workbook.add_format(
                {**values, "bold": True, "bg_color": "#D3E3DF", "top": 1, "bottom": 6}
            )
        formats["percent_grand"] = workbook.add_format({"num_format": "0.0%", "italic": True})
        formats["title"] = workbook.add_format(
            {"bold": True, "font_size": 16, "font_color": "#1D5E54"}
        )
        formats["about"] = workbook.add_format({"font_color": "#666666"})
        formats["head"] = workbook.add_format(
            {
                "bold": True,
                "font_color": "#FFFFFF",
                "bg_color": "#1D5E54",
                "text_wrap": True,
                "valign": "vcenter",
                "border": 1,
                "border_color": "#FFFFFF",
            }
        )
        return formats

    @api.model
    def _write_head(self, sheet, title, formats, currency, filters):
        """Write what the sheet is, of whom, of when and of what.

        :return: the row at which the table begins
        """
        _ = self.env._
        sheet.write_string(0, 0, title, formats["title"])
        companies = ", ".join(self.env.companies.mapped("name"))
        about = [
            _("Company: %s", companies),
            _(
                "As of: %(date)s. Amounts in %(currency)s.",
                date=format_datetime(self.env, fields.Datetime.now(), dt_format="short"),
                currency=currency.name,
            ),
            _("Filters: %s", filters) if filters else _("All open items"),
        ]
        for row, line in enumerate(about, start=1):
            sheet.write_string(row, 0, line, formats["about"])
        return len(about) + 2

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
        sheet = workbook.add_worksheet(title)
        self._set_page(sheet)
        for index, (_title, width, _format, _value) in enumerate(columns):
            sheet.set_column(index, index, width)
        head = self._write_head(sheet, title, formats, currency, filters)
        sheet.set_row(head, 32)
        for index, (name, *_rest) in enumerate(columns):
            sheet.write_string(head, index, name, formats["head"])
        sheet.freeze_panes(head + 1, 2)
        sheet.repeat_rows(head)
        writer = _ItemRows(sheet, head + 1, columns, len(before), buckets, formats, self)
        for items in self._browse_in_batches(ids):
            for item in items:
                writer.add(item)
        writer.finish()
        sheet.autofilter(head, 0, max(writer.last_row, head), len(columns) - 1)
        return writer.by_customer

    @api.model
    def _set_page(self, sheet):
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)
        sheet.outline_settings(symbols_below=True)

    @api.model
    def _write_ageing(self, workbook, title, formats, currency, by_customer, filters):
        """Write the sheet of customers by bucket, in the company's currency."""
        buckets = self._get_buckets(currency)
        sheet = workbook.add_worksheet(title)
        self._set_page(sheet)
        sheet.set_column(0, 0, 36)
        sheet.set_column(1, len(buckets) + 1, 15)
        head = self._write_head(sheet, title, formats, currency, filters)
        names = [self.env._("Customer"), *buckets.mapped("name"), self.env._("Total")]
        for index, name in enumerate(names):
            sheet.write_string(head, index, name, formats["head"])
        sheet.freeze_panes(head + 1, 1)
        sheet.repeat_rows(head)
        totals = defaultdict(float)
        row = head
        for row, (customer, amounts) in enumerate(by_customer.items(), start=head + 1):
            sheet.write_string(row, 0, customer, formats["text"])
            for index, bucket in enumerate(buckets, start=1):
                amount = currency.round(amounts.get(bucket.id, 0.0))
                totals[index] += amount
                if amount:
                    sheet.write_number(row, index, amount, formats["amount"])
            total = currency.round(sum(amounts.values()))
            totals[len(buckets) + 1] += total
            sheet.write_formula(
                row,
                len(buckets) + 1,
                f"=SUM({_cell(row, 1)}:{_cell(row, len(buckets))})",
                formats["amount_total"],
                total,
            )
        sheet.autofilter(head, 0, max(row, head), len(buckets) + 1)
        sheet.write_string(row + 1, 0, self.env._("Total"), formats["text_grand"])
        for index in range(1, len(buckets) + 2):
            sheet.write_formula(
                row + 1,
                index,
                f"=SUBTOTAL(9,{_cell(head + 1, index)}:{_cell(max(row, head + 1), index)})",
                formats["amount_grand"],
                currency.round(totals[index]),
            )
        everything = totals[len(buckets) + 1]
        for index in range(1, len(buckets) + 2) if everything else ():
            sheet.write_formula(
                row + 2,
                index,
                f"={_cell(row + 1, index)}/{_cell(row + 1, len(buckets) + 1)}",
                formats["percent_grand"],
                totals[index] / everything,
            )


class _ItemRows:
    """Writes the rows of items one after the other, with a subtotal when the customer changes.

    Subtotals are formulas (``SUBTOTAL``, which leaves out other subtotals and what is filtered
    away) that carry their value, so that programs which don't calculate read it too.
    """

    def __init__(self, sheet, row, columns, bucket_start, buckets, formats, report):
        self.sheet = sheet
        self.row = self.first_row = row
        self.columns = columns
        self.formats = formats
        self.report = report
        self.bucket_columns = {
            bucket.id: index for index, bucket in enumerate(buckets, start=bucket_start)
        }
        self.residual_column = bucket_start - 1
        self.by_customer = {}
        self.keys = {}
        self.customer = self.currency = None
        self.customer_start = self.currency_start = row
        self.several_currencies = False
        self.totals = _Totals()
        self.last_row = row - 1

    def add(self, item):
        customer, currency = item.partner_id, item.currency_id
        if self.customer is not None and customer != self.customer:
            self._close_customer()
        elif self.currency is not None and currency != self.currency:
            self._close_currency()
            self.several_currencies = True
        if customer != self.customer:
            self.customer_start = self.currency_start = self.row
            self.customer_name = self._get_unique_name(item)
        self.customer, self.currency = customer, currency
        self._write_item(item)

    def finish(self):
        if self.customer is not None:
            self._close_customer()
        self.last_row = self.row - 1
        self._write_total(
            self.report.env._("Total"), self.first_row, "grand", self.totals.everything, None
        )

    def _get_unique_name(self, item):
        """Two customers of one name stay apart."""
        name = self.report._get_customer_name(item)
        if name in self.by_customer:
            name = f"{name} ({item.partner_id.id})"
        self.by_customer[name] = defaultdict(float)
        return name

    def _write_item(self, item):
        for index, (_title, _width, kind, value) in enumerate(self.columns):
            if value:
                self._write_cell(index, kind, value(item))
        residual = item.residual
        index = self.bucket_columns.get(item.bucket_id.id)
        if index is not None:
            self.sheet.write_number(self.row, index, residual, self.formats["amount"])
        self.by_customer[self.customer_name][item.bucket_id.id] += residual
        self.totals.add(residual, item.residual_currency, index)
        self.sheet.set_row(self.row, None, None, {"level": 1})
        self.row += 1

    def _write_cell(self, index, kind, value):
        if kind == "text" and value:
            # never as a formula or link, whatever a customer is called
            self.sheet.write_string(self.row, index, value, self.formats["text"])
        elif kind == "date" and value:
            self.sheet.write_datetime(self.row, index, value, self.formats["date"])
        elif kind in ("integer", "amount"):
            self.sheet.write_number(self.row, index, value or 0, self.formats[kind])

    def _close_currency(self):
        self._write_total(
            f"{self.customer_name} {self.currency.name}",
            self.currency_start,
            "total",
            self.totals.currency,
            self.currency,
        )
        self.totals.begin_currency()
        self.currency_start = self.row

    def _close_customer(self):
        if self.several_currencies:
            self._close_currency()
        self._write_total(
            self.customer_name,
            self.customer_start,
            "total",
            self.totals.customer,
            None if self.several_currencies else self.currency,
        )
        self.totals.begin_customer()
        self.several_currencies = False

    def _write_total(self, label, start, style, totals, currency):
        """Write a row of sums from row ``start`` to the one above.

        :param currency: when all rows are in it, its column is summed too
        """
        for index, (_title, _width, kind, _value) in enumerate(self.columns):
            self.sheet.write_blank(self.row, index, None, self.formats[f"{kind}_{style}"])
        self.sheet.write_string(self.row, 0, label, self.formats[f"text_{style}"])
        columns = {self.residual_column: "residual"}
        columns |= {index: index for index in self.bucket_columns.values()}
        if currency:
            columns[self.residual_column - 1] = "residual_currency"
            self.sheet.write_string(
                self.row, self.residual_column - 2, currency.name, self.formats[f"text_{style}"]
            )
        for index, key in columns.items():
            value = totals[key]
            if not value and key not in ("residual", "residual_currency"):
                continue
            self.sheet.write_formula(
                self.row,
                index,
                f"=SUBTOTAL(9,{_cell(start, index)}:{_cell(max(self.row - 1, start), index)})",
                self.formats[f"amount_{style}"],
                round(value, 6),
            )
        self.row += 1


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


def _cell(row, column):
    """Return the name of a cell, as ``B3``.

    >>> _cell(2, 27)
    'AB3'
    """
    return xlsxwriter.utility.xl_rowcol_to_cell(row, column)

import re

import xlsxwriter

from odoo import api, models
from odoo.exceptions import AccessError

# What Excel does not take in a sheet's name, and how long that may be.
NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")
NAME_LENGTH = 31


class CollectionWorkbook(models.AbstractModel):
    """What our Excel workbooks share: how they look, and how tables are streamed into them.

    Rows are written to the disk as they come (``constant_memory``), so a workbook takes the same
    memory however long it is.
    """

    _name = "collection.workbook"
    _description = "Excel Workbook"

    @api.model
    def _check_may_export(self):
        """Refuse those who may not export data.

        :raises AccessError: telling whom to ask
        """
        if not self.env.user.has_group("base.group_allow_export"):
            raise AccessError(
                self.env._("You may not export data; ask your administrator for that right.")
            )

    @api.model
    def _open_workbook(self, file):
        """Return a workbook that writes into a binary file; to be used as a context manager."""
        return xlsxwriter.Workbook(file, {"constant_memory": True})

    @api.model
    def _get_formats(self, workbook, currency, others=()):
        """Return the cell formats by name; ``_total`` ones are those of subtotals.

        :param currency: res.currency of the kind of cell ``amount``
        :param others: res.currency whose codes are kinds of cells too, each with its decimals
        """
        kinds = {
            "text": {},
            "date": {"num_format": "dd/mm/yyyy", "align": "left"},
            "integer": {"num_format": "0;-0;"},
            "amount": {"num_format": self._get_number_format(currency)},
        }
        for other in others:
            kinds[other.name] = {"num_format": self._get_number_format(other)}
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
    def _get_number_format(self, currency):
        decimals = "." + "0" * currency.decimal_places if currency.decimal_places else ""
        return f"#,##0{decimals};[Red]-#,##0{decimals}"

    @api.model
    def _add_table(self, workbook, name, formats, columns, about, frozen=1):
        """Add a sheet with its title, what it is about, and the head of a table.

        :param str name: of the sheet, and its title
        :param columns: list of tuples that begin with title, width and kind of cell
        :param about: list of lines
        :param int frozen: columns that stay in sight
        :rtype: Table
        """
        sheet = workbook.add_worksheet(self._get_sheet_name(workbook, name))
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)
        sheet.outline_settings(symbols_below=True)
        for index, (_title, width, *_rest) in enumerate(columns):
            sheet.set_column(index, index, width)
        sheet.write_string(0, 0, name, formats["title"])
        for row, line in enumerate(about, start=1):
            sheet.write_string(row, 0, line, formats["about"])
        head = len(about) + 2
        sheet.set_row(head, 32)
        for index, (title, *_rest) in enumerate(columns):
            sheet.write_string(head, index, title, formats["head"])
        sheet.freeze_panes(head + 1, frozen)
        sheet.repeat_rows(head)
        return Table(sheet, head + 1, columns, formats)

    @api.model
    def _get_sheet_name(self, workbook, name):
        """Return the name as Excel takes it; a second sheet of one name gets a number."""
        name = NOT_IN_NAMES.sub(" ", name)[:NAME_LENGTH].strip()
        taken = {sheet.get_name().lower() for sheet in workbook.worksheets()}
        number, unique = 1, name
        while unique.lower() in taken:
            number += 1
            suffix = f" {number}"
            unique = name[: NAME_LENGTH - len(suffix)] + suffix
        return unique


class Table:
    """Rows written one after the other, with subtotals.

    Subtotals are formulas (``SUBTOTAL``, which leaves out other subtotals and what is filtered
    away) that carry their value, so that programs which don't calculate read it too.
    """

    def __init__(self, sheet, row, columns, formats):
        self.sheet = sheet
        self.row = self.first_row = row
        self.columns = columns
        self.formats = formats

    def write_cell(self, index, kind, value, style=""):
        """Write a cell of the current row; nothing where there is no text or date.

        :param str kind: of cell, as in the formats
        :param str style: ending of the format's name
        """
        if kind == "text":
            if value:
                # never as a formula or link, whatever a customer is called
                self.sheet.write_string(self.row, index, value, self.formats[f"text{style}"])
        elif kind == "date":
            if value:
                self.sheet.write_datetime(self.row, index, value, self.formats[f"date{style}"])
        else:
            self.sheet.write_number(self.row, index, value or 0, self.formats[f"{kind}{style}"])

    def end_row(self, level=None):
        """Go on to the next row.

        :param int level: depth at which the row can be folded away
        """
        if level:
            self.sheet.set_row(self.row, None, None, {"level": level})
        self.row += 1

    def fill(self, style):
        """Give the whole current row a style."""
        for index, (_title, _width, kind, *_rest) in enumerate(self.columns):
            self.sheet.write_blank(self.row, index, None, self.formats[f"{kind}{style}"])

    def write_sum(self, index, kind, value, start, style):
        """Write the sum of a column from row ``start`` to the one above."""
        self.write_formula(
            index, kind, f"SUBTOTAL(9,{self.get_range(index, start)})", round(value, 6), style
        )

    def write_formula(self, index, kind, formula, value, style):
        """Write a formula that carries its value."""
        self.sheet.write_formula(
            self.row, index, f"={formula}", self.formats[f"{kind}{style}"], value
        )

    def get_range(self, index, start, end=None):
        """Return the name of a column's cells from row ``start`` to the one above, or to ``end``."""
        end = self.row - 1 if end is None else end
        return f"{cell(start, index)}:{cell(max(end, start), index)}"

    def filter(self, last_row=None):
        """Let people filter the rows down to the one above, or to ``last_row``."""
        last = self.row - 1 if last_row is None else last_row
        head = self.first_row - 1
        self.sheet.autofilter(head, 0, max(last, head), len(self.columns) - 1)


def cell(row, column):
    """Return the name of a cell, as ``B3``.

    >>> cell(2, 27)
    'AB3'
    """
    return xlsxwriter.utility.xl_rowcol_to_cell(row, column)

from itertools import count, zip_longest

import xlsxwriter
from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from odoo import api, fields, models
from odoo.tools import split_every

from .collection_opening_sheet import BATCH
from .column import KEY, TO_FILL

NAMES_ROW, HEAD_ROW, FIRST_ROW = 0, 1, 2
LIST_COLUMN = 4  # where the lists begin on the sheet of instructions
# The spreadsheet program checks and offers choices in at least so many rows: people add some.
ROWS_MIN = 1000
# An empty cell of the instructions; not written there, where extraction would take it for a text.
NOTHING = ("", "bold")


class CollectionOpeningWorkbook(models.AbstractModel):
    """Writes the opening sheet: what is grey is locked, what is white is to be filled in."""

    _name = "collection.opening.workbook"
    _description = "Workbook of the Opening Sheet"

    @api.model
    def _get_file_name(self, company):
        return "{} {} {}.xlsx".format(
            self.env._("Opening sheet"),
            company.sudo().name.replace("/", "-"),  # sudo: a person of a branch has no rights on it
            fields.Date.to_string(fields.Date.context_today(self)),
        )

    @api.model
    def _write_workbook(self, file, company):
        """Write the workbook of a company's open items, by the person's rights.

        :param file: binary file, open for writing
        :param company: root res.company
        """
        sheet_model = self.env["collection.opening.sheet"]._in_family(company)
        # sudo: as the daily run does, so that each customer has a scheme whose steps can be chosen
        self.env["collection.customer"].sudo()._create_missing(company)
        sheet_model._forget_items()
        items = sheet_model._search_items(
            sheet_model._get_domain(company), order="partner_id, date_due, id"
        )
        with xlsxwriter.Workbook(file, {"constant_memory": True}) as workbook:
            formats = self._get_formats(workbook)
            columns = sheet_model._get_columns()
            sheet = workbook.add_worksheet(self.env._("Open Items"))
            self._write_head(sheet, columns, formats)
            self._write_rows(sheet, sheet_model, items, columns, formats)
            self._set_validations(sheet, columns, max(len(items), ROWS_MIN))
            self._protect(sheet)
            self._write_instructions(workbook, sheet_model, company, items, formats)

    @api.model
    def _get_formats(self, workbook):
        """Return the cell formats by name; those of columns to fill in begin with ``to_fill_``."""
        kinds = {
            "text": {},
            # as the reader's program writes dates
            "date": {"num_format": 14, "align": "left"},
            "integer": {"num_format": "0"},
            **{
                f"amount_{digits}": {"num_format": "#,##0" + ("." + "0" * digits if digits else "")}
                for digits in range(7)
            },
        }
        line = {"bottom": 1, "bottom_color": "#D9D9D9"}
        grey = {**line, "bg_color": "#EFEFEF", "font_color": "#444444"}
        white = {**line, "locked": False}
        formats = {name: workbook.add_format({**grey, **kind}) for name, kind in kinds.items()}
        formats |= {
            f"to_fill_{name}": workbook.add_format({**white, **kind})
            for name, kind in kinds.items()
        }
        head = {
            "bold": True,
            "font_color": "#FFFFFF",
            "text_wrap": True,
            "valign": "vcenter",
            "border": 1,
            "border_color": "#FFFFFF",
        }
        formats["head"] = workbook.add_format({**head, "bg_color": "#7F8C8A"})
        formats["to_fill_head"] = workbook.add_format({**head, "bg_color": "#1D5E54"})
        formats["title"] = workbook.add_format(
            {"bold": True, "font_size": 16, "font_color": "#1D5E54"}
        )
        formats["wrapped"] = workbook.add_format({"text_wrap": True, "valign": "top"})
        formats["bold"] = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        return formats

    @api.model
    def _get_format(self, column, item):
        """Return the name of a cell's format."""
        name = column.kind
        if name == "amount":
            name = f"amount_{min(item.currency_id.decimal_places, 6)}"
        return f"to_fill_{name}" if column.role == TO_FILL else name

    @api.model
    def _write_head(self, sheet, columns, formats):
        """Write the hidden row by which columns are known again, and the titles."""
        for index, column in enumerate(columns):
            # without a row's own format, rows that people add below are theirs to write in
            name = "to_fill_text" if column.kind == "amount" else f"to_fill_{column.kind}"
            default = formats[name] if column.role == TO_FILL else None
            sheet.set_column(index, index, column.width, default, {"hidden": column.hidden})
        sheet.set_row(NAMES_ROW, None, None, {"hidden": True})
        for index, column in enumerate(columns):
            sheet.write_string(NAMES_ROW, index, column.technical_name)
        sheet.set_row(HEAD_ROW, 32)
        for index, column in enumerate(columns):
            style = "to_fill_head" if column.role == TO_FILL else "head"
            sheet.write_string(HEAD_ROW, index, column.title, formats[style])
        # item, document and customer stay in sight
        sheet.freeze_panes(FIRST_ROW, 3)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(HEAD_ROW)

    @api.model
    def _write_rows(self, sheet, sheet_model, items, columns, formats):
        numbers = count(FIRST_ROW)
        for ids in split_every(BATCH, items.ids, list):
            batch = items.browse(ids)
            present = self._get_present(sheet_model, batch)
            for item, row in zip(batch, numbers, strict=False):
                for index, column in enumerate(columns):
                    value = column.value(item) if column.value else None
                    value = present[item.id].get(column.code, value)
                    style = formats[self._get_format(column, item)]
                    self._write_cell(sheet, row, index, column.kind, value, style)
        sheet.autofilter(HEAD_ROW, 0, HEAD_ROW + len(items), len(columns) - 1)

    @api.model
    def _get_present(self, sheet_model, items):
        present = {item.id: {} for item in items}
        for part in sheet_model._get_parts():
            for id_, values in part._get_present(items).items():
                present[id_].update(values)
        return present

    @api.model
    def _write_cell(self, sheet, row, index, kind, value, style):
        if not value and not (value == 0 and kind in ("integer", "amount")):
            sheet.write_blank(row, index, None, style)
        elif kind == "text":
            # never as a formula or link, whatever a customer is called
            sheet.write_string(row, index, value, style)
        elif kind == "date":
            sheet.write_datetime(row, index, value, style)
        else:
            sheet.write_number(row, index, value, style)

    @api.model
    def _set_validations(self, sheet, columns, number):
        positions = {column.code: index for index, column in enumerate(columns)}
        cells = {
            code: "$" + xl_rowcol_to_cell(FIRST_ROW, index) for code, index in positions.items()
        }
        for index, column in enumerate(columns):
            if not column.validation:
                continue
            options = dict(column.validation)
            if "source" in options:
                options["source"] = options["source"].format(**cells)
            sheet.data_validation(
                FIRST_ROW,
                index,
                FIRST_ROW + number - 1,
                index,
                {**options, "error_title": column.title[:32], "error_message": column.help[:255]},
            )

    @api.model
    def _protect(self, sheet):
        """Lock what is grey, without a password: it is checked when the sheet is read anyway."""
        sheet.protect(options={"autofilter": True, "format_columns": True, "format_rows": True})

    @api.model
    def _write_instructions(self, workbook, sheet_model, company, items, formats):
        """Write how to fill in the sheet, and beside it the lists of what may be written."""
        lists = {}
        for part in sheet_model._get_parts():
            lists.update(part._get_lists(company, items))
        title = self.env._("Instructions")
        sheet = workbook.add_worksheet(title)
        sheet.set_column(0, 0, 26)
        sheet.set_column(1, 1, 70)
        if lists:
            sheet.set_column(LIST_COLUMN, LIST_COLUMN + len(lists) - 1, 26)
        left = self._get_instructions(sheet_model, company)
        right = [[title, *values] for title, values in lists.values()]
        for row, (texts, values) in enumerate(zip_longest(left, zip_longest(*right), fillvalue=())):
            for index, (text, style) in enumerate(texts):
                sheet.write_string(row, index, text, formats[style])
            for index, value in enumerate(values, start=LIST_COLUMN):
                if value:
                    style = "wrapped" if row else "head"
                    sheet.write_string(row, index, value, formats[style])
        for index, (name, (_title, values)) in enumerate(lists.items(), start=LIST_COLUMN):
            cells = xl_range_abs(1, index, max(len(values), 1), index)
            workbook.define_name(name, f"='{title}'!{cells}")
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)

    @api.model
    def _get_instructions(self, sheet_model, company):
        """Hook: the rows of the instructions, lists of (text, format) from the first column on."""
        _ = self.env._
        about = [
            _(
                "%s: one row per open item. Fill in the white columns where you know something, and "
                "leave the rest empty: an empty cell changes nothing.",
                company.sudo().name,
            ),
            _(
                "The grey columns identify the item and are compared with the ledger: leave them as "
                "they are. To sort, delete or add rows and columns, remove the sheet's protection; "
                "there is no password. Columns may stand in any order, and your own are ignored."
            ),
            _(
                "Upload the sheet where you downloaded it: you see what would change, row by row, "
                "before anything is written. The same sheet can be uploaded again."
            ),
            _(
                "Dates are cells with a date format, or texts such as 2026-12-31 or as your language "
                "writes them."
            ),
        ]
        columns = sheet_model._get_columns()
        return [
            [(_("Opening Sheet"), "title")],
            *([NOTHING, (text, "wrapped")] for text in about),
            [],
            [(_("Column"), "head"), (_("What to Write"), "head")],
            *(
                [(column.title, "bold"), (column.help, "wrapped")]
                for column in columns
                if column.role == TO_FILL
            ),
            [],
            [
                (", ".join(column.title for column in columns if column.role == KEY), "bold"),
                (_("Not to be changed: they tell which item is meant."), "wrapped"),
            ],
        ]

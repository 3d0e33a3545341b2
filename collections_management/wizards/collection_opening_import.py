import base64

from odoo import api, fields, models
from odoo.exceptions import UserError


class CollectionOpeningImport(models.TransientModel):
    """Takes over work in progress: the opening sheet is downloaded, uploaded, previewed, written."""

    _name = "collection.opening.import"
    _description = "Opening Sheet"

    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company.root_id,
        domain="[('parent_id', '=', False)]",
        help="The main company: its branches' items are in the sheet too.",
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    item_count = fields.Integer(string="Open Items", compute="_compute_items")
    amount = fields.Monetary(string="Open Amount", compute="_compute_items")
    file = fields.Binary(string="Filled-In Sheet", attachment=False)
    file_name = fields.Char()
    state = fields.Selection(
        [("upload", "Fill in"), ("preview", "Preview"), ("done", "Written")],
        default="upload",
        readonly=True,
    )
    row_ids = fields.One2many("collection.opening.import.row", "import_id", readonly=True)
    row_count = fields.Integer(string="Rows Read", readonly=True)
    change_count = fields.Integer(string="Rows That Change Something", readonly=True)
    warning_count = fields.Integer(string="Rows With Remarks", readonly=True)
    error_count = fields.Integer(string="Rows With Errors", readonly=True)
    ignored_columns = fields.Char(readonly=True)
    fingerprint = fields.Char(readonly=True, help="Of the preview: what was seen is written.")

    @api.depends_context("lang")
    def _compute_display_name(self):
        self.display_name = self.env._("Opening Sheet")

    @api.depends("company_id")
    def _compute_items(self):
        for page in self:
            sheet = page._get_sheet()
            [(page.item_count, page.amount)] = sheet.env["collection.due.item"]._read_group(
                sheet._get_domain(page.company_id), [], ["__count", "residual:sum"]
            )

    def write(self, vals):
        """Override of ``base``: another file or company needs a preview of its own."""
        if {"file", "company_id"} & set(vals):
            vals = dict(vals, state="upload")
            self.row_ids.unlink()
        return super().write(vals)

    def _get_sheet(self):
        return self.env["collection.opening.sheet"]._in_family(self.company_id)

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_download(self):
        """Download the sheet to fill in."""
        self.ensure_one()
        # said here, as a download that fails says nothing
        self.env["collection.workbook"]._check_may_export()
        return {
            "type": "ir.actions.act_url",
            "url": f"/collections/opening_sheet/{self.company_id.id}/xlsx",
            "target": "download",
        }

    def action_preview(self):
        """Read the file and show what would change and what is wrong; nothing is written."""
        self.ensure_one()
        self._show(*self._read())

    def action_write(self):
        """Write what the preview shows, whole or not at all.

        What other people do meanwhile counts: the file is read and judged once more, and if the
        result is another one than was shown, that is shown first.
        """
        self.ensure_one()
        reader, rows = self._read()
        sheet = self._get_sheet()
        if self.state != "preview" or sheet._get_fingerprint(rows) != self.fingerprint:
            self._show(reader, rows)
            return self._notify(
                self.env._(
                    "Nothing was written: something has changed since the preview. Look at it once "
                    "more."
                ),
                "warning",
            )
        if any(row.errors for row in rows):
            raise UserError(
                self.env._(
                    "%s rows have errors, so nothing is written: correct them in the sheet and "
                    "upload it again.",
                    self.error_count,
                )
            )
        changed = [row for row in rows if row.changes]
        if not changed:
            raise UserError(
                self.env._("The sheet says nothing that is not on record: there is nothing to do.")
            )
        sheet._write_rows(self.company_id, changed)
        self.state = "done"
        return self._notify(self.env._("Taken over from %s rows.", len(changed)), "success")

    def _notify(self, message, kind):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": kind,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_open_rows(self):
        """Open the rows of the preview as a list, by what the button asks for."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Preview"),
            "res_model": "collection.opening.import.row",
            "view_mode": "list",
            "domain": [("import_id", "=", self.id)],
            "context": {
                f"search_default_{name}": 1 for name in self.env.context.get("row_filters", [])
            },
        }

    def action_open_customers(self):
        """Open the customers, to see what was taken over."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_customer_action"
        )
        return dict(action, domain=[("company_id", "=", self.company_id.id)], context={})

    # ------------------------------------------------------------
    # Preview
    # ------------------------------------------------------------

    def _read(self):
        """Return the reader of the file and its rows, judged.

        :raises UserError: when there is no file, or it can't be read as a whole
        """
        if not self.file:
            raise UserError(
                self.env._("Choose the sheet that you filled in, then press “Preview”.")
            )
        sheet = self._get_sheet()
        reader = sheet._get_reader()
        # the file itself, not its size, which is what the web client asks for
        rows = reader.read_rows(base64.b64decode(self.with_context(bin_size=False).file))
        if not rows:
            raise UserError(
                self.env._(
                    "Sheet “%s” has no rows below its head: fill one in and upload it again.",
                    reader.sheet_title,
                )
            )
        sheet._check(self.company_id, rows)
        return reader, rows

    def _show(self, reader, rows):
        """Keep the preview: counters, and the rows that change something or have a remark."""
        self.row_ids.unlink()
        told = [row for row in rows if row.changes or row.errors or row.warnings]
        self.env["collection.opening.import.row"].create([self._prepare_row(row) for row in told])
        self.write(
            {
                "state": "preview",
                "row_count": len(rows),
                "change_count": sum(bool(row.changes) for row in rows),
                "warning_count": sum(bool(row.warnings) for row in rows),
                "error_count": sum(bool(row.errors) for row in rows),
                "ignored_columns": ", ".join(reader.ignored),
                "fingerprint": self._get_sheet()._get_fingerprint(rows),
            }
        )

    def _prepare_row(self, row):
        kind = "error" if row.errors else "change" if row.changes else "warning"
        return {
            "import_id": self.id,
            "number": row.number,
            "kind": kind,
            "document": row.get("document"),
            "customer": row.get("customer"),
            "changes": "\n".join(row.texts),
            "remarks": "\n".join([*row.errors, *row.warnings]),
            "has_warning": bool(row.warnings),
        }


class CollectionOpeningImportRow(models.TransientModel):
    """What a row of an uploaded opening sheet would change, or what is wrong with it."""

    _name = "collection.opening.import.row"
    _description = "Row of an Opening Sheet"
    _order = "kind_order, number"

    import_id = fields.Many2one(
        "collection.opening.import", required=True, index=True, ondelete="cascade"
    )
    number = fields.Integer(string="Row", aggregator=False)
    kind = fields.Selection(
        [("error", "Error"), ("change", "Change"), ("warning", "Remark only")], required=True
    )
    kind_order = fields.Integer(compute="_compute_kind_order", store=True, precompute=True)
    document = fields.Char()
    customer = fields.Char()
    changes = fields.Text(string="What Would Change")
    remarks = fields.Text(string="Errors and Remarks")
    has_warning = fields.Boolean()

    @api.depends("kind")
    def _compute_kind_order(self):
        order = {"error": 0, "warning": 1, "change": 2}
        for row in self:
            row.kind_order = order.get(row.kind, 0)

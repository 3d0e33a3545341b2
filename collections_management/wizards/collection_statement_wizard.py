from dateutil.relativedelta import relativedelta

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import date_utils

from ..models.collection_statement import STATEMENT_KINDS

SPANS = [
    ("this_year", "This year"),
    ("last_month", "Last month"),
    ("last_quarter", "Last quarter"),
    ("last_year", "Last year"),
    ("other", "Other dates"),
]


class CollectionStatementWizard(models.TransientModel):
    """Print statements of account of some customers, or send each its own."""

    _name = "collection.statement.wizard"
    _description = "Statement of Account"

    customer_ids = fields.Many2many("collection.customer", string="Customers", required=True)
    customer_count = fields.Integer(compute="_compute_customers")
    recipient_id = fields.Many2one(
        "res.partner", string="Sent To", compute="_compute_customers", help="The payments contact."
    )
    kind = fields.Selection(
        STATEMENT_KINDS,
        string="What",
        required=True,
        default="open",
        help="Open items: what is owed today, with its ageing. Movements: invoices, credit notes, "
        "payments and other entries of a period, between its opening and closing balance.",
    )
    span = fields.Selection(SPANS, string="Period", required=True, default="this_year")
    date_from = fields.Date(string="From", compute="_compute_dates", store=True, readonly=False)
    date_to = fields.Date(string="To", compute="_compute_dates", store=True, readonly=False)
    with_workbook = fields.Boolean(
        string="Attach Excel Too", help="E-mails carry the PDF, and the Excel workbook if you want."
    )
    in_simulation = fields.Boolean(compute="_compute_warnings")
    mailbox = fields.Char(compute="_compute_warnings")

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        context = self.env.context
        if context.get("active_model") == "collection.customer" and not values.get("customer_ids"):
            values["customer_ids"] = [Command.set(context.get("active_ids") or [])]
        return values

    @api.depends("customer_ids")
    def _compute_customers(self):
        for wizard in self:
            wizard.customer_count = len(wizard.customer_ids)
            one = len(wizard.customer_ids) == 1
            wizard.recipient_id = wizard.customer_ids._get_recipient() if one else False

    @api.depends("span")
    def _compute_dates(self):
        for wizard in self:
            span = wizard._get_span_dates()
            wizard.date_from, wizard.date_to = span or (wizard.date_from, wizard.date_to)

    def _get_span_dates(self):
        """Return first and last day of the period chosen, or None for dates of one's own."""
        today = fields.Date.context_today(self)
        if self.span == "this_year":
            return date_utils.start_of(today, "year"), today
        if self.span == "other":
            return None
        unit = self.span.removeprefix("last_")
        months = {"month": 1, "quarter": 3, "year": 12}[unit]
        start = date_utils.start_of(today, unit) - relativedelta(months=months)
        return start, date_utils.end_of(start, unit)

    @api.depends("customer_ids")
    def _compute_warnings(self):
        for wizard in self:
            # sudo: whoever prints need not read the company's settings
            companies = wizard.customer_ids.company_id.sudo()
            wizard.in_simulation = "simulation" in companies.mapped("collection_mode")
            wizard.mailbox = ", ".join(filter(None, companies.mapped("collection_mailbox")))

    @api.depends("customer_ids", "date_to", "kind")
    def _compute_display_name(self):
        """What the file is called, without ending."""
        for wizard in self:
            period = wizard._get_period()
            if len(wizard.customer_ids) == 1:
                wizard.display_name = wizard.customer_ids._get_statement_name(period)
            else:
                day = period[1] if period else fields.Date.context_today(wizard)
                wizard.display_name = f"{wizard.env._('Statements')} {day}"

    @api.constrains("kind", "date_from", "date_to")
    def _check_dates(self):
        for wizard in self:
            if wizard.kind != "period":
                continue
            if not wizard.date_from or not wizard.date_to:
                raise ValidationError(
                    wizard.env._("Movements need a period: choose its first and its last day.")
                )
            if wizard.date_from > wizard.date_to:
                raise ValidationError(
                    wizard.env._(
                        "The period would begin on %(first)s, after its end on %(last)s: swap "
                        "them.",
                        first=wizard.date_from,
                        last=wizard.date_to,
                    )
                )

    def _get_period(self):
        """Return None for what is open today, or first and last day of the movements."""
        self.ensure_one()
        return (self.date_from, self.date_to) if self.kind == "period" else None

    def _write_workbook(self, file):
        """Write the Excel workbook: one customer's in its language, several in the person's."""
        workbook = self.env["collection.statement.workbook"]
        if len(self.customer_ids) == 1:
            recipient = self.customer_ids._get_recipient()
            workbook = workbook.with_context(lang=self.customer_ids._get_statement_lang(recipient))
        workbook._write_workbook(file, self.customer_ids, self._get_period())

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_print(self):
        self.ensure_one()
        report = self.env.ref("collections_management.action_report_statement_chosen")
        return dict(report.report_action(self, config=False), close_on_report_download=True)

    def action_excel(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/collections/statements/{self.id}.xlsx",
            "target": "new",
            "close": True,
        }

    def action_send(self):
        """Have each customer get its statement by e-mail; a job makes them."""
        self.ensure_one()
        if not self.env.user.has_group("collections_management.group_collection_collector"):
            raise AccessError(
                self.env._(
                    "Only collectors send statements of account to customers: print it, or ask one "
                    "of them to send it."
                )
            )
        self.customer_ids.check_access("read")
        first, last = self._get_period() or (False, False)
        statements = self.env["collection.statement"]._send_by_hand(
            self.customer_ids,
            kind=self.kind,
            date_from=first,
            date_to=last,
            with_workbook=self.with_workbook,
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._("The statement of account leaves in the next minutes.")
                if len(statements) == 1
                else self.env._(
                    "%s statements of account leave in the next minutes; “Notices / Statements” "
                    "tells what became of each.",
                    len(statements),
                ),
                "type": "success",
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

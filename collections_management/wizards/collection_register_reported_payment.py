from odoo import Command, api, fields, models

from ..models.collection_reported_payment import MEANS


class CollectionRegisterReportedPayment(models.TransientModel):
    """What a customer says to have paid: registers a reported payment for each currency."""

    _name = "collection.register.reported.payment"
    _description = "Register a Reported Payment"

    move_line_ids = fields.Many2many("account.move.line", string="Invoices")
    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", compute="_compute_customer_id"
    )
    partner_id = fields.Many2one(related="customer_id.partner_id", string="Customer")
    date_reported = fields.Date(
        string="Paid On",
        required=True,
        default=fields.Date.context_today,
        help="The day on which the customer says to have paid.",
    )
    means = fields.Selection(MEANS, string="Means of Payment", required=True, default="transfer")
    reference = fields.Char(help="The number of the transfer, of the cheque...")
    proof_ids = fields.Many2many(
        "ir.attachment",
        "collection_register_reported_payment_proof_rel",
        "register_id",
        "attachment_id",
    )
    amount_ids = fields.One2many(
        "collection.register.reported.payment.amount",
        "register_id",
        string="Amounts",
        compute="_compute_amount_ids",
        store=True,
        readonly=False,
    )
    note = fields.Text(string="Comment")

    @api.depends("move_line_ids")
    def _compute_customer_id(self):
        for register in self:
            lines = register.move_line_ids._origin
            reports = lines.env["collection.reported.payment"]
            register.customer_id = lines and reports._get_customer(lines)

    @api.depends("move_line_ids")
    def _compute_amount_ids(self):
        reports = self.env["collection.reported.payment"]
        for register in self:
            lines = register.move_line_ids._origin._get_collection_whole_invoices()
            register.amount_ids = [
                Command.clear(),
                *(
                    Command.create(
                        {
                            "currency_id": currency.id,
                            "residual": sum(group.mapped("amount_residual_currency")),
                            "amount": reports._get_default_amount(group),
                        }
                    )
                    for currency, group in lines.grouped("currency_id").items()
                ),
            ]

    def action_register(self):
        """Register what was reported; where its money may be there already, show it."""
        self.ensure_one()
        reports = self.env["collection.reported.payment"]._make(
            self.move_line_ids,
            {line.currency_id: line.amount for line in self.amount_ids},
            date_reported=self.date_reported,
            means=self.means,
            reference=self.reference,
            note=self.note,
        )
        reports._attach(self.proof_ids)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._(
                    "Registered: %s", ", ".join(report._get_task_text() for report in reports)
                ),
                "type": "success",
                "next": reports._get_proposals_action() or {"type": "ir.actions.act_window_close"},
            },
        }


class CollectionRegisterReportedPaymentAmount(models.TransientModel):
    _name = "collection.register.reported.payment.amount"
    _description = "Register a Reported Payment: Amount in a Currency"

    register_id = fields.Many2one(
        "collection.register.reported.payment", required=True, index=True, ondelete="cascade"
    )
    currency_id = fields.Many2one("res.currency", required=True)
    residual = fields.Monetary(string="Open Amount", readonly=True)
    amount = fields.Monetary(string="Paid", required=True)

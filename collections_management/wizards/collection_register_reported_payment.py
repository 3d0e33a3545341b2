from odoo import api, fields, models

from ..models.collection_reported_payment import MEANS


class CollectionRegisterReportedPayment(models.TransientModel):
    """What a customer says to have paid: registers a reported payment for each currency."""

    _name = "collection.register.reported.payment"
    _inherit = ["collection.register.agreement"]
    _description = "Register a Reported Payment"

    _agreement = "collection.reported.payment"

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

    @api.depends("move_line_ids")
    def _compute_amount_ids(self):
        for register in self:
            register.amount_ids = register._prepare_amounts()

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
        return self._say_registered(reports, then=reports._get_proposals_action())


class CollectionRegisterReportedPaymentAmount(models.TransientModel):
    _name = "collection.register.reported.payment.amount"
    _inherit = ["collection.register.amount"]
    _description = "Register a Reported Payment: Amount in a Currency"

    register_id = fields.Many2one(
        "collection.register.reported.payment", required=True, index=True, ondelete="cascade"
    )
    amount = fields.Monetary(string="Paid")

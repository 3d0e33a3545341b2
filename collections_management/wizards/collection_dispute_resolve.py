from odoo import Command, api, fields, models
from odoo.tools import is_html_empty

from ..models.collection_dispute import RESOLUTIONS


class CollectionDisputeResolve(models.TransientModel):
    """Who is right in a dispute: what is accepted is credited, what is not the customer is told."""

    _name = "collection.dispute.resolve"
    _description = "Solve a Dispute"

    dispute_id = fields.Many2one("collection.dispute", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="dispute_id.currency_id")
    disputed = fields.Monetary(string="Disputed", related="dispute_id.open_amount")
    resolution = fields.Selection(RESOLUTIONS, required=True, default="accepted")
    item_ids = fields.One2many(
        "collection.dispute.resolve.item",
        "resolve_id",
        string="Invoices",
        compute="_compute_item_ids",
        store=True,
        readonly=False,
    )
    answer = fields.Text(string="Why", help="For colleagues: kept on the dispute.")
    grace_until = fields.Date(string="Claims Resume After", compute="_compute_grace_until")
    tell_customer = fields.Boolean(string="Tell the Customer", default=True)
    recipient = fields.Char(string="To", compute="_compute_recipient")
    template_id = fields.Many2one(
        "mail.template",
        string="Message",
        domain="[('model', '=', 'collection.dispute')]",
        default=lambda self: self.env["collection.dispute"]._get_rejection_template(),
    )
    subject = fields.Char(compute="_compute_message", store=True, readonly=False)
    body = fields.Html(
        compute="_compute_message", store=True, readonly=False, sanitize="email_outgoing"
    )

    @api.depends("dispute_id")
    def _compute_item_ids(self):
        for wizard in self:
            # sudo: whoever solves it need have no right on journal items
            left = wizard.dispute_id.sudo()._get_left_by_item() if wizard.dispute_id else {}
            wizard.item_ids = [
                Command.clear(),
                *(
                    Command.create({"item_id": item.id, "disputed": amount, "accepted": amount})
                    for item, amount in left.items()
                ),
            ]

    @api.depends("dispute_id")
    def _compute_grace_until(self):
        for wizard in self:
            wizard.grace_until = wizard.dispute_id.sudo()._get_grace_until()

    @api.depends("dispute_id")
    def _compute_recipient(self):
        for wizard in self:
            wizard.recipient = wizard.dispute_id._get_message_recipient().display_name

    @api.depends("template_id", "dispute_id")
    def _compute_message(self):
        for wizard in self:
            wizard.subject, wizard.body = wizard.dispute_id._render_answer(wizard.template_id)

    def action_resolve(self):
        """Solve the dispute, and tell the customer where that is wanted."""
        self.ensure_one()
        self.dispute_id._resolve(
            self.resolution,
            {item.item_id: item.accepted for item in self.item_ids},
            self.answer,
        )
        if (
            self.resolution == "rejected"
            and self.tell_customer
            and self.subject
            and not is_html_empty(self.body)
        ):
            self.dispute_id._send_answer(self.subject, self.body)
        return {"type": "ir.actions.act_window_close"}


class CollectionDisputeResolveItem(models.TransientModel):
    _name = "collection.dispute.resolve.item"
    _description = "Solve a Dispute: Disputed Item"

    resolve_id = fields.Many2one(
        "collection.dispute.resolve", required=True, index=True, ondelete="cascade"
    )
    item_id = fields.Many2one("collection.dispute.item", required=True, ondelete="cascade")
    document = fields.Char(string="Invoice", related="item_id.document")
    currency_id = fields.Many2one(related="item_id.currency_id")
    disputed = fields.Monetary(readonly=True)
    accepted = fields.Monetary(required=True)

from odoo import Command, api, fields, models
from odoo.exceptions import UserError


class CollectionRegisterDispute(models.TransientModel):
    """What a customer disputes, why, and who solves it: registers a dispute for each currency."""

    _name = "collection.register.dispute"
    _inherit = ["collection.register.agreement"]
    _description = "Register a Dispute"

    _agreement = "collection.dispute"

    reason_id = fields.Many2one(
        "collection.dispute.reason",
        required=True,
        domain="[('company_id', 'in', [False, company_id])]",
    )
    area_id = fields.Many2one(
        "collection.area",
        compute="_compute_area_id",
        store=True,
        readonly=False,
        required=True,
        domain="[('company_id', 'in', [False, company_id])]",
        help="Who in the company solves it.",
    )
    owner_id = fields.Many2one(
        "res.users",
        compute="_compute_owner_id",
        store=True,
        readonly=False,
        domain="[('share', '=', False)]",
    )
    deadline = fields.Date(string="To Be Solved Until", compute="_compute_deadline")
    item_ids = fields.One2many(
        "collection.register.dispute.item",
        "register_id",
        string="Disputed Invoices",
        compute="_compute_item_ids",
        store=True,
        readonly=False,
    )
    note = fields.Text(string="What the Customer Says")
    attachment_ids = fields.Many2many("ir.attachment", string="Files")

    @api.depends("reason_id")
    def _compute_area_id(self):
        for register in self:
            register.area_id = register.reason_id.area_id or register.area_id

    @api.depends("area_id")
    def _compute_owner_id(self):
        for register in self:
            register.owner_id = register.area_id.responsible_id or register.customer_id.collector_id

    @api.depends("area_id")
    def _compute_deadline(self):
        for register in self:
            # sudo: the company's calendar, whoever asks
            company = register.customer_id.company_id.sudo()
            register.deadline = (
                company
                and register.area_id
                and company._get_collection_workday(register.area_id.days)
            )

    @api.depends("move_line_ids")
    def _compute_item_ids(self):
        for register in self:
            lines = register.move_line_ids._origin._get_collection_whole_invoices()
            groups = lines.grouped(register._get_document)
            register.item_ids = [
                Command.clear(),
                *(Command.create(register._prepare_item(group)) for group in groups.values()),
            ]

    @api.model
    def _get_document(self, line):
        """Return what an amount is said for: an invoice, or one item of a journal entry."""
        return line.move_id if line.display_type == "payment_term" else line

    @api.model
    def _prepare_item(self, lines):
        owed = sum(lines.mapped("amount_residual_currency"))
        return {
            "move_line_ids": [Command.set(lines.ids)],
            "document": lines[0]._get_collection_name(),
            "date_due": min(line.date_maturity or line.date for line in lines),
            "currency_id": lines.currency_id.id,
            "residual": owed,
            "amount": owed,
        }

    def action_register(self):
        """Register the disputes and say so."""
        self.ensure_one()
        disputed = self.item_ids.filtered("amount")
        if not disputed:
            raise UserError(
                self.env._(
                    "Nothing is disputed: write how much of at least one invoice the customer "
                    "doesn't accept."
                )
            )
        disputes = self.env["collection.dispute"]._make(
            disputed.move_line_ids,
            shares={item.move_line_ids: item.amount for item in disputed},
            reason_id=self.reason_id.id,
            area_id=self.area_id.id,
            owner_id=self.owner_id.id,
            note=self.note,
        )
        disputes._attach(self.attachment_ids)
        return self._say_registered(disputes)


class CollectionRegisterDisputeItem(models.TransientModel):
    _name = "collection.register.dispute.item"
    _inherit = ["collection.register.amount"]
    _description = "Register a Dispute: Disputed Invoice"

    register_id = fields.Many2one(
        "collection.register.dispute", required=True, index=True, ondelete="cascade"
    )
    move_line_ids = fields.Many2many("account.move.line")
    document = fields.Char(string="Invoice", readonly=True)
    date_due = fields.Date(string="Due Date", readonly=True)
    amount = fields.Monetary(string="Disputed")

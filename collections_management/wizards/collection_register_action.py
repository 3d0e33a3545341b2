from odoo import api, fields, models


class CollectionRegisterAction(models.TransientModel):
    """An action that a person asks for: registers one for each currency."""

    _name = "collection.register.action"
    _description = "Register an Action"

    move_line_ids = fields.Many2many("account.move.line", string="Invoices")
    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", compute="_compute_customer_id"
    )
    partner_id = fields.Many2one(related="customer_id.partner_id", string="Customer")
    company_id = fields.Many2one(related="customer_id.company_id")
    type_id = fields.Many2one(
        "collection.action.type",
        string="Action",
        required=True,
        domain="['|', ('company_id', '=', False), ('company_id', '=', company_id)]",
    )
    instructions = fields.Text(related="type_id.note", string="What to Do")
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        compute="_compute_from_type",
        store=True,
        readonly=False,
        required=True,
        domain="[('share', '=', False)]",
    )
    date_deadline = fields.Date(
        string="Deadline",
        compute="_compute_from_type",
        store=True,
        readonly=False,
        required=True,
    )
    handler_id = fields.Many2one(
        "res.partner",
        string="Handed Over To",
        compute="_compute_from_type",
        store=True,
        readonly=False,
    )
    amount_text = fields.Char(string="Open Amount", compute="_compute_amount_text")
    note = fields.Text(string="Comment")
    warning = fields.Char(compute="_compute_warning")

    @api.depends("move_line_ids")
    def _compute_customer_id(self):
        for register in self:
            lines = register.move_line_ids._origin
            register.customer_id = lines and lines.env["collection.action"]._get_customer(lines)

    @api.depends("type_id", "customer_id")
    def _compute_from_type(self):
        for register in self:
            action_type = register.type_id
            register.user_id = action_type._get_responsible(register.company_id)
            register.handler_id = action_type.handler_id
            register.date_deadline = action_type and fields.Date.add(
                fields.Date.context_today(self), days=action_type.days
            )

    @api.depends("move_line_ids")
    def _compute_amount_text(self):
        for register in self:
            lines = register.move_line_ids._origin._get_collection_whole_invoices()
            register.amount_text = " + ".join(
                currency.format(sum(group.mapped("amount_residual_currency")))
                for currency, group in lines.grouped("currency_id").items()
            )

    @api.depends("type_id")
    def _compute_warning(self):
        supervisor = self.env["collection.action"]._is_supervisor()
        for register in self:
            register.warning = (
                register.type_id.needs_approval
                and not supervisor
                and self.env._(
                    "A supervisor has to approve it before it is taken; the invoices are not "
                    "claimed meanwhile."
                )
            )

    def action_register(self):
        """Register the actions and say so."""
        self.ensure_one()
        actions = self.env["collection.action"]._make(
            self.move_line_ids,
            type_id=self.type_id.id,
            user_id=self.user_id.id,
            date_deadline=self.date_deadline,
            handler_id=self.handler_id.id,
            note=self.note,
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._(
                    "Registered: %s", ", ".join(action._get_task_text() for action in actions)
                ),
                "type": "success",
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

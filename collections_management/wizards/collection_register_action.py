from odoo import api, fields, models


class CollectionRegisterAction(models.TransientModel):
    """An action that a person asks for: registers one for each currency."""

    _name = "collection.register.action"
    _inherit = ["collection.register.agreement"]
    _description = "Register an Action"

    _agreement = "collection.action"

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
    warning = fields.Char(compute="_compute_warning")

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
            register.amount_text = register._get_open_text()

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
        return self._say_registered(actions)

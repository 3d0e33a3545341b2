from odoo import api, fields, models

from ..models.user_message import notification


class CollectionRegisterExtension(models.TransientModel):
    """A single new date for some invoices: a payment plan of one instalment, agreed at once."""

    _name = "collection.register.extension"
    _description = "Extension of the Due Date"

    move_line_ids = fields.Many2many("account.move.line", string="Invoices")
    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", compute="_compute_customer_id"
    )
    partner_id = fields.Many2one(related="customer_id.partner_id", string="Customer")
    date = fields.Date(string="New Due Date", required=True)
    open_text = fields.Char(string="Open Amount", compute="_compute_customer_id")
    note = fields.Text(string="Comment")

    @api.depends("move_line_ids")
    def _compute_customer_id(self):
        plans = self.env["collection.plan"]
        for register in self:
            lines = register.move_line_ids._origin
            register.customer_id = lines and plans._get_customer(lines)
            groups = lines._get_collection_whole_invoices().grouped("currency_id")
            register.open_text = " + ".join(
                currency.format(sum(group.mapped("amount_residual_currency")))
                for currency, group in groups.items()
            )

    def action_register(self):
        """Register the extension and say so."""
        self.ensure_one()
        plans = self.env["collection.plan"]._extend(self.move_line_ids, self.date, note=self.note)
        return notification(
            self.env,
            [self.env._("Registered: %s", plan._get_task_text()) for plan in plans],
            kind="success",
            then={"type": "ir.actions.act_window_close"},
        )

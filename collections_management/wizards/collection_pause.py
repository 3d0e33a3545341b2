from odoo import Command, api, fields, models
from odoo.exceptions import UserError


class CollectionPause(models.TransientModel):
    """Pause customers, or some of their items, until a date and with a reason."""

    _name = "collection.pause"
    _description = "Pause Collection"

    customer_ids = fields.Many2many("collection.customer", string="Customers")
    move_ids = fields.Many2many("account.move", string="Invoices")
    move_line_ids = fields.Many2many("account.move.line", string="Items")
    until = fields.Date(required=True, help="The last day of the pause.")
    reason = fields.Char(required=True)

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        model, ids = self.env.context.get("active_model"), self.env.context.get("active_ids")
        targets = {
            "account.move": "move_ids",
            "collection.customer": "customer_ids",
            "collection.due.item": "move_line_ids",  # an open item has its line's id
        }
        if model in targets and not any(values.get(name) for name in targets.values()):
            values[targets[model]] = [Command.set(ids)]
        return values

    def action_apply(self):
        self.ensure_one()
        if self.until < fields.Date.context_today(self):
            raise UserError(
                self.env._(
                    "The pause would end on %s, before today: choose a later day.", self.until
                )
            )
        if self.customer_ids:
            self.customer_ids.write({"pause_until": self.until, "pause_reason": self.reason})
        lines = self.move_line_ids | self._get_open_lines(self.move_ids)
        if self.move_ids and not lines:
            raise UserError(
                self.env._(
                    "None of the chosen invoices has an open amount, so there is nothing to pause."
                )
            )
        self.env["collection.hold"]._pause(lines, self.until, self.reason)
        return {"type": "ir.actions.act_window_close"}

    @api.model
    def _get_open_lines(self, moves):
        """Return the open receivable lines of posted invoices."""
        return moves.line_ids.filtered(
            lambda line: (
                line.account_id.account_type == "asset_receivable"
                and line.parent_state == "posted"
                and not line.reconciled
            )
        )

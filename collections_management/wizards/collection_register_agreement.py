from odoo import Command, api, fields, models

from ..models.user_message import notification


class CollectionRegisterAgreement(models.AbstractModel):
    """A dialog that registers agreements, or actions, about some invoices: one for each currency."""

    _name = "collection.register.agreement"
    _description = "Register an Agreement"

    # The model of what it registers.
    _agreement = None

    move_line_ids = fields.Many2many("account.move.line", string="Invoices")
    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", compute="_compute_customer_id"
    )
    partner_id = fields.Many2one(related="customer_id.partner_id", string="Customer")
    company_id = fields.Many2one(related="customer_id.company_id")
    note = fields.Text(string="Comment")

    @api.depends("move_line_ids")
    def _compute_customer_id(self):
        for register in self:
            lines = register.move_line_ids._origin
            register.customer_id = lines and lines.env[self._agreement]._get_customer(lines)

    def _get_open_by_currency(self):
        """Return the open items of the chosen invoices.

        :return: dict of currency -> account.move.line
        """
        self.ensure_one()
        lines = self.move_line_ids._origin._get_collection_whole_invoices()
        return lines.grouped("currency_id")

    def _get_open_text(self):
        """Return what is open of the chosen invoices, one amount per currency."""
        return " + ".join(
            currency.format(sum(lines.mapped("amount_residual_currency")))
            for currency, lines in self._get_open_by_currency().items()
        )

    def _prepare_amounts(self):
        """Return the commands of ``amount_ids``: what is open in each currency, and the default."""
        agreements = self.env[self._agreement]
        rows = [
            {
                "currency_id": currency.id,
                "residual": sum(lines.mapped("amount_residual_currency")),
                "amount": agreements._get_default_amount(lines),
            }
            for currency, lines in self._get_open_by_currency().items()
        ]
        return [Command.clear(), *(Command.create(row) for row in rows)]

    def _say_registered(self, agreements, then=None):
        """Return the action that says what was registered.

        :param dict then: the action that follows; default: the dialog closes
        """
        return notification(
            self.env,
            [self.env._("Registered: %s", agreement._get_task_text()) for agreement in agreements],
            kind="success",
            then=then or {"type": "ir.actions.act_window_close"},
        )


class CollectionRegisterAmount(models.AbstractModel):
    """What is agreed in one currency: a row of such a dialog."""

    _name = "collection.register.amount"
    _description = "Register an Agreement: Amount in a Currency"

    currency_id = fields.Many2one("res.currency", required=True)
    residual = fields.Monetary(string="Open Amount", readonly=True)
    amount = fields.Monetary(required=True)

from odoo import Command, api, fields, models


class CollectionRegisterPromise(models.TransientModel):
    """What a customer promised to pay, and when: registers a promise for each currency."""

    _name = "collection.register.promise"
    _description = "Register a Promise to Pay"

    move_line_ids = fields.Many2many("account.move.line", string="Invoices")
    customer_id = fields.Many2one(
        "collection.customer", string="Customer File", compute="_compute_customer_id"
    )
    partner_id = fields.Many2one(related="customer_id.partner_id", string="Customer")
    company_id = fields.Many2one(related="customer_id.company_id")
    date_promised = fields.Date(string="Will Pay On", required=True)
    amount_ids = fields.One2many(
        "collection.register.promise.amount",
        "register_id",
        string="Amounts",
        compute="_compute_amount_ids",
        store=True,
        readonly=False,
    )
    note = fields.Text(string="Comment")
    warning = fields.Char(compute="_compute_warning")

    @api.depends("move_line_ids")
    def _compute_customer_id(self):
        for register in self:
            lines = register.move_line_ids._origin
            register.customer_id = lines and lines.env["collection.promise"]._get_customer(lines)

    @api.depends("move_line_ids")
    def _compute_amount_ids(self):
        promises = self.env["collection.promise"]
        for register in self:
            lines = register.move_line_ids._origin._get_collection_whole_invoices()
            register.amount_ids = [
                Command.clear(),
                *(
                    Command.create(
                        {
                            "currency_id": currency.id,
                            "residual": sum(group.mapped("amount_residual_currency")),
                            "amount": promises._get_default_amount(group),
                        }
                    )
                    for currency, group in lines.grouped("currency_id").items()
                ),
            ]

    @api.depends("move_line_ids")
    def _compute_warning(self):
        for register in self:
            earlier = self.env["collection.promise"]._get_latest(register.move_line_ids._origin)
            times = max((old.put_off + 1 for old in earlier), default=0)
            register.warning = times and self.env._(
                "Promises in a row about these invoices so far: %s. This one puts them off once more.",
                times,
            )

    def action_register(self):
        """Register the promises and say so."""
        self.ensure_one()
        promises = self.env["collection.promise"]._make(
            self.move_line_ids,
            {line.currency_id: line.amount for line in self.amount_ids},
            date_promised=self.date_promised,
            note=self.note,
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": self.env._(
                    "Registered: %s",
                    ", ".join(promise._get_task_text() for promise in promises),
                ),
                "type": "success",
                "next": {"type": "ir.actions.act_window_close"},
            },
        }


class CollectionRegisterPromiseAmount(models.TransientModel):
    _name = "collection.register.promise.amount"
    _description = "Register a Promise to Pay: Amount in a Currency"

    register_id = fields.Many2one(
        "collection.register.promise", required=True, index=True, ondelete="cascade"
    )
    currency_id = fields.Many2one("res.currency", required=True)
    residual = fields.Monetary(string="Open Amount", readonly=True)
    amount = fields.Monetary(string="Promised", required=True)

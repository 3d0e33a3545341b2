from odoo import api, fields, models


class CollectionRegisterPromise(models.TransientModel):
    """What a customer promised to pay, and when: registers a promise for each currency."""

    _name = "collection.register.promise"
    _inherit = ["collection.register.agreement"]
    _description = "Register a Promise to Pay"

    _agreement = "collection.promise"

    date_promised = fields.Date(string="Will Pay On", required=True)
    amount_ids = fields.One2many(
        "collection.register.promise.amount",
        "register_id",
        string="Amounts",
        compute="_compute_amount_ids",
        store=True,
        readonly=False,
    )
    warning = fields.Char(compute="_compute_warning")

    @api.depends("move_line_ids")
    def _compute_amount_ids(self):
        for register in self:
            register.amount_ids = register._prepare_amounts()

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
        return self._say_registered(promises)


class CollectionRegisterPromiseAmount(models.TransientModel):
    _name = "collection.register.promise.amount"
    _inherit = ["collection.register.amount"]
    _description = "Register a Promise to Pay: Amount in a Currency"

    register_id = fields.Many2one(
        "collection.register.promise", required=True, index=True, ondelete="cascade"
    )
    amount = fields.Monetary(string="Promised")

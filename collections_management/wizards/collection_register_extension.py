from odoo import api, fields, models


class CollectionRegisterExtension(models.TransientModel):
    """A single new date for some invoices: a payment plan of one instalment, agreed at once."""

    _name = "collection.register.extension"
    _inherit = ["collection.register.agreement"]
    _description = "Extension of the Due Date"

    _agreement = "collection.plan"

    date = fields.Date(string="New Due Date", required=True)
    open_text = fields.Char(string="Open Amount", compute="_compute_open_text")

    @api.depends("move_line_ids")
    def _compute_open_text(self):
        for register in self:
            register.open_text = register._get_open_text()

    def action_register(self):
        """Register the extension and say so."""
        self.ensure_one()
        plans = self.env["collection.plan"]._extend(self.move_line_ids, self.date, note=self.note)
        return self._say_registered(plans)

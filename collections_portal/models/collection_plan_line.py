from odoo import fields, models


class CollectionPlanLine(models.Model):
    _inherit = "collection.plan.line"

    charge_ids = fields.One2many("collection.plan.charge", "line_id", string="Charges")

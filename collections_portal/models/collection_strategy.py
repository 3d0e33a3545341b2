from odoo import fields, models


class CollectionStrategy(models.Model):
    _inherit = "collection.strategy"

    portal_plan_at_once = fields.Boolean(
        string="Plans at Once on the Portal",
        help="A plan that a customer asks for on the portal, within the limits above, is proposed at "
        "once: the customer signs it and it counts. Otherwise a collector confirms it first.",
    )

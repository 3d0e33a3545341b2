from odoo import fields, models


class CollectionAgreement(models.AbstractModel):
    _inherit = "collection.agreement"

    portal_request_id = fields.Many2one(
        "collection.portal.request",
        string="From the Portal",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="What the customer did on the portal; empty: a colleague registered it.",
    )

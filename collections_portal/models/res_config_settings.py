from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    collection_portal_link_days = fields.Integer(
        related="collection_company_id.collection_portal_link_days", readonly=False
    )
    collection_portal_confirm_days = fields.Integer(
        related="collection_company_id.collection_portal_confirm_days", readonly=False
    )
    collection_charge_attempts = fields.Integer(
        related="collection_company_id.collection_charge_attempts", readonly=False
    )
    collection_charge_retry_days = fields.Integer(
        related="collection_company_id.collection_charge_retry_days", readonly=False
    )

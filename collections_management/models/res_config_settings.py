from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    collection_mode = fields.Selection(related="company_id.collection_mode", readonly=False)
    collection_supervisor_id = fields.Many2one(
        related="company_id.collection_supervisor_id", readonly=False
    )
    collection_claim_entries = fields.Boolean(
        related="company_id.collection_claim_entries", readonly=False
    )
    collection_delivery_from = fields.Date(
        related="company_id.collection_delivery_from", readonly=False
    )
    collection_phone = fields.Char(related="company_id.collection_phone", readonly=False)
    collection_bank_account_id = fields.Many2one(
        related="company_id.collection_bank_account_id", readonly=False
    )

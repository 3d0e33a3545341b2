from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    """Collections are set for the main company: its branches share its customers."""

    _inherit = "res.config.settings"

    collection_company_id = fields.Many2one(related="company_id.root_id", string="Main Company")

    collection_mode = fields.Selection(
        related="collection_company_id.collection_mode", readonly=False
    )
    collection_pilot = fields.Boolean(
        related="collection_company_id.collection_pilot", readonly=False
    )
    collection_mailbox = fields.Char(
        related="collection_company_id.collection_mailbox", readonly=False
    )
    collection_stale_days = fields.Integer(
        related="collection_company_id.collection_stale_days", readonly=False
    )
    collection_ceiling = fields.Integer(
        related="collection_company_id.collection_ceiling", readonly=False
    )
    collection_promise_days = fields.Integer(
        related="collection_company_id.collection_promise_days", readonly=False
    )
    collection_promise_percent = fields.Float(
        related="collection_company_id.collection_promise_percent", readonly=False
    )
    collection_dispute_days = fields.Integer(
        related="collection_company_id.collection_dispute_days", readonly=False
    )
    collection_plan_days = fields.Integer(
        related="collection_company_id.collection_plan_days", readonly=False
    )
    collection_plan_valid_days = fields.Integer(
        related="collection_company_id.collection_plan_valid_days", readonly=False
    )
    collection_accountant_id = fields.Many2one(
        related="collection_company_id.collection_accountant_id", readonly=False
    )
    collection_lift_suspension = fields.Boolean(
        related="collection_company_id.collection_lift_suspension", readonly=False
    )
    collection_write_off_account_id = fields.Many2one(
        related="collection_company_id.collection_write_off_account_id", readonly=False
    )
    collection_reported_days = fields.Integer(
        related="collection_company_id.collection_reported_days", readonly=False
    )
    collection_supervisor_id = fields.Many2one(
        related="collection_company_id.collection_supervisor_id", readonly=False
    )
    collection_claim_entries = fields.Boolean(
        related="collection_company_id.collection_claim_entries", readonly=False
    )
    collection_delivery_from = fields.Date(
        related="collection_company_id.collection_delivery_from", readonly=False
    )
    collection_reply_days = fields.Integer(
        related="collection_company_id.collection_reply_days", readonly=False
    )
    collection_alias_name = fields.Char(
        related="collection_company_id.collection_alias_name", readonly=False
    )
    collection_alias_domain = fields.Char(
        related="collection_company_id.alias_domain_id.name", string="E-mail Domain"
    )
    collection_phone = fields.Char(related="collection_company_id.collection_phone", readonly=False)
    collection_bank_account_id = fields.Many2one(
        related="collection_company_id.collection_bank_account_id", readonly=False
    )

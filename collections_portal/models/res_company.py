from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = "res.company"

    collection_portal_link_days = fields.Integer(
        string="Links Are Valid For",
        default=60,
        help="Days. So long a link in a message opens the customer's page without a login.",
    )
    collection_portal_confirm_days = fields.Integer(
        string="Portal Requests Expire After",
        default=10,
        help="Days. What a customer reported or disputed on the portal stops claims so long; unless "
        "a collector confirms it, it ends then. 0: never.",
    )
    collection_charge_attempts = fields.Integer(
        string="Attempts to Charge an Instalment",
        default=3,
        help="When the payment provider declined an instalment so often, automatic payment of the "
        "plan stops.",
    )
    collection_charge_retry_days = fields.Integer(
        string="Days Between Attempts",
        default=3,
        help="An instalment that could not be charged is tried again so many days later.",
    )

    @api.constrains("collection_charge_attempts", "collection_charge_retry_days")
    def _check_collection_charges(self):
        for company in self:
            if company.collection_charge_attempts < 1 or company.collection_charge_retry_days < 1:
                raise ValidationError(
                    self.env._(
                        "%(company)s: an instalment is charged at least once, and tried again at the "
                        "earliest 1 day later.",
                        company=company.name,
                    )
                )

    @api.constrains("collection_portal_link_days", "collection_portal_confirm_days")
    def _check_collection_portal_days(self):
        for company in self:
            if (
                company.collection_portal_link_days < 1
                or company.collection_portal_confirm_days < 0
            ):
                raise ValidationError(
                    self.env._(
                        "%(company)s: links on messages are valid for at least 1 day, and the days "
                        "after which portal requests expire can't be negative (0: never).",
                        company=company.name,
                    )
                )

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

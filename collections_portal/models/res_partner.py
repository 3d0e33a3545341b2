from odoo import fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    collection_portal_restricted = fields.Boolean(
        string="Sees Only Own Invoices",
        help="On the collections page of the portal this contact sees the invoices addressed to it, "
        "not those of the whole company.",
    )

    def _is_portal_restricted(self):
        """Tell whether this contact sees only what is addressed to it."""
        self.ensure_one()
        return self.collection_portal_restricted and self != self.commercial_partner_id

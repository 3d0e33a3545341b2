from odoo.http import request

from odoo.addons.account_payment.controllers.portal import PortalAccount

from .access import _get_files


class CollectionsHome(PortalAccount):
    def _prepare_home_portal_values(self, counters):
        """Override of ``account``: how many open items the customer has."""
        values = super()._prepare_home_portal_values(counters)
        if "collection_item_count" in counters:
            contact = request.env.user.partner_id.sudo()
            account = request.env["collection.portal.account"].sudo()
            account = account.with_context(portal_contact=contact.id)
            values["collection_item_count"] = sum(
                account._count_items(file) for file in _get_files(contact)
            )
        return values

    def _get_overdue_invoices_domain(self, partner_id=None):
        """Override of ``account``: by the instalment's own date, over the whole company."""
        return super()._get_overdue_invoices_domain(partner_id)

from odoo.exceptions import ValidationError
from odoo.http import request, route

from odoo.addons.account_payment.controllers.payment import PaymentPortal
from odoo.addons.account_payment.controllers.portal import PortalAccount

from .access import Access, _get_files


class CollectionsHome(PortalAccount):
    """“My Account” of who is logged in, and Odoo's own page that pays what is overdue."""

    def _prepare_home_portal_values(self, counters):
        """Override of ``account``: how many open items the customer has."""
        values = super()._prepare_home_portal_values(counters)
        if "collection_item_count" in counters:
            # sudo: their own company's account, as far as the contact may see it
            contact = request.env.user.partner_id.sudo()
            account = request.env["collection.portal.account"].sudo()
            account = account.with_context(portal_contact=contact.id)
            values["collection_item_count"] = sum(
                account._count_items(file) for file in _get_files(contact)
            )
        return values

    def _get_overdue_invoices_domain(self, partner_id=None):
        """Override of ``account``: an invoice is overdue once one of its instalments is."""
        domain = super()._get_overdue_invoices_domain(partner_id)
        return [
            (
                "line_ids",
                "any",
                [
                    ("account_type", "=", "asset_receivable"),
                    ("reconciled", "=", False),
                    ("date_maturity", "<", condition[2]),
                ],
            )
            if condition[0] == "invoice_date_due"
            else condition
            for condition in domain
        ]

    @route()
    def portal_my_overdue_invoices(self, access_token=None, **kw):
        """Override of ``account_payment``: pay what is overdue on the page of the account.

        Odoo's own page charges the invoices' totals, whatever was paid of them already, and waits
        for the last instalment.
        """
        if request.env.user._is_public():
            return request.redirect("/my")
        contact = request.env.user.partner_id.sudo()
        files = _get_files(contact)
        for file in files:
            access = Access(file, contact, None, files)
            if currency := access.account._find_overdue_currency(file):
                return request.redirect(access.url("/pay", overdue=currency.name))
        return request.redirect("/my/collections" if files else "/my/invoices")


class CollectionsOdooPayment(PaymentPortal):
    """Odoo's own ways to pay invoices: never more than is open."""

    @route()
    def overdue_invoices_transaction(self, payment_reference=None, **kwargs):
        """Override of ``account_payment``: its amount is the browser's, so nothing is paid this way.

        :raises ValidationError: always
        """
        raise ValidationError(
            request.env._("Overdue invoices are paid on the page of your account.")
        )

    def _process_transaction(
        self, partner_id, currency_id, invoice_ids, payment_reference, **kwargs
    ):
        """Override of ``account_payment``: refuse more than the invoices are open for.

        :raises ValidationError: naming what is open
        """
        # sudo: the route has checked who may pay these invoices
        invoices = request.env["account.move"].sudo().browse(invoice_ids)
        currency = request.env["res.currency"].sudo().browse(currency_id)
        amount = self._cast_as_float(kwargs.get("amount"))
        owed = sum(invoices.mapped("amount_residual"))
        if amount is None or currency.compare_amounts(amount, owed) > 0:
            raise ValidationError(
                request.env._(
                    "%(amount)s is more than the %(open)s that are open. Please load the page again.",
                    amount=currency.format(amount or 0.0),
                    open=currency.format(owed),
                )
            )
        return super()._process_transaction(
            partner_id, currency_id, invoice_ids, payment_reference, **kwargs
        )

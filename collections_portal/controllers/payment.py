from werkzeug.exceptions import NotFound

from odoo.exceptions import UserError, ValidationError
from odoo.http import request, route

from odoo.addons.account_payment.controllers.portal import PortalAccount

from .access import ROOT, check_attempts, get_access, secure
from .forms import get_ids, read_amounts, write_amount


class CollectionsPayment(PortalAccount):
    """Paying one, several or all invoices, in full or in part."""

    @route(f"{ROOT}/pay", type="http", auth="public", website=True, methods=["GET", "POST"])
    def collections_pay(self, access_token=None, account=None, **form):
        """Show what will be paid and the payment form; amounts may be lowered.

        ``overdue`` is the name of a currency: all that is overdue in it is paid. ``offer`` is the id
        of a plan that lets off a discount: all of its items are paid.
        """
        access = get_access(access_token, account)
        if not access:
            return request.redirect(f"/web/login?redirect={ROOT}")
        if request.httprequest.method == "POST":
            check_attempts(access)
        lines = self._find_chosen_lines(access, form)
        if not lines:
            return request.redirect(access.url())
        orders, error = request.env["collection.portal.order"].sudo(), None
        try:
            rows = orders._make(lines, read_amounts(lines, form))
        except UserError as refusal:
            # all of it, with what is wrong above
            rows, error = [], str(refusal)
        values = self._get_pay_page_view_values(access, lines, rows, error, form)
        return secure(request.render("collections_portal.page_pay", values))

    def _find_chosen_lines(self, access, form):
        """Return the journal items that the customer wants to pay; empty: none that it may see."""
        if form.get("overdue"):
            return access.account._find_overdue_lines(access.customer, form["overdue"])
        chosen = get_ids("item")
        if form.get("offer") and not chosen:
            plan = access.account._find_plan(access.customer, form["offer"])
            chosen = plan._get_open_items().ids if plan else []
        return access.account._find_lines(access.customer, chosen)

    def _get_pay_page_view_values(self, access, lines, rows, error, form):
        """Hook: the values of the page."""
        values = {
            "page_name": "collections",
            "access": access,
            "customer": access.customer,
            "company": access.customer.company_id,
            "contact": access.contact,
            "tab": "pay",
            "no_breadcrumbs": bool(access.token),
            "lines": lines,
            "rows": {row["line"].id: row for row in rows},
            "error": error,
            "form": form,
            "write_amount": write_amount,
            "total": sum(row["amount"] for row in rows),
            "discount": sum(row["discount"] for row in rows),
            "currency": lines.currency_id[:1],
        }
        if not rows:
            return values
        currency = values["currency"]
        total = currency.round(values["total"])
        order = request.env["collection.portal.order"]._sign(access.customer, access.contact, rows)
        payer = access.contact
        values |= self._get_common_page_view_values(
            invoices_data={
                "partner": payer,
                "company": access.customer.company_id,
                "total_amount": total,
                "currency": currency,
                "amount_residual": total,
                "payment_reference": False,
                "landing_route": access.url(done="online"),
                "transaction_route": f"{ROOT}/transaction",
            },
            access_token=order,
        )
        if access.token:
            # a link is no login: who has it may pay, but not with what others saved
            values["tokens_sudo"] = request.env["payment.token"]
            values["show_tokenize_input_mapping"] = dict.fromkeys(
                values["providers_sudo"].ids, False
            )
        return values | {"amount": total, "total": total}

    @route(f"{ROOT}/transaction", type="jsonrpc", auth="public")
    def collections_transaction(self, access_token=None, **kwargs):
        """Make the transaction of an order and return its processing values.

        What the browser says of amount, currency and partner counts for nothing.

        :param str access_token: the signed order
        :raises NotFound: when it is none
        :raises ValidationError: when what it says is no longer so
        """
        orders = request.env["collection.portal.order"]
        customer, contact, chosen = orders._read(access_token)
        if not customer:
            raise NotFound
        try:
            # one at a time: a second tab waits here and finds what the first has begun
            customer._take_portal_turn()
            rows = orders._verify(chosen)
            orders.sudo()._accept_offers(contact, rows)
        except UserError as error:
            raise ValidationError(str(error)) from None
        self._validate_transaction_kwargs(kwargs)
        logged_in = not request.env.user._is_public()
        payer = request.env.user.partner_id if logged_in else contact
        currency = rows[0]["line"].currency_id
        kwargs |= {
            "amount": currency.round(sum(row["amount"] for row in rows)),
            "currency_id": currency.id,
            "partner_id": payer.id,
        }
        if not logged_in:
            if kwargs.get("flow") == "token":
                raise NotFound
            kwargs["tokenization_requested"] = False
        transaction_sudo = self._create_transaction(
            custom_create_values=request.env["collection.portal.order"]
            .sudo()
            ._prepare_transaction_values(rows),
            **kwargs,
        )
        return transaction_sudo._get_processing_values()

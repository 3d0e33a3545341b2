from werkzeug.exceptions import NotFound

from odoo.exceptions import LockError, UserError, ValidationError
from odoo.http import request, route

from odoo.addons.account_payment.controllers.portal import PortalAccount

from .access import FORMS, ROOT, check_attempts, count_attempt, get_access, secure
from .agreements import CollectionsAgreements


class CollectionsAutomatic(CollectionsAgreements):
    """Automatic payment of a plan: the page where the customer turns it on, and turning it off."""

    @route(f"{ROOT}/plans/<int:plan_id>/automatic", type="http", auth="public", website=True)
    def collections_automatic(self, plan_id, access_token=None, account=None):
        """Show the form that saves a payment method for the plan."""
        access = get_access(access_token, account)
        if not access:
            return request.redirect(f"/web/login?redirect={ROOT}")
        plan = self._find_plan(access, plan_id)
        if not plan._can_be_automatic() or is_colleague():
            return request.redirect(access.url(f"/plans/{plan.id}"))
        values = self._get_automatic_page_view_values(access, plan)
        return secure(request.render("collections_portal.page_automatic", values))

    def _get_automatic_page_view_values(self, access, plan):
        """Hook: the values of the page."""
        payer = get_payer(plan, access.contact)
        providers = get_providers(plan, payer)
        # sudo: what is offered to the customer
        methods = request.env["payment.method"].sudo()
        return {
            **self._get_common_values(access),
            "plan": plan,
            "mode": "validation",
            "partner_id": payer.id,
            "providers_sudo": providers,
            "payment_methods_sudo": methods._get_compatible_payment_methods(
                providers.ids, payer.id, currency_id=plan.currency_id.id, force_tokenization=True
            ),
            "tokens_sudo": get_tokens(plan, providers),
            "default_token_id": plan.charge_token_id.id,
            "transaction_route": f"{ROOT}/automatic/transaction",
            "assign_token_route": f"{ROOT}/automatic/assign",
            "landing_route": access.url(f"/plans/{plan.id}"),
            "access_token": plan._sign_automatic(access.contact),
        }

    @route(
        f"{ROOT}/plans/<int:plan_id>/automatic/off",
        type="http",
        auth="public",
        website=True,
        methods=["POST"],
    )
    def collections_automatic_off(self, plan_id, access_token=None, account=None, **_form):
        """Turn automatic payment off."""
        access = get_access(access_token, account)
        if not access:
            raise NotFound
        check_attempts(access)
        plan = self._find_plan(access, plan_id)
        try:
            plan._turn_off_charges(
                request.env.user.partner_id if is_colleague() else access.contact
            )
        except LockError:
            return request.redirect(access.url(f"/plans/{plan.id}", busy=1))
        return request.redirect(access.url(f"/plans/{plan.id}"))


class CollectionsSaving(PortalAccount):
    """What the payment form of that page calls, with the token that the page signed.

    Saved payment methods are chosen by whom they belong to, with a login. Who has a link saves a
    new one.
    """

    @route(f"{ROOT}/automatic/transaction", type="jsonrpc", auth="public")
    def collections_automatic_transaction(self, access_token=None, **kwargs):
        """Make the transaction that saves a payment method, and return its processing values.

        :param str access_token: as the page signed it
        :raises NotFound: when it is none, or something else is asked for than the page offers
        """
        plan, contact = verify(access_token)
        self._validate_transaction_kwargs(kwargs)
        # nobody tries out cards here
        count_attempt("card", f"plan {plan.id}", FORMS)
        payer = get_payer(plan, contact)
        if kwargs.get("flow") not in ("direct", "redirect"):
            raise NotFound
        if kwargs.get("provider_id") not in get_providers(plan, payer).ids:
            raise NotFound
        kwargs |= {
            "amount": None,
            "currency_id": None,
            "is_validation": True,
            "partner_id": payer.id,
            "token_id": None,
            "tokenization_requested": True,
        }
        transaction_sudo = self._create_transaction(
            custom_create_values={
                "collection_plan_id": plan.id,
                "collection_contact_id": contact.id,
            },
            **kwargs,
        )
        return transaction_sudo._get_processing_values()

    @route(f"{ROOT}/automatic/assign", type="jsonrpc", auth="public")
    def collections_automatic_assign(self, access_token=None, token_id=None):
        """Turn automatic payment on with a payment method that was saved before.

        :param str access_token: as the page signed it
        :param int token_id: one of those that the page offers
        :raises NotFound: when it is not
        """
        plan, contact = verify(access_token)
        tokens = get_tokens(plan, get_providers(plan, get_payer(plan, contact)))
        token = tokens.filtered(lambda token: token.id == token_id)
        if not token:
            raise NotFound
        try:
            plan._turn_on_charges(token, contact)
        except UserError as refusal:
            raise ValidationError(str(refusal)) from None


# ------------------------------------------------------------
# Whose payment methods
# ------------------------------------------------------------


def verify(access_token):
    """Return the plan and the contact of a signed token, as superuser.

    :raises NotFound: when it is none
    """
    found = request.env["collection.plan"]._verify_automatic(access_token)
    if not found or is_colleague():
        raise NotFound
    return found


def is_colleague():
    """Tell whether a colleague looks at the customer's page: customers choose how they pay."""
    return request.env.user._is_internal()


def get_payer(plan, contact):
    """Return whose the payment method will be: who is logged in, or whom the link was sent to."""
    partner = request.env.user.partner_id.sudo()
    return partner if partner.commercial_partner_id == plan.partner_id else contact


def get_providers(plan, payer):
    """Return the providers that save payment methods, for the plan's company and currency."""
    # sudo: what is offered to the customer
    providers = request.env["payment.provider"].sudo()
    return providers._get_compatible_providers(
        plan.company_id.id,
        payer.id,
        0.0,
        currency_id=plan.currency_id.id,
        force_tokenization=True,
        is_validation=True,
    )


def get_tokens(plan, providers):
    """Return the saved payment methods of who is logged in; by a link: none."""
    # sudo: their own
    tokens = request.env["payment.token"].sudo()
    partner = request.env.user.partner_id
    if partner.commercial_partner_id.id != plan.partner_id.id:
        return tokens
    return tokens._get_available_tokens(providers.ids, partner.id)

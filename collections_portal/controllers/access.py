"""Who looks at which customer's page, and how often they may try."""

from typing import NamedTuple
from urllib.parse import urlencode

from werkzeug.exceptions import NotFound, TooManyRequests

from odoo.http import request
from odoo.models import BaseModel

ROOT = "/my/collections"
# An hour's attempts: wrong links by address; forms by visitor and by address.
WRONG_LINKS = 30
FORMS = 40
FORMS_BY_ADDRESS = 200


class Access(NamedTuple):
    """A customer's file and the contact who looks at it, both as superuser, and how they came in."""

    customer: BaseModel
    contact: BaseModel
    token: str | None
    files: BaseModel

    def url(self, path="", **params):
        """Return the address of one of the customer's pages, with the same right of access."""
        if self.token:
            params["access_token"] = self.token
        elif len(self.files) > 1:
            params["account"] = self.customer.id
        params = {name: value for name, value in params.items() if value not in (None, False, "")}
        return f"{ROOT}{path}?{urlencode(params, doseq=True)}" if params else f"{ROOT}{path}"

    @property
    def url_args(self):
        """The right of access as parameters of an address, for a pager."""
        return {
            "access_token": self.token,
            "account": self.customer.id if len(self.files) > 1 else None,
        }

    @property
    def account(self):
        """The room with what the contact may see."""
        account = self.customer.env["collection.portal.account"]
        return account.with_context(portal_contact=self.contact.id, lang=request.env.lang)


def get_access(access_token=None, account=None):
    """Return the access of this request, or None: the visitor has to log in first.

    :param str access_token: of a link in a message
    :param account: id of one of the files of who is logged in, as the browser sent it
    :raises NotFound: when it gives access to nothing; nobody learns what exists
    """
    if access_token:
        customer, contact = request.env["collection.customer"]._find_by_portal_token(access_token)
        if not customer:
            count_attempt("link", get_address(), WRONG_LINKS)
            raise NotFound
        _speak(contact)
        return Access(customer, contact, access_token, customer)
    if request.env.user._is_public():
        return None
    contact = request.env.user.partner_id.sudo()
    files = _get_files(contact)
    chosen = files
    if account:
        chosen = files.filtered(lambda file: str(file.id) == str(account))
    if not chosen:
        raise NotFound
    return Access(chosen[0], contact, None, files)


def _get_files(contact):
    """Return the files of the company of someone who is logged in."""
    # sudo: their own company's
    return (
        request.env["collection.customer"]
        .sudo()
        .search([("partner_id", "=", contact.commercial_partner_id.id)], order="company_id")
    )


def _speak(contact):
    """Show the page of a link in the language of the contact whom it was sent to."""
    if request.env.user._is_public() and contact.lang:
        installed = dict(request.env["res.lang"].get_installed())
        if contact.lang in installed:
            request.update_context(lang=contact.lang)


def check_attempts(access):
    """Count a form that is sent, and refuse it when there were too many.

    :raises TooManyRequests: after so many in an hour, whichever worker got them
    """
    who = f"user {request.env.uid}" if not access.token else f"contact {access.contact.id}"
    count_attempt("form", f"{who} of {access.customer.id}", FORMS)
    count_attempt("form", get_address(), FORMS_BY_ADDRESS)


def count_attempt(what, who, most):
    """Count an attempt.

    :raises TooManyRequests: when there were more than ``most`` in this hour
    """
    # sudo: counters are the system's
    if request.env["collection.portal.attempt"].sudo()._count(f"{what}: {who}") > most:
        raise TooManyRequests(description=request.env._("Too many attempts: try again in an hour."))


def get_address():
    """Return the address of the visitor."""
    return request.httprequest.remote_addr or "unknown"


def secure(response):
    """Keep a page with a customer's figures, and its token, out of caches, search engines and logs."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response

import base64

from werkzeug.exceptions import NotFound

from odoo.exceptions import UserError
from odoo.http import Controller, content_disposition, request, route
from odoo.tools.mimetypes import guess_mimetype

from odoo.addons.portal.controllers.portal import pager

from .access import ROOT, check_attempts, get_access, secure
from .forms import MOST_BYTES, read_text

PAGE = 20  # of each kind on a page
KINDS = {
    "plans": "collection.plan",
    "promises": "collection.promise",
    "reports": "collection.reported.payment",
    "disputes": "collection.dispute",
}


class CollectionsAgreements(Controller):
    """What was agreed: promises, reported payments, disputes and plans; a plan is accepted here."""

    @route(
        [f"{ROOT}/agreements", f"{ROOT}/agreements/page/<int:page>"],
        type="http",
        auth="public",
        website=True,
    )
    def collections_agreements(self, page=1, access_token=None, account=None):
        """Show what was agreed, newest first: of each kind a part on each page."""
        access = get_access(access_token, account)
        if not access:
            return request.redirect(f"/web/login?redirect={ROOT}")
        domain = access.account._get_agreements_domain(access.customer)
        kinds = {
            name: access.customer.env[model].with_context(lang=request.env.lang)
            for name, model in KINDS.items()
        }
        pages = pager(
            url=f"{ROOT}/agreements",
            url_args=access.url_args,
            total=max(kind.search_count(domain) for kind in kinds.values()),
            page=page,
            step=PAGE,
        )
        values = {
            **self._get_common_values(access),
            **{
                name: kind.search(domain, limit=PAGE, offset=pages["offset"])
                for name, kind in kinds.items()
            },
            "pager": pages,
            "state_text": self._get_state_text,
        }
        return secure(request.render("collections_portal.page_agreements", values))

    @route(f"{ROOT}/plans/<int:plan_id>", type="http", auth="public", website=True)
    def collections_plan(self, plan_id, access_token=None, account=None, busy=None):
        """Show a plan with its instalments; a proposal can be signed or declined."""
        access = get_access(access_token, account)
        if not access:
            return request.redirect(f"/web/login?redirect={ROOT}")
        plan = self._find_plan(access, plan_id)
        values = {
            **self._get_common_values(access),
            "plan": plan,
            "state_text": self._get_state_text,
            "busy": busy,
        }
        return secure(request.render("collections_portal.page_plan", values))

    @route(f"{ROOT}/plans/<int:plan_id>/pdf", type="http", auth="public", website=True)
    def collections_plan_pdf(self, plan_id, access_token=None, account=None):
        """Download the agreement."""
        access = get_access(access_token, account)
        if not access:
            return request.redirect(f"/web/login?redirect={ROOT}")
        plan = self._find_plan(access, plan_id)
        # sudo: it is the customer's own agreement
        content, _type = (
            request.env["ir.actions.report"]
            .sudo()
            ._render_qweb_pdf("collections_management.report_plan", plan.ids)
        )
        return secure(
            request.make_response(
                content,
                headers=[
                    ("Content-Type", "application/pdf"),
                    ("Content-Length", len(content)),
                    ("Content-Disposition", content_disposition(f"{plan.file_name}.pdf")),
                ],
            )
        )

    @route(f"{ROOT}/plans/<int:plan_id>/accept", type="jsonrpc", auth="public", website=True)
    def collections_plan_accept(
        self, plan_id, access_token=None, account=None, name=None, signature=None
    ):
        """Sign a proposal: the customer acknowledges the debt and agrees to the instalments."""
        access_token = access_token or request.httprequest.args.get("access_token")
        access = get_access(access_token, account or request.httprequest.args.get("account"))
        if not access:
            raise NotFound
        check_attempts(access)
        plan = self._find_plan(access, plan_id)
        if not signature:
            return {"error": request.env._("Please sign first.")}
        if not self._is_picture(signature):
            return {"error": request.env._("Please sign again.")}
        try:
            with request.env.cr.savepoint():
                plan._accept(read_text(name)[:100], signature)
                request.env.flush_all()
        except UserError as refusal:
            request.env.invalidate_all()
            return {"error": str(refusal)}
        return {
            "force_refresh": True,
            "redirect_url": access.url(f"/plans/{plan.id}"),
        }

    @staticmethod
    def _is_picture(signature):
        """Tell whether a text is a picture as the signature's form sends it."""
        try:
            content = base64.b64decode(signature, validate=True)
        except (TypeError, ValueError):
            return False
        return len(content) < MOST_BYTES and guess_mimetype(content) in ("image/png", "image/jpeg")

    @route(
        f"{ROOT}/plans/<int:plan_id>/decline",
        type="http",
        auth="public",
        website=True,
        methods=["POST"],
    )
    def collections_plan_decline(self, plan_id, access_token=None, account=None, **_form):
        """Decline a proposal: its invoices are open again."""
        access = get_access(access_token, account)
        if not access:
            raise NotFound
        check_attempts(access)
        plan = self._find_plan(access, plan_id)
        if plan.state == "proposed":
            plan._close("cancelled")
            plan._log(request.env._("Declined on the portal by %s.", access.contact.name))
        return request.redirect(access.url("/agreements"))

    # ------------------------------------------------------------
    # What the contact may see
    # ------------------------------------------------------------

    def _get_common_values(self, access):
        return {
            "page_name": "collections",
            "access": access,
            "customer": access.customer,
            "company": access.customer.company_id,
            "contact": access.contact,
            "tab": "agreements",
            "no_breadcrumbs": bool(access.token),
        }

    def _get_state_text(self, agreement):
        """Return what an agreement's state means for the customer; ours has words of our own."""
        _ = request.env._
        looking = _("We are looking into it")
        texts = {
            "collection.promise": {
                "open": _("Noted"),
                "to_allocate": _("Received"),
                "kept": _("Received"),
                "partly": _("Partly received"),
                "broken": _("Not received"),
            },
            "collection.reported.payment": {
                "open": looking,
                "matched": _("Received"),
                "credited": _("Received"),
                "not_found": _("Not received"),
            },
            "collection.dispute": {
                "open": looking,
                "to_credit": _("Accepted: we credit it"),
                "grace": _("Not accepted"),
                "rejected": _("Not accepted"),
            },
            "collection.plan": {"breached": _("Not kept")},
        }[agreement._name]
        states = dict(agreement._fields["state"]._description_selection(agreement.env))
        return texts.get(agreement.state) or states[agreement.state]

    def _find_plan(self, access, plan_id):
        """Return a plan that the contact may see.

        :raises NotFound: there is none of that id
        """
        plan = access.account._find_plan(access.customer, plan_id)
        if not plan:
            raise NotFound
        return plan.with_context(lang=request.env.lang)

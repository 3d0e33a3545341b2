import uuid
from datetime import timedelta

from werkzeug.exceptions import NotFound

from odoo import SUPERUSER_ID, fields
from odoo.exceptions import UserError
from odoo.http import Controller, request, route
from odoo.tools import html2plaintext

from .access import ROOT, check_attempts, get_access, secure
from .forms import get_ids, read_date, read_files, read_text

# The same words within so many minutes are one message.
SAME_MINUTES = 5
FORMS = ("promise", "paid", "dispute", "not_received", "plan")


class CollectionsSettle(Controller):
    """What the customer says of chosen invoices: each becomes a ``collection.portal.request``."""

    @route(f"{ROOT}/settle", type="http", auth="public", website=True, methods=["GET"])
    def collections_settle(self, kind=None, access_token=None, account=None, **_options):
        """Show the form of what the customer wants to say of the invoices chosen."""
        access = get_access(access_token, account)
        if not access:
            return request.redirect(f"/web/login?redirect={ROOT}")
        if kind not in self._get_kinds(access):
            raise NotFound
        lines = access.account._find_lines(access.customer, get_ids("item"))
        if not lines:
            return request.redirect(access.url())
        return self._render_form(access, kind, lines, key=uuid.uuid4().hex)

    @route(f"{ROOT}/settle", type="http", auth="public", website=True, methods=["POST"])
    def collections_settle_send(self, kind=None, key=None, access_token=None, account=None, **form):
        """Take what the customer says; what is wrong is told on the form, and nothing is lost."""
        access = get_access(access_token, account)
        if not access or kind not in self._get_kinds(access) or not key or len(key) > 64:
            raise NotFound
        check_attempts(access)
        lines = access.account._find_lines(access.customer, get_ids("item"))
        requests = request.env["collection.portal.request"]
        try:
            if not lines:
                # sent twice: what was done by the first may have paid or settled them
                done = requests.sudo().search(
                    [("customer_id", "=", access.customer.id), ("key", "=", key)], limit=1
                )
                if not done:
                    return request.redirect(access.url(done="gone"))
            else:
                done = requests._submit(
                    access.customer,
                    access.contact,
                    kind,
                    lines,
                    key,
                    data=self._read_form(access, kind, form),
                    note=read_text(form.get("note")),
                    files=read_files(),
                )
        except UserError as refusal:
            return self._render_form(access, kind, lines, key, form=form, error=str(refusal))
        return request.redirect(access.url(done="waiting" if done.state == "waiting" else kind))

    @route(f"{ROOT}/details", type="http", auth="public", website=True, methods=["GET"])
    def collections_details(self, access_token=None, account=None, **_options):
        """Show the form of the contact data."""
        access = get_access(access_token, account)
        if not access:
            return request.redirect(f"/web/login?redirect={ROOT}")
        return self._render_details(access, key=uuid.uuid4().hex)

    @route(f"{ROOT}/details", type="http", auth="public", website=True, methods=["POST"])
    def collections_details_send(self, key=None, access_token=None, account=None, **form):
        """Take new contact data: a collector confirms them."""
        access = get_access(access_token, account)
        if not access or not key or len(key) > 64:
            raise NotFound
        check_attempts(access)
        try:
            request.env["collection.portal.request"]._submit(
                access.customer,
                access.contact,
                "details",
                request.env["account.move.line"],
                key,
                data=self._read_details(access, form),
                note=read_text(form.get("note")),
            )
        except UserError as refusal:
            return self._render_details(access, key, form=form, error=str(refusal))
        return request.redirect(access.url(done="waiting"))

    @route(f"{ROOT}/messages/send", type="http", auth="public", website=True, methods=["POST"])
    def collections_message_send(self, access_token=None, account=None, text=None, **_form):
        """Take a message to the collector; it waits for an answer and holds claims meanwhile."""
        access = get_access(access_token, account)
        if not access:
            raise NotFound
        check_attempts(access)
        words = read_text(text)
        try:
            files = read_files()
        except UserError as refusal:
            return request.redirect(access.url("/messages", error=str(refusal)))
        if words or files:
            try:
                access.customer._take_portal_turn()
            except UserError as refusal:
                return request.redirect(access.url("/messages", error=str(refusal)))
            if not self._is_sent_already(access, words, files):
                self._post(access, words, files)
        return request.redirect(access.url("/messages"))

    def _is_sent_already(self, access, words, files):
        """Tell whether the same is the newest message already: a double click, or the page reloaded."""
        # sudo: the conversation is the customer's own
        newest = (
            access.customer.env["mail.message"]
            .sudo()
            .search(
                access.customer._get_portal_messages_domain(access.contact),
                order="id desc",
                limit=1,
            )
        )
        since = fields.Datetime.now() - timedelta(minutes=SAME_MINUTES)
        return (
            newest.author_id == access.contact
            and newest.date > since
            and html2plaintext(newest.body).split() == words.split()
            and sorted(newest.attachment_ids.mapped("name")) == sorted(f["name"] for f in files)
        )

    def _post(self, access, words, files):
        # superuser: the customer writes into its own conversation, with files that Odoo takes from
        # no visitor
        customer = access.customer.with_user(SUPERUSER_ID)
        attachments = customer.env["ir.attachment"].create(
            [dict(file, res_model=customer._name, res_id=customer.id) for file in files]
        )
        customer.with_context(mail_post_autofollow=False).message_post(
            body=words,
            author_id=access.contact.id,
            attachment_ids=attachments.ids,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )

    # ------------------------------------------------------------
    # Forms
    # ------------------------------------------------------------

    def _get_kinds(self, access):
        """Hook: what a customer may say of invoices."""
        return FORMS

    def _read_form(self, access, kind, form):
        """Return what the form of a kind of request said, as JSON holds it."""
        data = {}
        if kind in ("promise", "paid", "plan"):
            data["date"] = read_date(form.get("date"))
        if kind == "paid":
            data["reference"] = read_text(form.get("reference"))[:100]
            known = dict(request.env["collection.reported.payment"]._fields["means"].selection)
            data["means"] = form.get("means") if form.get("means") in known else "transfer"
        if kind == "dispute":
            offered = self._get_form_values(access, kind)["reasons"]
            data["reason"] = next(
                (reason.id for reason in offered if str(reason.id) == form.get("reason")), False
            )
        if kind == "plan":
            count = form.get("count") or ""
            data["count"] = int(count) if count.isdecimal() and len(count) < 4 else 0
        return data

    def _read_details(self, access, form):
        """Return the contact data that change: dict name -> [before, after]."""
        offered = self._get_details_values(access)
        known = offered["details"]
        wanted = {
            "email": read_text(form.get("email"))[:100],
            "phone": read_text(form.get("phone"))[:40],
            "lang": next(
                (code for code, _name in offered["langs"] if code == form.get("lang")),
                known["lang"],
            ),
        }
        if "channel" in known:
            wanted["channel"] = next(
                (
                    channel.id
                    for channel in offered["channels"]
                    if str(channel.id) == form.get("channel")
                ),
                known["channel"] if form.get("channel") else False,
            )
            wanted["electronic"] = known["electronic"] or bool(form.get("electronic"))
        return {
            name: [known[name], value] for name, value in wanted.items() if value != known[name]
        }

    def _get_details_values(self, access):
        """Hook: what the form of the contact data offers."""
        # sudo: their own data, and names of catalogues
        requests = access.customer.env["collection.portal.request"].sudo()
        channels = access.customer.env["collection.channel"].sudo()
        return {
            "details": requests._get_details(access.customer, access.contact),
            "langs": request.env["res.lang"].get_installed(),
            "channels": channels.with_context(lang=request.env.lang).search(
                [("is_message", "=", True)]
            ),
        }

    def _render_details(self, access, key, form=None, error=None):
        values = {
            "page_name": "collections",
            "access": access,
            "customer": access.customer,
            "company": access.customer.company_id,
            "contact": access.contact,
            "tab": "details",
            "no_breadcrumbs": bool(access.token),
            "key": key,
            "form": form,
            "error": error,
            **self._get_details_values(access),
        }
        return secure(request.render("collections_portal.page_details", values))

    def _render_form(self, access, kind, lines, key, form=None, error=None):
        values = {
            "page_name": "collections",
            "access": access,
            "customer": access.customer,
            "company": access.customer.company_id,
            "contact": access.contact,
            "tab": kind,
            "no_breadcrumbs": bool(access.token),
            "kind": kind,
            "lines": lines,
            "key": key,
            "form": form or {},
            "error": error,
            "today": access.customer.company_id._get_collection_today(),
            # sudo: they were found among what the contact may see
            "saving": access.customer.env["collection.portal.order"].sudo()._get_saving(lines),
            **self._get_form_values(access, kind),
        }
        return secure(request.render("collections_portal.page_settle", values))

    def _get_form_values(self, access, kind):
        """Hook: what the form of a kind of request shows besides."""
        if kind == "dispute":
            # sudo: the catalogue is the company's, and the customer chooses from it
            reasons = access.customer.env["collection.dispute.reason"].sudo()
            return {
                "reasons": reasons.with_context(lang=request.env.lang).search(
                    [("company_id", "in", (False, access.customer.company_id.id))]
                )
            }
        if kind == "paid":
            # sudo: names of a selection only
            reports = access.customer.env["collection.reported.payment"].with_context(
                lang=request.env.lang
            )
            return {"means": reports._fields["means"]._description_selection(reports.env)}
        if kind == "plan":
            strategy = access.customer.strategy_id
            today = access.customer.company_id._get_collection_today()
            return {
                "most": strategy.plan_instalments or 36,
                "last": strategy.plan_days and today + timedelta(days=strategy.plan_days),
            }
        return {}

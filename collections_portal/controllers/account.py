from werkzeug.exceptions import NotFound

from odoo import fields
from odoo.http import content_disposition, request, route

from odoo.addons.collections_management.controllers.workbook import stream_workbook
from odoo.addons.portal.controllers.portal import CustomerPortal, pager

from .access import ROOT, get_access, secure

PAGE = 40  # items on a page


class CollectionsAccount(CustomerPortal):
    """What the customer sees: balance, items, invoices, statements, conversation."""

    # ------------------------------------------------------------
    # Pages
    # ------------------------------------------------------------

    @route([ROOT, f"{ROOT}/page/<int:page>"], type="http", auth="public", website=True)
    def collections_account(self, page=1, access_token=None, account=None, **options):
        """Show the balance and what is open."""
        access = get_access(access_token, account)
        if not access:
            return self._ask_to_log_in()
        values = self._get_account_page_view_values(access, page, options)
        return secure(request.render("collections_portal.page_account", values))

    def _get_account_page_view_values(self, access, page, options):
        """Hook: the values of the page."""
        room, customer = access.account, access.customer
        sums = room._read_sums(customer)
        pages = pager(
            url=f"{ROOT}",
            url_args=access.url_args,
            total=sum(row["items"] for row in sums),
            page=page,
            step=PAGE,
        )
        proposals = self._read_proposals(access)
        rows = room._read_items(customer, PAGE, pages["offset"])
        return {
            **self._get_common_values(access, "account"),
            "sums": self._prepare_sums(access, sums),
            "next_dates": self._prepare_next_dates(access, room._read_next_dates(customer)),
            "items": self._prepare_items(access, rows, proposals),
            "pager": pages,
            "done": options.get("done"),
            "requests": self._read_requests(access),
            "proposals": proposals,
        }

    @route(
        [f"{ROOT}/invoices", f"{ROOT}/invoices/page/<int:page>"],
        type="http",
        auth="public",
        website=True,
    )
    def collections_invoices(self, page=1, access_token=None, account=None):
        """Show all invoices and credit notes, newest first."""
        access = get_access(access_token, account)
        if not access:
            return self._ask_to_log_in()
        domain = access.account._get_invoices_domain(access.customer)
        # sudo: the domain says what the contact may see
        moves = request.env["account.move"].sudo()
        pages = pager(
            url=f"{ROOT}/invoices",
            url_args=access.url_args,
            total=moves.search_count(domain),
            page=page,
            step=PAGE,
        )
        found = moves.search(
            domain, limit=PAGE, offset=pages["offset"], order="invoice_date desc, id desc"
        )
        values = {
            **self._get_common_values(access, "invoices"),
            "invoices": found,
            "pager": pages,
        }
        return secure(request.render("collections_portal.page_invoices", values))

    @route(f"{ROOT}/invoices/<int:move_id>/pdf", type="http", auth="public", website=True)
    def collections_invoice_pdf(self, move_id, access_token=None, account=None):
        """Download an invoice."""
        access = get_access(access_token, account)
        if not access:
            return self._ask_to_log_in()
        move = access.account._find_invoice(access.customer, move_id)
        if not move:
            raise NotFound
        [document, *_others] = move._get_invoice_legal_documents_all(allow_fallback=True)
        return self._send_file(document["filename"], document["content"], "application/pdf")

    # ------------------------------------------------------------
    # Statements
    # ------------------------------------------------------------

    @route(f"{ROOT}/statement.pdf", type="http", auth="public", website=True)
    def collections_statement_pdf(self, access_token=None, account=None, **period):
        """Download the statement of account as PDF: of open items, or of a period."""
        access = self._get_whole_access(access_token, account)
        if not access:
            return self._ask_to_log_in()
        name, content = access.customer._print_statement(self._get_period(**period))
        return self._send_file(name, content, "application/pdf")

    @route(f"{ROOT}/statement.xlsx", type="http", auth="public", website=True)
    def collections_statement_xlsx(self, access_token=None, account=None, **period):
        """Stream the same as Excel workbook."""
        access = self._get_whole_access(access_token, account)
        if not access:
            return self._ask_to_log_in()
        customer, span = access.customer, self._get_period(**period)
        lang = customer._get_statement_lang(access.contact)
        workbook = customer.env["collection.statement.workbook"].with_context(lang=lang)
        name = f"{customer._get_statement_name(span)}.xlsx"
        return secure(
            stream_workbook(name, lambda file: workbook._write_workbook(file, customer, span))
        )

    def _get_whole_access(self, access_token, account):
        """Return the access of who may see the whole account.

        :raises NotFound: for a contact who sees only its own invoices
        """
        access = get_access(access_token, account)
        if access and access.contact._is_portal_restricted():
            raise NotFound
        return access

    @staticmethod
    def _get_period(date_from=None, date_to=None, **_others):
        """Return first and last day of a period, or None for what is open.

        :raises NotFound: when it is no period
        """
        if not date_from and not date_to:
            return None
        try:
            first, last = fields.Date.to_date(date_from), fields.Date.to_date(date_to)
        except ValueError:
            raise NotFound from None
        if not first or not last or first > last:
            raise NotFound
        return first, last

    @staticmethod
    def _send_file(name, content, content_type):
        return secure(
            request.make_response(
                content,
                headers=[
                    ("Content-Type", content_type),
                    ("Content-Length", len(content)),
                    ("X-Content-Type-Options", "nosniff"),
                    ("Content-Disposition", content_disposition(name)),
                ],
            )
        )

    # ------------------------------------------------------------
    # Conversation
    # ------------------------------------------------------------

    @route(
        [f"{ROOT}/messages", f"{ROOT}/messages/page/<int:page>"],
        type="http",
        auth="public",
        website=True,
    )
    def collections_messages(self, page=1, access_token=None, account=None, **_options):
        """Show the conversation with the collector: the newest at the end of the first page."""
        access = get_access(access_token, account)
        if not access:
            return self._ask_to_log_in()
        pages = pager(
            url=f"{ROOT}/messages",
            url_args=access.url_args,
            total=self._find_messages(access).search_count(self._get_messages_domain(access)),
            page=page,
            step=PAGE,
        )
        token = access.token or access.customer._get_portal_token(access.contact)
        values = {
            **self._get_common_values(access, "messages"),
            "messages": self._read_messages(access, PAGE, pages["offset"]),
            "pager": pages,
            # an older page stays as it is
            "channel": not pages["offset"] and f"collections_portal:{token}",
        }
        return secure(request.render("collections_portal.page_messages", values))

    @route(f"{ROOT}/messages/list", type="http", auth="public", website=True)
    def collections_message_list(self, access_token=None, account=None):
        """Return the conversation alone: what an open page shows anew."""
        access = get_access(access_token, account)
        if not access:
            raise NotFound
        values = {
            "access": access,
            "messages": self._read_messages(access, PAGE),
        }
        return secure(request.render("collections_portal.message_list", values))

    @route(
        f"{ROOT}/messages/<int:message_id>/<int:file_id>", type="http", auth="public", website=True
    )
    def collections_message_file(self, message_id, file_id, access_token=None, account=None):
        """Download a file of a message, never shown within our pages."""
        access = get_access(access_token, account)
        if not access:
            return self._ask_to_log_in()
        message = self._find_messages(access).search(
            [*self._get_messages_domain(access), ("id", "=", message_id)]
        )
        file = message.attachment_ids.filtered(lambda file: file.id == file_id)
        if not file:
            raise NotFound
        # sudo: the message is one that the contact may see
        stream = request.env["ir.binary"].sudo()._get_stream_from(file)
        stream.mimetype = "application/octet-stream"
        response = stream.get_response(as_attachment=True, max_age=0)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return secure(response)

    def _find_messages(self, access):
        # sudo: the conversation is the customer's own
        return access.customer.env["mail.message"].sudo()

    def _get_messages_domain(self, access):
        return access.customer._get_portal_messages_domain(access.contact)

    def _read_messages(self, access, limit, offset=0):
        """Return the newest messages of the conversation, oldest first."""
        found = self._find_messages(access).search(
            self._get_messages_domain(access), order="id desc", limit=limit, offset=offset
        )
        return found.sorted("id")

    # ------------------------------------------------------------
    # What pages have in common
    # ------------------------------------------------------------

    def _ask_to_log_in(self):
        return request.redirect(f"/web/login?redirect={ROOT}")

    def _get_common_values(self, access, tab):
        return {
            **(self._prepare_portal_layout_values() if not access.token else {}),
            "page_name": "collections",
            "access": access,
            "customer": access.customer,
            "company": access.customer.company_id,
            "contact": access.contact,
            "restricted": access.contact._is_portal_restricted(),
            "tab": tab,
            "today": access.customer.company_id._get_collection_today(),
            "no_breadcrumbs": bool(access.token),
        }

    def _prepare_sums(self, access, sums):
        """Return the sums of each currency with its currency and the ageing as parts of 100."""
        company = access.customer.company_id
        buckets = access.customer.env["collection.bucket"]._get_of_company(company)
        currencies = access.customer.env["res.currency"]
        prepared = []
        for row in sums:
            owed = row["overdue"] + row["not_due"]
            prepared.append(
                {
                    **row,
                    "currency": currencies.browse(row["currency_id"]),
                    "ageing": [
                        {
                            "name": bucket.with_context(lang=request.env.lang).name,
                            "amount": row[f"bucket_{bucket.id}"],
                            "share": 100 * float(row[f"bucket_{bucket.id}"]) / float(owed),
                        }
                        for bucket in buckets
                        if owed and row[f"bucket_{bucket.id}"]
                    ],
                }
            )
        return prepared

    def _prepare_items(self, access, rows, proposals):
        """Return the items with what they mean for the customer.

        :param proposals: collection.plan: what is said of their items is not that they are in a plan
        """
        content = access.customer.env["collection.notice.content"].with_context(
            lang=request.env.lang
        )
        currencies = access.customer.env["res.currency"]
        savings = self._read_savings(access, rows)
        proposed = {f"{plan._name},{plan.id}": plan for plan in proposals}
        return [
            {
                **row,
                "currency": currencies.browse(row["currency_id"]),
                "saving": savings.get(row["move_line_id"]),
                "title": content._get_document_name(row),
                "status": self._get_item_status(row, content, proposed.get(row["origin"])),
                "has_pdf": row["move_type"] != "entry",
            }
            for row in rows
        ]

    def _read_savings(self, access, rows):
        """Return what the payment terms let off of some items: dict id of the item -> amount."""
        today = access.customer.company_id._get_collection_today()
        open_still = [
            row["move_line_id"]
            for row in rows
            if row["discount_date"] and row["discount_date"] >= today
        ]
        # sudo: they were found among what the contact may see
        lines = access.customer.env["account.move.line"].sudo().browse(open_still)
        return access.customer.env["collection.portal.order"].sudo()._get_savings(lines)

    def _prepare_next_dates(self, access, rows):
        """Return the next dates with words for the customer."""
        _ = request.env._
        env = access.customer.env
        plans = env["collection.plan"].browse(row["plan_id"] for row in rows if row["plan_id"])
        # of an instalment that was paid in part, what is left of it
        left = {
            (line.plan_id.id, line.number): line.remaining_amount
            for line in plans.line_ids.filtered("begun")
        }
        prepared = []
        for row in rows:
            if row["kind"] == "due":
                count = row["count"]
                text = _("An invoice is due") if count == 1 else _("%s invoices are due", count)
            elif row["kind"] == "promise":
                text = _("You promised to pay")
            else:
                text = _("Instalment %s of your payment plan", row["number"])
            prepared.append(
                {
                    **row,
                    "text": text,
                    "amount": left.get((row["plan_id"], row["number"]), row["amount"]),
                    "currency": env["res.currency"].browse(row["currency_id"]),
                }
            )
        return prepared

    def _get_item_status(self, row, content, proposal=None):
        """Return text and colour of what an item's state means for the customer."""
        _ = request.env._
        if row["residual_currency"] < 0:
            return _("In your favour"), "success"
        if proposal and proposal._is_offer():
            end = content._format_day(proposal._get_offer_end())
            return _("Pay until %s and save", end), "success"
        if proposal:
            return _("In the plan that we propose"), "warning"
        until = row["until"] and content._format_day(row["until"])
        held = {
            "promised": _("You promised to pay"),
            "payment_reported": _("You told us that it is paid: we are looking for it"),
            "disputed": _("You disputed it: we are looking into it"),
            "in_plan": _("In your payment plan"),
            "in_action": _("Please call us"),
        }
        if row["kind"] in held:
            text = held[row["kind"]]
            if row["kind"] == "promised" and until:
                text = _("You promised to pay until %s", until)
            return text, "warning" if row["kind"] == "in_action" else "info"
        text = content._get_due_text(row["days_overdue"])
        return text, "danger" if row["days_overdue"] > 0 else "light"

    def _read_proposals(self, access):
        """Return the plans that wait for the customer's answer, and offers that were accepted.

        A restricted contact decides none.
        """
        plans = access.customer.env["collection.plan"]
        if access.contact._is_portal_restricted():
            return plans
        return plans.with_context(lang=request.env.lang).search(
            [
                ("customer_id", "=", access.customer.id),
                "|",
                ("state", "=", "proposed"),
                *("&", "&"),
                ("state", "=", "active"),
                ("instalment_count", "=", 1),
                ("discount_amount", ">", 0),
            ]
        )

    def _read_requests(self, access):
        """Return what the customer asked for lately, newest first."""
        # sudo: the customer's own
        requests = access.customer.env["collection.portal.request"].sudo()
        return requests.with_context(lang=request.env.lang).search(
            [("customer_id", "=", access.customer.id), ("contact_id", "=", access.contact.id)]
            if access.contact._is_portal_restricted()
            else [("customer_id", "=", access.customer.id)],
            limit=5,
        )

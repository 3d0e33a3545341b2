import re
from collections import defaultdict
from urllib.parse import quote

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import SQL, format_amount, format_date

from .collection_hold import HOLD_KINDS

# Documents that Odoo's portal shows.
PORTAL_TYPES = ("out_invoice", "out_refund", "out_receipt")
# Open items that a notice keeps quiet about: held, not ours to ask for, or never received.
KEPT_QUIET = (
    "credit",
    "no_partner",
    "non_trade",
    "excluded",
    "journal_entry",
    "not_delivered",
    *(kind for kind, _label in HOLD_KINDS),
)
# Of the other open items a message names so many and sums up the rest: mail readers cut long ones.
OTHERS_NAMED = 20
# A short message (WhatsApp) names items up to so many characters of its link's address.
SHORT_LENGTH = 1000


class CollectionNoticeContent(models.AbstractModel):
    """What a notice says: the items it names, the others, credits, the net, how to pay.

    Templates reach it as ``object.notice_id``; texts are in the notice's language. Amounts are
    the ledger's of this moment. A batch of notices costs two queries, however many there are.
    """

    _name = "collection.notice.content"
    _description = "Content of a Notice"

    greeting = fields.Char(
        compute="_compute_words", help="For message templates: how the recipient is addressed."
    )
    claimed_text = fields.Char(
        string="Amount at the Step",
        compute="_compute_words",
        help="For message templates: the items at this step, one amount per currency.",
    )
    net_text = fields.Char(
        string="Net Amount",
        compute="_compute_words",
        help="For message templates: the items at this step and other overdue ones, less credits; "
        "one amount per currency.",
    )
    debit_text = fields.Char(
        string="Debits",
        compute="_compute_words",
        help="For message templates of direct debits: what will be debited on which days.",
    )
    items_html = fields.Html(
        string="Items",
        compute="_compute_words",
        sanitize=False,
        help="For message templates: the tables of items, credits and net, how to pay and whom "
        "to call.",
    )

    @api.depends(
        "lang", "line_ids.live", "line_ids.residual_currency", "line_ids.step_id", "recipient_id"
    )
    @api.depends_context("collection_print")
    def _compute_words(self):
        items = self._with_open_items().env.context["collection_open_items"]
        online = self._get_online_companies().ids
        for notice in self:
            worded = notice.with_context(
                lang=notice.lang or self.env.lang, collection_online_ids=online
            )
            groups = worded._get_item_groups(items.get(notice.customer_id.id, []))
            notice.update(worded._prepare_words(groups))

    def _prepare_words(self, groups):
        """Hook: the texts of a notice.

        :param groups: what ``_get_item_groups`` returns
        :return: dict of values by field
        """
        self.ensure_one()
        asked = [group for group in groups if group["step_items"]]
        return {
            "greeting": self._get_greeting(),
            "claimed_text": self._join_amounts(asked, "claimed"),
            "net_text": self._join_amounts(asked, "net"),
            "debit_text": self._get_debit_text(asked),
            "items_html": self._render_items(groups),
        }

    def _render_items(self, groups):
        """Render the tables of the message in the language of the context."""
        content = self.env["ir.qweb"]._render(
            "collections_management.notice_items",
            self._prepare_items_values(groups),
            lang=self.env.lang,
            minimal_qcontext=True,
        )
        # the template's indentation: a third of the text that is cleaned, kept and sent
        return Markup(re.sub(r">\s+<", "><", content))

    # ------------------------------------------------------------
    # Open items
    # ------------------------------------------------------------

    def _with_open_items(self):
        """Return these notices with their customers' open items in the context.

        The composer cleans all caches after every 50 messages: what is read once for a batch is
        handed on to it like this. Items in the context already are kept.

        :return: self with ``collection_open_items``, see ``_read_open_items``, in the context
        """
        known = self.env.context.get("collection_open_items", {})
        if known.keys() >= set(self.customer_id.ids):
            return self
        items = self._read_open_items(self.customer_id)
        if not self.env.context.get("collection_print"):
            self._ensure_access_tokens(items.values())
        return self.with_context(collection_open_items=items)

    @api.model
    def _read_open_items(self, customers):
        """Read all open items of some customers as they are now, in one query a company.

        :param customers: collection.customer
        :return: dict customer id -> list of rows (dict) in order of due date: the columns of
            ``collection.due.item`` that are read here, ``name``, ``move_type``,
            ``payment_reference``, ``access_token``, ``is_payment`` and ``non_trade``
        """
        DueItem = self.env["collection.due.item"]
        DueItem._flush_decision()
        self._flush_documents()
        items = {id_: [] for id_ in customers.ids}
        for company, files in customers.grouped("company_id").items():
            date, ids = company._get_collection_today(), SQL("%s", tuple(files.ids))
            query = DueItem._get_query(date, ids, nets=DueItem._get_nets_sql(date, ids))
            for row in self.env.execute_query_dict(self._get_items_sql(query)):
                items[row["customer_id"]].append(row)
        return items

    @api.model
    def _flush_documents(self):
        """Write what is told of documents to the database."""
        self.env["account.move"].flush_model(
            [
                "access_token",
                "move_type",
                "name",
                "origin_payment_id",
                "payment_reference",
                "ref",
                "statement_line_id",
            ]
        )
        self.env["account.move.line"].flush_model(["name"])

    @api.model
    def _get_items_sql(self, query):
        """Return the query of the open items with what a message tells of their documents.

        :param SQL query: the decision (``collection.due.item._get_query``)
        """
        return SQL(
            """
            SELECT item.customer_id, item.move_line_id, item.move_id, item.currency_id,
                   item.amount_currency, item.claimable_currency AS residual_currency,
                   item.residual_currency AS open_currency,
                   item.residual_currency - item.claimable_currency AS disputed_currency,
                   item.date_invoice,
                   item.date_due, item.days_overdue, item.bucket_id, item.decision,
                   item.round_number,
                   %(document)s,
                   move.move_type, move.payment_reference, move.access_token,
                   COALESCE(account.non_trade, FALSE) AS non_trade
              FROM (%(query)s) item
              JOIN account_move move ON move.id = item.move_id
              JOIN account_move_line line ON line.id = item.move_line_id
              JOIN account_account account ON account.id = item.account_id
             ORDER BY item.date_due, item.move_line_id
            """,
            document=self._get_document_sql(),
            query=query,
        )

    @api.model
    def _get_document_sql(self):
        """What a document is called, and whether it is a payment: columns of ``move``, ``line``."""
        return SQL(
            """
            CASE WHEN move.move_type = 'entry'
                 THEN COALESCE(NULLIF(line.name, ''), NULLIF(move.ref, ''), move.name)
                 ELSE move.name END AS name,
            move.origin_payment_id IS NOT NULL
            OR move.statement_line_id IS NOT NULL AS is_payment
            """
        )

    def _get_item_groups(self, items):
        """Return what the message says, one group per currency (see ``_group_items``).

        :param items: the customer's open items, from ``_read_open_items``
        """
        self.ensure_one()
        named = {
            line.move_line_id.id for line in self._get_live_lines() if line.step_id == self.step_id
        }
        return self._group_items(self._with_instalments(items), named)

    def _with_instalments(self, items):
        """Return open items with the instalments that the notice asks for in place of their invoices.

        :param items: rows of ``_read_open_items``
        """
        lines = self._get_live_lines().filtered(lambda line: line.round_number < 0)
        if not lines:
            return items
        by_line = {item["move_line_id"]: item for item in items}
        rows = [item for item in items if item["move_line_id"] not in lines.move_line_id.ids]
        for number, group in lines.grouped("round_number").items():
            # sudo: what a customer is asked for is the same for everyone
            asked = self.env["collection.plan.line"].sudo().browse(-number).exists()
            item = next((by_line[id_] for id_ in group.move_line_id.ids if id_ in by_line), None)
            if asked and item:
                rows += [
                    {**item, **part._prepare_notice_row()} for part in asked._get_due_with()[asked]
                ]
        return sorted(rows, key=lambda item: (item["date_due"], item["move_line_id"]))

    @api.model
    def _group_items(self, items, named):
        """Return what is said of a customer's items, one group per currency; claims come first.

        :param items: the customer's open items, from ``_read_open_items``
        :param set named: ids of the journal items that the message is about
        :return: list of dicts: ``currency``; ``step_items`` (named at this step),
            ``other_overdue``, ``other_upcoming`` and ``credits``, lists of rows; and in the
            currency ``claimed`` (the sum at this step), ``overdue`` (the other overdue),
            ``upcoming``, ``credit`` (negative) and ``net`` (claimed and overdue less credits, at
            least 0)
        """
        by_currency = defaultdict(list)
        for item in items:
            by_currency[item["currency_id"]].append(item)
        groups = [
            self._prepare_group(self.env["res.currency"].browse(currency_id), rows, named)
            for currency_id, rows in by_currency.items()
        ]
        groups = [
            group
            for group in groups
            if any(
                group[part] for part in ("step_items", "other_overdue", "other_upcoming", "credits")
            )
        ]
        return sorted(groups, key=lambda group: not group["step_items"])

    @api.model
    def _prepare_group(self, currency, items, named):
        """Sort the open items of one currency into what is said of them.

        :param currency: res.currency
        :param items: rows of ``_read_open_items``
        :param set named: ids of the journal items at this step
        """
        owed = [item for item in items if item["residual_currency"] > 0]
        step_items = [item for item in owed if item["move_line_id"] in named]
        others = [
            item
            for item in owed
            if item["move_line_id"] not in named
            and item["decision"] not in KEPT_QUIET
            # in a plan whose instalment is not said here
            and item["round_number"] >= 0
        ]
        parts = {
            "step_items": step_items,
            "other_overdue": [item for item in others if item["days_overdue"] > 0],
            "other_upcoming": [item for item in others if item["days_overdue"] <= 0],
            "credits": [
                item for item in items if item["decision"] == "credit" and not item["non_trade"]
            ],
        }
        sums = {
            part: sum(item["residual_currency"] for item in rows) for part, rows in parts.items()
        }
        net = sums["step_items"] + sums["other_overdue"] + sums["credits"]
        return {
            **parts,
            "currency": currency,
            "claimed": sums["step_items"],
            "overdue": sums["other_overdue"],
            "upcoming": sums["other_upcoming"],
            "credit": sums["credits"],
            "net": max(currency.round(net), 0.0),
        }

    # ------------------------------------------------------------
    # Sentences
    # ------------------------------------------------------------

    def _get_tone(self):
        """Return how the notice speaks: ``upcoming``, ``overdue``, ``debit`` (it is announced) or
        ``returned`` (a direct debit that did not come through).
        """
        self.ensure_one()
        upcoming = self.step_id.phase == "upcoming"
        # instalments are paid, also by customers whose invoices are debited
        if not self.step_id.is_instalment and self.step_id.strategy_id.is_direct_debit:
            return "debit" if upcoming else "returned"
        return "upcoming" if upcoming else "overdue"

    def _join_amounts(self, groups, key):
        """Return the amounts of some groups as one text, one per currency."""
        return " + ".join(
            format_amount(self.env, group[key], group["currency"]) for group in groups
        )

    def _get_debit_text(self, groups):
        """Return what will be debited on which days, earliest first."""
        if self._get_tone() != "debit":
            return False
        debits = defaultdict(float)
        for group in groups:
            for item in group["step_items"]:
                debits[item["date_due"], group["currency"]] += item["residual_currency"]
        return ", ".join(
            self.env._(
                "%(amount)s on %(date)s",
                amount=format_amount(self.env, amount, currency),
                date=format_date(self.env, date),
            )
            for (date, currency), amount in sorted(debits.items(), key=lambda debit: debit[0][0])
        )

    def _get_due_text(self, days_overdue):
        """Return how far a due date is, past or future."""
        if days_overdue > 1:
            return self.env._("%s days overdue", days_overdue)
        texts = {
            1: self.env._("1 day overdue"),
            0: self.env._("today"),
            -1: self.env._("tomorrow"),
        }
        return texts.get(days_overdue) or self.env._("in %s days", -days_overdue)

    @api.model
    def _get_short_lines(self, groups):
        """Return the named items as lines of text with links, as many as fit a short message.

        :param groups: from ``_group_items``
        :return: list of str; the last ones sum up what is not named, and credits
        """
        links = self._get_portal_links(groups)
        lines, left = [], SHORT_LENGTH
        for group in groups:
            items, currency = group["step_items"], group["currency"]
            for index, item in enumerate(items):
                row = self._prepare_row(item, currency, links)
                line = f"• {row['name']} · {row['due']} · {row['open']}"
                named = [line, row["url"]] if row["url"] else [line]
                left -= sum(len(quote(text)) for text in named)
                if left < 0 and index:
                    lines.append(self._get_more_text(items[index:], currency))
                    break
                lines += named
            if items and group["credits"]:
                credit = format_amount(self.env, group["credit"], currency)
                lines.append(self.env._("In your favour: %s", credit))
        return lines

    # ------------------------------------------------------------
    # Values of the template notice_items
    # ------------------------------------------------------------

    def _prepare_items_values(self, groups):
        """Hook: the values of the template ``notice_items``.

        :param groups: what ``_get_item_groups`` returns
        """
        self.ensure_one()
        tone = self._get_tone()
        paper = bool(self.env.context.get("collection_print"))
        # on paper a link is of no use, and attached invoices need none
        with_links = not (paper or self.step_id.attach_invoices)
        links = self._get_portal_links(groups) if with_links else {}
        return {
            "notice": self,
            "env": self.env,
            "tone": tone,
            "paper": paper,
            "groups": [self._prepare_group_values(group, links) for group in groups],
            "several": len(groups) > 1,
            "bank_accounts": self.env["res.partner.bank"]
            if tone == "debit"
            else self._get_bank_accounts(groups),
            "payment_reference": self._get_payment_reference(groups),
            "with_links": bool(links),
            "can_pay_online": bool(links)
            and tone != "debit"
            and self.company_id.id in self.env.context.get("collection_online_ids", ()),
            "contact": self._prepare_contact_values(),
            "color": self.company_id.email_secondary_color or "#875A7B",
        }

    def _prepare_group_values(self, group, links):
        """Return a group with its amounts and rows as texts.

        :param dict group: of ``_get_item_groups``
        :param dict links: portal addresses by move id
        """
        currency = group["currency"]
        values = {
            "currency": currency,
            **{
                key: format_amount(self.env, group[key], currency)
                for key in ("claimed", "overdue", "upcoming", "credit", "net")
            },
            "nothing_to_pay": not group["net"],
        }
        for part in ("step_items", "other_overdue", "other_upcoming", "credits"):
            items = group[part]
            kept = len(items) if part == "step_items" else OTHERS_NAMED
            values[part] = [self._prepare_row(item, currency, links) for item in items[:kept]]
            values[f"{part}_more"] = self._get_more_text(items[kept:], currency)
        return values

    def _prepare_row(self, item, currency, links):
        """Return the texts of one open item; ``url`` is empty where there is no link.

        The original ``amount`` is told only where part of it has been paid.
        """
        original, residual = item["amount_currency"], item["residual_currency"]
        disputed = item.get("disputed_currency") or 0.0
        return {
            "credit": residual < 0,
            "name": self._get_document_name(item),
            "url": links.get(item["move_id"]),
            "date": self._format_day(item["date_invoice"]),
            "due": self._format_day(item["date_due"]),
            "when": self._get_due_text(item["days_overdue"]),
            "amount": format_amount(self.env, original, currency)
            if currency.compare_amounts(original, residual)
            else False,
            "open": format_amount(self.env, residual, currency),
            # named, so that nobody takes it for a part that was paid
            "disputed": format_amount(self.env, disputed, currency)
            if not currency.is_zero(disputed)
            else False,
        }

    def _format_day(self, date):
        """Return a date as text; the messages of a batch name the same days over and over."""
        texts = self.env.cr.cache.setdefault("collection_days", {})
        key = (self.env.lang, date)
        if key not in texts:
            texts[key] = format_date(self.env, date)
        return texts[key]

    def _get_document_name(self, item):
        """Return how a document is called to the customer; payments have numbers only for us."""
        if item["is_payment"] and item["residual_currency"] < 0:
            return self.env._("Payment")
        return item["name"] or ""

    def _get_movement_name(self, row):
        """Return how a movement is called to the customer, with what a payment was for.

        :param dict row: of ``collection.statement.ledger``
        """
        if not row["is_payment"]:
            return row["name"] or ""
        incoming = row["amount_currency"] < 0
        name = self.env._("Payment") if incoming else self.env._("Payment returned or refunded")
        return f"{name} · {row['reference']}" if row["reference"] else name

    def _get_more_text(self, items, currency):
        """Return the line that sums up the items that are not named one by one."""
        if not items:
            return False
        return self.env._(
            "and %(count)s more, %(amount)s in all",
            count=len(items),
            amount=format_amount(
                self.env, sum(item["residual_currency"] for item in items), currency
            ),
        )

    def _get_portal_links(self, groups):
        """Return the addresses at which the customer finds the documents, by move id.

        They need no login: each carries its document's own token.
        """
        items = [
            item
            for group in groups
            for part in ("step_items", "other_overdue", "other_upcoming", "credits")
            for item in group[part]
            if item["move_type"] in PORTAL_TYPES
        ]
        base_url = self.get_base_url()
        return {
            item["move_id"]: (
                f"{base_url}/my/invoices/{item['move_id']}?access_token={item['access_token']}"
            )
            for item in items
        }

    @api.model
    def _ensure_access_tokens(self, items_by_customer):
        """Give a portal token to the documents that have none, all in one statement.

        :param items_by_customer: iterable of lists of rows of ``_read_open_items``
        """
        items = [
            item
            for rows in items_by_customer
            for item in rows
            if item["move_type"] in PORTAL_TYPES and not item["access_token"]
        ]
        missing = {item["move_id"] for item in items}
        if not missing:
            return
        # as portal.mixin's _portal_ensure_token, which writes record by record
        tokens = dict(
            self.env.execute_query(
                SQL(
                    "UPDATE account_move SET access_token = gen_random_uuid()::text "
                    "WHERE id IN %s AND access_token IS NULL RETURNING id, access_token",
                    tuple(missing),
                )
            )
        )
        self.env["account.move"].browse(missing).invalidate_recordset(["access_token"], flush=False)
        for item in items:
            item["access_token"] = tokens.get(item["move_id"])

    def _get_bank_accounts(self, groups):
        """Return where to pay what the groups claim (res.partner.bank, may be empty).

        A currency is paid to the company's account in that currency, if it has one.
        """
        company = self.company_id
        # sudo: a message shows the company's own accounts
        accounts = company.sudo().partner_id.bank_ids
        default = company.sudo().collection_bank_account_id or accounts[:1]
        found = accounts.browse()
        for group in groups:
            if not group["step_items"]:
                continue
            currency = group["currency"]
            own = accounts.filtered(
                lambda account, currency=currency: account.currency_id == currency
            )
            found |= default if default in own else own[:1] or default
        return found

    def _get_payment_reference(self, groups):
        """Return what the customer writes on a transfer; empty: the numbers of the documents."""
        references = {
            item["payment_reference"] or item["name"]
            for group in groups
            for item in group["step_items"]
        }
        return references.pop() if len(references) == 1 else False

    def _prepare_contact_values(self):
        """Hook: whom to call: ``name``, ``phone`` and ``email``, any of them may be empty."""
        # sudo: the customer may know the name and address of who looks after the account
        company, collector = self.company_id.sudo(), self.collector_id.sudo()
        return {
            "name": collector.name or company.name,
            "phone": company.collection_phone or company.phone,
            "email": collector.email or company.email,
        }

    def _get_online_companies(self):
        """Hook: the companies whose invoices can be paid on the portal; once a batch."""
        companies = self.company_id
        if "payment.provider" not in self.env:
            return companies.browse()
        # sudo: whoever writes the message need not know the providers
        providers = self.env["payment.provider"].sudo()
        return providers.search(
            [
                ("company_id", "in", companies.ids),
                ("state", "=", "enabled"),
                ("is_published", "=", True),
            ]
        ).company_id

    # ------------------------------------------------------------
    # On paper, and attached
    # ------------------------------------------------------------

    def _get_attachments(self):
        """Override of ``collection.delivery``: the PDFs that its step asks for."""
        self.ensure_one()
        attachments = self.env["ir.attachment"].sudo()
        if self.step_id.attach_invoices:
            attachments |= self._get_invoice_attachments()
        if self.step_id.attach_statement:
            attachments |= self._make_statement_attachment()
        return attachments

    def _get_invoice_attachments(self):
        """Return the PDFs of the invoices at this step, printed if Odoo has not kept them."""
        lines = self._get_live_lines().filtered(lambda line: line.step_id == self.step_id)
        return self._get_invoice_files(lines.move_id)

    def _make_statement_attachment(self):
        """Keep the statement of what is open, as it goes to the notice's contact."""
        name, content = self.customer_id._print_statement()
        return self._make_attachment(name, content)

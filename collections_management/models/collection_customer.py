from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError, UserError, ValidationError
from odoo.tools import SQL, email_normalize

from .account_move_line import OPEN_LINE
from .collection_notice_content import KEPT_QUIET
from .live_field import live_search

# Up to so many open items are decided before it is known which of them a page shows.
FEW_ITEMS = 80

# Live figures of a customer's file: SQL of each over the customer's open lines, in company
# currency; `open` stands for them (see _get_open_lines_sql).
FIGURES = {
    "balance": "sum(open.residual)",
    "overdue": "sum(open.residual) FILTER (WHERE open.residual > 0 AND open.due < {today})",
    "not_due": "sum(open.residual) FILTER (WHERE open.residual > 0 AND open.due >= {today})",
    "credits": "sum(open.residual) FILTER (WHERE open.residual < 0)",
    "oldest_due_date": "min(open.due) FILTER (WHERE open.residual > 0)",
    "days_overdue": "GREATEST({today} - min(open.due) FILTER (WHERE open.residual > 0), 0)",
    "open_item_count": "count(*)",
}
# Live counts of a customer's agreements: SQL of each, {file} is the file's id.
COUNTS = {
    "broken_promise_count": """(
        SELECT count(*)
          FROM collection_promise promise
         WHERE promise.customer_id = %(file)s AND promise.state = 'broken'
    )""",
}


class CollectionCustomer(models.Model):
    """The customer's file: one per commercial partner and main company.

    It says how the customer is treated; its chatter is the conversation, so answers land here.
    """

    _name = "collection.customer"
    _description = "Customer File"
    _inherit = ["collection.conversation", "mail.activity.mixin", "collection.customer.standing"]
    _rec_name = "partner_id"
    _rec_names_search = ["partner_id"]
    _order = "partner_id, id"
    _mail_post_access = "read"
    _check_company_auto = True

    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company.root_id,
        domain="[('parent_id', '=', False)]",
        help="The main company: branches share their customers' files.",
    )
    currency_id = fields.Many2one(related="company_id.currency_id", string="Company Currency")
    active = fields.Boolean(default=True)

    strategy_id = fields.Many2one(
        "collection.strategy", string="Scheme", index=True, tracking=True, check_company=True
    )
    strategy_manual = fields.Boolean(
        string="Scheme Chosen by Hand",
        tracking=True,
        help="The rules no longer change the scheme of this customer.",
    )
    collector_id = fields.Many2one(
        "res.users",
        index=True,
        tracking=True,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
    )
    salesperson_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    payments_contact_id = fields.Many2one(
        "res.partner",
        domain="[('commercial_partner_id', '=', partner_id)]",
        help="Who gets claims and notices. Empty: the invoice address.",
    )
    management_contact_id = fields.Many2one(
        "res.partner",
        domain="[('commercial_partner_id', '=', partner_id)]",
        help="Who gets the steps meant for the management. Empty: the payments contact.",
    )
    channel_id = fields.Many2one(
        "collection.channel",
        string="Preferred Channel",
        domain="[('is_message', '=', True)]",
        help="Messages go by this channel instead of the step's. Empty: as the step says.",
    )
    is_consumer = fields.Boolean(
        string="Consumer",
        tracking=True,
        help="A private person: a stricter contact policy applies.",
    )
    pilot = fields.Boolean(
        tracking=True,
        help="Among the first to get notices, where the company starts with pilot customers only.",
    )
    insolvent = fields.Boolean(
        tracking=True, help="Insolvency proceedings (concurso): claims stop."
    )
    insolvency_date = fields.Date(help="When the proceedings were declared.")
    pause_until = fields.Date(
        string="Paused Until", tracking=True, help="Nothing is claimed up to and on this day."
    )
    pause_reason = fields.Char(tracking=True)
    guidelines = fields.Html(help="How to treat this customer; shown where the collector works.")
    guarantees = fields.Text(
        help="What secures the debt: guarantors, credit insurance, retention of title..."
    )
    delay_reason_id = fields.Many2one(
        "collection.delay.reason",
        string="Reason for Delay",
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
        help="Why the customer is late, as it said last.",
    )
    wrong_data = fields.Boolean(
        string="Wrong Contact Data",
        tracking=True,
        help="A collector could reach nobody with the phone numbers and addresses there are.",
    )
    direct_debit = fields.Boolean(
        compute="_compute_direct_debit",
        search="_search_direct_debit",
        help="The customer's payment method is a direct debit.",
    )
    failure = fields.Char(
        string="Last Failure", help="Why the last run could not do its work for this customer."
    )
    decided_at = fields.Datetime(
        help="When notices were last made; it makes a second server see that it came late."
    )

    notice_id = fields.Many2one(
        "collection.notice",
        string="Notice Being Written",
        compute="_compute_notice_id",
        help="For message templates: the notice and what it says.",
    )
    short_greeting = fields.Char(
        compute="_compute_short_words",
        help="For WhatsApp messages: how the recipient is addressed.",
    )
    short_amount = fields.Char(
        compute="_compute_short_words",
        help="For WhatsApp messages: what the items come to, one amount per currency.",
    )
    short_items = fields.Html(
        compute="_compute_short_words",
        sanitize=False,
        help="For WhatsApp messages: the items of the notice, or all that is overdue, line by line "
        "with links; as many as fit.",
    )
    contact_mail_id = fields.Many2one(
        "collection.contact.mail",
        string="E-Mail After a Contact",
        compute="_compute_contact_mail_id",
        help="For message templates: the e-mail being written and the invoices that it brings.",
    )
    notice_ids = fields.One2many("collection.notice", "customer_id", string="Notices")
    reply_ids = fields.One2many("collection.reply", "customer_id", string="Replies")
    reply_count = fields.Integer(compute="_compute_replies")
    pending_reply_count = fields.Integer(string="Pending Replies", compute="_compute_replies")
    pending_reply_date = fields.Date(
        string="Waiting for a Reply Since",
        compute="_compute_replies",
        help="The customer answered on this day, and nothing is claimed until somebody replies.",
    )
    due_item_ids = fields.One2many("collection.due.item", "customer_id", string="Open Items")
    notice_count = fields.Integer(compute="_compute_notice_count")
    contact_ids = fields.One2many("collection.contact", "customer_id", string="Contacts")
    contact_count = fields.Integer(string="Contacts Registered", compute="_compute_contacts")
    last_contact_date = fields.Datetime(string="Last Contact", compute="_compute_contacts")
    reported_payment_ids = fields.One2many(
        "collection.reported.payment", "customer_id", string="Reported Payments"
    )
    reported_payment_count = fields.Integer(
        string="Open Reported Payments", compute="_compute_reported_payment_count"
    )
    promise_ids = fields.One2many("collection.promise", "customer_id", string="Promises")
    promise_count = fields.Integer(string="Open Promises", compute="_compute_promise_counts")
    broken_promise_count = fields.Integer(
        string="Broken Promises",
        compute="_compute_promise_counts",
        search=live_search("broken_promise_count"),
        help="How many promises to pay the customer has broken so far.",
    )
    dispute_ids = fields.One2many("collection.dispute", "customer_id", string="Disputes")
    dispute_count = fields.Integer(string="Open Disputes", compute="_compute_dispute_count")
    plan_ids = fields.One2many("collection.plan", "customer_id", string="Payment Plans")
    plan_count = fields.Integer(string="Open Plans", compute="_compute_plan_count")

    balance = fields.Monetary(
        compute="_compute_figures",
        search=live_search("balance"),
        help="All open items, less credits.",
    )
    overdue = fields.Monetary(
        compute="_compute_figures",
        search=live_search("overdue"),
        help="Open items past their due date.",
    )
    not_due = fields.Monetary(compute="_compute_figures", search=live_search("not_due"))
    credits = fields.Monetary(
        compute="_compute_figures",
        search=live_search("credits"),
        help="Credit notes and payments without invoice (negative).",
    )
    oldest_due_date = fields.Date(compute="_compute_figures", search=live_search("oldest_due_date"))
    days_overdue = fields.Integer(
        compute="_compute_figures", search=live_search("days_overdue"), aggregator="max"
    )
    open_item_count = fields.Integer(
        compute="_compute_figures", search=live_search("open_item_count")
    )

    _partner_company_unique = models.Constraint(
        "UNIQUE(partner_id, company_id)",
        "The customer already has a file in this company; open that one.",
    )

    # ------------------------------------------------------------
    # Open items
    # ------------------------------------------------------------

    def web_read(self, specification):
        """Override of ``web``: find few open items and decide them in one query, not in two."""
        customers = self
        columns = specification.get("due_item_ids", {}).get("fields")
        if columns and not self._have_more_items_than(FEW_ITEMS):
            # the company is what the rules of access read
            customers = self.with_context(collection_columns=("company_id", *columns))
        return super(CollectionCustomer, customers).web_read(specification)

    def _have_more_items_than(self, number):
        """Tell whether the files have more than ``number`` open items together, in any company."""
        self._flush_figures()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT FROM collection_customer file
                  JOIN res_partner relative ON relative.commercial_partner_id = file.partner_id
                  JOIN account_move_line line ON line.partner_id = relative.id
                 WHERE file.id IN %s AND %s
                 LIMIT %s
                """,
                tuple(self.ids) or (0,),
                SQL(OPEN_LINE.format("line.")),
                number + 1,
            )
        )
        return len(rows) > number

    # ------------------------------------------------------------
    # Live figures
    # ------------------------------------------------------------

    def _get_open_lines_sql(self, alias):
        """The open trade receivables of the file in table ``alias``: residual and due date."""
        return SQL(
            """
            SELECT line.amount_residual AS residual,
                   COALESCE(line.date_maturity, line.date) AS due
              FROM res_partner relative
              JOIN account_move_line line ON line.partner_id = relative.id
              JOIN account_account account ON account.id = line.account_id
             WHERE relative.commercial_partner_id = %(partner)s
               AND %(root)s = %(company)s
               AND account.account_type = 'asset_receivable'
               AND account.non_trade IS NOT TRUE
               AND %(open)s
            """,
            partner=SQL.identifier(alias, "partner_id"),
            root=self.env["res.company"]._get_root_sql(SQL.identifier("line", "company_id")),
            company=SQL.identifier(alias, "company_id"),
            open=SQL(OPEN_LINE.format("line.")),
        )

    def _get_figure_sql(self, name):
        today = fields.Date.context_today(self)
        return SQL(FIGURES[name].replace("{today}", "%(today)s"), today=today)

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of ``base``: the live figures are not stored, yet sort, filter and group."""
        if field_expr in COUNTS:
            self.env["collection.promise"].flush_model(["customer_id", "state"])
            return SQL(COUNTS[field_expr], file=SQL.identifier(alias, "id"))
        if field_expr not in FIGURES:
            return super()._field_to_sql(alias, field_expr, query)
        self._flush_figures()
        figure = self._get_figure_sql(field_expr)
        if self._fields[field_expr].type == "monetary":
            figure = SQL("COALESCE(%s, 0)", figure)
        return SQL("(SELECT %s FROM (%s) open)", figure, self._get_open_lines_sql(alias))

    def _flush_figures(self):
        self.env["account.move.line"].flush_model(
            [
                "account_id",
                "amount_residual",
                "amount_residual_currency",
                "company_id",
                "date",
                "date_maturity",
                "parent_state",
                "partner_id",
                "reconciled",
            ]
        )
        self.env["account.account"].flush_model(["account_type", "non_trade"])
        self.env["res.partner"].flush_model(["commercial_partner_id"])

    @api.depends("partner_id", "company_id")
    def _compute_figures(self):
        self._flush_figures()
        self.flush_recordset(["partner_id", "company_id"])
        rows = {}
        if self.ids:
            rows = {
                row["id"]: row
                for row in self.env.execute_query_dict(
                    SQL(
                        "SELECT file.id, figure.* FROM collection_customer file, "
                        "LATERAL (SELECT %s FROM (%s) open) figure WHERE file.id IN %s",
                        SQL(", ").join(
                            SQL("%s AS %s", self._get_figure_sql(name), SQL.identifier(name))
                            for name in FIGURES
                        ),
                        self._get_open_lines_sql("file"),
                        tuple(self.ids),
                    )
                )
            }
        for customer in self:
            row = rows.get(customer.id, {})
            for name in FIGURES:
                customer[name] = row.get(name) or False

    def _compute_notice_count(self):
        counts = dict(
            self.env["collection.notice"]._read_group(
                [("customer_id", "in", self.ids)], ["customer_id"], ["__count"]
            )
        )
        for customer in self:
            customer.notice_count = counts.get(customer, 0)

    @api.depends("contact_ids.state")
    def _compute_contacts(self):
        contacts = {
            customer: (count, last)
            for customer, count, last in self.env["collection.contact"]._read_group(
                [("customer_id", "in", self.ids), ("state", "=", "registered")],
                ["customer_id"],
                ["__count", "date:max"],
            )
        }
        for customer in self:
            customer.contact_count, customer.last_contact_date = contacts.get(customer, (0, False))

    @api.depends("reply_ids.state", "reply_ids.date")
    def _compute_replies(self):
        self.reply_count = self.pending_reply_count = 0
        self.pending_reply_date = False
        for customer, state, count, first in self.env["collection.reply"]._read_group(
            [("customer_id", "in", self.ids)],
            ["customer_id", "state"],
            ["__count", "date:min"],
        ):
            customer.reply_count += count
            if state == "pending":
                customer.pending_reply_count = count
                customer.pending_reply_date = first

    def _compute_reported_payment_count(self):
        reports = self.env["collection.reported.payment"]
        counts = dict(
            reports._read_group(
                [("customer_id", "in", self.ids), ("state", "in", reports._get_open_states())],
                ["customer_id"],
                ["__count"],
            )
        )
        for customer in self:
            customer.reported_payment_count = counts.get(customer, 0)

    def _compute_promise_counts(self):
        counts = {
            (customer, state): count
            for customer, state, count in self.env["collection.promise"]._read_group(
                [("customer_id", "in", self.ids)], ["customer_id", "state"], ["__count"]
            )
        }
        states = self.env["collection.promise"]._get_open_states()
        for customer in self:
            customer.promise_count = sum(counts.get((customer, state), 0) for state in states)
            customer.broken_promise_count = counts.get((customer, "broken"), 0)

    def _compute_dispute_count(self):
        disputes = self.env["collection.dispute"]
        counts = dict(
            disputes._read_group(
                [("customer_id", "in", self.ids), ("state", "in", disputes._get_open_states())],
                ["customer_id"],
                ["__count"],
            )
        )
        for customer in self:
            customer.dispute_count = counts.get(customer, 0)

    def _compute_plan_count(self):
        plans = self.env["collection.plan"]
        counts = dict(
            plans._read_group(
                [("customer_id", "in", self.ids), ("state", "in", plans._get_open_states())],
                ["customer_id"],
                ["__count"],
            )
        )
        for customer in self:
            customer.plan_count = counts.get(customer, 0)

    # ------------------------------------------------------------
    # Direct debit
    # ------------------------------------------------------------

    @api.depends("partner_id", "company_id")
    def _compute_direct_debit(self):
        for company, customers in self.grouped("company_id").items():
            for customer in customers:
                partner = customer.partner_id.with_company(company)
                method = partner.property_inbound_payment_method_line_id
                # sudo: the payment method's setting, whoever looks
                customer.direct_debit = method.sudo().collection_direct_debit

    def _search_direct_debit(self, operator, value):
        if operator != "in":
            return NotImplemented
        methods = (
            self.env["account.payment.method.line"]
            .sudo()
            .search([("collection_direct_debit", "=", True)])
        )
        # the partner's payment method is kept per company
        found = [
            ("company_id", "=", company.id)
            for company in self.env["res.company"].sudo().search([("parent_id", "=", False)])
        ]
        ids = []
        for leaf in found:
            company_id = leaf[2]
            ids += (
                self.with_company(company_id)
                .search(
                    [
                        leaf,
                        ("partner_id.property_inbound_payment_method_line_id", "in", methods.ids),
                    ]
                )
                .ids
            )
        return [("id", "in" if True in value else "not in", ids)]

    # ------------------------------------------------------------
    # Constraints and changes by hand
    # ------------------------------------------------------------

    @api.constrains("partner_id", "company_id")
    def _check_partner(self):
        for customer in self:
            if customer.company_id.parent_id:
                raise ValidationError(
                    self.env._(
                        "%(customer)s: a file belongs to the main company, because branches share "
                        "their customers. Choose %(company)s.",
                        customer=customer.partner_id.display_name,
                        company=customer.company_id.root_id.name,
                    )
                )
            commercial = customer.partner_id.commercial_partner_id
            if customer.partner_id != commercial:
                raise ValidationError(
                    self.env._(
                        "%(contact)s is a contact of %(customer)s: the file belongs to the "
                        "customer that is invoiced. Choose %(customer)s.",
                        contact=customer.partner_id.display_name,
                        customer=commercial.display_name,
                    )
                )

    def write(self, vals):
        """Override of ``base``: collectors treat their customers, supervisors assign them.

        A scheme that is written, but by the rules, is chosen by hand.
        """
        assigning = {"collector_id", "strategy_id", "strategy_manual"} & set(vals)
        if (
            assigning
            and not self.env.su
            and not self.env.user.has_group("collections_management.group_collection_supervisor")
        ):
            raise AccessError(
                self.env._(
                    "Only supervisors choose the collector and the scheme of a customer: ask "
                    "yours to change %(customer)s.",
                    customer=self[:1].partner_id.display_name,
                )
            )
        if (
            "strategy_id" in vals
            and "strategy_manual" not in vals
            and not self.env.context.get("collection_by_rules")
        ):
            # chosen in a list or an import, where the form's onchange is not called
            vals = dict(vals, strategy_manual=bool(vals["strategy_id"]))
        return super().write(vals)

    @api.constrains("pause_until", "pause_reason")
    def _check_pause_reason(self):
        for customer in self:
            if customer.pause_until and not customer.pause_reason:
                raise ValidationError(
                    self.env._(
                        "Say why %(customer)s is paused until %(date)s: colleagues will ask.",
                        customer=customer.partner_id.display_name,
                        date=fields.Date.to_string(customer.pause_until),
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_history(self):
        for customer in self:
            if customer.notice_count:
                raise UserError(
                    self.env._(
                        "The file of %(customer)s holds %(count)s notices and is kept as "
                        "evidence; archive it instead.",
                        customer=customer.partner_id.display_name,
                        count=customer.notice_count,
                    )
                )
            if customer.reply_count:
                raise UserError(
                    self.env._(
                        "The file of %(customer)s holds %(count)s replies and is kept as "
                        "evidence; archive it instead.",
                        customer=customer.partner_id.display_name,
                        count=customer.reply_count,
                    )
                )
            # sudo: as below
            if (
                self.env["collection.contact"]
                .sudo()
                .search_count([("customer_id", "=", customer.id)], limit=1)
            ):
                raise UserError(
                    self.env._(
                        "The file of %(customer)s contains contacts and is kept as evidence; archive it "
                        "instead.",
                        customer=customer.partner_id.display_name,
                    )
                )
            for name in self.env["collection.agreement"]._get_models():
                # sudo: what a person may not see is history all the same
                agreements = self.env[name].sudo()
                if agreement := agreements.search([("customer_id", "=", customer.id)], limit=1):
                    raise UserError(
                        self.env._(
                            "The file of %(customer)s contains %(agreement)s and is kept as evidence; "
                            "archive it instead.",
                            customer=customer.partner_id.display_name,
                            agreement=agreement.number,
                        )
                    )

    @api.onchange("strategy_id")
    def _onchange_strategy_id(self):
        self.strategy_manual = bool(self.strategy_id)

    # ------------------------------------------------------------
    # Making files
    # ------------------------------------------------------------

    @api.model
    def _create_missing(self, company, partners=None):
        """Make the files of ``company``'s customers with open receivables that have none.

        Set-based; a file made by another server meanwhile is left as it is.

        :param company: root res.company
        :param partners: res.partner (commercial) to restrict to; default: all
        :return: the files made, with scheme and collector
        """
        self._flush_figures()
        self.flush_model(["partner_id", "company_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT partner.commercial_partner_id
                  FROM account_move_line line
                  JOIN account_account account ON account.id = line.account_id
                  JOIN res_partner partner ON partner.id = line.partner_id
                 WHERE account.account_type = 'asset_receivable'
                   AND %(root)s = %(company)s
                   AND %(open)s
                   AND NOT EXISTS (
                        SELECT FROM collection_customer file
                         WHERE file.partner_id = partner.commercial_partner_id
                           AND file.company_id = %(company)s)
                   %(only)s
                """,
                root=self.env["res.company"]._get_root_sql(SQL.identifier("line", "company_id")),
                company=company.id,
                open=SQL(OPEN_LINE.format("line.")),
                only=SQL("AND partner.commercial_partner_id IN %s", tuple(partners.ids or [0]))
                if partners is not None
                else SQL(),
            )
        )
        return self._create_for_partners(company, [partner_id for [partner_id] in rows])

    @api.model
    def _create_for_partners(self, company, partner_ids):
        """Insert files for the given commercial partners, then give them scheme and collector."""
        if not partner_ids:
            return self.browse()
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                INSERT INTO collection_customer
                       (partner_id, company_id, active, is_consumer, insolvent, strategy_manual,
                        portfolio, create_uid, write_uid, create_date, write_date)
                SELECT partner.id, %(company)s, TRUE,
                       partner.is_company IS NOT TRUE AND partner.vat IS NULL,
                       FALSE, FALSE, 'normal', %(uid)s, %(uid)s, now() AT TIME ZONE 'UTC',
                       now() AT TIME ZONE 'UTC'
                  FROM res_partner partner
                 WHERE partner.id IN %(partners)s
                ON CONFLICT (partner_id, company_id) DO NOTHING
                RETURNING id
                """,
                company=company.id,
                uid=self.env.uid,
                partners=tuple(partner_ids),
            )
        )
        files = self.browse(id_ for [id_] in rows)
        self.env.invalidate_all()
        files._assign_strategies()
        files._assign_collectors()
        return files

    @api.model
    def _get_or_create(self, partner, company):
        """Return the file of a partner's commercial partner in ``company``'s root company."""
        partner = partner.commercial_partner_id
        company = company.root_id
        domain = [("partner_id", "=", partner.id), ("company_id", "=", company.id)]
        found = self.with_context(active_test=False).search(domain, limit=1)
        return found or self._create_for_partners(company, partner.ids) or self.search(domain)

    def _assign_strategies(self):
        """Give each file the scheme of the first rule that fits, unless chosen by hand."""
        for _company, customers in (
            self.filtered(lambda c: not c.strategy_manual).grouped("company_id").items()
        ):
            fitted = self.browse()
            for rule, found in self.env["collection.strategy.rule"]._match(customers):
                found._set_quietly("strategy_id", rule.strategy_id)
                fitted |= found
            (customers - fitted)._set_quietly("strategy_id", self.env["collection.strategy"])

    def _assign_collectors(self):
        """Give each file without collector the one of the first rule that fits.

        None fits: the company's supervisor.
        """
        for company, customers in (
            self.filtered(lambda c: not c.collector_id).grouped("company_id").items()
        ):
            left = customers
            for rule, found in self.env["collection.collector.rule"]._match(customers):
                found._set_quietly("collector_id", rule.user_id)
                left -= found
            left._set_quietly("collector_id", company.collection_supervisor_id)

    def _set_quietly(self, name, value):
        """Write a field where it differs, without a line in the conversation."""
        changed = self.filtered(lambda customer: customer[name] != value)
        if changed:
            changed.with_context(tracking_disable=True, collection_by_rules=True).write(
                {name: value.id}
            )

    # ------------------------------------------------------------
    # Messages: what templates find on the customer
    # ------------------------------------------------------------

    @api.depends_context("collection_notice_ids")
    def _compute_notice_id(self):
        """The notice that is being written, else the customer's latest one (for template tests)."""
        notices = self.env["collection.notice"]._get_being_written()
        by_customer = notices.grouped("customer_id")
        for customer in self:
            customer.notice_id = by_customer.get(customer, notices.browse())[:1] or (
                customer.notice_ids[:1] if not notices else notices.browse()
            )

    @api.depends_context("collection_contact_mail_ids")
    def _compute_contact_mail_id(self):
        """The e-mail that is being written, else an empty one (for template tests)."""
        mails = self.env["collection.contact.mail"]
        written = mails._get_being_written().grouped("customer_id")
        for customer in self:
            customer.contact_mail_id = written.get(customer, mails)[:1] or mails.new(
                {"customer_id": customer.id, "company_id": customer.company_id.id}
            )

    @api.depends_context("collection_notice_ids", "collection_recipient_id", "lang")
    def _compute_short_words(self):
        """What a short message says: of the notice being written, else of all that is overdue."""
        content = self.env["collection.notice"]
        items = content._read_open_items(self)
        content._ensure_access_tokens(items.values())
        written = content.browse(self.env.context.get("collection_notice_ids") or [])
        by_customer = written.grouped("customer_id")
        recipient = self.env["res.partner"].browse(self.env.context.get("collection_recipient_id"))
        for customer in self:
            rows = items.get(customer.id, [])
            notice = by_customer.get(customer)
            named = {row["move_line_id"] for row in rows if customer._may_remind(row)}
            groups = (
                notice[0]._get_item_groups(rows) if notice else content._group_items(rows, named)
            )
            asked = [group for group in groups if group["step_items"]]
            contact = recipient or customer._get_recipient(needs="phone")
            customer.short_greeting = content._greet(contact)
            customer.short_amount = content._join_amounts(asked, "claimed")
            customer.short_items = Markup("<br/>").join(content._get_short_lines(asked))

    @api.model
    def _may_remind(self, item):
        """Tell whether a person may remind the customer of an open item: overdue and not held.

        :param dict item: row of ``collection.notice.content._read_open_items``
        """
        return (
            item["days_overdue"] > 0
            and item["residual_currency"] > 0
            and item["decision"] not in (*KEPT_QUIET, "insolvent")
            # in a payment plan, an instalment is asked for at most
            and item["round_number"] >= 0
        )

    def _message_get_default_recipients(self, with_cc=False, all_tos=False):
        """Override of ``mail``: what is being written goes to the contact it was made for."""
        recipients = super()._message_get_default_recipients(with_cc=with_cc, all_tos=all_tos)
        for customer, contact in self._get_all_written_to().items():
            recipients[customer.id] = {
                "partner_ids": contact.ids,
                "email_to": "",
                "email_cc": "",
            }
        return recipients

    def _notify_get_reply_to_batch(self, defaults=None, author_ids=None):
        """Override of ``mail``: answers come to our own address.

        What comes to the catch-all address without naming the message it answers, Odoo sends back.
        """
        addresses = super()._notify_get_reply_to_batch(defaults=defaults, author_ids=author_ids)
        for customer in self:
            # sudo: whoever writes need not have rights on companies
            address = customer.sudo().company_id._get_collection_address()
            if address:
                addresses[customer.id] = self._notify_get_reply_to_formatted_email(
                    address, author_id=(author_ids or {}).get(customer.id)
                )
        return addresses

    # ------------------------------------------------------------
    # Replies
    # ------------------------------------------------------------

    def _receive(self, message, automatic):
        """Override: a person's message waits for an answer; a program's is only filed."""
        if not automatic:
            self.env["collection.reply"]._file(self, message)

    def _get_pending_replies(self):
        """Override: those of the customer."""
        return (
            self.env["collection.reply"]
            .sudo()
            .search([("customer_id", "in", self.ids), ("state", "=", "pending")])
        )

    def _find_author(self, address):
        """Override: a contact of the customer."""
        return self.env["res.partner"].search(
            [
                ("email_normalized", "=", email_normalize(address) or ""),
                ("commercial_partner_id", "=", self.partner_id.id),
            ],
            limit=1,
        )

    @api.model
    def _find_by_address(self, address, company):
        """Return the file of the only customer who has an e-mail address; several: none.

        :param str address: as in a mail's header
        :param company: res.company
        """
        email = email_normalize(address)
        if not email:
            return self.browse()
        partners = self.env["res.partner"].search([("email_normalized", "=", email)])
        found = self.with_context(active_test=False).search(
            [
                ("partner_id", "in", partners.commercial_partner_id.ids),
                ("company_id", "=", company.root_id.id),
            ],
            limit=2,
        )
        return found if len(found) == 1 else self.browse()

    def _file_report(self, message_dict):
        """Note on the conversations what a mail system says of a message that is not lost.

        :param dict message_dict: as the gateway has it
        """
        for company, customers in self.grouped("company_id").items():
            remark = company._in_own_language(self).env._(
                "Report on a message: %s", message_dict.get("subject") or ""
            )
            for customer in customers:
                customer._message_log(body=remark)

    def _make_bounce_task(self, address, cause):
        """Have the collectors correct an address from which messages come back: one task each.

        :param str address: normalised
        :param str cause: the mail system's words
        """
        task = "collections_management.activity_type_bounced"
        for customer in self.sudo():
            known = customer.activity_search([task], additional_domain=[("note", "ilike", address)])
            if known:
                continue
            company = customer.company_id
            worded = company._in_own_language(customer)
            responsible = customer.collector_id or company.collection_supervisor_id or self.env.user
            worded.with_context(mail_activity_quick_update=True).activity_schedule(
                task,
                date_deadline=company._get_collection_today(),
                summary=worded.env._("Correct the e-mail address: messages come back"),
                note=worded.env._(
                    "Messages to %(address)s come back: %(cause)s. Correct the address of the "
                    "contact, or choose another contact or channel; what came back is then sent again.",
                    address=address or worded.env._("this customer"),
                    cause=cause or worded.env._("the mail system does not say why"),
                ),
                user_id=responsible.id,
            )

    # ------------------------------------------------------------
    # Contacts
    # ------------------------------------------------------------

    def _get_recipient(self, role="payments", needs="email"):
        """Return the contact that a message is for.

        Management falls back to payments, payments to the invoice address; a contact without
        e-mail address (or what the channel needs) gives way to the customer itself.

        :param str role: ``payments`` or ``management``
        :param needs: field that the contact must have; falsy: none
        :rtype: res.partner
        """
        self.ensure_one()
        invoice = self.partner_id.browse(self.partner_id.address_get(["invoice"])["invoice"])
        choices = [self.payments_contact_id, invoice, self.partner_id]
        if role == "management":
            choices.insert(0, self.management_contact_id)
        choices = [choice for choice in choices if choice and choice.active]
        return next(
            (choice for choice in choices if not needs or choice[needs]),
            choices[0] if choices else self.partner_id,
        )

    def _get_lang(self, recipient):
        """Return the contact's language if it is installed, else the customer's or company's."""
        installed = {code for code, _name in self.env["res.lang"].get_installed()}
        choices = [
            recipient.lang,
            self.partner_id.lang,
            self.company_id.partner_id.lang,
            self.env.user.lang,
        ]
        return next((lang for lang in choices if lang in installed), "en_US")

    def _get_policy(self):
        """Return the contact policy that holds for the customer (may be empty)."""
        self.ensure_one()
        strategy = self.strategy_id
        if self.is_consumer and strategy.consumer_policy_id:
            return strategy.consumer_policy_id
        return strategy.policy_id

    def _mail_get_partner_fields(self, introspect_fields=False):
        """Override of ``mail``: whom to suggest when a person writes in the conversation."""
        return ["payments_contact_id", "partner_id"]

    # ------------------------------------------------------------
    # Moving files: partners merged or re-parented
    # ------------------------------------------------------------

    def _merge_into(self, target):
        """Move all that these files hold to ``target`` and delete them.

        What a person set on ``target`` stays; what is empty there is taken over.

        :param target: collection.customer of the same company
        """
        target.ensure_one()
        for model in (
            "collection.notice",
            "collection.reply",
            "collection.contact",
            "collection.contact.mail",
        ):
            # sudo: the history moves whole
            self.env[model].sudo().search([("customer_id", "in", self.ids)]).customer_id = target
        self.env["collection.agreement"]._move_to_file(self, target)
        for source in self:
            target.with_context(tracking_disable=True).write(source._prepare_merge_values(target))
            for model in ("mail.message", "mail.activity", "ir.attachment"):
                field = "model" if model == "mail.message" else "res_model"
                # sudo: the history moves whole, whoever wrote it
                self.env[model].sudo().search(
                    [(field, "=", self._name), ("res_id", "=", source.id)]
                ).write({"res_id": target.id})
            target.message_subscribe(partner_ids=source.message_partner_ids.ids)
        target.message_post(
            body=self.env._(
                "The file of %s was merged into this one.",
                ", ".join(self.partner_id.mapped("display_name")),
            )
        )
        self.env.flush_all()
        self.unlink()

    def _prepare_merge_values(self, target):
        """Hook: values that ``target`` takes over from this file."""
        self.ensure_one()
        values = {
            name: self[name].id
            for name in (
                "payments_contact_id",
                "management_contact_id",
                "channel_id",
                "collector_id",
            )
            if self[name] and not target[name]
        }
        if self.strategy_manual and not target.strategy_manual:
            values.update(strategy_id=self.strategy_id.id, strategy_manual=True)
        if self.pause_until and (not target.pause_until or self.pause_until > target.pause_until):
            values.update(pause_until=self.pause_until, pause_reason=self.pause_reason)
        for name in ("guarantees", "delay_reason_id"):
            if self[name] and not target[name]:
                values[name] = self._fields[name].convert_to_write(self[name], self)
        if self.insolvent and not target.insolvent:
            values.update(insolvent=True, insolvency_date=self.insolvency_date)
        if target.portfolio == "normal":
            values["portfolio"] = self.portfolio
        if self.suspended and not target.suspended:
            values.update(
                suspended=True,
                suspension_reason=self.suspension_reason,
                suspension_date=self.suspension_date,
            )
        return values

    @api.model
    def _move_partners(self, sources, target):
        """Move the files of partners ``sources`` to partner ``target``, company by company.

        :param sources: res.partner that are about to be merged into or to hang below ``target``
        :param target: res.partner; a contact stands for its commercial partner
        """
        target = target.commercial_partner_id
        files = self.sudo().with_context(active_test=False)
        target_files = files.search([("partner_id", "=", target.id)]).grouped("company_id")
        for company, moved in (
            files.search([("partner_id", "in", (sources - target).ids)])
            .grouped("company_id")
            .items()
        ):
            kept = target_files.get(company)
            if not kept:
                kept = moved[0]
                kept.partner_id = target
            if moved - kept:
                (moved - kept)._merge_into(kept)

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def _lock_for_person(self):
        """Lock the files for what a person does with them now.

        :raises LockError: when a job has some of them in hand
        """
        if busy := self - self.try_lock_for_update(allow_referencing=True):
            raise LockError(
                self.env._(
                    "The daily run has %(customer)s in hand at this moment: try again in a minute.",
                    customer=busy[0].display_name,
                )
            )

    def action_run_now(self):
        """Decide and send for these customers now, as the daily job would."""
        self.check_access("write")
        notices = self.env["collection.run"]._run_customers(self)
        return notices._get_result_notification()

    def action_preview(self):
        """Show the message that today's run would send, without sending it."""
        self.ensure_one()
        return self.env["collection.preview"]._open(self)

    def action_open_whatsapp(self):
        """Remind the customer by WhatsApp of what is overdue; it counts as no step."""
        self.ensure_one()
        return self.env["collection.whatsapp"]._open(self)

    def action_pause(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Pause"),
            "res_model": "collection.pause",
            "view_mode": "form",
            "target": "new",
            "context": {"default_customer_ids": self.ids},
        }

    def action_resume(self):
        self.write({"pause_until": False, "pause_reason": False})

    def action_set_pilot(self, pilot):
        """Add customers to the pilot or take them out, and say so."""
        self.pilot = pilot
        if pilot:
            message = self.env._("%s customers are in the pilot now.", len(self))
        else:
            message = self.env._("%s customers are out of the pilot now.", len(self))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def action_register_contact(self):
        """Open the dialog that registers a contact with the customer."""
        self.ensure_one()
        return self.env["collection.contact"]._open_register(customer=self)

    def action_open_contacts(self):
        self.ensure_one()
        return self.env["collection.contact"]._open([("customer_id", "=", self.id)])

    def action_print_preparation(self):
        """Print what the collector should know before a call."""
        report = self.env.ref("collections_management.action_report_preparation")
        return report.report_action(self, config=False)

    def action_contact_data_corrected(self):
        """The contact data were corrected: the task is done."""
        self.write({"wrong_data": False})
        self.activity_feedback(
            ["collections_management.activity_type_wrong_data"], only_automated=False
        )

    def action_register_agreement(self):
        """Open the dialog that registers an agreement (context ``agreement``).

        It is about what is overdue, else what is open, but for what another agreement holds.
        """
        self.ensure_one()
        kind = self.env["collection.agreement"]._get_kind()
        items = (
            self.env["collection.due.item"]
            .with_context(collection_facts_only=True)
            .search([("customer_id", "=", self.id), ("residual_currency", ">", 0)])
        )
        held = self.env["collection.hold"].search(
            [
                ("move_line_id", "in", items.ids),
                ("open", "=", True),
                ("kind", "not in", kind._get_compatible_kinds()),
            ]
        )
        # an open item has its line's id
        lines = self.env["account.move.line"].browse(items.ids) - held.move_line_id
        return kind._open_register(lines._get_collection_overdue())

    def action_open_agreements(self):
        """Open the customer's agreements of a kind (context ``agreement``), past ones too."""
        self.ensure_one()
        return self.env["collection.agreement"]._get_kind()._open([("customer_id", "=", self.id)])

    def action_open_items(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_due_item_action"
        )
        return dict(action, domain=[("customer_id", "=", self.id)], context={})

    def action_open_notices(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_notice_action"
        )
        return dict(action, domain=[("customer_id", "=", self.id)], context={})

    def action_open_dry_run(self):
        """Show what would be said to the customer in the next days."""
        return self.env["collection.dry.run"]._show(self)

    def action_open_replies(self):
        """Open the only pending reply, else the list."""
        self.ensure_one()
        pending = self._get_pending_replies()
        if len(pending) == 1:
            return pending.with_env(self.env).get_formview_action()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_reply_action"
        )
        context = {"search_default_pending": 1} if pending else {}
        return dict(action, domain=[("customer_id", "=", self.id)], context=context)

    def action_dismiss_replies(self):
        """There is nothing to answer of what the customers wrote: claims go on."""
        self.check_access("write")
        self._get_pending_replies()._close("dismissed", self.env.user)

    def action_open_partner(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "view_mode": "form",
        }

    @api.model
    def _get_run_summary(self, date=None):
        """Return what the run of a day came to, over the user's companies.

        :param datetime.date date: default today
        :return: dict ``items`` (count), ``amount`` (company currency), ``decisions`` {label: count},
            ``notices`` {(step, channel): count}
        """
        date = date or fields.Date.context_today(self)
        items = self.env["collection.due.item"]
        [(count, amount)] = items._read_group([], [], ["__count", "residual:sum"])
        labels = dict(items._fields["decision"]._description_selection(self.env))
        decisions = {
            labels[decision]: number
            for decision, number in items._read_group([], ["decision"], ["__count"])
        }
        notices = {
            (step.name, channel.name): number
            for step, channel, number in self.env["collection.notice"]._read_group(
                [("date", "=", date), ("taken_over", "=", False)],
                ["step_id", "channel_id"],
                ["__count"],
            )
        }
        return {"items": count, "amount": amount, "decisions": decisions, "notices": notices}

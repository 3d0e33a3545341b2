import itertools
import re

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .account_move import DELIVERED
from .account_move_line import OPEN_LINE
from .collection_customer_standing import PORTFOLIOS
from .collection_hold import HOLD_KINDS
from .collection_step import PHASES
from .collection_strategy import MODES

# Today's decisions: something is said or done.
TO_SAY = ("notify", "claim", "act")

DECISIONS = [
    ("notify", "Announce"),
    ("claim", "Claim"),
    ("act", "Take action"),
    ("pending_reply", "Waits for our reply"),
    ("in_notice", "In progress"),
    ("bounced", "Message came back"),
    ("credit", "Credit"),
    ("rounding", "Rounding"),
    ("no_partner", "No customer"),
    ("non_trade", "Non-trade"),
    ("no_file", "No file yet"),
    ("insolvent", "Insolvent"),
    ("excluded", "Excluded"),
    ("journal_entry", "Journal entry"),
    *HOLD_KINDS,
    ("archived", "File archived"),
    ("no_strategy", "No scheme"),
    ("no_claims", "Scheme sends nothing"),
    ("not_pilot", "Outside the pilot"),
    ("not_delivered", "Invoice not delivered"),
    ("not_due", "Not due yet"),
    ("waiting", "Waiting"),
    ("finished", "All steps taken"),
    ("covered", "Covered"),
    ("below_minimum", "Below minimum"),
    ("contact_policy", "Messaged lately"),
    ("not_working_day", "Non-working day"),
]


# The fields that need no decision: whose the item is, how much, how late.
FACTS = {
    "__count",
    "account_id",
    "amount",
    "amount_currency",
    "bucket_id",
    "category_ids",
    "collector_id",
    "company_currency_id",
    "company_id",
    "contact_id",
    "country_id",
    "currency_id",
    "customer_id",
    "date_due",
    "date_invoice",
    "days_overdue",
    "delay_reason_id",
    "id",
    "industry_id",
    "journal_id",
    "mode",
    "move_id",
    "move_line_id",
    "partner_id",
    "payment_method_line_id",
    "policy_id",
    "portfolio",
    "residual",
    "residual_currency",
    "root_company_id",
    "salesperson_id",
    "strategy_id",
}

# What an invoice's name is made of.
NAMING = ("move_type", "name", "ref", "state")


class AskedFor(dict):
    """Values of a sentence's placeholders, made by functions when the sentence has them."""

    def __getitem__(self, name):
        return super().__getitem__(name)()


class CollectionDueItem(models.Model):
    """Every open receivable line: whose, how late, held by what, and what is said today or why not.

    One query (``_get_query``) decides; the list, the banner on the invoice, the daily job and the
    check before sending all read it. It has no window, GROUP BY, DISTINCT or UNION in its outer
    part, so that PostgreSQL can push a filter on one invoice or customer down to the indexes.
    """

    _name = "collection.due.item"
    _description = "Open Item"
    _auto = False
    _order = "date_due, id"
    _rec_name = "move_id"

    move_line_id = fields.Many2one("account.move.line", string="Journal Item", readonly=True)
    move_id = fields.Many2one("account.move", string="Invoice", readonly=True)
    move_type = fields.Selection(related="move_id.move_type")
    company_id = fields.Many2one("res.company", readonly=True)
    root_company_id = fields.Many2one("res.company", string="Main Company", readonly=True)
    customer_id = fields.Many2one("collection.customer", string="Customer File", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    contact_id = fields.Many2one("res.partner", string="Invoice Contact", readonly=True)
    account_id = fields.Many2one("account.account", readonly=True)
    journal_id = fields.Many2one("account.journal", readonly=True)
    collector_id = fields.Many2one("res.users", readonly=True)
    salesperson_id = fields.Many2one("res.users", readonly=True)
    industry_id = fields.Many2one("res.partner.industry", readonly=True)
    country_id = fields.Many2one("res.country", readonly=True)
    category_ids = fields.Many2many(
        "res.partner.category",
        relation="collection_due_item_category",
        column1="item_id",
        column2="category_id",
        string="Tags",
        readonly=True,
    )
    payment_method_line_id = fields.Many2one(
        "account.payment.method.line", string="Means of Payment", readonly=True
    )
    portfolio = fields.Selection(PORTFOLIOS, readonly=True)
    delay_reason_id = fields.Many2one(
        "collection.delay.reason", string="Reason for Delay", readonly=True
    )
    collection_status = fields.Selection(related="move_id.collection_status")
    currency_id = fields.Many2one("res.currency", readonly=True)
    company_currency_id = fields.Many2one("res.currency", readonly=True)
    amount_currency = fields.Monetary(
        string="Amount in Currency", currency_field="currency_id", readonly=True, aggregator=False
    )
    residual_currency = fields.Monetary(
        string="Open in Currency", currency_field="currency_id", readonly=True, aggregator=False
    )
    amount = fields.Monetary(currency_field="company_currency_id", readonly=True)
    residual = fields.Monetary(
        string="Open Amount", currency_field="company_currency_id", readonly=True
    )
    claimable_currency = fields.Monetary(
        string="Claimable in Currency",
        currency_field="currency_id",
        readonly=True,
        aggregator=False,
        help="The open amount, less what is disputed of it where the scheme claims the rest.",
    )
    claimable = fields.Monetary(
        string="Claimable Amount", currency_field="company_currency_id", readonly=True
    )
    date_invoice = fields.Date(string="Invoice Date", readonly=True)
    date_due = fields.Date(string="Due Date", readonly=True)
    days_overdue = fields.Integer(
        readonly=True, aggregator="max", help="Days since the instalment's own due date."
    )
    bucket_id = fields.Many2one("collection.bucket", string="Ageing", readonly=True)
    hold_id = fields.Many2one("collection.hold", readonly=True)
    hold_until = fields.Date(string="Held Until", readonly=True)
    round_number = fields.Integer(string="Round", readonly=True, aggregator=False)
    strategy_id = fields.Many2one("collection.strategy", string="Scheme", readonly=True)
    policy_id = fields.Many2one("collection.contact.policy", readonly=True)
    mode = fields.Selection(MODES, readonly=True)
    last_step_id = fields.Many2one("collection.step", readonly=True)
    last_date = fields.Date(string="Last Said", readonly=True)
    next_step_id = fields.Many2one("collection.step", readonly=True)
    next_phase = fields.Selection(PHASES, readonly=True)
    next_date = fields.Date(readonly=True)
    repetition = fields.Integer(readonly=True, aggregator=False)
    decision = fields.Selection(DECISIONS, readonly=True)
    explanation = fields.Char(compute="_compute_explanation")

    # What the query reads of other models: the ORM flushes it first.
    _depends = {
        "account.account": ["account_type", "non_trade"],
        "account.journal": ["type"],
        "account.move": [
            "collection_delay_reason_id",
            "collection_sending_error",
            "commercial_partner_id",
            "invoice_date",
            "invoice_user_id",
            "is_move_sent",
            "move_type",
            "partner_id",
            "preferred_payment_method_line_id",
            "sending_data",
            "state",
        ],
        "account.move.line": [
            "account_id",
            "amount_currency",
            "amount_residual",
            "amount_residual_currency",
            "balance",
            "company_id",
            "currency_id",
            "date",
            "date_maturity",
            "display_type",
            "journal_id",
            "move_id",
            "no_followup",
            "parent_state",
            "partner_id",
            "reconciled",
        ],
        "collection.bucket": ["company_id", "days_from"],
        "collection.contact.mail": ["customer_id", "date", "sent_date", "state"],
        "collection.customer": [
            "active",
            "collector_id",
            "company_id",
            "insolvent",
            "is_consumer",
            "partner_id",
            "pause_until",
            "pilot",
            "portfolio",
            "strategy_id",
        ],
        "collection.hold": [
            "date_from",
            "date_to",
            "free_amount",
            "kind",
            "move_line_id",
            "open",
            "origin",
        ],
        "collection.notice": ["channel_id", "customer_id", "date", "sent_date", "state"],
        "collection.notice.line": [
            "level",
            "live",
            "move_line_id",
            "notice_id",
            "phase",
            "repetition",
            "round_number",
            "step_id",
        ],
        "collection.plan": ["in_doubt", "state"],
        "collection.plan.line": ["amount", "date", "number", "plan_id", "settled"],
        "collection.reply": ["customer_id", "state"],
        "collection.round": ["date", "move_line_id", "number", "reason"],
        "collection.step": [
            "active",
            "anchor",
            "days",
            "gap_days",
            "is_instalment",
            "level",
            "minimum_amount",
            "only_returned",
            "phase",
            "repeat_days",
            "speaks",
            "strategy_id",
            "urgent",
            "window_days",
        ],
        "collection.strategy": [
            "claim_undisputed",
            "consumer_policy_id",
            "is_direct_debit",
            "mode",
            "policy_id",
            "sends_nothing",
        ],
        "mail.message": ["model", "res_id"],
        "mail.notification": [
            "mail_message_id",
            "notification_status",
            "notification_type",
            "res_partner_id",
        ],
        "res.company": [
            "collection_claim_entries",
            "collection_delivery_from",
            "collection_mode",
            "collection_pilot",
            "parent_path",
        ],
        "res.partner": ["commercial_partner_id", "country_id", "industry_id", "partner_share"],
    }

    def init(self):
        # Tags are many to many, so they stand in a view of their own beside the query.
        self.env.cr.execute(
            """
            CREATE OR REPLACE VIEW collection_due_item_category AS
            SELECT line.id AS item_id, tag.category_id
              FROM account_move_line line
              JOIN res_partner partner ON partner.id = line.partner_id
              JOIN res_partner_res_partner_category_rel tag
                ON tag.partner_id = partner.commercial_partner_id
            """
        )

    @api.model
    def _flush_decision(self):
        """Write what the decision reads to the database (the ORM does so for searches only)."""
        for model, names in self._depends.items():
            self.env[model].flush_model(names)

    @property
    def _table_query(self):
        # compiling this query takes longer than running it
        self.env.cr.execute("SET LOCAL jit = off")
        return self._get_query(
            fields.Date.context_today(self),
            facts_only=bool(self.env.context.get("collection_facts_only")),
        )

    # ------------------------------------------------------------
    # Sums and counts: of the facts alone where nothing else is asked for
    # ------------------------------------------------------------

    @api.model
    def search_count(self, domain, limit=None):
        """Override of ``base``: count without deciding."""
        model = self._with_facts_only(domain)
        return super(CollectionDueItem, model).search_count(domain, limit=limit)

    @api.model
    def search_fetch(self, domain, field_names=None, offset=0, limit=None, order=None):
        """Override of ``base``: find the items without deciding where only facts are asked for.

        What is read next can be named in advance (context ``collection_columns``).
        """
        if field_names is not None:
            field_names = {*field_names, *self.env.context.get("collection_columns", ())}
        asked = self._fields if field_names is None else field_names
        ordered = (order or self._order).replace(",", " ").split()
        model = self._with_facts_only(domain, {*asked, *ordered} - {"asc", "desc", "ASC", "DESC"})
        items = super(CollectionDueItem, model).search_fetch(
            domain, field_names, offset, limit, order
        )
        return items.with_env(self.env)

    @api.model
    def _read_group(
        self, domain, groupby=(), aggregates=(), having=(), offset=0, limit=None, order=None
    ):
        """Override of ``base``: sum up without deciding."""
        model = self._with_facts_only(domain, [*groupby, *aggregates])
        rows = super(CollectionDueItem, model)._read_group(
            domain, groupby, aggregates, having, offset, limit, order
        )
        return self._without_facts_only(rows)

    @api.model
    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        """Override of ``base``: sum up without deciding."""
        asked = [*itertools.chain.from_iterable(grouping_sets), *aggregates]
        model = self._with_facts_only(domain, asked)
        sets = super(CollectionDueItem, model)._read_grouping_sets(
            domain, grouping_sets, aggregates, order
        )
        return [self._without_facts_only(rows) for rows in sets]

    def _with_facts_only(self, domain, asked=()):
        """Return the model so that its query leaves out what nobody asks for.

        :param domain: of the items asked for; the rules of access are added to it
        :param asked: groups and sums as ``_read_group`` takes them
        """
        rules = self.env["ir.rule"]._compute_domain(self._name, "read")
        conditions = (Domain(domain) & Domain(rules)).iter_conditions()
        names = {condition.field_expr.split(".")[0] for condition in conditions}
        names |= {re.split(r"[.:]", spec)[0] for spec in asked}
        return self.with_context(collection_facts_only=names <= FACTS)

    def _without_facts_only(self, rows):
        """Return rows of ``_read_group`` whose records are in our own environment again."""
        return [
            tuple(
                value.with_env(self.env) if isinstance(value, models.BaseModel) else value
                for value in row
            )
            for row in rows
        ]

    # ------------------------------------------------------------
    # The decision
    # ------------------------------------------------------------

    @api.model
    def _get_query(
        self, date, customers=None, said=None, messages=None, nets=None, facts_only=False
    ):
        """Build the query that decides.

        :param datetime.date date: the day to decide for
        :param customers: SQL list of ids of collection.customer to restrict to, or None for all
        :param SQL said: relation of what was said of lines (default: ``_get_said_sql()``)
        :param SQL messages: relation of the messages that customers had
            (default: ``_get_messages_sql()``)
        :param SQL nets: relation of what customers owe (``_get_nets_sql``), for those who ask for all
            lines of some customers (default: summed up for each line that is looked at)
        :param bool facts_only: leave out what is decided (``_select_decision``): much less work
        :return: a query with one row per open receivable line, columns as this model's fields
        :rtype: SQL
        """
        if facts_only:
            return SQL(
                "SELECT %s FROM %s WHERE %s",
                self._select_facts(date),
                self._from_facts(),
                self._where(customers),
            )
        said = said or self._get_said_sql()
        messages = messages or self._get_messages_sql()
        return SQL(
            "SELECT %s, %s FROM %s %s WHERE %s",
            self._select_facts(date),
            self._select_decision(date),
            self._from_facts(),
            self._from_decision(date, said, messages, nets),
            self._where(customers),
        )

    @api.model
    def _get_said_sql(self, excluded=()):
        """Return the relation of what was said of each line.

        Columns: move_line_id, round_number, phase, level, repetition, step_id, date, pending,
        bounced.

        Lines are to be found by their journal item only, whatever PostgreSQL believes of the table:
        right after a run its statistics may say that it is empty, and then all indexes look alike.
        So what else they belong to is joined to the left.

        :param excluded: ids of notices to leave out, as if they had not been made
        """
        return SQL(
            """(
                SELECT line.move_line_id, line.round_number, line.phase,
                       -- where the step stands now: its scheme may have changed since
                       step.level, line.repetition, line.step_id,
                       COALESCE(notice.sent_date, notice.date) AS date,
                       -- a task that waits for a person does not keep the ladder waiting
                       notice.state IN ('to_approve', 'ready', 'failed')
                       OR notice.state = 'queued' AND channel.is_manual IS NOT TRUE AS pending,
                       -- the customer never heard it: it is sent again, not followed by the next
                       notice.state = 'bounced' AS bounced
                  FROM collection_notice_line line
                  LEFT JOIN collection_notice notice ON notice.id = line.notice_id
                  LEFT JOIN collection_channel channel ON channel.id = notice.channel_id
                  LEFT JOIN collection_step step ON step.id = line.step_id
                 WHERE line.live IS TRUE %s
            )""",
            SQL("AND line.notice_id NOT IN %s", tuple(excluded)) if excluded else SQL(),
        )

    @api.model
    def _get_messages_sql(self, excluded=()):
        """Return the relation of the messages that customers had: customer_id, date.

        To be found by their customer only, as what was said by its item (``IS TRUE``).

        :param excluded: ids of notices to leave out, as if they had not been made
        """
        return SQL(
            """(
                SELECT notice.customer_id, COALESCE(notice.sent_date, notice.date) AS date
                  FROM collection_notice notice
                 WHERE (notice.channel_id IN (
                        SELECT channel.id FROM collection_channel channel WHERE channel.is_message
                       )) IS TRUE
                   AND (notice.state IN ('to_approve', 'ready', 'queued', 'sent')) IS TRUE
                   %s
                 UNION ALL
                SELECT mail.customer_id, COALESCE(mail.sent_date, mail.date) AS date
                  FROM collection_contact_mail mail
                 WHERE (mail.state IN ('ready', 'queued', 'sent')) IS TRUE
            )""",
            SQL("AND notice.id NOT IN %s", tuple(excluded)) if excluded else SQL(),
        )

    @api.model
    def _select_facts(self, date):
        """Whose the line is, how much, and how late (``FACTS``)."""
        return SQL(
            """
            line.id AS id,
            line.id AS move_line_id,
            line.move_id AS move_id,
            line.company_id AS company_id,
            root.id AS root_company_id,
            customer.id AS customer_id,
            partner.commercial_partner_id AS partner_id,
            COALESCE(move.partner_id, line.partner_id) AS contact_id,
            line.account_id AS account_id,
            line.journal_id AS journal_id,
            customer.collector_id AS collector_id,
            COALESCE(customer.portfolio, 'normal') AS portfolio,
            move.invoice_user_id AS salesperson_id,
            commercial.industry_id AS industry_id,
            commercial.country_id AS country_id,
            move.preferred_payment_method_line_id AS payment_method_line_id,
            move.collection_delay_reason_id AS delay_reason_id,
            line.currency_id AS currency_id,
            root.currency_id AS company_currency_id,
            line.amount_currency AS amount_currency,
            line.amount_residual_currency AS residual_currency,
            line.balance AS amount,
            line.amount_residual AS residual,
            COALESCE(move.invoice_date, line.date) AS date_invoice,
            -- written out, as in the index that gives lists their order
            COALESCE(line.date_maturity, line.date) AS date_due,
            %(days_overdue)s AS days_overdue,
            %(bucket)s AS bucket_id,
            customer.strategy_id AS strategy_id,
            policy.id AS policy_id,
            %(mode)s AS mode
            """,
            days_overdue=self._get_days_overdue_sql(date),
            bucket=self.env["collection.bucket"]._get_case_sql(
                SQL.identifier("root", "id"), self._get_days_overdue_sql(date)
            ),
            mode=self._get_mode_sql(),
        )

    @api.model
    def _get_days_overdue_sql(self, date):
        return SQL("(%s - COALESCE(line.date_maturity, line.date))", date)

    @api.model
    def _select_decision(self, date):
        """What was said of the line, what holds it, what comes next."""
        return SQL(
            """
            hold.id AS hold_id,
            CASE WHEN %(held)s THEN hold.date_to ELSE customer.pause_until END AS hold_until,
            %(claimable_currency)s AS claimable_currency,
            %(claimable)s AS claimable,
            facts.round_number AS round_number,
            COALESCE(said.step_id, said.upcoming_step_id) AS last_step_id,
            GREATEST(said.date, said.upcoming_date) AS last_date,
            next.step_id AS next_step_id,
            next_step.phase AS next_phase,
            next.date AS next_date,
            next.repetition AS repetition,
            %(decision)s AS decision
            """,
            held=self._get_held_sql(),
            claimable_currency=self._get_claimable_amount_sql("residual_currency"),
            claimable=self._get_claimable_amount_sql("residual"),
            decision=self._get_decision_sql(date),
        )

    # ------------------------------------------------------------
    # Items that are disputed in part
    # ------------------------------------------------------------

    @api.model
    def _get_partly_sql(self, hold, scheme):
        """Tell whether a hold leaves a rest free that the scheme claims.

        :param SQL hold: table of the holds
        :param SQL scheme: expression of the id of the customer's scheme
        """
        schemes = self.env["collection.strategy"]._get_partial_schemes()
        if not schemes:
            return SQL("FALSE")
        return SQL("(%s.free_amount > 0 AND %s IN %s) IS TRUE", hold, scheme, schemes)

    @api.model
    def _get_held_sql(self):
        """The item is held, and not only a part of it."""
        if not self.env["collection.strategy"]._get_partial_schemes():
            return SQL("hold.id IS NOT NULL")
        return SQL("(hold.id IS NOT NULL AND NOT hold.partly)")

    @api.model
    def _get_claimable_amount_sql(self, name):
        """What of the item is claimed, if it is.

        :param str name: ``residual`` (company currency) or ``residual_currency``
        """
        amount = SQL.identifier("line", f"amount_{name}")
        if not self.env["collection.strategy"]._get_partial_schemes():
            return amount
        free = self._get_free_sql("line", name, SQL("hold.free_amount"))
        if name == "residual":
            free = SQL(
                "round(%s, (SELECT decimal_places FROM res_currency WHERE id = root.currency_id))",
                free,
            )
        return SQL("CASE WHEN hold.partly THEN %s ELSE %s END", free, amount)

    @api.model
    def _get_free_sql(self, alias, name, free):
        """The rest that a hold leaves free of an item.

        :param str alias: table of the journal items
        :param str name: as in ``_get_claimable_amount_sql``
        :param SQL free: what the hold leaves free, in the item's currency
        """
        owed = SQL.identifier(alias, "amount_residual_currency")
        if name == "residual_currency":
            return SQL("LEAST(%s, %s)", free, owed)
        return SQL(
            "%(residual)s * LEAST(%(free)s / NULLIF(%(owed)s, 0), 1)",
            residual=SQL.identifier(alias, "amount_residual"),
            free=free,
            owed=owed,
        )

    @api.model
    def _get_mode_sql(self):
        """The more careful of the company's mode and the scheme's."""
        return SQL(
            """
            CASE WHEN 'simulation' IN (root.collection_mode, strategy.mode) THEN 'simulation'
                 WHEN 'approve' IN (root.collection_mode, strategy.mode) THEN 'approve'
                 ELSE root.collection_mode
            END
            """
        )

    @api.model
    def _get_decision_sql(self, date):
        """The decision of a line, first reason first.

        A bridge adds a reason of its own by overriding ``_get_reasons``.
        """
        return SQL(
            "CASE %s ELSE %s END",
            SQL(" ").join(
                SQL("WHEN %s THEN %s", condition, decision)
                for condition, decision in self._get_reasons(date)
            ),
            SQL(
                "CASE next_step.phase WHEN 'upcoming' THEN 'notify' WHEN 'action' THEN 'act' "
                "ELSE 'claim' END"
            ),
        )

    @api.model
    def _get_reasons(self, date):
        """Hook: why an item is not claimed today, in order of precedence.

        :param datetime.date date: the day to decide for
        :return: list of (SQL condition, SQL value: one of ``DECISIONS`` as an SQL text)
        """

        def text(decision):
            return SQL("%s", decision)

        return [
            (SQL("line.partner_id IS NULL"), text("no_partner")),
            (
                SQL(
                    "line.account_id IN (SELECT id FROM account_account "
                    "WHERE account_type = 'asset_receivable' AND non_trade)"
                ),
                text("non_trade"),
            ),
            (SQL("facts.is_credit"), text("credit")),
            (SQL("line.amount_residual_currency = 0"), text("rounding")),
            (SQL("customer.id IS NULL"), text("no_file")),
            (SQL("customer.insolvent"), text("insolvent")),
            (
                # what is in a plan is said when a step about its instalment has its day
                SQL(
                    "(%s) AND (facts.instalment_id IS NOT NULL AND next.date <= %s) IS NOT TRUE",
                    self._get_held_sql(),
                    date,
                ),
                SQL("hold.kind"),
            ),
            (
                SQL("customer.pause_until >= %s", date),
                text("paused"),
            ),
            (
                SQL("facts.is_entry AND root.collection_claim_entries IS NOT TRUE"),
                text("journal_entry"),
            ),
            (SQL("line.no_followup AND NOT facts.is_entry"), text("excluded")),
            (SQL("customer.active IS NOT TRUE"), text("archived")),
            (SQL("strategy.id IS NULL"), text("no_strategy")),
            (SQL("strategy.sends_nothing"), text("no_claims")),
            (
                SQL("root.collection_pilot IS TRUE AND customer.pilot IS NOT TRUE"),
                text("not_pilot"),
            ),
            (self._get_pending_reply_sql(), text("pending_reply")),
            (SQL("said.pending"), text("in_notice")),
            (SQL("said.bounced"), text("bounced")),
            (self._get_not_delivered_sql(), text("not_delivered")),
            (SQL("next.step_id IS NULL AND facts.days_overdue <= 0"), text("not_due")),
            (SQL("next.step_id IS NULL"), text("finished")),
            (
                SQL("next.date > %s AND facts.days_overdue <= 0", date),
                text("not_due"),
            ),
            (SQL("next.date > %s", date), text("waiting")),
            (
                SQL(
                    "COALESCE(CASE "
                    "WHEN facts.instalment_id IS NOT NULL "
                    "THEN facts.instalment_amount + net.credits "
                    "WHEN next_step.phase = 'upcoming' THEN net.balance "
                    "ELSE net.claimable + net.credits END, 0) <= 0"
                ),
                text("covered"),
            ),
            *self._get_minimum_reasons(date),
            (
                SQL(
                    "policy.interval_days > 0 AND next_step.speaks AND next_step.urgent IS NOT TRUE "
                    "AND message.date > %s - policy.interval_days",
                    date,
                ),
                text("contact_policy"),
            ),
            (self._get_not_working_sql(date), text("not_working_day")),
        ]

    @api.model
    def _get_minimum_reasons(self, date):
        """The reason of a step's minimum amount, where any step has one: to plan it takes long."""
        if not self.env["collection.step"]._have_minimum():
            return []
        condition = SQL(
            "COALESCE(next_step.minimum_amount, 0) > 0 AND facts.instalment_id IS NULL "
            "AND (%s) < next_step.minimum_amount",
            self._get_company_net_sql(date),
        )
        return [(condition, SQL("%s", "below_minimum"))]

    @api.model
    def _get_pending_reply_sql(self):
        """The customer wrote, and nobody has answered yet.

        Asked of the few replies that are pending, through an index of their own: what is kept on
        the file itself would make the mail gateway and the daily run wait for each other.
        """
        return SQL(
            """
            EXISTS (
                SELECT FROM collection_reply reply
                 WHERE reply.customer_id = customer.id AND reply.state = 'pending'
            )
            """
        )

    @api.model
    def _get_not_delivered_sql(self):
        """An invoice that the scheme sends and that has not arrived (``_get_delivery_state_sql``).

        Only where the scheme has an “invoice issued” step, for invoices issued since the
        company sends them from here: older ones are taken for delivered.
        """
        return SQL(
            """
            facts.is_invoice AND move.invoice_date >= root.collection_delivery_from
            AND strategy.has_issued_step
            AND (%s) NOT IN %s
            """,
            self.env["account.move"]._get_delivery_state_sql(
                SQL.identifier("move"), singly=True, since=SQL("root.collection_delivery_from")
            ),
            DELIVERED,
        )

    @api.model
    def _get_not_working_sql(self, date):
        """The policy's calendar does not work on ``date``. Calls and actions wait too."""
        closed = self.env["collection.contact.policy"]._get_closed(date)
        return SQL("(policy.id, root.id) IN %s", closed) if closed else SQL("FALSE")

    @api.model
    def _from_facts(self):
        """The line, its customer and its scheme.

        What is not asked for, PostgreSQL leaves out: but for the companies, all joins are to the
        left and to one row.
        """
        return SQL(
            """
            account_move_line line
            JOIN (VALUES %(roots)s) family (id, root_id) ON family.id = line.company_id
            JOIN res_company root ON root.id = family.root_id
            LEFT JOIN account_move move ON move.id = line.move_id
            LEFT JOIN res_partner partner ON partner.id = line.partner_id
            LEFT JOIN res_partner commercial ON commercial.id = partner.commercial_partner_id
            LEFT JOIN collection_customer customer
              ON customer.partner_id = partner.commercial_partner_id
             AND customer.company_id = root.id
            LEFT JOIN collection_strategy strategy ON strategy.id = customer.strategy_id
            LEFT JOIN collection_contact_policy policy ON policy.id = CASE
                WHEN customer.is_consumer THEN COALESCE(strategy.consumer_policy_id, strategy.policy_id)
                ELSE strategy.policy_id END
            """,
            roots=SQL(", ").join(
                SQL("(%s, %s)", *pair) for pair in self.env["res.company"]._get_roots()
            ),
        )

    @api.model
    def _from_decision(self, date, said, messages, nets):
        """What the decision reads of other lines and of what was done (see ``_get_query``)."""
        if nets is None:
            net = SQL("LEFT JOIN LATERAL (%s) net ON TRUE", self._get_net_sql(date))
        else:
            net = SQL(
                "LEFT JOIN %s net "
                "ON net.customer_id = customer.id AND net.currency_id = line.currency_id",
                nets,
            )
        return SQL(
            """
            LEFT JOIN LATERAL (%(hold)s) hold ON TRUE
            LEFT JOIN LATERAL (%(instalment)s) instalment ON TRUE
            LEFT JOIN LATERAL (%(round)s) round ON TRUE
            CROSS JOIN LATERAL (%(facts)s) facts
            LEFT JOIN LATERAL (%(said_of_line)s) said ON TRUE
            %(next_step)s
            %(net)s
            LEFT JOIN LATERAL (%(message)s) message ON TRUE
            """,
            hold=self._get_hold_sql(
                date, SQL.identifier("line", "id"), SQL.identifier("customer", "strategy_id")
            ),
            instalment=self._get_instalment_sql(),
            round=self._get_round_sql(),
            facts=self._get_facts_sql(date),
            said_of_line=self._get_said_of_line_sql(said),
            next_step=self._from_next_step(date),
            net=net,
            message=SQL(
                "SELECT max(spoken.date) AS date FROM %s spoken "
                "WHERE spoken.customer_id = customer.id",
                messages,
            ),
        )

    @api.model
    def _get_hold_sql(self, date, line_id, scheme):
        """The strongest hold of a line on ``date``; one of a part comes last.

        :param SQL line_id: expression of the line's id
        :param SQL scheme: expression of the id of the customer's scheme
        """
        strength = SQL(" ").join(
            SQL("WHEN %s THEN %s", kind, index) for index, (kind, _label) in enumerate(HOLD_KINDS)
        )
        return SQL(
            """
            SELECT held.id, held.kind, held.date_to, held.origin, held.free_amount,
                   %(partly)s AS partly
              FROM collection_hold held
             WHERE held.move_line_id = %(line)s AND %(counts)s
             ORDER BY CASE WHEN %(partly)s THEN -1 ELSE CASE held.kind %(strength)s END END DESC,
                      held.id DESC
             LIMIT 1
            """,
            line=line_id,
            counts=self._get_hold_counts_sql(date),
            strength=strength,
            partly=self._get_partly_sql(SQL("held"), scheme),
        )

    @api.model
    def _get_instalment_sql(self):
        """The instalment that is to be paid next for an item in an active plan.

        Money in doubt never accuses: with some, nothing is said of any.
        """
        return SQL(
            """
            SELECT part.id, part.date, part.amount
              FROM collection_plan_line part
              JOIN collection_plan plan
                ON plan.id = part.plan_id AND plan.state = 'active' AND plan.in_doubt IS NOT TRUE
             WHERE hold.kind = 'in_plan'
               AND part.plan_id = NULLIF(split_part(hold.origin, ',', 2), '')::int
               AND part.settled IS NOT TRUE
             ORDER BY part.number
             LIMIT 1
            """
        )

    @api.model
    def _get_hold_counts_sql(self, date):
        """The hold ``held`` counts on ``date``.

        A notice that goes to the customer together with an action is not stopped by that: who asks
        again for the notice leaves the action's holds out (context ``collection_ignored_holds``).
        """
        ignored = tuple(self.env.context.get("collection_ignored_holds") or ())
        return SQL(
            """
            held.open IS TRUE AND held.date_from <= %(date)s
            AND (held.date_to IS NULL OR held.date_to >= %(date)s) %(ignored)s
            """,
            date=date,
            ignored=SQL("AND held.id NOT IN %s", ignored) if ignored else SQL(),
        )

    @api.model
    def _get_round_sql(self):
        return SQL(
            """
            SELECT event.number, event.date, event.reason = 'returned_debit' AS returned
              FROM collection_round event
             WHERE event.move_line_id = line.id
             ORDER BY event.number DESC
             LIMIT 1
            """
        )

    @api.model
    def _get_facts_sql(self, date):
        """What the ledger says of the line, named once."""
        return SQL(
            """
            SELECT COALESCE(instalment.date, line.date_maturity, line.date) AS due,
                   %(date)s - COALESCE(instalment.date, line.date_maturity, line.date)
                       AS days_overdue,
                   instalment.id AS instalment_id, instalment.amount AS instalment_amount,
                   line.amount_residual_currency < 0
                   OR line.amount_residual_currency = 0 AND line.amount_residual < 0 AS is_credit,
                   move.move_type IN ('out_invoice', 'out_receipt') AS is_invoice,
                   move.move_type = 'entry' AND line.journal_id IN (
                       SELECT id FROM account_journal WHERE type = 'general'
                   ) AS is_entry,
                   -- each instalment is a round of its own: within it each step speaks once
                   COALESCE(-instalment.id, round.number, 0) AS round_number,
                   COALESCE(round.date, line.date) AS round_date,
                   -- booked as a bank's debit on the customer, without undoing what it paid
                   COALESCE(
                       round.returned,
                       strategy.is_direct_debit AND line.journal_id IN (
                           SELECT id FROM account_journal WHERE type = 'bank'
                       ),
                       FALSE
                   ) AS is_returned
            -- keeps it apart: written out wherever it is read, it would take long to plan
            OFFSET 0
            """,
            date=date,
        )

    @api.model
    def _get_said_of_line_sql(self, said):
        """What was said of the line in this round: the highest rung of each ladder, and when.

        The greatest array is the greatest by its first element, then by the next ones: the firmest
        step, said the last time. (An aggregate with an order would cost as much as all the rest.)
        """
        return SQL(
            """
            SELECT last[1] AS level, last_date AS date, DATE 'epoch' + first[3] AS first_date,
                   last[4] AS step_id, last[3] AS repetition,
                   upcoming[1] AS upcoming_level, upcoming_date, upcoming[2] AS upcoming_step_id,
                   COALESCE(pending, FALSE) AS pending, COALESCE(bounced, FALSE) AS bounced
              FROM (
                SELECT max(ARRAY[spoken.level, spoken.date - DATE 'epoch', spoken.repetition,
                                 spoken.step_id])
                           FILTER (WHERE spoken.phase <> 'upcoming') AS last,
                       max(spoken.date) FILTER (WHERE spoken.phase <> 'upcoming') AS last_date,
                       max(ARRAY[spoken.level, -spoken.repetition, spoken.date - DATE 'epoch'])
                           FILTER (WHERE spoken.phase <> 'upcoming') AS first,
                       max(ARRAY[spoken.level, spoken.step_id])
                           FILTER (WHERE spoken.phase = 'upcoming') AS upcoming,
                       max(spoken.date) FILTER (WHERE spoken.phase = 'upcoming') AS upcoming_date,
                       bool_or(spoken.pending) AS pending, bool_or(spoken.bounced) AS bounced
                  FROM %s spoken
                 WHERE spoken.move_line_id = line.id AND spoken.round_number = facts.round_number
              ) said
            """,
            said,
        )

    @api.model
    def _from_next_step(self, date):
        """The step that comes next for the line (``next_step``), and when (``next``).

        Before the due date: the step whose moment it is, else the next to come; steps lapse.
        After it: the next rung of the ladder, or the last claim again if that comes sooner.

        The few steps are joined, not looked up for each line: PostgreSQL reads them once.
        """
        return SQL(
            """
            LEFT JOIN LATERAL (%(coming)s) coming ON TRUE
            LEFT JOIN (%(rungs)s) rung
              ON rung.strategy_id = customer.strategy_id
             AND rung.is_instalment = (facts.instalment_id IS NOT NULL)
             AND rung.is_returned = facts.is_returned
             AND facts.is_credit IS NOT TRUE
             AND COALESCE(said.level, 0) >= rung.level_below
             AND COALESCE(said.level, 0) < rung.level
            LEFT JOIN collection_step last_step
              ON last_step.id = said.step_id
             AND last_step.active AND last_step.phase = 'overdue' AND last_step.repeat_days > 0
             AND last_step.strategy_id = customer.strategy_id
             AND facts.is_credit IS NOT TRUE
            CROSS JOIN LATERAL (
                SELECT COALESCE(coming.id, rung.id) AS id,
                       CASE WHEN coming.id IS NOT NULL THEN coming.date
                            WHEN rung.id IS NOT NULL THEN GREATEST(
                                %(moment)s, facts.due + 1, said.first_date + rung.gap_days)
                       END AS date,
                       said.date + last_step.repeat_days AS again
                -- as in the facts
                OFFSET 0
            ) step
            CROSS JOIN LATERAL (
                SELECT CASE WHEN again.soon THEN said.step_id ELSE step.id END AS step_id,
                       CASE WHEN again.soon THEN step.again ELSE step.date END AS date,
                       CASE WHEN again.soon THEN said.repetition + 1 ELSE 0 END AS repetition
                  FROM (
                    SELECT last_step.id IS NOT NULL
                           AND (step.id IS NULL OR step.date > GREATEST(%(date)s, step.again))
                           AS soon
                  ) again
                OFFSET 0
            ) next
            LEFT JOIN collection_step next_step ON next_step.id = next.step_id
            """,
            coming=self._get_coming_step_sql(date),
            rungs=self._get_rungs_sql(),
            moment=self._get_moment_sql(SQL("rung")),
            date=date,
        )

    @api.model
    def _get_moment_sql(self, step):
        """The day that a step is meant for.

        :param SQL step: table of the steps
        """
        return SQL(
            """
            CASE WHEN %(step)s.only_returned THEN facts.round_date
                 WHEN %(step)s.anchor = 'invoice' THEN COALESCE(move.invoice_date, line.date)
                 ELSE facts.due END + %(step)s.days
            """,
            step=step,
        )

    @api.model
    def _get_coming_step_sql(self, date):
        """The step before the due date that was not said yet in this round."""
        return SQL(
            """
            SELECT step.id, moment.date
              FROM collection_step step
             CROSS JOIN LATERAL (SELECT %(moment)s AS date) moment
             WHERE facts.due >= %(date)s
               AND facts.is_credit IS NOT TRUE
               AND step.strategy_id = customer.strategy_id
               AND step.active
               AND step.phase = 'upcoming'
               AND (step.is_instalment IS TRUE) = (facts.instalment_id IS NOT NULL)
               AND step.level > COALESCE(said.upcoming_level, 0)
               AND moment.date <= facts.due
               AND moment.date + step.window_days >= %(date)s
             ORDER BY CASE WHEN moment.date <= %(date)s THEN -step.level ELSE step.level END
             LIMIT 1
            """,
            moment=self._get_moment_sql(SQL("step")),
            date=date,
        )

    @api.model
    def _get_rungs_sql(self):
        """The claims and actions of all schemes, each with the level of the one below it.

        Twice: for lines whose debit was returned, and for the others, which leave some out.
        """
        return SQL(
            """
            SELECT step.id, step.strategy_id, step.is_instalment IS TRUE AS is_instalment,
                   kind.is_returned, step.only_returned, step.anchor, step.days, step.gap_days,
                   step.level,
                   lag(step.level, 1, 0) OVER (
                       PARTITION BY step.strategy_id, step.is_instalment IS TRUE, kind.is_returned
                       ORDER BY step.level
                   ) AS level_below
              FROM collection_step step
              JOIN (VALUES (TRUE), (FALSE)) kind (is_returned)
                ON kind.is_returned OR step.only_returned IS NOT TRUE
             WHERE step.active AND step.phase IN ('overdue', 'action')
            """
        )

    @api.model
    def _get_net_sql(self, date):
        """What the customer owes in the line's currency, over the branches of the company.

        ``claimable``: overdue and neither held nor excluded, of an item that is held in part the
        rest; ``credits``: credit notes and
        payments without invoice (negative); ``balance``: all of it.
        """
        return SQL(
            "SELECT %s FROM %s AND other.currency_id = line.currency_id",
            self._get_sums_sql(date),
            self._get_others_sql(SQL("= customer.id")),
        )

    @api.model
    def _get_nets_sql(self, date, customers):
        """Return the relation of the same for some customers, each sum made once.

        In lists PostgreSQL keeps a customer's sums by itself. But it takes the lines of a batch of
        customers for fewer than they are, and then does not.

        :param SQL customers: list of ids, as in ``_get_query``
        """
        return SQL(
            """(
                WITH once AS MATERIALIZED (
                    SELECT file.id AS customer_id, other.currency_id, %s FROM %s GROUP BY 1, 2
                ) SELECT * FROM once
            )""",
            self._get_sums_sql(date),
            self._get_others_sql(SQL("IN %s", customers)),
        )

    @api.model
    def _get_sums_sql(self, date):
        return SQL(
            """
            COALESCE(sum(%(amount)s) FILTER (WHERE %(claimable)s), 0) AS claimable,
            COALESCE(sum(other.amount_residual_currency)
                FILTER (WHERE other.amount_residual_currency < 0), 0) AS credits,
            COALESCE(sum(other.amount_residual_currency), 0) AS balance
            """,
            amount=self._get_other_amount_sql("residual_currency", date),
            claimable=self._get_claimable_sql(date),
        )

    @api.model
    def _get_other_amount_sql(self, name, date):
        """What of the line ``other`` is claimable, if it is.

        :param str name: as in ``_get_claimable_amount_sql``
        """
        amount = SQL.identifier("other", f"amount_{name}")
        schemes = self.env["collection.strategy"]._get_partial_schemes()
        if not schemes:
            return amount
        return SQL(
            """
            CASE WHEN file.strategy_id IN %(schemes)s THEN LEAST(%(amount)s, (
                SELECT min(%(free)s) FROM collection_hold held
                 WHERE %(open)s AND held.free_amount > 0
            )) ELSE %(amount)s END
            """,
            schemes=schemes,
            amount=amount,
            free=self._get_free_sql("other", name, SQL("held.free_amount")),
            open=self._get_open_hold_sql(date),
        )

    @api.model
    def _get_open_hold_sql(self, date):
        """The hold ``held`` holds the line ``other`` on ``date``."""
        return SQL("held.move_line_id = other.id AND %s", self._get_hold_counts_sql(date))

    @api.model
    def _get_company_net_sql(self, date):
        """What the customer owes over all currencies, in company currency.

        Overdue less credits; before the due date the whole balance. Only read where a step has
        a minimum.
        """
        return SQL(
            """
            SELECT COALESCE(sum(
                       CASE WHEN next_step.phase = 'upcoming' OR other.amount_residual < 0
                            THEN other.amount_residual ELSE %(amount)s END), 0)
              FROM %(others)s
               AND (next_step.phase = 'upcoming' OR other.amount_residual < 0 OR %(claimable)s)
            """,
            amount=self._get_other_amount_sql("residual", date),
            claimable=self._get_claimable_sql(date),
            others=self._get_others_sql(SQL("= customer.id")),
        )

    @api.model
    def _get_others_sql(self, files):
        """FROM and WHERE of all open trade receivables (``other``) of customers (``file``).

        :param SQL files: operator and operand: which ids of customers' files
        """
        return SQL("%s AND %s", self._get_trade_sql(files), SQL(OPEN_LINE.format("other.")))

    @api.model
    def _get_trade_sql(self, files):
        """The same of all trade receivables, open or not."""
        return SQL(
            """
            -- from the file's id alone: PostgreSQL then sees how few sums there are, and keeps them
            collection_customer file
            JOIN res_company main ON main.id = file.company_id
            JOIN res_partner relative ON relative.commercial_partner_id = file.partner_id
            JOIN account_move_line other ON other.partner_id = relative.id
           WHERE file.id %(files)s
             -- no way to join: lines are to be found by their partner, not by their company
             AND (%(root)s = file.company_id) IS TRUE
             -- asked once for all customers, unlike a join
             AND (other.account_id IN (
                    SELECT ledger.id
                      FROM account_account ledger
                     WHERE ledger.account_type = 'asset_receivable'
                       AND ledger.non_trade IS NOT TRUE
                 )) IS TRUE
            """,
            files=files,
            root=self.env["res.company"]._get_root_sql(SQL.identifier("other", "company_id")),
        )

    @api.model
    def _get_claimable_sql(self, date):
        """The line ``other`` is overdue, and neither held nor excluded by a person."""
        return SQL(
            """
            other.amount_residual_currency > 0
            AND COALESCE(other.date_maturity, other.date) < %(date)s
            AND (
                other.no_followup IS NOT TRUE
                -- the default of journal entries, which count where the company claims them
                OR other.display_type <> 'payment_term' AND main.collection_claim_entries
            )
            AND NOT EXISTS (
                SELECT FROM collection_hold held
                 WHERE %(open)s AND NOT %(partly)s
            )
            """,
            date=date,
            open=self._get_open_hold_sql(date),
            partly=self._get_partly_sql(SQL("held"), SQL("file.strategy_id")),
        )

    @api.model
    def _where(self, customers):
        where = SQL(
            "%s AND line.account_id IN %s", SQL(OPEN_LINE.format("line.")), self._get_account_ids()
        )
        if customers is not None:
            where = SQL("%s AND customer.id IN %s", where, customers)
        return where

    @api.model
    def _get_account_ids(self):
        """Return the ids of the receivable accounts of all companies.

        Named in the query as the companies are, not joined: so PostgreSQL knows how many lines to
        expect, and then it keeps a customer's sums instead of making them for each line again.
        """
        self.env["account.account"].flush_model(["account_type"])
        rows = self.env.execute_query(
            SQL("SELECT id FROM account_account WHERE account_type = 'asset_receivable'")
        )
        return tuple(id_ for [id_] in rows) or (0,)

    # ------------------------------------------------------------
    # For people
    # ------------------------------------------------------------

    @api.depends_context("lang")
    @api.depends(
        "customer_id",
        "decision",
        "hold_id",
        "hold_until",
        "last_date",
        "last_step_id",
        "mode",
        "next_date",
        "next_step_id",
        "strategy_id",
    )
    def _compute_explanation(self):
        for item in self:
            item.explanation = item._get_explanation()

    def _get_explanation(self):
        """Return the sentence that tells a person why the item is or is not claimed today."""
        self.ensure_one()

        def day(date):
            return format_date(self.env, date) if date else ""

        values = AskedFor(
            step=lambda: self.next_step_id.name or "",
            date=lambda: day(self.next_date),
            until=lambda: day(self.hold_until),
            reason=lambda: (
                self.hold_id.reason
                if self.decision == self.hold_id.kind
                else self.customer_id.pause_reason or ""
            ),
            scheme=lambda: self.strategy_id.name or "",
            last=lambda: self.last_step_id.name or "",
            last_date=lambda: day(self.last_date),
            reply_date=lambda: day(self.customer_id.pending_reply_date),
        )
        sentence = self._get_sentences().get(self.decision)
        sentence = (sentence() if sentence else "") % values
        told = self.hold_id.sentence
        if told and self.decision == self.hold_id.kind:
            sentence = told
        elif told and self.hold_id.free_amount:
            # only a part is held: the rest goes its way
            sentence = f"{sentence} {told}"
        if self.decision in TO_SAY and self.mode == "simulation":
            sentence += " " + self.env._("Simulation: nothing is sent.")
        elif self.decision in TO_SAY and self.mode == "approve":
            sentence += " " + self.env._("It will wait for approval.")
        return sentence

    def _get_sentences(self):
        """Hook: for each decision a function that gives its sentence, with named placeholders."""
        _ = self.env._
        return {
            "notify": lambda: _("Today the customer is told that it comes due: “%(step)s”."),
            "claim": lambda: _("Claimed today: “%(step)s”."),
            "act": lambda: _("Action today: “%(step)s”."),
            "in_notice": lambda: _("In a notice that is being made or sent: “%(last)s”."),
            "credit": lambda: _("In the customer's favour; it lowers what is claimed."),
            "rounding": lambda: _(
                "Only a difference of exchange rates is left: there is nothing to ask; accounting "
                "can clear it."
            ),
            "archived": lambda: _(
                "The customer's file is archived, so nothing is said. Unarchive it to go on."
            ),
            "no_partner": lambda: _(
                "The journal item has no customer, so nobody can be asked. Set the customer on it."
            ),
            "non_trade": lambda: _("On a receivable account marked as non-trade: not claimed."),
            "no_file": lambda: _("The customer has no collection file yet; the next run makes it."),
            "insolvent": lambda: _("The customer is insolvent: claims have stopped."),
            "paused": lambda: (
                _("Paused until %(until)s: %(reason)s")
                if self.hold_until
                else _("Paused: %(reason)s")
            ),
            "promised": lambda: _("The customer promised to pay: %(reason)s"),
            "payment_reported": lambda: _("The customer says it has been paid: %(reason)s"),
            "disputed": lambda: _("Disputed: %(reason)s"),
            "in_plan": lambda: _("In a payment plan: %(reason)s"),
            "in_action": lambda: _("An action is open: %(reason)s"),
            "excluded": lambda: _(
                "Someone excluded it from follow-up (“No Follow-Up” on the invoice)."
            ),
            "journal_entry": lambda: _(
                "From a journal entry, such as an opening balance; the company does not claim "
                "those (Settings of Collections)."
            ),
            "no_strategy": lambda: _(
                "No scheme fits the customer: choose one on the customer's file or add a rule."
            ),
            "no_claims": lambda: _("Scheme “%(scheme)s” sends nothing; a person looks after it."),
            "not_pilot": lambda: _(
                "Outside the pilot: the company starts with some customers, and this is none of "
                "them."
            ),
            "pending_reply": lambda: _(
                "The customer answered on %(reply_date)s and waits for a reply."
            ),
            "bounced": lambda: _(
                "“%(last)s” came back: correct the customer's e-mail address, and it is sent again."
            ),
            "not_delivered": lambda: _(
                "The invoice never reached the customer: it is sent again, not claimed."
            ),
            "not_due": lambda: (
                _("Not due yet. Next: “%(step)s” on %(date)s.")
                if self.next_step_id
                else _("Not due yet.")
            ),
            "waiting": lambda: (
                _("“%(last)s” on %(last_date)s. Next: “%(step)s” on %(date)s.")
                if self.last_step_id
                else _("Next: “%(step)s” on %(date)s.")
            ),
            "finished": lambda: _("All steps of scheme “%(scheme)s” are taken."),
            "covered": lambda: _(
                "The customer's credits cover what is overdue: apply them, there is nothing to ask."
            ),
            "below_minimum": lambda: _(
                "The customer owes less than the minimum of step “%(step)s”."
            ),
            "contact_policy": lambda: _(
                "The customer had a message in the last days; “%(step)s” waits."
            ),
            "not_working_day": lambda: _("Not a working day; “%(step)s” goes on the next one."),
        }

    def web_read(self, specification):
        """Override of ``web``: of invoices that are only named, fetch no more than the name needs.

        The ORM would fetch all their hundred columns.
        """
        if list(specification.get("move_id", {}).get("fields", {})) == ["display_name"]:
            self.fetch(specification.keys() & self._fields.keys())
            self.move_id.fetch(NAMING)
        return super().web_read(specification)

    def action_open_invoice(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": self.move_id.id,
            "view_mode": "form",
        }

    def action_open_dry_run(self):
        """Show what would be said of the item in the next days."""
        self.ensure_one()
        return self.env["collection.dry.run"]._show(self.customer_id, move=self.move_id)

    def action_register_agreement(self):
        """Open the dialog that registers an agreement (context ``agreement``) about these items."""
        return self.env["collection.agreement"]._get_kind()._open_register(self.move_line_id)

    def action_register_contact(self):
        """Open the dialog that registers a contact about these items."""
        return self.env["collection.contact"]._open_register(lines=self.move_line_id)

    def action_pause(self):
        """Open the dialog that pauses the chosen items until a date."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Pause"),
            "res_model": "collection.pause",
            "view_mode": "form",
            "target": "new",
            "context": {"default_move_line_ids": self.move_line_id.ids},
        }

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .collection_hold import HOLD_KINDS
from .history import log_notes
from .live_field import live_search
from .user_message import notification

# Who sees how an invoice is collected: not the customer, who reads it on the portal.
READERS = "account.group_account_invoice,account.group_account_readonly"


def due_item_search(name):
    """Return a search method that finds the moves by a field of their open items."""

    def search(moves, operator, value):
        if operator == "not in":
            return NotImplemented
        return Domain(
            "id",
            "in",
            moves.env["collection.due.item"]
            ._search([(name, operator, value)])
            .subselect("move_id"),
        )

    return search


# A pause holds an item but is no agreement with the customer: the invoice stays “normal”.
STATUSES = [("normal", "Normal"), *[kind for kind in HOLD_KINDS if kind[0] != "paused"]]

DELIVERY_STATES = [
    ("not_sent", "Not sent"),
    ("queued", "Queued"),
    ("sent", "Sent"),
    ("bounced", "Bounced"),
    ("error", "Error"),
    ("accepted", "Accepted"),
    ("rejected", "Rejected"),
]
DELIVERED = ("sent", "accepted")
# What customers receive from Odoo, and we may have to send again.
CUSTOMER_TYPES = ("out_invoice", "out_refund", "out_receipt")
# Marks in an invoice's `sending_data` that a person asked for it to be sent again.
SEND_AGAIN = "collection_send_again"


class AccountMove(models.Model):
    _inherit = "account.move"

    collection_status = fields.Selection(
        STATUSES,
        default="normal",
        readonly=True,
        copy=False,
        groups=READERS,
        help="What was agreed with the customer; a summary of the holds on the invoice's items.",
    )
    collection_promise_date = fields.Date(
        string="Promised For",
        compute="_compute_collection_promise",
        search=live_search("collection_promise_date"),
        groups=READERS,
        help="When the customer promised to pay; of open promises the first.",
    )
    collection_promise_count = fields.Integer(
        string="Promises",
        compute="_compute_collection_promise",
        search=live_search("collection_promise_count"),
        groups=READERS,
        aggregator=False,
    )
    collection_plan_count = fields.Integer(
        string="Payment Plans",
        compute="_compute_collection_plan_count",
        search=live_search("collection_plan_count"),
        groups=READERS,
        aggregator=False,
    )
    collection_action_count = fields.Integer(
        string="Actions",
        compute="_compute_collection_action_count",
        search=live_search("collection_action_count"),
        groups=READERS,
        aggregator=False,
    )
    collection_reported_date = fields.Date(
        string="Reported as Paid On",
        compute="_compute_collection_reported",
        search=live_search("collection_reported_date"),
        groups=READERS,
        help="When the customer says to have paid; of open reports the first.",
    )
    collection_reported_count = fields.Integer(
        string="Reported Payments",
        compute="_compute_collection_reported",
        search=live_search("collection_reported_count"),
        groups=READERS,
        aggregator=False,
    )
    collection_dispute_area_id = fields.Many2one(
        "collection.area",
        string="Dispute Area",
        compute="_compute_collection_dispute",
        search=live_search("collection_dispute_area_id"),
        groups=READERS,
        help="Who in the company solves the invoice's open dispute.",
    )
    collection_dispute_owner_id = fields.Many2one(
        "res.users",
        string="Dispute Owner",
        compute="_compute_collection_dispute",
        search=live_search("collection_dispute_owner_id"),
        groups=READERS,
    )
    collection_dispute_count = fields.Integer(
        string="Disputes",
        compute="_compute_collection_dispute",
        search=live_search("collection_dispute_count"),
        groups=READERS,
        aggregator=False,
    )
    collection_credited_dispute_id = fields.Many2one(
        "collection.dispute",
        string="Credits Dispute",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups=READERS,
        help="The accepted dispute that this credit note was prepared for.",
    )
    collection_pause_until = fields.Date(
        string="Paused Until",
        compute="_compute_collection_pause",
        search=live_search("collection_pause_until"),
        groups=READERS,
    )
    collection_delay_reason_id = fields.Many2one(
        "collection.delay.reason",
        string="Reason for Delay",
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups=READERS,
        help="Why the customer is late, as it said last.",
    )
    collection_contact_count = fields.Integer(
        string="Contacts", compute="_compute_collection_contact_count", groups=READERS
    )
    collection_customer_id = fields.Many2one(
        "collection.customer",
        string="Customer File",
        compute="_compute_collection_customer",
        search=live_search("collection_customer_id"),
        groups=READERS,
    )
    collector_id = fields.Many2one(
        "res.users",
        compute="_compute_collection_customer",
        search=live_search("collector_id"),
        groups=READERS,
    )
    collection_last_step_id = fields.Many2one(
        "collection.step",
        string="Last Step",
        compute="_compute_collection_last_step",
        search=live_search("collection_last_step_id"),
        groups=READERS,
    )
    collection_last_date = fields.Date(
        string="Last Said",
        compute="_compute_collection_last_step",
        search=live_search("collection_last_date"),
        groups=READERS,
    )
    collection_next_step_id = fields.Many2one(
        "collection.step",
        string="Next Step",
        compute="_compute_collection_decision",
        search=due_item_search("next_step_id"),
        groups=READERS,
    )
    collection_next_date = fields.Date(
        string="Next Date",
        compute="_compute_collection_decision",
        search=due_item_search("next_date"),
        groups=READERS,
    )
    collection_decision = fields.Char(
        string="Why",
        compute="_compute_collection_decision",
        groups=READERS,
        help="Why the invoice is or is not claimed today.",
    )

    collection_delivery_state = fields.Selection(
        DELIVERY_STATES,
        string="Delivery",
        compute="_compute_collection_delivery_state",
        search=live_search("collection_delivery_state"),
        groups=READERS,
        help="Whether the invoice reached the customer. Empty: a draft, or issued before invoices "
        "were sent from here.",
    )
    collection_delivery_problem = fields.Char(
        string="Delivery Problem",
        compute="_compute_collection_delivery_problem",
        groups=READERS,
        help="Why the invoice did not reach the customer.",
    )
    collection_sending_error = fields.Char(
        readonly=True,
        copy=False,
        groups=READERS,
        help="Why Odoo could not make or send the invoice the last time it tried.",
    )

    _collection_status_idx = models.Index("(collection_status) WHERE collection_status <> 'normal'")

    # ------------------------------------------------------------
    # Status: a summary of the holds
    # ------------------------------------------------------------

    def _update_collection_status(self):
        """Set the status from the open holds: the strongest counts (see ``HOLD_KINDS``).

        Set-based: the ORM would look at all journal items of each invoice.
        """
        if not self.ids:
            return
        strength = {kind: index for index, (kind, _label) in enumerate(HOLD_KINDS)}
        # sudo: the summary is the same for everyone
        holds = self.env["collection.hold"].sudo()
        kinds = {
            move: max(kinds, key=strength.get)
            for move, kinds in holds._read_group(
                [("move_id", "in", self.ids), ("open", "=", True), ("kind", "!=", "paused")],
                ["move_id"],
                ["kind:array_agg"],
            )
        }
        moves = self.sudo()
        moves.fetch(["collection_status"])
        before = {move: move.collection_status for move in moves}
        changed = {
            move: kinds.get(move, "normal")
            for move, status in before.items()
            if status != kinds.get(move, "normal")
        }
        if not changed:
            return
        self.flush_model(["collection_status"])
        self.env.cr.execute_values(
            "UPDATE account_move SET collection_status = new.status "
            "FROM (VALUES %s) new (id, status) WHERE account_move.id = new.id",
            [(move.id, status) for move, status in changed.items()],
            page_size=len(changed),
        )
        moves = self.browse(move.id for move in changed)
        moves.invalidate_recordset(["collection_status"], flush=False)
        moves.modified(["collection_status"])
        moves._log_collection_status(before)

    def _log_collection_status(self, before):
        """Tell the invoices' history how their status changed.

        :param dict before: the status that each move had
        """
        if self.env.context.get("tracking_disable"):
            return
        labels = dict(self._fields["collection_status"]._description_selection(self.env))
        log_notes(
            self,
            {
                move.id: self.env._(
                    "Collection: %(before)s → %(after)s",
                    before=labels[before[move] or "normal"],
                    after=labels[move.collection_status],
                )
                for move in self.sudo()
            },
        )

    # ------------------------------------------------------------
    # Live fields: SQL for lists, compute for records
    # ------------------------------------------------------------

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of ``base``: these are not stored, yet sort, filter and group."""
        if field_expr == "collection_delivery_state":
            self._flush_delivery()
            return self._get_delivery_state_sql(SQL.identifier(alias))
        sql = self._get_collection_sql().get(field_expr)
        if sql is None:
            return super()._field_to_sql(alias, field_expr, query)
        self.env["collection.due.item"]._flush_decision()
        self.env["collection.promise"].flush_model(["date_promised", "move_line_ids"])
        self.env["collection.reported.payment"].flush_model(["date_reported", "move_line_ids"])
        self.env["collection.dispute"].flush_model(["area_id", "owner_id"])
        return SQL(
            sql,
            alias=SQL.identifier(alias),
            root=self.env["res.company"]._get_root_sql(SQL.identifier(alias, "company_id")),
            today=fields.Date.context_today(self),
        )

    @api.model
    def _get_collection_sql(self):
        """SQL text of each live field; ``%(alias)s`` is the table of the moves."""
        file = """(
            SELECT file.{column}
              FROM collection_customer file
             WHERE file.partner_id = %(alias)s.commercial_partner_id
               AND file.company_id = %(root)s
        )"""
        said = """(
            SELECT {column}
              FROM collection_notice_line said
              JOIN collection_notice notice ON notice.id = said.notice_id
             WHERE said.move_id = %(alias)s.id AND said.live IS TRUE
             ORDER BY notice.date DESC, said.phase <> 'upcoming' DESC, said.level DESC
             LIMIT 1
        )"""
        dispute = """(
            SELECT dispute.{column}
              FROM collection_hold hold
              JOIN collection_dispute dispute
                ON dispute.id = split_part(hold.origin, ',', 2)::int
             WHERE hold.move_id = %(alias)s.id AND hold.open IS TRUE
               AND hold.origin LIKE 'collection.dispute,%%'
             ORDER BY dispute.id DESC
             LIMIT 1
        )"""
        return {
            "collection_dispute_area_id": dispute.format(column="area_id"),
            "collection_dispute_owner_id": dispute.format(column="owner_id"),
            "collection_dispute_count": """(
                SELECT count(DISTINCT hold.origin)
                  FROM collection_hold hold
                 WHERE hold.move_id = %(alias)s.id
                   AND hold.origin LIKE 'collection.dispute,%%'
            )""",
            "collection_customer_id": file.format(column="id"),
            "collector_id": file.format(column="collector_id"),
            "collection_last_step_id": said.format(column="said.step_id"),
            "collection_last_date": said.format(column="COALESCE(notice.sent_date, notice.date)"),
            "collection_promise_date": """(
                SELECT min(promise.date_promised)
                  FROM collection_hold hold
                  JOIN collection_promise promise
                    ON promise.id = split_part(hold.origin, ',', 2)::int
                 WHERE hold.move_id = %(alias)s.id AND hold.open IS TRUE
                   AND hold.origin LIKE 'collection.promise,%%'
            )""",
            "collection_promise_count": """(
                SELECT count(DISTINCT hold.origin)
                  FROM collection_hold hold
                 WHERE hold.move_id = %(alias)s.id
                   AND hold.origin LIKE 'collection.promise,%%'
            )""",
            "collection_plan_count": """(
                SELECT count(DISTINCT hold.origin)
                  FROM collection_hold hold
                 WHERE hold.move_id = %(alias)s.id
                   AND hold.origin LIKE 'collection.plan,%%'
            )""",
            "collection_action_count": """(
                SELECT count(DISTINCT hold.origin)
                  FROM collection_hold hold
                 WHERE hold.move_id = %(alias)s.id
                   AND hold.origin LIKE 'collection.action,%%'
            )""",
            "collection_reported_date": """(
                SELECT min(report.date_reported)
                  FROM collection_hold hold
                  JOIN collection_reported_payment report
                    ON report.id = split_part(hold.origin, ',', 2)::int
                 WHERE hold.move_id = %(alias)s.id AND hold.open IS TRUE
                   AND hold.origin LIKE 'collection.reported.payment,%%'
            )""",
            "collection_reported_count": """(
                SELECT count(DISTINCT hold.origin)
                  FROM collection_hold hold
                 WHERE hold.move_id = %(alias)s.id
                   AND hold.origin LIKE 'collection.reported.payment,%%'
            )""",
            "collection_pause_until": """(
                SELECT max(hold.date_to)
                  FROM collection_hold hold
                 WHERE hold.move_id = %(alias)s.id AND hold.open IS TRUE
                   AND hold.kind = 'paused' AND hold.date_to >= %(today)s
            )""",
        }

    def _read_collection_sql(self, *names):
        """Return the live fields of these moves: dict id -> tuple of values."""
        if not self.ids:
            return {}
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT move.id, %s FROM account_move move WHERE move.id IN %s",
                SQL(", ").join(self._field_to_sql("move", name) for name in names),
                tuple(self.ids),
            )
        )
        return {row[0]: row[1:] for row in rows}

    @api.depends("commercial_partner_id", "company_id")
    def _compute_collection_customer(self):
        values = self._read_collection_sql("collection_customer_id", "collector_id")
        for move in self:
            move.collection_customer_id, move.collector_id = values.get(move.id, (False, False))

    def _compute_collection_last_step(self):
        values = self._read_collection_sql("collection_last_step_id", "collection_last_date")
        for move in self:
            move.collection_last_step_id, move.collection_last_date = values.get(
                move.id, (False, False)
            )

    def _compute_collection_promise(self):
        values = self._read_collection_sql("collection_promise_date", "collection_promise_count")
        for move in self:
            move.collection_promise_date, move.collection_promise_count = values.get(
                move.id, (False, 0)
            )

    def _compute_collection_plan_count(self):
        values = self._read_collection_sql("collection_plan_count")
        for move in self:
            [move.collection_plan_count] = values.get(move.id, (0,))

    def _compute_collection_action_count(self):
        values = self._read_collection_sql("collection_action_count")
        for move in self:
            [move.collection_action_count] = values.get(move.id, (0,))

    def _compute_collection_contact_count(self):
        counts = dict(
            self.env["collection.contact"]._read_group(
                [("move_ids", "in", self.ids), ("state", "=", "registered")],
                ["move_ids"],
                ["__count"],
            )
        )
        for move in self:
            move.collection_contact_count = counts.get(move, 0)

    def _compute_collection_reported(self):
        values = self._read_collection_sql("collection_reported_date", "collection_reported_count")
        for move in self:
            move.collection_reported_date, move.collection_reported_count = values.get(
                move.id, (False, 0)
            )

    def _compute_collection_dispute(self):
        names = (
            "collection_dispute_area_id",
            "collection_dispute_owner_id",
            "collection_dispute_count",
        )
        values = self._read_collection_sql(*names)
        for move in self:
            move.update(dict(zip(names, values.get(move.id, (False, False, 0)), strict=True)))

    def _compute_collection_pause(self):
        values = self._read_collection_sql("collection_pause_until")
        for move in self:
            [move.collection_pause_until] = values.get(move.id, (False,))

    @api.depends_context("lang")
    def _compute_collection_decision(self):
        # fetched with the search: the decision is asked once
        items = self.env["collection.due.item"].search_fetch(
            [("move_id", "in", self.ids), ("residual_currency", ">", 0)]
        )
        by_move = items.grouped("move_id")
        for move in self:
            open_items = by_move.get(move, items.browse())
            coming = open_items.filtered("next_date").sorted("next_date")[:1]
            move.collection_next_step_id = coming.next_step_id
            move.collection_next_date = coming.next_date
            move.collection_decision = move._get_decision_text(open_items)

    def _get_decision_text(self, items):
        """Return the sentence for the banner; with several instalments, one per due date."""
        if len(items) < 2:
            return items.explanation or False
        return "\n".join(
            f"{format_date(self.env, item.date_due)}: {item.explanation}" for item in items
        )

    # ------------------------------------------------------------
    # Delivery: claims, lists and people read the same state
    # ------------------------------------------------------------

    @api.model
    def _flush_delivery(self):
        """Write what the state reads to the database."""
        self.env["account.move"].flush_model(
            [
                "collection_sending_error",
                "company_id",
                "invoice_date",
                "is_move_sent",
                "move_type",
                "sending_data",
                "state",
            ]
        )
        self.env["mail.message"].flush_model(["model", "res_id"])
        self.env["mail.notification"].flush_model(
            ["mail_message_id", "notification_status", "notification_type", "res_partner_id"]
        )
        self.env["res.partner"].flush_model(["partner_share"])

    @api.model
    def _get_delivery_state_sql(self, alias, singly=False, since=None):
        """Return the SQL expression of the delivery state of invoices.

        What waits to be sent comes first, then what an e-invoicing network answered, then the
        mails. An invoice that Odoo says was sent was, unless none of its customer's mails arrived.

        :param SQL alias: table of the moves
        :param bool singly: look up each invoice's mails; else, where many are asked for, PostgreSQL
            reads the mails in trouble once, which are few, and looks up no others
        :param SQL since: the day since which the company sends its invoices from here, where the
            query has it (default: ``_get_delivery_from_sql``)
        """
        mails = self._get_mail_state_sql(alias)
        if not singly:
            mails = SQL(
                "CASE WHEN %s THEN %s ELSE 'sent' END", self._get_mail_trouble_sql(alias), mails
            )
        return SQL(
            """
            CASE WHEN %(alias)s.state <> 'posted' OR %(alias)s.move_type NOT IN %(types)s THEN NULL
                 WHEN %(alias)s.sending_data IS NOT NULL THEN 'queued'
                 ELSE COALESCE(
                    %(einvoice)s,
                    CASE WHEN %(alias)s.is_move_sent THEN %(mails)s
                         WHEN %(alias)s.invoice_date < %(since)s THEN NULL
                         WHEN %(alias)s.collection_sending_error IS NOT NULL THEN 'error'
                         ELSE 'not_sent' END
                 )
            END
            """,
            alias=alias,
            types=CUSTOMER_TYPES,
            einvoice=self._get_einvoice_state_sql(alias),
            mails=mails,
            since=since or self._get_delivery_from_sql(alias),
        )

    @api.model
    def _get_einvoice_state_sql(self, alias):
        """Hook: the SQL expression of what an e-invoicing network says of invoices.

        One of ``DELIVERY_STATES`` (accepted, rejected; queued while it works, error), or NULL for
        an invoice that does not go by the network. A bridge puts its own before this one::

            return SQL(
                "CASE %(alias)s.peppol_move_state WHEN 'done' THEN 'accepted' ... ELSE %(next)s END",
                alias=alias,
                next=super()._get_einvoice_state_sql(alias),
            )

        It also flushes what it reads (``_flush_delivery``) and gives the reason
        (``_get_einvoice_problem``).

        :param SQL alias: table of the moves
        """
        return SQL("NULL::varchar")

    @api.model
    def _get_delivery_from_sql(self, alias):
        """The day since which a move's company sends its invoices from here.

        Written out from the few companies there are.
        """
        # sudo: the ledger is the same, whatever the user sees of the branches
        companies = self.env["res.company"].sudo().with_context(active_test=False).search([])
        return SQL(
            "CASE %s.company_id %s END",
            alias,
            SQL(" ").join(
                SQL("WHEN %s THEN %s::date", company.id, company.root_id.collection_delivery_from)
                for company in companies
            ),
        )

    @api.model
    def _get_mail_state_sql(self, alias):
        """What became of a move's mails to its customer; one that arrived is enough."""
        return SQL(
            """(
                SELECT CASE
                       WHEN bool_or(sending.notification_status IN ('sent', 'pending')) THEN 'sent'
                       WHEN bool_or(sending.notification_status IN ('ready', 'process')) THEN 'queued'
                       WHEN bool_or(sending.notification_status = 'bounce') THEN 'bounced'
                       WHEN bool_or(sending.notification_status = 'exception') THEN 'error'
                       ELSE 'sent' END
                  %(mails)s AND mail.res_id = %(alias)s.id
            )""",
            alias=alias,
            mails=self._get_mails_sql(),
        )

    @api.model
    def _get_mail_trouble_sql(self, alias):
        """Whether a mail of a move is on its way or came back (another may have arrived)."""
        return SQL(
            """
            EXISTS (
                SELECT %(mails)s AND mail.res_id = %(alias)s.id
                   AND sending.notification_status IN ('ready', 'process', 'bounce', 'exception')
            )
            """,
            alias=alias,
            mails=self._get_mails_sql(),
        )

    @api.model
    def _get_mails_sql(self):
        """FROM and WHERE of the mails of moves to others than colleagues."""
        return SQL(
            """
              FROM mail_message mail
              JOIN mail_notification sending ON sending.mail_message_id = mail.id
              LEFT JOIN res_partner reader ON reader.id = sending.res_partner_id
             WHERE mail.model = 'account.move'
               AND sending.notification_type = 'email'
               AND reader.partner_share IS NOT FALSE
            """
        )

    @api.depends("is_move_sent", "move_type", "sending_data", "state", "collection_sending_error")
    def _compute_collection_delivery_state(self):
        values = self._read_collection_sql("collection_delivery_state")
        for move in self:
            [move.collection_delivery_state] = values.get(move.id, (False,))

    # ------------------------------------------------------------
    # Why it did not arrive
    # ------------------------------------------------------------

    @api.depends("collection_delivery_state", "partner_id")
    @api.depends_context("lang")
    def _compute_collection_delivery_problem(self):
        returned = self.filtered(
            lambda move: (
                move.collection_delivery_state in ("bounced", "error") and move.is_move_sent
            )
        )
        failures = returned._get_mail_failures()
        for move in self:
            move.collection_delivery_problem = {
                "not_sent": move._get_sending_problem,
                "error": lambda move=move: move.collection_sending_error or failures.get(move.id),
                "bounced": lambda move=move: failures.get(move.id),
                "rejected": move._get_einvoice_problem,
            }.get(move.collection_delivery_state, lambda: False)()

    def _get_mail_failures(self):
        """Return why the last mail of each move failed: dict move id -> sentence."""
        if not self.ids:
            return {}
        self._flush_delivery()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (mail.res_id) mail.res_id, sending.id %s
                   AND mail.res_id IN %s
                   AND sending.notification_status IN ('bounce', 'exception')
                 ORDER BY mail.res_id, sending.id DESC
                """,
                self._get_mails_sql(),
                tuple(self.ids),
            )
        )
        # sudo: who reads the invoice may know why it did not arrive
        notifications = self.env["mail.notification"].sudo().browse(id_ for _move, id_ in rows)
        return {
            move_id: self.env._(
                "%(contact)s: %(reason)s",
                contact=failed.res_partner_id.display_name or failed.mail_email_address or "",
                reason=failed.failure_reason or failed.format_failure_reason(),
            )
            for (move_id, _id), failed in zip(rows, notifications, strict=True)
        }

    def _get_einvoice_problem(self):
        """Hook: why an e-invoicing network rejected this invoice; a sentence or False."""
        self.ensure_one()
        return False

    def _get_sending_problem(self):
        """Hook: why Odoo can't send this invoice by itself; a sentence, or False when it can."""
        self.ensure_one()
        customer = self.commercial_partner_id.display_name
        methods = self.env["account.move.send"]._get_default_sending_methods(self) - {"manual"}
        if not methods:
            return self.env._(
                "Invoices of %(customer)s are sent by hand: send it yourself, or choose how on the "
                "customer.",
                customer=customer,
            )
        if methods == {"email"} and not self.partner_id.email:
            return self.env._(
                "%(contact)s has no e-mail address: add one to the contact.",
                contact=self.partner_id.display_name,
            )
        return False

    # ------------------------------------------------------------
    # Sending again
    # ------------------------------------------------------------

    def action_collection_send_again(self):
        """Have Odoo send these invoices to their customers once more, by their own methods.

        They are queued; those that can't be sent are left and named.

        :raises UserError: when one of them is a draft or no customer invoice
        """
        self.check_access("write")
        self._check_may_be_sent()
        queued, left = self._queue_send_again()
        return notification(
            self.env,
            [self.env._("Being sent in the background: %s", len(queued)), *left],
            kind="warning" if left else "success",
        )

    def _queue_send_again(self, at=None):
        """Have Odoo send these invoices once more; those that can't be sent are left and named.

        :param datetime at: naive UTC, not before; default: now
        :return: those queued, and a sentence for each other one
        """
        problems = {move: move._get_send_again_problem() for move in self}
        queued = self.filtered(lambda move: not problems[move] and not move.sending_data)
        queued._without_items().write(
            {
                "sending_data": {
                    # as Odoo's own wizard for several invoices
                    "author_user_id": self.env.user.id,
                    "author_partner_id": self.env.user.partner_id.id,
                    SEND_AGAIN: fields.Datetime.to_string(at) if at else True,
                },
                "collection_sending_error": False,
            }
        )
        if queued:
            # sudo: scheduled jobs belong to the system
            job = self.env.ref("collections_management.ir_cron_collection_send_invoices")
            job.sudo()._trigger(at)
        return queued, [f"{move.name}: {problem}" for move, problem in problems.items() if problem]

    def _withdraw_send_again(self):
        """Take back what was asked for: those that wait for their turn are not sent again."""
        asked = self.filtered(lambda move: move._is_asked_for())
        asked._without_items().sending_data = False

    def _without_items(self):
        """Return these moves, to write on them what is not the invoice's own.

        Else Odoo compares all journal items of each, and takes the invoice for edited by hand.
        """
        return self.with_context(skip_invoice_sync=True, skip_is_manually_modified=True)

    def _is_asked_for(self):
        """Tell whether a person asked for it to be sent again, and it waits for its turn."""
        self.ensure_one()
        return bool(self.sending_data and self.sending_data.get(SEND_AGAIN))

    def _check_may_be_sent(self):
        for move in self:
            if move.state != "posted" or move.move_type not in CUSTOMER_TYPES:
                raise UserError(
                    self.env._(
                        "%(move)s can't be sent to a customer: only posted customer invoices and "
                        "credit notes can. Post it first, or leave it out.",
                        move=move.display_name,
                    )
                )

    def _get_send_again_problem(self):
        """Return why this invoice can't be sent again now; falsy: it can."""
        self.ensure_one()
        if self.company_id.sudo().root_id.collection_mailbox:
            return self.env._(
                "Everything goes to your own mailbox for a trial, but Odoo's own sending would reach "
                "the customer: end the trial first."
            )
        return self._get_sending_problem()

    def _needs_collection_sending(self):
        """Tell whether Odoo can send this undelivered invoice by itself.

        Hook: so it is when it was never sent nor queued and the customer has a way to get it; one
        that bounced needs a person to correct the address first.
        """
        self.ensure_one()
        return not (self.is_move_sent or self.sending_data or self._get_sending_problem())

    @api.model
    def _get_moves_asked_for(self):
        """Return the invoices that people asked to be sent again."""
        queued = self.search([("sending_data", "!=", False), ("state", "=", "posted")], order="id")
        now = fields.Datetime.to_string(fields.Datetime.now())
        asked = {move: move._is_asked_for() and move.sending_data[SEND_AGAIN] for move in queued}
        return queued.filtered(
            lambda move: asked[move] is True or (asked[move] and asked[move] <= now)
        )

    def _send_undelivered_invoice(self):
        """Have Odoo send one invoice that was not delivered, by its customer's method.

        One at a time: Odoo's own queue prints several in one go, which Debian's wkhtmltopdf
        refuses, and then nothing of that queue is sent any more.

        :return: whether it was sent; another server may have it in hand
        """
        self.ensure_one()
        if not self.try_lock_for_update():
            return False
        asked = self._is_asked_for()
        if not asked and not self._needs_collection_sending():
            return False
        self.env["account.move.send"].with_company(self.company_id)._generate_and_send_invoices(
            self, from_cron=asked
        )
        return True

    def _note_sending_error(self, error):
        """Keep why this invoice could not be sent, where people see it."""
        self.ensure_one()
        worded = self.company_id._in_own_language(self)
        text = worded.env._("The invoice could not be sent to the customer: %s", error)
        self._without_items().write({"sending_data": False, "collection_sending_error": text})
        self._message_log(body=text)

    def _make_undelivered_tasks(self):
        """Give each customer's collector one task about the invoices that never arrived.

        A customer whose task is still open gets no second one.
        """
        task_type = self.env.ref("collections_management.activity_type_undelivered")
        by_customer = self.grouped("collection_customer_id")
        open_tasks = self.env["mail.activity"].search(
            [
                ("res_model", "=", "collection.customer"),
                ("res_id", "in", self.collection_customer_id.ids),
                ("activity_type_id", "=", task_type.id),
            ]
        )
        busy = set(open_tasks.mapped("res_id"))
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [
                moves._prepare_undelivered_task(customer, task_type)
                for customer, moves in by_customer.items()
                if customer and customer.id not in busy
            ]
        )

    def _prepare_undelivered_task(self, customer, task_type):
        """Return the values of the task about these invoices, in its reader's language."""
        company = customer.company_id
        user = customer.collector_id or company.collection_supervisor_id or self.env.user
        worded = self.with_context(lang=user.lang or self.env.lang)
        return {
            "res_model_id": self.env["ir.model"]._get_id("collection.customer"),
            "res_id": customer.id,
            "activity_type_id": task_type.id,
            "summary": worded.env._("Invoices not delivered: %s", ", ".join(self.mapped("name"))),
            "date_deadline": company._get_collection_today(),
            "user_id": user.id,
        }

    # ------------------------------------------------------------
    # Credit notes
    # ------------------------------------------------------------

    def _lower_collection_credit_note(self, amount, name, key):
        """Let a draft credit note come to an amount: a line for each account and its taxes.

        Each in proportion; Odoo's own tax engine spreads it, so that the total is exact to the cent.

        :param float amount: with taxes, in the note's currency
        :param str name: what the lines say
        :param str key: tells Odoo's tax engine what the lines belong to
        """
        self.ensure_one()
        taxes = self.env["account.tax"]
        base_lines, _tax_lines = self._get_rounded_base_and_tax_lines()
        lowered = taxes._prepare_down_payment_lines(
            base_lines,
            self.company_id,
            "fixed",
            amount,
            computation_key=key,
            grouping_function=lambda base_line: {"account_id": base_line["account_id"]},
        )
        self.write(
            {
                "invoice_cash_rounding_id": False,
                "invoice_line_ids": [
                    Command.clear(),
                    *(
                        Command.create(
                            {
                                "name": name,
                                "quantity": 1.0,
                                "price_unit": line["price_unit"],
                                "account_id": line["account_id"].id,
                                "tax_ids": [Command.set(line["tax_ids"].ids)],
                                "analytic_distribution": line["analytic_distribution"],
                                "extra_tax_data": taxes._export_base_line_extra_tax_data(line),
                            }
                        )
                        for line in lowered
                    ),
                ],
            }
        )

    # ------------------------------------------------------------
    # Agreements
    # ------------------------------------------------------------

    def write(self, vals):
        """Override of ``account``: agreements follow invoices that are posted, reset or cancelled."""
        result = super().write(vals)
        if "state" in vals and self.ids:
            self.env["collection.agreement"]._follow_moves(self)
        return result

    def _post(self, soft=True):
        """Override of ``account``: a write-off that was prepared is reconciled with what it writes off."""
        posted = super()._post(soft)
        self.env["collection.action"]._reconcile_write_offs(posted)
        return posted

    def _get_collection_open_lines(self):
        """Return the open items of these moves that the customer owes."""
        return self.line_ids.filtered(
            lambda line: (
                line.account_id.account_type == "asset_receivable"
                and line.parent_state == "posted"
                and not line.reconciled
                and line.amount_residual_currency > 0
            )
        )

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_collection_register(self):
        """Open the dialog that registers an agreement (context ``agreement``) about these invoices.

        :raises UserError: naming an invoice that it can't be about
        """
        kind = self.env["collection.agreement"]._get_kind()
        lines = self._get_collection_open_lines()
        for move in self - lines.move_id:
            receivable = move.line_ids.filtered(
                lambda line: line.account_id.account_type == "asset_receivable"
            )
            raise UserError((receivable or move.line_ids)[:1]._get_collection_refusal())
        return kind._open_register(lines)

    def action_open_collection_agreements(self):
        """Open the agreements of a kind (context ``agreement``) about these invoices."""
        kind = self.env["collection.agreement"]._get_kind()
        return kind._open([("move_line_ids.move_id", "in", self.ids)])

    def action_collection_register_contact(self):
        """Open the dialog that registers a contact about these invoices."""
        return self.env["collection.contact"]._open_register(moves=self)

    def action_open_collection_contacts(self):
        """Open the contacts about these invoices."""
        return self.env["collection.contact"]._open([("move_ids", "in", self.ids)])

    def action_open_collection_items(self):
        """Open the invoice's open items: what is or is not claimed, and why."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_management.collection_due_item_action"
        )
        return dict(action, domain=[("move_id", "in", self.ids)], context={})

    def action_open_collection_dry_run(self):
        """Show what would be said of the invoice in the next days."""
        self.ensure_one()
        return self.env["collection.dry.run"]._show(self.collection_customer_id, move=self)

    def action_open_collection_customer(self):
        self.ensure_one()
        return self.partner_id.action_open_collection_customer()

    def action_collection_resume(self):
        """Lift the pauses on these invoices."""
        self.env["collection.hold"].check_access("write")
        # sudo: holds are written by the system; the invoices are the person's to see
        self.env["collection.hold"].sudo().search(
            [("move_id", "in", self.ids), ("kind", "=", "paused"), ("open", "=", True)]
        ).action_lift()

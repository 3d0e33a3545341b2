from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .collection_hold import HOLD_KINDS
from .live_field import live_search

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


class AccountMove(models.Model):
    _inherit = "account.move"

    collection_status = fields.Selection(
        STATUSES,
        default="normal",
        readonly=True,
        copy=False,
        tracking=True,
        groups=READERS,
        help="What was agreed with the customer; a summary of the holds on the invoice's items.",
    )
    collection_pause_until = fields.Date(
        string="Paused Until",
        compute="_compute_collection_pause",
        search=live_search("collection_pause_until"),
        groups=READERS,
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

    _collection_status_idx = models.Index("(collection_status) WHERE collection_status <> 'normal'")

    # ------------------------------------------------------------
    # Status: a summary of the holds
    # ------------------------------------------------------------

    def _update_collection_status(self):
        """Set the status from the open holds: the strongest counts (see ``HOLD_KINDS``)."""
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
        for move in moves:
            status = kinds.get(move, "normal")
            if move.collection_status != status:
                move.collection_status = status

    # ------------------------------------------------------------
    # Live fields: SQL for lists, compute for records
    # ------------------------------------------------------------

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of ``base``: these are not stored, yet sort, filter and group."""
        sql = self._get_collection_sql().get(field_expr)
        if sql is None:
            return super()._field_to_sql(alias, field_expr, query)
        self.env["collection.due.item"]._flush_decision()
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
        return {
            "collection_customer_id": file.format(column="id"),
            "collector_id": file.format(column="collector_id"),
            "collection_last_step_id": said.format(column="said.step_id"),
            "collection_last_date": said.format(column="COALESCE(notice.sent_date, notice.date)"),
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
    # Undelivered invoices
    # ------------------------------------------------------------

    def _needs_collection_sending(self):
        """Tell whether Odoo can send this undelivered invoice by itself.

        Hook: so it is when it was never sent nor queued and the customer's sending method is not
        manual; one that bounced needs a person to correct the address first.
        """
        self.ensure_one()
        if self.is_move_sent or self.sending_data:
            return False
        methods = self.env["account.move.send"]._get_default_sending_methods(self)
        return bool(methods - {"manual"})

    def _send_undelivered_invoice(self):
        """Have Odoo send one invoice that was not delivered, by its customer's method.

        One at a time: Odoo's own queue prints several in one go, which Debian's wkhtmltopdf
        refuses, and then nothing of that queue is sent any more.

        :return: whether it was sent; another server may have it in hand
        """
        self.ensure_one()
        if not self.try_lock_for_update() or not self._needs_collection_sending():
            return False
        self.env["account.move.send"].with_company(self.company_id)._generate_and_send_invoices(
            self
        )
        return True

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
        model_id = self.env["ir.model"]._get_id("collection.customer")
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [
                {
                    "res_model_id": model_id,
                    "res_id": customer.id,
                    "activity_type_id": task_type.id,
                    "summary": self.env._(
                        "Invoices not delivered: %s", ", ".join(moves.mapped("name"))
                    ),
                    "date_deadline": customer.company_id._get_collection_today(),
                    "user_id": (
                        customer.collector_id
                        or customer.company_id.collection_supervisor_id
                        or self.env.user
                    ).id,
                }
                for customer, moves in by_customer.items()
                if customer and customer.id not in busy
            ]
        )

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

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

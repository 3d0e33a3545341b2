from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .instalments import allocate
from .live_field import live_search

LINE_STATES = [
    ("paid", "Paid"),
    ("partly", "Partly paid"),
    ("due", "Due today"),
    ("late", "Late"),
    ("upcoming", "Coming"),
    ("void", "No longer due"),
]
# Plans in these states ask for nothing.
ENDED = ("settled", "breached", "expired", "replaced", "cancelled")


class CollectionPlanLine(models.Model):
    """An instalment of a payment plan. What is paid of it is asked of the ledger.

    ``settled`` and ``begun`` are verdicts, as the plan's state: judged whenever the ledger
    changes. The state is theirs and the day's.
    """

    _name = "collection.plan.line"
    _description = "Instalment"
    _order = "plan_id, number, id"
    _rec_name = "number"
    _check_company_auto = True

    plan_id = fields.Many2one("collection.plan", required=True, index=True, ondelete="cascade")
    number = fields.Integer(string="No.", required=True, aggregator=False)
    date = fields.Date(string="Due On", required=True, index=True)
    breach_date = fields.Date(
        string="Last Day of Grace",
        compute="_compute_breach_date",
        store=True,
        help="When it is not paid until then, the plan is breached.",
    )
    amount = fields.Monetary(required=True, aggregator=False)
    currency_id = fields.Many2one(related="plan_id.currency_id", store=True)
    company_id = fields.Many2one(
        related="plan_id.company_id", store=True, index=True, precompute=True
    )
    customer_id = fields.Many2one(related="plan_id.customer_id", store=True, index=True)
    partner_id = fields.Many2one(
        related="plan_id.partner_id", string="Customer", store=True, index=True
    )
    collector_id = fields.Many2one(related="plan_id.collector_id", store=True, index=True)
    plan_state = fields.Selection(related="plan_id.state", string="State of the Plan", store=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    company_amount = fields.Monetary(
        string="Amount in Company Currency",
        compute="_compute_company_amount",
        store=True,
        currency_field="company_currency_id",
        help="At the rate of the day of registration.",
    )
    settled = fields.Boolean(readonly=True, help="All of it was paid, tolerance included.")
    begun = fields.Boolean(readonly=True, help="Something of it was paid.")
    paid_amount = fields.Monetary(string="Paid", compute="_compute_amounts", aggregator=False)
    remaining_amount = fields.Monetary(
        string="Remaining", compute="_compute_amounts", aggregator=False
    )
    state = fields.Selection(LINE_STATES, compute="_compute_state", search=live_search("state"))

    _open_idx = models.Index("(company_id, date) WHERE settled IS NOT TRUE")

    @api.depends("plan_id.number", "number", "plan_id.instalment_count", "partner_id.name")
    def _compute_display_name(self):
        for line in self:
            part = f"{line.number}/{line.plan_id.instalment_count}"
            line.display_name = f"{line.partner_id.name} · {line.plan_id.number} {part}"

    @api.depends("date", "plan_id.breach_days")
    def _compute_breach_date(self):
        for line in self:
            line.breach_date = line.date and line.date + timedelta(days=line.plan_id.breach_days)

    @api.depends("amount", "plan_id.currency_id", "plan_id.company_id", "plan_id.date")
    def _compute_company_amount(self):
        for line in self:
            plan = line.plan_id
            company = plan.company_id
            line.company_amount = plan.currency_id._convert(
                line.amount, company.currency_id, company, plan.date
            )

    @api.depends("amount", "plan_id.move_line_ids.amount_residual_currency", "plan_id.state")
    def _compute_amounts(self):
        parts = self.plan_id._get_parts()
        for line in self:
            line.paid_amount, line.remaining_amount = parts.get(line.id, (0.0, line.amount))

    @api.depends("settled", "begun", "date", "plan_state")
    def _compute_state(self):
        today = fields.Date.context_today(self)
        for line in self:
            line.state = line._get_state(today)

    def _get_state(self, today):
        self.ensure_one()
        if self.settled:
            return "paid"
        if self.plan_state in ENDED:
            return "void"
        if self.date and self.date <= today:
            return "late" if self.date < today else "due"
        return "partly" if self.begun else "upcoming"

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of ``base``: the state is not stored, yet filters and groups."""
        if field_expr != "state":
            return super()._field_to_sql(alias, field_expr, query)
        self.flush_model(["begun", "date", "plan_state", "settled"])
        return SQL(
            """
            CASE WHEN %(alias)s.settled IS TRUE THEN 'paid'
                 WHEN %(alias)s.plan_state IN %(ended)s THEN 'void'
                 WHEN %(alias)s.date < %(today)s THEN 'late'
                 WHEN %(alias)s.date = %(today)s THEN 'due'
                 WHEN %(alias)s.begun IS TRUE THEN 'partly'
                 ELSE 'upcoming' END
            """,
            alias=SQL.identifier(alias),
            ended=ENDED,
            today=fields.Date.context_today(self),
        )

    @api.model
    def _get_missed_domain(self, company):
        """Return the domain of the instalments of a main company that are late.

        Without those that money which is not allocated yet may have paid.
        """
        return [
            ("company_id", "=", company.id),
            ("plan_state", "=", "active"),
            ("plan_id.in_doubt", "=", False),
            ("settled", "=", False),
            ("date", "<", company._get_collection_today()),
        ]

    # ------------------------------------------------------------
    # What notices ask for
    # ------------------------------------------------------------

    def _get_due_with(self):
        """Return the instalments that are asked for together with each: it, and what is due by now.

        :return: dict of instalment -> instalments
        """
        today = fields.Date.context_today(self)
        return {
            line: line.plan_id.line_ids.filtered(
                lambda other, line=line: not other.settled and other.date <= max(line.date, today)
            )
            for line in self
        }

    def _prepare_notice_row(self):
        """Return what a message says of the instalment, in place of an item of its plan.

        :return: dict of columns of ``collection.notice.content._read_open_items``
        """
        self.ensure_one()
        plan = self.plan_id
        today = plan.company_id._get_collection_today()
        return {
            "name": self.env._("Payment plan %s", plan.number)
            if plan.is_extension
            else self.env._(
                "Instalment %(number)s of %(count)s, plan %(plan)s",
                number=self.number,
                count=plan.instalment_count,
                plan=plan.number,
            ),
            "move_id": False,
            "move_type": False,
            "access_token": False,
            "payment_reference": plan.number,
            "is_payment": False,
            "date_invoice": plan.date,
            "date_due": self.date,
            "days_overdue": (today - self.date).days,
            "amount_currency": self.amount,
            "residual_currency": self.remaining_amount,
            "decision": "claim",
            "round_number": 0,
        }

    @api.model
    def _ask(self, rows):
        """Let rows about items in plans ask for their instalment instead of the whole item.

        What is asked for goes to the items that are due first.

        :param rows: dicts with ``notice_id``, ``round_number`` (of an instalment: its id, negative),
            ``date_due``, ``move_line_id``, ``residual`` and ``residual_currency``; the last two are
            changed
        """
        groups = {}
        for row in rows:
            if row["round_number"] < 0:
                groups.setdefault((row["notice_id"], -row["round_number"]), []).append(row)
        # sudo: what a customer is asked for is the same for everyone
        lines = self.sudo().browse({line_id for _notice_id, line_id in groups}).exists()
        together = lines._get_due_with()
        for (_notice_id, line_id), group in groups.items():
            asked = sum(together.get(self.sudo().browse(line_id), lines).mapped("remaining_amount"))
            # in this order whatever order they came in: the recheck must find the same as the run
            group.sort(key=lambda row: (row["date_due"], row["move_line_id"]))
            parts = allocate([row["residual_currency"] for row in group], asked)
            for row, part in zip(group, parts, strict=True):
                if row["residual_currency"]:
                    row["residual"] *= part / row["residual_currency"]
                row["residual_currency"] = part

    # ------------------------------------------------------------
    # They stay as they were agreed
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Override of ``base``: instalments come with their plan, not after it."""
        lines = super().create(vals_list)
        # sudo: the holds tell that the plan has begun
        if not self.env.su and lines.plan_id.sudo()._get_holds():
            lines[:1]._refuse_change()
        return lines

    def write(self, vals):
        """Override of ``base``: what was agreed stays."""
        if not self.env.su and self:
            self[:1]._refuse_change()
        return super().write(vals)

    def _refuse_change(self):
        raise UserError(
            self.env._(
                "The instalments of %s stay as they were agreed: register a new plan, which takes "
                "its place, or cancel it.",
                self.plan_id.number,
            )
        )

    def action_open_plan(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "collection.plan",
            "res_id": self.plan_id.id,
            "view_mode": "form",
        }

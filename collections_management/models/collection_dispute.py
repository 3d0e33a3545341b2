from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL, format_date

from .live_field import live_search

STATES = [
    ("open", "Open"),
    ("to_credit", "Accepted, to credit"),
    ("grace", "Rejected, days of grace"),
    ("accepted", "Accepted"),
    ("partly", "Partly accepted"),
    ("rejected", "Rejected"),
    ("settled", "Settled"),
    ("cancelled", "Cancelled"),
]
RESOLUTIONS = [
    ("accepted", "Accepted"),
    ("partly", "Partly accepted"),
    ("rejected", "Rejected"),
]
# What holds items; only in the first one somebody still has to find out who is right.
OPEN = ("open", "to_credit", "grace")


class CollectionDispute(models.Model):
    """The customer says that something in these invoices is wrong: how much, why, who solves it.

    Nothing disputed is claimed until it is solved; the undisputed rest is where the scheme says so.
    """

    _name = "collection.dispute"
    _description = "Dispute"
    _inherit = ["collection.dispute.solution", "collection.agreement"]
    _order = "deadline, id desc"

    # the one who solves it need have no right on journal items
    move_line_ids = fields.Many2many(
        groups="account.group_account_invoice,account.group_account_readonly"
    )
    move_ids = fields.Many2many(
        groups="account.group_account_invoice,account.group_account_readonly"
    )
    amount = fields.Monetary(string="Disputed")
    state = fields.Selection(STATES, group_expand="_expand_states")
    item_ids = fields.One2many(
        "collection.dispute.item", "dispute_id", string="Disputed Items", copy=False
    )
    reason_id = fields.Many2one(
        "collection.dispute.reason",
        required=True,
        index=True,
        ondelete="restrict",
        tracking=True,
        check_company=True,
    )
    area_id = fields.Many2one(
        "collection.area",
        compute="_compute_area_id",
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        index=True,
        ondelete="restrict",
        tracking=True,
        check_company=True,
        help="Who in the company solves it.",
    )
    owner_id = fields.Many2one(
        "res.users",
        compute="_compute_owner_id",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        tracking=True,
        domain="[('share', '=', False)]",
        help="Who solves it: the area's responsible, unless someone else is chosen.",
    )
    deadline = fields.Date(
        compute="_compute_deadline",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        tracking=True,
        help="So many working days after the area got it, by the company's calendar.",
    )
    escalated_date = fields.Date(
        string="Escalated On",
        readonly=True,
        copy=False,
        help="When it was found past its deadline, and someone higher was told.",
    )
    resolution = fields.Selection(
        RESOLUTIONS, string="Solution", readonly=True, copy=False, index=True
    )
    resolved_date = fields.Date(string="Solved On", readonly=True, copy=False)
    resolver_id = fields.Many2one("res.users", string="Solved By", readonly=True, copy=False)
    accepted_amount = fields.Monetary(
        string="Accepted",
        readonly=True,
        copy=False,
        aggregator=False,
        help="What the customer is right about: a credit note is prepared for it.",
    )
    answer = fields.Text(readonly=True, copy=False, help="Why it was solved like this.")
    grace_until = fields.Date(
        string="Claims Resume After",
        readonly=True,
        copy=False,
        help="Last day of grace after the dispute was rejected.",
    )
    credit_move_ids = fields.One2many(
        "account.move",
        "collection_credited_dispute_id",
        string="Credit Notes",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    cycle_days = fields.Integer(
        string="Days to Solve",
        compute="_compute_cycle_days",
        search=live_search("cycle_days"),
        aggregator="avg",
        help="From the day it was registered to the day it was solved.",
    )
    open_amount = fields.Monetary(
        string="Still Disputed",
        compute="_compute_open_amount",
        aggregator=False,
        help="What is left of it, after what was paid and credited since.",
    )
    explanation = fields.Char(compute="_compute_explanation")

    _customer_state_idx = models.Index("(customer_id, state)")
    _open_idx = models.Index("(company_id, deadline) WHERE state IN ('open', 'to_credit', 'grace')")

    # ------------------------------------------------------------
    # What every agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_open_states(self):
        return OPEN

    @api.model
    def _get_final_states(self):
        return ("cancelled",)

    @api.model
    def _get_hold_kind(self):
        return "disputed"

    @api.model
    def _get_sequence_prefix(self):
        return "DI/%(year)s/"

    @api.model
    def _get_register_model(self):
        return "collection.register.dispute"

    @api.model
    def _get_agreed_fields(self):
        return super()._get_agreed_fields() | {"item_ids"}

    @api.model
    def _get_system_fields(self):
        return super()._get_system_fields() | {
            "accepted_amount",
            "answer",
            "credit_move_ids",
            "escalated_date",
            "grace_until",
            "resolution",
            "resolved_date",
            "resolver_id",
        }

    def _get_hold_until_sql(self):
        """A rejected one holds until its last day of grace."""
        return SQL("CASE WHEN agreement.state = 'grace' THEN agreement.grace_until END")

    def _get_hold_sentence(self):
        self.ensure_one()
        values = {
            "amount": self.currency_id.format(self.open_amount),
            "dispute": self.number,
            "reason": self.reason_id.name,
            "area": self.area_id.name,
            "owner": self.owner_id.name or self.area_id.name,
            "date": format_date(self.env, self.deadline),
            "until": format_date(self.env, self.grace_until),
        }
        sentences = {
            "to_credit": lambda: self.env._(
                "The customer's objection was accepted: a credit note of %(amount)s is on its way "
                "(%(dispute)s).",
                **values,
            ),
            "grace": lambda: self.env._(
                "The dispute was rejected (%(dispute)s: %(reason)s); claims go on after %(until)s.",
                **values,
            ),
        }
        return sentences.get(
            self.state,
            lambda: self.env._(
                "%(amount)s is disputed: %(reason)s. %(owner)s (%(area)s) solves it until %(date)s "
                "(%(dispute)s).",
                **values,
            ),
        )()

    # ------------------------------------------------------------
    # Fields
    # ------------------------------------------------------------

    @api.depends("reason_id")
    def _compute_area_id(self):
        for dispute in self:
            dispute.area_id = dispute.reason_id.area_id or dispute.area_id

    @api.depends("area_id")
    def _compute_owner_id(self):
        """The area's responsible; an area without one leaves it to the customer's collector."""
        for dispute in self:
            dispute.owner_id = (
                dispute.area_id.responsible_id or dispute.customer_id.sudo().collector_id
            )

    @api.depends("area_id")
    def _compute_deadline(self):
        """From the day on which the area gets it: later changes of the area move nothing."""
        for dispute in self:
            # sudo: whoever solves it need not read the customer's file
            company = dispute.customer_id.sudo().company_id or self.env.company.root_id
            dispute.deadline = dispute.area_id and company._get_collection_workday(
                dispute.area_id.days
            )

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override of ``base``: what is not solved yet has no days, so averages leave it out."""
        if field_expr == "cycle_days":
            self.flush_model(["date", "resolved_date"])
            return SQL("(%s - %s)", *(SQL.identifier(alias, n) for n in ("resolved_date", "date")))
        return super()._field_to_sql(alias, field_expr, query)

    @api.depends("date", "resolved_date")
    def _compute_cycle_days(self):
        for dispute in self:
            dispute.cycle_days = (
                dispute.resolved_date and (dispute.resolved_date - dispute.date).days
            )

    @api.depends("item_ids.move_line_id.amount_residual_currency", "state")
    def _compute_open_amount(self):
        facts = self._get_facts()
        for dispute in self:
            known = facts.get(dispute.id) if dispute.state in OPEN else None
            dispute.open_amount = known["disputed"] if known else 0.0

    @api.depends_context("lang")
    @api.depends("state", "deadline", "grace_until", "accepted_amount", "amount")
    def _compute_explanation(self):
        for dispute in self:
            dispute.explanation = dispute._get_explanation()

    def _get_explanation(self):
        """Return the sentence that tells a person where the dispute stands."""
        self.ensure_one()
        _ = self.env._
        deadline = format_date(self.env, self.deadline)
        accepted = self.currency_id.format(self.accepted_amount)
        if self.state == "open" and self.deadline < fields.Date.context_today(self):
            return _("It was to be solved until %s: it is late.", deadline)
        return {
            "open": _(
                "To be solved until %s. What is disputed is not claimed meanwhile.", deadline
            ),
            "to_credit": _(
                "%s was accepted: accounting posts and applies the credit note, then it is closed.",
                accepted,
            ),
            "grace": _(
                "It was rejected, and the customer has until %s; then the invoices are claimed "
                "again.",
                format_date(self.env, self.grace_until),
            ),
            "accepted": _("%s was accepted and credited.", accepted),
            "partly": _("%s of it was accepted and credited; the rest is claimed.", accepted),
            "rejected": _("It was rejected; what is open is claimed."),
            "settled": _("Nothing of it is left: it was paid, credited or cancelled."),
            "cancelled": _("It was cancelled."),
        }.get(self.state, "")

    @api.model
    def _expand_states(self, states, _domain):
        """Return the states that are shown as columns, in their order: those found, and open ones."""
        return [state for state, _label in STATES if state in states or state in OPEN]

    # ------------------------------------------------------------
    # Who may solve it
    # ------------------------------------------------------------

    @api.model
    def _get_solver_problem(self, user, company):
        """Return why a person can't solve disputes; falsy: they can.

        :param user: res.users, may be empty
        :param company: res.company, may be empty: any
        """
        if not user:
            return False
        # sudo: what others may do is asked to tell the way out
        user = user.sudo()
        values = {"user": user.name, "company": company.sudo().name or ""}
        if user.share or not user.has_group("collections_management.group_dispute_resolver"):
            return self.env._(
                "%(user)s can't see disputes: give them the right “Dispute Resolver” of Collections "
                "in their user's settings, or choose someone else.",
                **values,
            )
        if company and company not in user.company_ids.root_id:
            return self.env._(
                "%(user)s doesn't work in %(company)s: choose someone who does, or let them work "
                "there.",
                **values,
            )
        return False

    @api.constrains("owner_id")
    def _check_owner(self):
        for dispute in self:
            if problem := self._get_solver_problem(dispute.owner_id, dispute.company_id):
                raise ValidationError(problem)

    def _mail_get_partner_fields(self, introspect_fields=False):
        """Override of ``mail``: the discussion is among colleagues, the customer is not suggested."""
        return []

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    @api.model
    def _make(self, lines, amounts=None, **values):
        """Override: an amount may be given for each invoice, as ``shares``.

        :param dict shares: by account.move.line (an invoice's open items, or one of a journal
            entry) how much of them is disputed. Default: ``amounts``, earliest due first, else all
            that is open
        """
        shares = values.pop("shares", None)
        if shares is None:
            return super()._make(lines, amounts, **values)
        shares = {part: amount for part, amount in shares.items() if amount}
        lines = lines.browse().union(*shares)
        customer = self._get_customer(lines)
        return self.create(
            [
                {
                    "customer_id": customer.id,
                    "currency_id": currency.id,
                    "move_line_ids": group.ids,
                    "amount": sum(
                        amount for part, amount in shares.items() if part.currency_id == currency
                    ),
                    "item_ids": [
                        Command.create(item)
                        for part, amount in shares.items()
                        if part.currency_id == currency
                        for item in self._spread(part, amount)
                    ],
                    **values,
                }
                for currency, group in lines.grouped("currency_id").items()
            ]
        )

    @api.model
    def _get_default_amount(self, lines):
        """Override: all that is open."""
        return sum(lines.mapped("amount_residual_currency"))

    @api.model
    def _spread(self, lines, amount):
        """Spread an amount over items, earliest due first; what is too much stays on the last.

        :return: list of values of collection.dispute.item
        """
        values = []
        lines = lines.sorted(lambda line: (line.date_maturity or line.date, line.id))
        for line in lines:
            part = min(amount, line.amount_residual_currency) if line != lines[-1] else amount
            part = line.currency_id.round(part)
            amount -= part
            values.append({"move_line_id": line.id, "amount": part})
        return values

    @api.model
    def _prepare_create(self, vals_list):
        """Override: what is disputed of each item, where only the sum is said."""
        # an area or owner that is not said is the reason's or the area's
        vals_list = [
            {
                name: value
                for name, value in vals.items()
                if value or name not in ("area_id", "deadline", "owner_id")
            }
            for vals in super()._prepare_create(vals_list)
        ]
        for vals in vals_list:
            reason = self.env["collection.dispute.reason"].browse(vals.get("reason_id"))
            if reason and not (vals.get("area_id") or reason.area_id):
                raise UserError(
                    self.env._(
                        "Reason “%s” has no area: choose the area that solves the dispute.",
                        reason.name,
                    )
                )
            if not vals.get("item_ids") and vals.get("move_line_ids"):
                lines = self.new({"move_line_ids": vals["move_line_ids"]}).move_line_ids._origin
                items = self._spread(lines, vals.get("amount") or 0.0)
                vals["item_ids"] = [Command.create(item) for item in items]
        return vals_list

    def _check_amount(self):
        """Override: nor may more of an item be disputed than is open."""
        super()._check_amount()
        for dispute in self:
            currency = dispute.currency_id
            for item in dispute.sudo().item_ids:
                line = item.move_line_id
                if currency.compare_amounts(item.amount, line.amount_residual_currency) > 0:
                    raise UserError(
                        self.env._(
                            "%(item)s: %(amount)s is more than the %(owed)s that it is open for. "
                            "Lower the disputed amount.",
                            item=line._get_collection_name(),
                            amount=currency.format(item.amount),
                            owed=currency.format(line.amount_residual_currency),
                        )
                    )
            # the invoices that nothing is disputed of are none of it; of the others all
            # instalments are, so that the undisputed rest is the scheme's to claim or not
            # sudo: items are the system's, whoever registers the dispute
            items = dispute.sudo().item_ids
            disputed = items.filtered("amount").move_line_id.filtered(
                lambda line: line.display_type == "payment_term"
            )
            empty = items.filtered(
                lambda item, disputed=disputed: (
                    not item.amount and item.move_line_id.move_id not in disputed.move_id
                )
            )
            if empty and empty != items:
                lines = empty.move_line_id
                empty.unlink()
                dispute.sudo().move_line_ids = [Command.unlink(line.id) for line in lines]
            dispute._check_sum()

    def _check_sum(self):
        self.ensure_one()
        items = self.sudo().item_ids
        total = sum(items.mapped("amount"))
        if (
            items.move_line_id != self.sudo().move_line_ids
            or self.currency_id.compare_amounts(total, self.amount)
            or any(item.amount < 0 for item in items)
        ):
            raise UserError(
                self.env._(
                    "%(customer)s: the disputed amounts of the items must be above zero and add up "
                    "to the %(amount)s that is disputed.",
                    customer=self.partner_id.display_name,
                    amount=self.currency_id.format(self.amount),
                )
            )

    def _check_free(self):
        """Override: nor may another dispute hold them."""
        super()._check_free()
        # sudo: whoever registers sees why, not the other dispute itself
        other = (
            self.env["collection.hold"]
            .sudo()
            .search(
                [
                    ("move_line_id", "in", self.sudo().move_line_ids.ids),
                    ("open", "=", True),
                    ("kind", "=", self._get_hold_kind()),
                ],
                limit=1,
            )
        )
        if other:
            raise UserError(
                self.env._(
                    "%(item)s is disputed already (%(dispute)s): add what is new to that dispute's "
                    "discussion, or cancel it and register a new one.",
                    item=other.move_line_id._get_collection_name(),
                    dispute=other.reason,
                )
            )

    def _begin(self):
        """Override: the owners get their task, and the customers' history tells of it."""
        super()._begin()
        self._subscribe_owners()
        self._make_solve_tasks()
        self._tell_customers(
            lambda dispute: self.env._(
                "Dispute %(dispute)s: %(amount)s, %(reason)s. %(owner)s (%(area)s) solves it until "
                "%(date)s.",
                dispute=dispute.number,
                amount=dispute.currency_id.format(dispute.amount),
                reason=dispute.reason_id.name,
                owner=dispute.owner_id.name or dispute.area_id.name,
                area=dispute.area_id.name,
                date=format_date(self.env, dispute.deadline),
            )
        )

    def _release(self, lines):
        """Override: what was disputed of these items no longer is."""
        items = self.item_ids.filtered(lambda item: item.move_line_id in lines)
        left = self.amount - sum(items.mapped("amount"))
        super()._release(lines)
        items.unlink()
        self.amount = left

    def _attach(self, attachments):
        """Keep files with the disputes: where there are several, each has its own.

        :param attachments: ir.attachment, as uploaded in a dialog
        """
        attachments.check_access("read")
        # sudo: uploaded by whoever registers, for all who see the dispute
        files = attachments.sudo()
        for dispute in self[1:]:
            files.copy({"res_model": self._name, "res_id": dispute.id})
        files.write({"res_model": self._name, "res_id": self[:1].id})

    def write(self, vals):
        """Override of ``base``: a new owner gets the task; a new deadline may be missed anew."""
        if "deadline" in vals and not (self.env.su or self.browse().has_access("create")):
            raise AccessError(
                self.env._(
                    "Only collectors move the deadline of a dispute: ask the collector of %s, or hand "
                    "it over.",
                    self[:1].number,
                )
            )
        before = {dispute: dispute.owner_id for dispute in self}
        if "deadline" in vals or "area_id" in vals:
            # sudo: what the system keeps
            self.sudo().filtered("escalated_date").escalated_date = False
        result = super().write(vals)
        if {"area_id", "deadline", "owner_id", "reason_id"} & set(vals):
            changed = self.filtered(lambda dispute: dispute.owner_id != before[dispute])
            changed.sudo()._subscribe_owners()
            self.sudo()._move_solve_tasks()
        return result

    def action_cancel(self):
        """Override: nobody has to solve it any more. Who solves it says who is right instead.

        :raises AccessError: for those who may solve it, but not register it
        """
        if not (self.env.su or self.browse().has_access("create")):
            raise AccessError(
                self.env._(
                    "Only collectors cancel disputes: solve %s instead, or ask its collector.",
                    self[:1].number,
                )
            )
        for dispute in self:
            if dispute.state in ("to_credit", "grace"):
                raise UserError(
                    self.env._(
                        "%(dispute)s was solved (“%(state)s”): open it again first, then it can be "
                        "cancelled.",
                        dispute=dispute.number,
                        state=dispute._get_state_name(),
                    )
                )
        result = super().action_cancel()
        self.sudo()._drop_tasks()
        self._tell_customers(
            lambda dispute: self.env._("Dispute %s was cancelled.", dispute.number)
        )
        return result

    # ------------------------------------------------------------
    # Tasks and history
    # ------------------------------------------------------------

    def _tell_customers(self, get_text):
        """Write into the customers' history.

        :param get_text: function that returns the text of a dispute
        """
        for dispute in self:
            # sudo: whoever solves it need have no right on the customer's file
            dispute.sudo().customer_id._message_log(body=get_text(dispute))

    def _subscribe_owners(self):
        """Let the owners follow the discussion."""
        for owner, disputes in self.grouped("owner_id").items():
            if owner:
                disputes.message_subscribe(partner_ids=owner.partner_id.ids)

    def _get_task_text(self):
        self.ensure_one()
        return self.env._(
            "%(dispute)s: %(customer)s, %(amount)s, %(reason)s",
            dispute=self.number,
            customer=self.partner_id.display_name,
            amount=self.currency_id.format(self.amount),
            reason=self.reason_id.name,
        )

    def _schedule(self, type_name, get_user, get_date):
        """Give each of these disputes a task.

        :param str type_name: which mail.activity.type
        :param get_user: function that returns the res.users of a dispute; empty: no task
        :param get_date: function that returns the task's day
        """
        task_type = self.env.ref(f"collections_management.{type_name}")
        model_id = self.env["ir.model"]._get_id(self._name)
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [
                {
                    "res_model_id": model_id,
                    "res_id": dispute.id,
                    "activity_type_id": task_type.id,
                    "summary": dispute.with_context(
                        lang=user.lang or self.env.lang
                    )._get_task_text(),
                    "date_deadline": get_date(dispute),
                    "user_id": user.id,
                }
                for dispute in self
                if (user := get_user(dispute))
            ]
        )

    def _make_solve_tasks(self):
        self._schedule(
            "activity_type_dispute",
            lambda dispute: dispute.owner_id,
            lambda dispute: dispute.deadline,
        )

    def _move_solve_tasks(self):
        """Let the tasks follow owner and deadline."""
        waiting = self.filtered(lambda dispute: dispute.state == "open")
        waiting._find_tasks("activity_type_dispute").unlink()
        waiting.filtered(lambda dispute: not dispute.escalated_date)._find_tasks(
            "activity_type_dispute_late"
        ).unlink()
        waiting._make_solve_tasks()

    def _find_tasks(self, *type_names):
        """Return the open tasks of these types on these disputes."""
        types = [self.env.ref(f"collections_management.{name}").id for name in type_names]
        return self.env["mail.activity"].search(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("activity_type_id", "in", types),
            ]
        )

    def _drop_tasks(self):
        """Take back the tasks: nobody has to solve these any more."""
        self._find_tasks("activity_type_dispute", "activity_type_dispute_late").unlink()

    def _escalate(self):
        """Tell someone higher, once, of each that is past its deadline."""
        late = self.filtered(
            lambda dispute: (
                dispute.state == "open"
                and not dispute.escalated_date
                and dispute.deadline
                and dispute.deadline < dispute.company_id._get_collection_today()
            )
        )
        for company, disputes in late.grouped("company_id").items():
            today = company._get_collection_today()
            disputes._schedule(
                "activity_type_dispute_late",
                lambda dispute: dispute._get_superior(),
                lambda _dispute, today=today: today,
            )
            disputes.escalated_date = today
        late._log(*[dispute._get_explanation() for dispute in late])

    def _get_superior(self):
        """Hook: who is told that a dispute is late: the area's responsible, else the supervisor."""
        self.ensure_one()
        choices = (
            self.area_id.responsible_id,
            self.company_id.collection_supervisor_id,
            self.collector_id,
        )
        return next((user for user in choices if user and user != self.owner_id), self.owner_id)

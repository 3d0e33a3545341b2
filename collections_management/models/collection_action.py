from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL, format_date

STATES = [
    ("to_approve", "To approve"),
    ("open", "In progress"),
    ("done", "Done"),
    ("settled", "Settled"),
    ("cancelled", "Cancelled"),
]
PENDING = ("to_approve", "open")


class CollectionAction(models.Model):
    """What is done when claims have not helped: suspend, legal claim, agency, write-off...

    A step of the action phase opens it, or a person; somebody is responsible. Its items get no claim
    while it is open, and afterwards where others have them in hand (``keeps_items``). What is done
    has its effect (``collection_action_effect.py``).
    """

    _name = "collection.action"
    _description = "Collection Action"
    _inherit = ["collection.agreement"]
    _order = "date_deadline, id"

    type_id = fields.Many2one(
        "collection.action.type",
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
    )
    effect = fields.Selection(related="type_id.effect")
    instructions = fields.Text(
        string="What to Do",
        compute="_compute_instructions",
        help="As the step says that opened it, else its type.",
    )
    amount = fields.Monetary(help="What the items were open for.")
    state = fields.Selection(STATES, tracking=True, group_expand=True)
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        required=True,
        readonly=False,
        default=None,
        tracking=True,
        domain="[('share', '=', False)]",
        help="Who takes the action: the type's responsible, else the supervisor.",
    )
    date_deadline = fields.Date(
        string="Deadline",
        compute="_compute_date_deadline",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        tracking=True,
    )
    needs_approval = fields.Boolean(string="Supervisor's Approval", readonly=True, copy=False)
    approved_by_id = fields.Many2one("res.users", readonly=True, copy=False, tracking=True)
    keeps_items = fields.Boolean(
        string="Items Stay in Action",
        readonly=True,
        copy=False,
        help="When it is done the items are not claimed until they are paid or taken back.",
    )
    holds_items = fields.Boolean(
        string="Items Held",
        compute="_compute_holds_items",
        help="Its items get no claim at this moment.",
    )
    handler_id = fields.Many2one(
        "res.partner",
        string="Handed Over To",
        compute="_compute_handler_id",
        store=True,
        readonly=False,
        precompute=True,
        tracking=True,
    )
    reference = fields.Char(
        tracking=True, help="Number of the case or file, with the court, lawyer or agency."
    )
    done_date = fields.Date(string="Done On", readonly=True, copy=False)
    notice_id = fields.Many2one(
        "collection.notice",
        string="Opened by Notice",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The step of a scheme that opened it.",
    )
    step_id = fields.Many2one(related="notice_id.step_id", string="Step")
    explanation = fields.Char(compute="_compute_explanation")

    _customer_state_idx = models.Index("(customer_id, state)")
    _pending_idx = models.Index(
        "(company_id, user_id, date_deadline) WHERE state IN ('to_approve', 'open')"
    )

    # ------------------------------------------------------------
    # What every agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_open_states(self):
        return PENDING

    @api.model
    def _get_final_states(self):
        return ("cancelled",)

    @api.model
    def _get_hold_kind(self):
        return "in_action"

    def _get_holding_sql(self):
        """Override of ``collection.agreement``: what others have in hand stays held when it is done."""
        return SQL(
            "(%s OR agreement.state = 'done' AND agreement.keeps_items IS TRUE)",
            super()._get_holding_sql(),
        )

    @api.model
    def _get_sequence_prefix(self):
        return "AC/%(year)s/"

    @api.model
    def _get_register_model(self):
        return "collection.register.action"

    @api.model
    def _get_agreed_fields(self):
        return super()._get_agreed_fields() | {"type_id"}

    @api.model
    def _get_system_fields(self):
        """Override of ``collection.agreement``: ``user_id`` is the responsible, whom people choose."""
        return (super()._get_system_fields() - {"user_id"}) | {
            "approved_by_id",
            "done_date",
            "keeps_items",
            "needs_approval",
            "notice_id",
        }

    @api.model
    def _get_default_amount(self, lines):
        """Override of ``collection.agreement``: all that is open."""
        return sum(lines.mapped("amount_residual_currency"))

    def _get_hold_sentence(self):
        self.ensure_one()
        values = {
            "type": self.type_id.name,
            "user": self.user_id.name,
            "date": format_date(self.env, self.date_deadline),
            "action": self.number,
        }
        if self.state == "to_approve":
            return self.env._(
                "%(type)s waits for a supervisor's approval; %(user)s would take it (%(action)s).",
                **values,
            )
        if self.state == "done":
            return self.env._(
                "%(type)s, in hand since %(done)s: %(handler)s (%(action)s).",
                done=format_date(self.env, self.done_date),
                handler=self.handler_id.name or self.user_id.name,
                **values,
            )
        return self.env._(
            "In action: %(type)s, to be done by %(user)s until %(date)s (%(action)s).", **values
        )

    def _get_task_text(self):
        self.ensure_one()
        return self.env._(
            "%(action)s: %(type)s, %(amount)s",
            action=self.number,
            type=self.type_id.name,
            amount=self.currency_id.format(self.amount),
        )

    # ------------------------------------------------------------
    # Fields
    # ------------------------------------------------------------

    @api.depends("type_id", "date")
    def _compute_date_deadline(self):
        for action in self:
            action.date_deadline = fields.Date.add(
                action.date or fields.Date.context_today(self), days=action.type_id.days
            )

    @api.depends("type_id")
    def _compute_handler_id(self):
        for action in self:
            action.handler_id = action.type_id.handler_id

    @api.depends_context("lang")
    @api.depends("notice_id.step_id.note", "type_id.note")
    def _compute_instructions(self):
        for action in self:
            action.instructions = action.step_id.note or action.type_id.note

    @api.depends("state", "keeps_items")
    def _compute_holds_items(self):
        for action in self:
            action.holds_items = action.state in PENDING or (
                action.state == "done" and action.keeps_items
            )

    @api.depends_context("lang")
    @api.depends("state", "type_id", "user_id", "keeps_items", "date_deadline")
    def _compute_explanation(self):
        for action in self:
            action.explanation = action._get_explanation()

    def _get_explanation(self):
        """Return the sentence that tells a person where the action stands, and what comes next."""
        self.ensure_one()
        _ = self.env._
        values = {
            "user": self.user_id.name or "",
            "date": format_date(self.env, self.date_deadline),
        }
        if self.state == "done":
            if self.keeps_items:
                return _(
                    "It is done, and its items stay in action: they are not claimed until they are "
                    "paid or taken back."
                )
            return _("It is done; the scheme goes on with its next step.")
        return {
            "to_approve": _(
                "A supervisor has to approve it; %(user)s takes it then. Nothing is claimed "
                "meanwhile.",
                **values,
            ),
            "open": _("%(user)s takes it until %(date)s. Nothing is claimed meanwhile.", **values),
            "settled": _("Nothing is left to pay, so there is nothing to do."),
            "cancelled": _("It was cancelled: its items went back to the scheme."),
        }.get(self.state, "")

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    @api.model
    def _prepare_create(self, vals_list):
        """Override of ``collection.agreement``: who is responsible, and whether it must be approved."""
        types = self.env["collection.action.type"].browse(
            vals["type_id"] for vals in vals_list if vals.get("type_id")
        )
        types.check_access("read")
        return [
            vals | self._prepare_responsible(vals) | self._prepare_approval(vals)
            if vals.get("type_id") and vals.get("customer_id")
            else vals
            for vals in super()._prepare_create(vals_list)
        ]

    @api.model
    def _prepare_responsible(self, vals):
        """Return the responsible of a new action, where nobody was chosen.

        :raises UserError: when there is nobody, naming the type and the way out
        """
        if vals.get("user_id"):
            return {}
        action_type = self.env["collection.action.type"].browse(vals["type_id"])
        # sudo: the main company, whatever branch the person works in
        company = self.env["collection.customer"].sudo().browse(vals["customer_id"]).company_id
        user = action_type._get_responsible(company)
        if not user:
            raise UserError(
                self.env._(
                    "Nobody is responsible for “%(type)s” in %(company)s: choose who takes the "
                    "action, or have your manager name a responsible on the type or a supervisor in "
                    "the settings.",
                    type=action_type.name,
                    company=company.name,
                )
            )
        return {"user_id": user.id}

    @api.model
    def _prepare_approval(self, vals):
        """Return the state in which a new action begins, and how it ends.

        A supervisor's own is approved; the system's says by itself whether it needs approval.
        """
        action_type = self.env["collection.action.type"].browse(vals["type_id"])
        person = not self.env.user._is_superuser()
        needed = vals.get("needs_approval", action_type.needs_approval)
        approved = bool(person and needed and self._is_supervisor())
        return {
            "needs_approval": needed,
            "approved_by_id": self.env.uid if approved else False,
            "keeps_items": action_type.keeps_items,
            "state": "to_approve" if needed and not approved else "open",
        }

    def _begin(self):
        """Override of ``collection.agreement``: tell who has to do what."""
        self._check_responsible()
        self._check_not_open_twice()
        super()._begin()
        self._make_own_tasks()

    def _check_responsible(self):
        """Refuse somebody who could not take the action.

        :raises UserError: naming the person, the rule and the way out
        """
        types = self.env["collection.action.type"]
        for action in self:
            if problem := types._get_user_problem(action.user_id, action.company_id):
                raise UserError(problem)

    def _check_not_open_twice(self):
        """Refuse an item that is in an open action of the same type.

        :raises UserError: naming the item, the other action and the way out
        """
        # sudo: whoever registers sees why
        others = self.sudo().search(
            [
                ("id", "not in", self.ids),
                ("type_id", "in", self.type_id.ids),
                ("move_line_ids", "in", self.move_line_ids.ids),
                "|",
                ("state", "in", PENDING),
                "&",
                ("state", "=", "done"),
                ("keeps_items", "=", True),
            ]
        )
        for action in self:
            for other in others.filtered(lambda other, own=action: other.type_id == own.type_id):
                if both := action.sudo().move_line_ids & other.move_line_ids:
                    raise UserError(
                        self.env._(
                            "%(item)s is in %(other)s already (%(type)s): leave it out, or cancel "
                            "that one first.",
                            item=both[0]._get_collection_name(),
                            other=other.number,
                            type=other.type_id.name,
                        )
                    )

    # ------------------------------------------------------------
    # Opened by steps
    # ------------------------------------------------------------

    @api.model
    def _open_for_notices(self, notices):
        """Open the actions that steps ask for, all at once.

        The notices are on the action channel, rechecked, and their customers' files locked; their
        state changes in the same transaction, so that each opens its actions once.

        :param notices: collection.notice
        :return: the actions
        """
        stale = {company: bool(company._get_stale_bank_text()) for company in notices.company_id}
        vals_list = []
        for notice in notices:
            careful = stale[notice.company_id] or "approve" in (
                notice.company_id.collection_mode,
                notice.strategy_id.mode,
            )
            vals_list += self._prepare_from_notice(notice, careful)
        # the task tells the responsible; a mail for each action would be too many
        return self.with_context(mail_auto_subscribe_no_notify=True).create(vals_list)

    @api.model
    def _prepare_from_notice(self, notice, careful):
        """Return the values of the actions of a notice: one for each type and currency.

        An invoice is in one of them, the firmest step's.

        :param bool careful: a supervisor has to approve them, whatever the type
        """
        taken = self.env["account.move.line"]
        vals_list = []
        lines = notice._get_live_lines().filtered(lambda line: line.phase == "action")
        for step, named in sorted(
            lines.grouped("step_id").items(), key=lambda pair: pair[0].level, reverse=True
        ):
            items = named.move_line_id._get_collection_whole_invoices() - taken
            taken |= items
            vals_list += [
                {
                    "customer_id": notice.customer_id.id,
                    "type_id": step.action_type_id.id,
                    "user_id": step.responsible_id.id,
                    "currency_id": currency.id,
                    "move_line_ids": group.ids,
                    "amount": self._get_default_amount(group),
                    "needs_approval": careful or step.action_type_id.needs_approval,
                    "notice_id": notice.id,
                }
                for currency, group in items.grouped("currency_id").items()
            ]
        return vals_list

    # ------------------------------------------------------------
    # People: approve, done, cancel
    # ------------------------------------------------------------

    def _is_supervisor(self):
        return self.env.user.has_group("collections_management.group_collection_supervisor")

    def _check_state(self, allowed, doing):
        """Refuse a button on actions in another state.

        :param allowed: states in which it makes sense
        :param str doing: what the person wants, for the message
        :raises UserError: naming the first one that does not fit
        """
        labels = dict(self._fields["state"]._description_selection(self.env))
        for action in self:
            if action.state not in allowed:
                raise UserError(
                    self.env._(
                        "%(action)s is in state “%(state)s”, so you can't %(doing)s it. Only these "
                        "can be: %(allowed)s.",
                        action=action.number,
                        state=labels[action.state],
                        doing=doing,
                        allowed=", ".join(labels[state] for state in allowed),
                    )
                )

    def action_approve(self):
        """Let the responsible take the actions."""
        self.check_access("write")
        if not self._is_supervisor():
            raise AccessError(
                self.env._(
                    "Only supervisors approve actions: ask %s.",
                    self.company_id[:1].sudo().collection_supervisor_id.name
                    or self.env._("your manager"),
                )
            )
        self._check_state(["to_approve"], self.env._("approve"))
        # sudo: states are the system's
        approved = self.sudo()
        approved._drop_tasks()
        approved.write({"state": "open", "approved_by_id": self.env.uid})
        approved._make_own_tasks()

    def action_done(self):
        """Note that the actions were taken, and let them have their effect.

        :raises UserError: naming what is missing for the effect
        """
        self.check_access("write")
        self._check_state(["open"], self.env._("finish"))
        # sudo: states and effects are the system's
        done = self.sudo()
        done._check_effects()
        done._drop_tasks()
        for company, actions in done.grouped("company_id").items():
            today = company._get_collection_today()
            actions.write({"state": "done", "done_date": today, "closed_date": today})
        done._align_holds()
        done._have_effect()

    def action_cancel(self):
        """Override of ``collection.agreement``: give the items back to the scheme, also what is done.

        What a step had opened is claimed from the first step again.
        """
        self.check_access("write")
        for action in self:
            if not action.holds_items:
                action._check_state(
                    [*PENDING, "done"] if action.keeps_items else PENDING, self.env._("cancel")
                )
        # sudo: states, holds and effects are the system's
        cancelled = self.sudo()
        cancelled._drop_tasks()
        done = cancelled.filtered(lambda action: action.state == "done")
        stepped = cancelled.filtered("notice_id")
        cancelled._close("cancelled")
        done._end_effect()
        stepped._begin_round()
        self._log(self.env._("Cancelled by %s.", self.env.user.name))

    def _begin_round(self):
        """Have what is still open claimed from the first step again: the last one has been taken."""
        self.env["collection.round"]._begin(self._get_left(), "action_cancelled")

    def write(self, vals):
        """Override of ``collection.agreement``: tasks follow the responsible and the deadline."""
        result = super().write(vals)
        if vals.get("user_id"):
            self._check_responsible()
        if {"date_deadline", "user_id"} & set(vals):
            # sudo: the task is of another person
            pending = self.sudo().filtered(lambda action: action.state in PENDING)
            pending._drop_tasks()
            pending._make_own_tasks()
        return result

    # ------------------------------------------------------------
    # Following the ledger
    # ------------------------------------------------------------

    def _get_left(self):
        """Return the items of these actions that are still to be paid."""
        lines = self.move_line_ids
        lines.fetch(["parent_state", "reconciled"])
        return lines.filtered(lambda line: line.parent_state == "posted" and not line.reconciled)

    def _judge(self):
        """What was paid is settled by itself; what is owed again is to be done again."""
        left = self._get_left()
        owed = self.filtered(lambda action: action.move_line_ids & left)
        paid = self - owed
        reopened = owed.filtered(lambda action: action.state == "settled")
        settled = paid.filtered(lambda action: action.state in PENDING)
        over = paid.filtered(lambda action: action.state == "done")
        for needed, actions in reopened.grouped(
            lambda action: action.needs_approval and not action.approved_by_id
        ).items():
            actions.write({"state": "to_approve" if needed else "open", "closed_date": False})
        settled._settle()
        self._align_holds()
        over._end_effect()
        reopened._make_own_tasks()

    def _settle(self):
        """Close what is paid, and tell who would have acted."""
        if not self:
            return
        self.write({"state": "settled", "closed_date": self._get_today()})
        self._drop_tasks()
        for user, actions in self.grouped("user_id").items():
            for action in actions.with_context(lang=user.lang):
                action.message_notify(
                    partner_ids=user.partner_id.ids,
                    subject=action.env._("%s: nothing to do any more", action.number),
                    body=action.env._(
                        "%(customer)s: nothing is left to pay, so there is nothing to do any more. "
                        "%(type)s is settled.",
                        customer=action.partner_id.display_name,
                        type=action.type_id.name,
                    ),
                )

    # ------------------------------------------------------------
    # Tasks
    # ------------------------------------------------------------

    def _get_own_task_types(self):
        return self.env.ref("collections_management.activity_type_action") | self.env.ref(
            "collections_management.activity_type_action_approval"
        )

    def _drop_tasks(self):
        """Take back the tasks of these actions."""
        self.env["mail.activity"].search(
            [
                ("res_model", "=", self._name),
                ("res_id", "in", self.ids),
                ("activity_type_id", "in", self._get_own_task_types().ids),
            ]
        ).unlink()

    def _make_own_tasks(self):
        """Give the responsible the task, or the supervisor that of approving it; all at once."""
        model_id = self.env["ir.model"]._get_id(self._name)
        self.env["mail.activity"].with_context(
            mail_activity_quick_update=True, mail_create_nosubscribe=True
        ).create([action._prepare_own_task(model_id) for action in self])

    def _prepare_own_task(self, model_id):
        """Hook: the values of the task (mail.activity) of a pending action, in its reader's language."""
        self.ensure_one()
        to_do, to_approve = self._get_own_task_types()
        waits = self.state == "to_approve"
        supervisor = self.company_id.collection_supervisor_id
        user = supervisor if waits and supervisor else self.user_id
        named = self.with_context(lang=user.lang)
        return {
            "res_model_id": model_id,
            "res_id": self.id,
            "activity_type_id": (to_approve if waits else to_do).id,
            "summary": f"{named.type_id.name}: {named.partner_id.display_name}",
            "note": named.instructions,
            "date_deadline": self._get_today() if waits else self.date_deadline,
            "user_id": user.id,
        }

from datetime import timedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, float_compare, format_date

STATES = [
    ("open", "Open"),
    ("to_allocate", "Paid, to allocate"),
    ("kept", "Kept"),
    ("partly", "Partly kept"),
    ("broken", "Broken"),
    ("settled", "Settled otherwise"),
    ("replaced", "Replaced"),
    ("cancelled", "Cancelled"),
]
OPEN = ("open", "to_allocate")
NOT_KEPT = ("partly", "broken")
# A promise after one in these states puts the payment off once more.
PUT_OFF = (*OPEN, *NOT_KEPT, "replaced")


class CollectionPromise(models.Model):
    """A promise to pay: so much of these invoices until a day.

    The ledger judges it: what was paid until the last day of grace. Money in doubt never accuses.
    """

    _name = "collection.promise"
    _description = "Promise to Pay"
    _inherit = ["collection.agreement"]
    _order = "date_promised desc, id desc"

    amount = fields.Monetary(string="Promised")
    state = fields.Selection(STATES)
    date_promised = fields.Date(string="Promised For", required=True, index=True)
    deadline = fields.Date(
        string="Last Day of Grace",
        compute="_compute_deadline",
        store=True,
        readonly=True,
        precompute=True,
        help="What is paid until then is in time: the day promised and the days of grace that the "
        "company gave when the promise was registered.",
    )
    tolerance_percent = fields.Float(
        string="Tolerance (%)",
        readonly=True,
        compute="_compute_deadline",
        store=True,
        precompute=True,
        help="So much less than promised is taken for kept.",
    )
    kept_share = fields.Float(
        readonly=True,
        copy=False,
        aggregator="avg",
        help="Share of the promise that was paid in time.",
    )
    remaining_amount = fields.Monetary(
        string="Remaining", compute="_compute_remaining_amount", aggregator=False
    )
    previous_id = fields.Many2one(
        "collection.promise",
        string="Previous Promise",
        readonly=True,
        index=True,
        copy=False,
        ondelete="set null",
        check_company=True,
    )
    put_off = fields.Integer(
        string="Times Put Off",
        readonly=True,
        copy=False,
        aggregator="max",
        help="How many promises about these invoices went before this one without being kept.",
    )
    explanation = fields.Char(compute="_compute_explanation")

    _customer_state_idx = models.Index("(customer_id, state)")
    _open_idx = models.Index("(company_id, deadline) WHERE state IN ('open', 'to_allocate')")

    # ------------------------------------------------------------
    # What every agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_open_states(self):
        return OPEN

    @api.model
    def _get_hold_kind(self):
        return "promised"

    @api.model
    def _get_sequence_prefix(self):
        return "PP/%(year)s/"

    @api.model
    def _get_register_model(self):
        return "collection.register.promise"

    @api.model
    def _get_agreed_fields(self):
        return super()._get_agreed_fields() | {"date_promised"}

    @api.model
    def _get_system_fields(self):
        return super()._get_system_fields() | {
            "deadline",
            "kept_share",
            "previous_id",
            "put_off",
            "tolerance_percent",
        }

    def _get_hold_until_sql(self):
        """Past the last day of grace without a verdict: until there is one."""
        return SQL(
            "CASE WHEN agreement.deadline >= %s THEN agreement.deadline END", self._get_today()
        )

    def _get_hold_sentence(self):
        self.ensure_one()
        values = {
            "amount": self.currency_id.format(self.amount),
            "date": format_date(self.env, self.date_promised),
            "promise": self.number,
        }
        if self.state == "to_allocate":
            return self.env._(
                "The customer promised to pay %(amount)s until %(date)s and seems to have paid: its "
                "money waits to be allocated (%(promise)s).",
                **values,
            )
        return self.env._(
            "The customer promised to pay %(amount)s until %(date)s (%(promise)s).", **values
        )

    # ------------------------------------------------------------
    # Fields
    # ------------------------------------------------------------

    @api.depends("date_promised", "company_id")
    def _compute_deadline(self):
        """As the company's settings are when the promise is registered: later changes judge nobody."""
        for promise in self:
            company = promise.company_id
            promise.tolerance_percent = company.collection_promise_percent
            promise.deadline = promise.date_promised and promise.date_promised + timedelta(
                days=company.collection_promise_days
            )

    @api.depends("amount", "paid_amount", "state", "move_line_ids.amount_residual_currency")
    def _compute_remaining_amount(self):
        for promise in self:
            left = max(promise.amount - promise.paid_amount, 0.0)
            owed = sum(promise.sudo().move_line_ids.mapped("amount_residual_currency"))
            promise.remaining_amount = min(left, owed) if promise.state in OPEN else 0.0

    @api.depends_context("lang")
    @api.depends("state", "deadline", "kept_share", "amount")
    def _compute_explanation(self):
        for promise in self:
            promise.explanation = promise._get_explanation()

    def _get_explanation(self):
        """Return the sentence that tells a person where the promise stands, and why."""
        self.ensure_one()
        _ = self.env._
        deadline = format_date(self.env, self.deadline)
        share = f"{100 * self.kept_share:.0f}"
        if self.state == "open" and self.deadline < fields.Date.context_today(self):
            return (
                self._get_reported_text()
                or self.company_id.sudo()._get_stale_bank_text()
                or _("The next run judges it.")
            )
        return {
            "open": _(
                "It is kept if the money is there until %s, days of grace included.", deadline
            ),
            "to_allocate": _(
                "The customer has money that is not allocated yet, so nobody says that the promise "
                "was broken: accounting was asked to allocate it."
            ),
            "kept": _("The money was there until %s.", deadline),
            "partly": _(
                "%(share)s %% of it was paid until %(date)s; what is still open is claimed again.",
                share=share,
                date=deadline,
            ),
            "broken": _(
                "Nothing was paid until %s; what is still open is claimed again.", deadline
            ),
            "settled": _(
                "Nothing is left to pay, and not all of it by payments: %s %% of what was promised "
                "was paid.",
                share,
            ),
            "replaced": _("A later promise or payment plan took its place."),
            "cancelled": _("It was cancelled."),
        }.get(self.state, "")

    def _get_reported_text(self):
        """Return why a late promise is not judged while the customer says to have paid."""
        # sudo: the report's number, whoever reads the promise
        report = (
            self.env["collection.hold"]
            .sudo()
            .search(
                [
                    ("move_line_id", "in", self.move_line_ids.ids),
                    ("kind", "=", "payment_reported"),
                    ("open", "=", True),
                ],
                limit=1,
            )
        )
        return report and self.env._(
            "The customer says that it has been paid (%s): it is judged when that is known.",
            report.reason,
        )

    # ------------------------------------------------------------
    # Registering
    # ------------------------------------------------------------

    def _begin(self):
        """Override: the new promises take the place of open ones, within the scheme's limits."""
        self._check_dates()
        self._chain(self._find_previous())
        self._check_limits()
        super()._begin()

    def _check_dates(self):
        for promise in self:
            if promise.date_promised < promise.date:
                raise UserError(
                    self.env._(
                        "%(customer)s can't promise to pay on %(date)s, which has passed: choose today "
                        "or a later day.",
                        customer=promise.partner_id.display_name,
                        date=format_date(self.env, promise.date_promised),
                    )
                )

    def _find_previous(self):
        """Return the promises that were the last ones about an item of each of these.

        :return: dict of promise -> promises
        """
        latest = self._get_latest_by_line(self.move_line_ids, self)
        return {
            promise: self.browse().union(
                *(latest[line] for line in promise.move_line_ids if line in latest)
            )
            for promise in self
        }

    @api.model
    def _get_latest(self, lines):
        """Return the last promises about some items that were not kept (yet)."""
        # sudo: how often a payment was put off counts, whoever registered it
        latest = self.sudo()._get_latest_by_line(lines, self.browse())
        return self.browse().union(*latest.values()).filtered(lambda old: old.state in PUT_OFF)

    @api.model
    def _get_latest_by_line(self, lines, new):
        """Return the last promise about each item, but for the new ones and those cancelled.

        :return: dict account.move.line -> promise
        """
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT ON (covered.line_id) covered.line_id, promise.id
                  FROM %(covered)s covered
                  JOIN collection_promise promise
                    ON promise.id = covered.agreement_id AND promise.state <> 'cancelled'
                 WHERE covered.line_id IN %(lines)s AND promise.id NOT IN %(new)s
                 ORDER BY covered.line_id, promise.id DESC
                """,
                covered=self._get_covered_sql(),
                lines=tuple(lines.ids) or (0,),
                new=tuple(new.ids) or (0,),
            )
        )
        lines = lines.browse(line_id for line_id, _id in rows)
        promises = self.browse(id_ for _line_id, id_ in rows)
        return dict(zip(lines, promises, strict=True))

    def _chain(self, previous):
        """Link each promise with the one that it puts off, and take the place of open ones.

        :param dict previous: as ``_find_previous`` returns it
        """
        for promise, earlier in previous.items():
            chain = earlier.filtered(lambda old: old.state in PUT_OFF)
            if chain:
                longest = max(chain, key=lambda old: (old.put_off, old.id))
                promise.write({"previous_id": longest.id, "put_off": longest.put_off + 1})
            text = self.env._(
                "Put off: %(promise)s until %(date)s.",
                promise=promise.number,
                date=format_date(self.env, promise.date_promised),
            )
            earlier.filtered(lambda old: old.state in OPEN)._give_way(promise, text)

    def _give_way(self, agreement, text):
        """Leave the items of a new agreement to it; nothing left: it takes the place of this one.

        :param agreement: the promise or plan that is agreed on now
        :param str text: for the history of these promises
        """
        for old in self:
            rest = old.move_line_ids - agreement.move_line_ids
            if any(not line.reconciled for line in rest):
                old._release(old.move_line_ids & agreement.move_line_ids)
            else:
                old._close("replaced")
        self._log(text)

    @api.model
    def _get_open_about(self, lines):
        """Return the open promises about some items."""
        return self.search([("move_line_ids", "in", lines.ids), ("state", "in", OPEN)])

    @api.model
    def _remember_before(self, lines):
        """Override: the open promises that a new one takes the place of, or takes items from."""
        lines = lines._get_collection_whole_invoices()
        earlier = self.browse().union(*self._get_latest_by_line(lines, self.browse()).values())
        return earlier.filtered(lambda promise: promise.state in OPEN)._remember()

    def _remember(self):
        """Return what ``_bring_back`` needs to bring these promises back, for JSON."""
        return {
            str(promise.id): {
                "state": promise.state,
                "amount": promise.amount,
                "items": {str(hold.move_line_id.id): hold.amount for hold in promise._get_holds()},
            }
            for promise in self
        }

    def _undo(self, before):
        """Override: the earlier promises are open again, for all their items."""
        super()._undo(before)
        self._bring_back(
            before, self.env._("Open again: the promise that took its place was undone.")
        )

    @api.model
    def _bring_back(self, before, text):
        """Let promises live again, as what took their place, or some of their items, came to nothing.

        Not those that were cancelled since, or that a later promise follows.

        :param before: as ``_remember_before`` returned it
        :param str text: for the history of these promises
        """
        for id_, was in (before or {}).items():
            promise = self.browse(int(id_)).exists()
            lines = self.env["account.move.line"].browse(int(item) for item in was["items"])
            latest = self._get_latest_by_line(lines, self.browse()).values()
            followed = any(other.id > promise.id for other in latest)
            if promise and promise.state != "cancelled" and not followed:
                promise._take_back(was, text)

    def _take_back(self, was, text):
        """Be open again, with what was taken of it; it is judged by what was paid since.

        :param dict was: as ``_remember_before`` has it
        :param str text: for its history
        """
        held = self._get_holds().move_line_id.ids
        there = self.env["account.move.line"].browse(int(id_) for id_ in was["items"]).exists()
        gone = {line_id: was["items"][str(line_id)] for line_id in there.ids if line_id not in held}
        self.env["collection.hold"].create(
            [
                {
                    "move_line_id": line_id,
                    "amount": amount,
                    "kind": self._get_hold_kind(),
                    "reason": self.number,
                    "origin": f"{self._name},{self.id}",
                    "date_from": self.date,
                }
                for line_id, amount in gone.items()
            ]
        )
        self.write(
            {
                "state": was["state"],
                "closed_date": False,
                "amount": was["amount"],
                "move_line_ids": [Command.link(line_id) for line_id in gone],
            }
        )
        self._log(text)
        self._judge()

    def _check_limits(self):
        """Refuse a collector's promise that goes beyond what the customer's scheme allows."""
        user = self.env.user
        if user._is_superuser() or user.has_group(
            "collections_management.group_collection_supervisor"
        ):
            return
        for promise in self:
            strategy = promise.customer_id.strategy_id
            values = {
                "customer": promise.partner_id.display_name,
                "scheme": strategy.name,
                "date": format_date(self.env, promise.date_promised),
            }
            most, days = strategy.promise_limit, strategy.promise_days
            if most and promise.put_off >= most:
                raise UserError(
                    self.env._(
                        "%(customer)s has made %(count)s promises in a row about these invoices, and "
                        "scheme “%(scheme)s” allows %(most)s: ask your supervisor to register this "
                        "one, or take another way with the customer.",
                        count=promise.put_off,
                        most=most,
                        **values,
                    )
                )
            if days and promise.date_promised > promise.date + timedelta(days=days):
                raise UserError(
                    self.env._(
                        "%(customer)s would pay on %(date)s, and scheme “%(scheme)s” allows promises "
                        "of at most %(days)s days: agree on an earlier day, or ask your supervisor to "
                        "register it.",
                        days=days,
                        **values,
                    )
                )

    # ------------------------------------------------------------
    # The verdict
    # ------------------------------------------------------------

    def _judge(self):
        """Give these promises the verdict that the ledger gives today. Set-based."""
        for company, promises in (
            self.filtered(lambda promise: promise.state not in self._get_final_states())
            .grouped("company_id")
            .items()
        ):
            promises._judge_for(company)

    def _judge_for(self, company):
        today = company._get_collection_today()
        facts = self._get_facts(today)
        late = any(promise.deadline < today for promise in self)
        stale = bool(late and company._get_stale_bank_text())
        verdicts = {
            promise: promise._get_verdict(facts[promise.id], today, stale) for promise in self
        }
        changed = self.filtered(lambda promise: promise.state != verdicts[promise][0])
        moved = self.filtered(
            lambda promise: float_compare(
                promise.kept_share, verdicts[promise][1], precision_digits=6
            )
        )
        for share, promises in moved.grouped(lambda promise: verdicts[promise][1]).items():
            promises.kept_share = share
        for state, promises in changed.grouped(lambda promise: verdicts[promise][0]).items():
            promises._set_state(state)
        self._align_holds()
        changed._tell_verdicts()
        self._clear_tasks()

    def _get_verdict(self, facts, today, stale):
        """Return the state that the facts of the ledger ask for, and the share that was kept.

        :param dict facts: as ``_get_facts`` returns them
        :param bool stale: whether the bank is too old to say that nothing came
        """
        self.ensure_one()
        currency = self.currency_id
        # an invoice that was cancelled since is no longer promised
        due = min(self.amount, facts["owed"])
        enough = due * (1 - self.tolerance_percent / 100)
        paid = facts["in_time"]
        share = min(paid / due, 1.0) if due > 0 else 0.0
        if not facts["items"]:
            return ("settled" if self.state in OPEN else self.state), self.kept_share
        if currency.compare_amounts(paid, enough) >= 0:
            return "kept", 1.0
        if currency.is_zero(facts["left"]) and not facts["settled_late"]:
            return "settled", share
        unsure = stale or facts["reported"]
        if today <= self.deadline or (unsure and self.state not in NOT_KEPT):
            state = "open"
        else:
            state = "broken" if currency.is_zero(paid) else "partly"
        if today > self.deadline and currency.compare_amounts(facts["doubt"], due - enough) > 0:
            # paid late, and perhaps in time as well: with nothing left there is nothing to allocate
            state = "settled" if currency.is_zero(facts["left"]) else "to_allocate"
        return state, share

    def _get_facts(self, today):
        """Ask the ledger what a verdict needs. One query for all.

        :return: dict id -> dict of ``items`` (how many are posted), ``owed`` (what they were open for
            at the registration), ``left`` (what they are open for), ``in_time`` (paid until the last
            day of grace), ``settled_late`` (whether anything was settled later), ``doubt`` (the
            customer's money that is not allocated) and ``reported`` (whether the customer says that
            they have been paid, and nobody knows yet)
        """
        self.env.flush_all()
        rows = self.env.execute_query_dict(
            SQL(
                """
                WITH judged AS MATERIALIZED (
                    SELECT promise.*, promise.deadline < %(today)s AS is_late
                      FROM collection_promise promise
                     WHERE promise.id IN %(ids)s
                ), item AS (
                    SELECT judged.id, count(*) AS items, sum(hold.amount) AS owed,
                           sum(GREATEST(line.amount_residual_currency, 0)) AS left_open
                      FROM judged
                      JOIN collection_hold hold
                        ON hold.origin = 'collection.promise,' || judged.id
                      JOIN account_move_line line
                        ON line.id = hold.move_line_id AND line.parent_state = 'posted'
                     GROUP BY judged.id
                ), paid AS (
                    SELECT judged.id,
                           sum(part.amount) FILTER (WHERE part.date <= judged.deadline) AS in_time,
                           bool_or(part.date > judged.deadline) AS late
                      FROM judged
                      JOIN (%(paid)s) part ON part.agreement_id = judged.id
                     GROUP BY judged.id
                ), doubt AS (
                    SELECT judged.id, sum(money.amount) AS amount,
                           sum(money.amount) FILTER (WHERE money.date <= judged.deadline) AS in_time
                      FROM judged
                      JOIN (%(doubt)s) money ON money.agreement_id = judged.id
                     WHERE money.date >= judged.date
                     GROUP BY judged.id
                )
                SELECT judged.id, COALESCE(item.items, 0) AS items,
                       COALESCE(item.owed, 0)::float AS owed,
                       COALESCE(item.left_open, 0)::float AS left,
                       COALESCE(paid.in_time, 0)::float AS in_time,
                       COALESCE(paid.late, FALSE) AS settled_late,
                       -- what was judged already, or is paid off, is in doubt by what came in time
                       -- only: so a verdict does not depend on when it was looked for
                       COALESCE(
                           CASE WHEN judged.state IN %(undecided)s AND item.left_open > 0
                                THEN doubt.amount ELSE doubt.in_time END, 0)::float AS doubt,
                       EXISTS (
                        SELECT FROM collection_hold own
                          JOIN collection_hold reported
                            ON reported.move_line_id = own.move_line_id
                           AND reported.kind = 'payment_reported' AND reported.open IS TRUE
                         WHERE own.origin = 'collection.promise,' || judged.id) AS reported
                  FROM judged
                  LEFT JOIN item ON item.id = judged.id
                  LEFT JOIN paid ON paid.id = judged.id
                  LEFT JOIN doubt ON doubt.id = judged.id
                """,
                today=today,
                ids=tuple(self.ids) or (0,),
                paid=self._get_paid_sql(),
                doubt=SQL(" UNION ALL ").join(self._get_doubtful_money()),
                undecided=(*OPEN, "kept"),
            )
        )
        return {row["id"]: row for row in rows}

    # ------------------------------------------------------------
    # What follows from a verdict
    # ------------------------------------------------------------

    def _set_state(self, state):
        """Set the state of the verdict; what is open again is closed no more."""
        closed = state not in OPEN
        self.write({"state": state, "closed_date": closed and self._get_today()})

    def _tell_verdicts(self):
        """Tell the customer's history, the collector and accounting what became of promises."""
        self._log(*[promise.explanation for promise in self])
        unkept = self.filtered(lambda promise: promise.state in NOT_KEPT)
        left = unkept.move_line_ids.filtered(
            lambda line: line.parent_state == "posted" and not line.reconciled
        )
        self.env["collection.round"]._begin(left, "broken_promise")
        unkept = unkept.filtered(lambda promise: promise.move_line_ids & left)
        unkept._make_tasks(
            "activity_type_broken_promise",
            lambda customer: customer.collector_id or customer.company_id.collection_supervisor_id,
        )
        self.filtered(lambda promise: promise.state == "to_allocate")._make_tasks(
            "activity_type_allocate",
            lambda customer: (
                customer.company_id.collection_accountant_id
                or customer.company_id.collection_supervisor_id
            ),
        )

    def _get_task_text(self):
        self.ensure_one()
        return self.env._(
            "%(promise)s: %(amount)s until %(date)s",
            promise=self.number,
            amount=self.currency_id.format(self.amount),
            date=format_date(self.env, self.date_promised),
        )

    @api.model
    def _get_task_domains(self):
        return {
            "activity_type_broken_promise": [
                ("state", "in", NOT_KEPT),
                ("move_line_ids", "any", [("reconciled", "=", False)]),
            ],
            "activity_type_allocate": [("state", "=", "to_allocate")],
        }

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_put_off(self):
        """Open the dialog for a promise that takes the place of this one."""
        self.ensure_one()
        return self._open_register(self.move_line_ids.filtered(lambda line: not line.reconciled))

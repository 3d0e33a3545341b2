import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, LockError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from odoo.addons.collections_management.models.instalments import allocate

_logger = logging.getLogger(__name__)

TASK = "collections_portal.activity_type_charge"
STATES = [
    ("begun", "Being charged"),
    ("pending", "On its way"),
    ("unknown", "In doubt"),
    ("paid", "Charged"),
    ("failed", "Failed"),
    ("surplus", "Charged after all"),
]
# The money may be taken, or will be.
LIVE = ("begun", "pending", "unknown")
# The states that the transaction's say
STATE_OF = {
    "pending": "pending",
    "authorized": "pending",
    "done": "paid",
    "cancel": "failed",
    "error": "failed",
}
# A process that charges answers within this time, or was killed.
LOST_MINUTES = 10
# Who pays on the page has so long until the job charges the same.
PAYING_MINUTES = 30
TRIES = 3
SYSTEM_FIELDS = {
    "amount",
    "attempt",
    "concluded",
    "date",
    "declined",
    "failure",
    "line_id",
    "plan_id",
    "reference",
    "retry_on",
    "state",
    "transaction_id",
    "turned_on",
}


class CollectionPlanCharge(models.Model):
    """An attempt to charge an instalment to the payment method that the customer saved.

    It is committed with its draft transaction before anything is sent, so whatever dies, it is on
    record. One whose outcome nobody knows is asked for, and never repeated: the index allows one
    that is or may be paid for each instalment.
    """

    _name = "collection.plan.charge"
    _description = "Charge of an Instalment"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _rec_name = "reference"
    _mail_post_access = "read"
    _check_company_auto = True

    plan_id = fields.Many2one(
        "collection.plan", required=True, readonly=True, index=True, ondelete="restrict"
    )
    line_id = fields.Many2one(
        "collection.plan.line",
        string="Instalment",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    number = fields.Integer(related="line_id.number", string="Instalment No.")
    attempt = fields.Integer(required=True, readonly=True, aggregator=False)
    date = fields.Date(required=True, readonly=True, index=True)
    amount = fields.Monetary(required=True, readonly=True, aggregator=False)
    currency_id = fields.Many2one(related="plan_id.currency_id", store=True)
    company_id = fields.Many2one(
        related="plan_id.company_id", store=True, index=True, precompute=True
    )
    customer_id = fields.Many2one(related="plan_id.customer_id", store=True, index=True)
    partner_id = fields.Many2one(
        related="plan_id.partner_id", string="Customer", store=True, index=True
    )
    collector_id = fields.Many2one(related="plan_id.collector_id", store=True, index=True)
    transaction_id = fields.Many2one(
        "payment.transaction",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    reference = fields.Char(
        readonly=True, index=True, help="By which the payment provider knows the charge."
    )
    method = fields.Char(
        related="transaction_id.payment_method_id.name", string="Payment Method", related_sudo=True
    )
    turned_on = fields.Datetime(
        readonly=True, help="When the customer had turned on automatic payment, for this attempt."
    )
    state = fields.Selection(STATES, required=True, readonly=True, index=True, default="begun")
    declined = fields.Boolean(
        readonly=True,
        help="The payment provider said no. So many of these, and automatic payment stops.",
    )
    failure = fields.Char(readonly=True, help="Why it failed, or why nobody knows.")
    retry_on = fields.Date(
        string="Tried Again On",
        readonly=True,
        help="Unless it is paid until then, or automatic payment is turned off.",
    )
    concluded = fields.Boolean(
        readonly=True,
        default=True,
        help="What follows from the state was done, and both sides told.",
    )

    _attempt_unique = models.Constraint(
        "UNIQUE(line_id, attempt)", "Each attempt to charge an instalment is made once."
    )
    _transaction_unique = models.Constraint(
        "UNIQUE(transaction_id)", "A transaction belongs to one attempt."
    )
    _once_unique = models.UniqueIndex(
        "(line_id) WHERE state IN ('begun', 'pending', 'unknown', 'paid')",
        "An instalment is charged once: another attempt is or may be paid.",
    )
    _open_idx = models.Index(
        "(state) WHERE state IN ('begun', 'pending', 'unknown') OR concluded IS NOT TRUE"
    )

    def write(self, vals):
        """Override of ``base``: what was charged, and what became of it, nobody writes."""
        if not self.env.su and (kept := SYSTEM_FIELDS & vals.keys()):
            raise AccessError(
                self.env._(
                    "Charges are kept as they were (%s): say by the buttons what you know of one that "
                    "is in doubt.",
                    ", ".join(sorted(kept)),
                )
            )
        return super().write(vals)

    # ------------------------------------------------------------
    # The job
    # ------------------------------------------------------------

    @api.model
    def _cron_charge(self):
        """Look at what became of charges, then charge what is due. Each plan for itself."""
        cron = self.env["ir.cron"]
        self._look_again()
        plans = self._get_plans_to_charge()
        cron._commit_progress(remaining=len(plans))
        for plan in plans:
            self._charge_plan(plan)
            if not cron._commit_progress(1):
                return

    @api.model
    def _look_again(self):
        """Follow the transactions of charges that are open, and do what follows."""
        for charge in self.search(["|", ("state", "in", LIVE), ("concluded", "=", False)]):
            for part in ("_book", "_look"):
                charge._safely(part)
                self.env["ir.cron"]._commit_progress()
        ended = self.env["collection.plan"].search(
            [("is_automatic", "=", True), ("state", "not in", ("proposed", "active"))]
        )
        for plan in ended.try_lock_for_update(allow_referencing=True):
            plan._end_charges()
            worded = plan.company_id._in_own_language(plan)
            plan._log(worded.env._("Automatic payment ended with the plan."))

    def _look(self):
        """Look at one: whoever has it in hand at this moment is left alone."""
        self.ensure_one()
        self.invalidate_recordset()
        if not self.try_lock_for_update(allow_referencing=True):
            return
        self._follow()
        lost = fields.Datetime.now() - timedelta(minutes=LOST_MINUTES)
        if self.state == "begun" and self.write_date < lost:
            self._doubt(False)
        if self.state == "unknown":
            self.transaction_id._ask_for_charge()
            self._follow()
        if not self.concluded:
            self._conclude()

    def _safely(self, method):
        """Do something for one charge; what fails is tried again by the next run."""
        try:
            with self.env.cr.savepoint():
                getattr(self, method)()
                self.env.flush_all()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            self.env.invalidate_all(flush=False)
        except Exception:  # the others are charged all the same
            _logger.exception("Collections: charge %s, %s", self.id, method)
            self.env.invalidate_all(flush=False)

    @api.model
    def _get_plans_to_charge(self):
        """Return the plans that have an instalment to charge, in each company by its own day."""
        lines = self.env["collection.plan.line"]
        for company in self.env["res.company"].search([("parent_id", "=", False)]):
            lines |= lines.search(
                [
                    ("company_id", "=", company.id),
                    ("plan_state", "=", "active"),
                    ("plan_id.is_automatic", "=", True),
                    ("settled", "=", False),
                    ("date", "<=", company._get_collection_today()),
                ]
            )
        return lines.plan_id

    @api.model
    def _charge_plan(self, plan):
        """Charge what is due of a plan, one instalment after the other."""
        for _line in plan.line_ids:
            charge = self._begin_safely(plan)
            # committed: whatever happens from here on, it is known that something may be sent
            self.env["ir.cron"]._commit_progress()
            if not charge:
                return
            charge._send()
            if charge.state != "paid":
                return

    # ------------------------------------------------------------
    # Before anything is sent
    # ------------------------------------------------------------

    @api.model
    def _begin_safely(self, plan):
        """Return the attempt that is made now, with its draft transaction; empty: there is none."""
        try:
            with self.env.cr.savepoint():
                charge = self._begin(plan)
                self.env.flush_all()
                return charge
        except (LockError, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY):
            # somebody changed or paid it at this moment: the next run sees what came of it
            self.env.invalidate_all(flush=False)
        except Exception as error:  # shown on the plan
            _logger.exception("Collections: plan %s could not be charged", plan.id)
            self.env.invalidate_all(flush=False)
            plan.failure = str(error)
        return self.browse()

    @api.model
    def _begin(self, plan):
        self.env.invalidate_all()
        line, amount = self._get_due(plan)
        if not line:
            return self.browse()
        # who pays on the page, or turns it off, since this transaction began makes it fail here
        plan.customer_id._take_portal_turn()
        if not plan.try_lock_for_update(allow_referencing=True):
            return self.browse()
        token = plan.charge_token_id
        if plan.state != "active" or not token or self._is_being_paid(plan):
            return self.browse()
        if problem := plan._get_token_problem(token):
            plan._stop_charges(problem)
            return self.browse()
        return self._make(plan, line, amount)

    @api.model
    def _is_being_paid(self, plan):
        """Tell whether somebody is paying the same invoices on the page at this moment."""
        since = fields.Datetime.now() - timedelta(minutes=PAYING_MINUTES)
        return bool(
            plan.move_ids.transaction_ids.filtered(
                lambda payment: (
                    payment.state == "draft"
                    and payment.operation != "offline"
                    and payment.create_date > since
                )
            )
        )

    @api.model
    def _get_due(self, plan):
        """Return the instalment that is charged now and the amount: the oldest that waits for it.

        One that was charged already is left to people; behind one that is on its way, or that is
        tried again another day, the others wait.

        :return: tuple of collection.plan.line (empty: none) and amount in the plan's currency
        """
        today = plan.company_id._get_collection_today()
        amounts = self._get_amounts(plan, today)
        charges = plan.charge_ids.grouped("line_id")
        for line in plan.line_ids.filtered(lambda line: not line.settled):
            if line.date > today:
                break
            made = charges.get(line, self)
            states = set(made.mapped("state"))
            if "paid" in states:
                continue
            if states & set(LIVE) or (made._get_retry_date() or today) > today:
                break
            if plan.currency_id.compare_amounts(amounts.get(line, 0.0), 0) > 0:
                return line, amounts[line]
        return plan.line_ids.browse(), 0.0

    def _get_retry_date(self):
        """Return the day on which an instalment with these attempts is tried again; falsy: now.

        Those before the customer turned automatic payment on again count no more.
        """
        failed = self.filtered(
            lambda charge: charge.state == "failed" and charge._is_since_turned_on()
        )
        return max(failed.filtered("retry_on").mapped("retry_on"), default=False)

    def _is_since_turned_on(self):
        self.ensure_one()
        return self.turned_on == self.plan_id.charge_since

    @api.model
    def _get_amounts(self, plan, today):
        """Return what is left to charge of each instalment.

        Less what is on its way already. While the customer has money that is not allocated yet,
        nothing is charged: it may be what pays the instalment.

        :return: dict of collection.plan.line -> amount in the plan's currency
        """
        facts = plan._get_facts(today + timedelta(days=1))[plan.id]
        if facts["doubt"]:
            return {}
        rows = self._get_free(plan)
        in_flight = sum(taken for _line, _free, taken in rows)
        lines = plan.line_ids.filtered(lambda line: not line.settled)
        remaining = lines.mapped("remaining_amount")
        taken = allocate(remaining, in_flight)
        wanted = [left - part for left, part in zip(remaining, taken, strict=True)]
        # never more than the invoices are open for
        free = sum(free for _line, free, _taken in rows)
        amounts = allocate(wanted, free)
        round_ = plan.currency_id.round
        return {line: round_(amount) for line, amount in zip(lines, amounts, strict=True)}

    @api.model
    def _get_free(self, plan):
        """Return the open items of a plan, oldest first: list of (item, free, on its way)."""
        items = plan.move_line_ids.filtered(
            lambda line: line.parent_state == "posted" and not line.reconciled
        ).sorted(lambda line: (line.date_maturity or line.date, line.id))
        in_flight = self.env["collection.portal.order"]._get_in_flight(items)
        rows = []
        for item in items:
            open_now = max(item.amount_residual_currency, 0.0)
            taken = min(in_flight[item.id], open_now)
            rows.append((item, open_now - taken, taken))
        return rows

    @api.model
    def _make(self, plan, line, amount):
        """Return a new attempt with its draft transaction, which settles the oldest items."""
        token, number = plan.charge_token_id, plan.number.replace("/", "-")
        attempt = 1 + max(line.charge_ids.mapped("attempt"), default=0)
        rows = self._get_free(plan)
        parts = allocate([free for _item, free, _taken in rows], amount)
        order = [
            {"line": item, "amount": part, "discount": 0.0, "plan": None}
            for (item, _free, _taken), part in zip(rows, parts, strict=True)
            if plan.currency_id.compare_amounts(part, 0) > 0
        ]
        transactions = self.env["payment.transaction"]
        transaction = transactions.create(
            {
                "provider_id": token.provider_id.id,
                "payment_method_id": token.payment_method_id.id,
                "reference": transactions._compute_reference(
                    token.provider_id.code, prefix=f"{number}-{line.number}-{attempt}"
                ),
                "amount": amount,
                "currency_id": plan.currency_id.id,
                "partner_id": token.partner_id.id,
                "token_id": token.id,
                "operation": "offline",
                # nothing for Odoo's job before there is an answer
                "is_post_processed": True,
                **self.env["collection.portal.order"]._prepare_transaction_values(order),
            }
        )
        return self.create(
            {
                "plan_id": plan.id,
                "line_id": line.id,
                "attempt": attempt,
                "date": plan.company_id._get_collection_today(),
                "amount": amount,
                "transaction_id": transaction.id,
                "reference": transaction.reference,
                "turned_on": plan.charge_since,
            }
        )

    # ------------------------------------------------------------
    # Sending it
    # ------------------------------------------------------------

    def _send(self):
        """Charge, keep the answer before anything else is done, then book it."""
        self.ensure_one()
        cron = self.env["ir.cron"]
        if not self._claim():
            return
        try:
            with self.env.cr.savepoint():
                doubt = self.transaction_id._charge_instalment()
                self._follow()
                self.env.flush_all()
        except Exception as error:  # nobody knows whether it was taken
            _logger.exception("Collections: charge %s", self.reference)
            self.env.invalidate_all(flush=False)
            doubt = str(error)
        if self.state == "begun":
            self._doubt(doubt)
        cron._commit_progress()
        if self.state == "paid":
            self._safely("_book")
            cron._commit_progress()
        self._safely("_look")

    def _claim(self):
        """Take it in hand: nobody else looks at it, or at its transaction, while it is sent.

        :return: whether it may be sent; not when another process has taken it for lost
        """
        self.ensure_one()
        for _try in range(TRIES):
            try:
                with self.env.cr.savepoint():
                    self.invalidate_recordset()
                    mine = self.try_lock_for_update() and self.transaction_id.try_lock_for_update()
                    return (
                        bool(mine)
                        and self.state == "begun"
                        and self.transaction_id.state == "draft"
                    )
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                # nothing was sent: look again
                self.env.invalidate_all(flush=False)
                self.env["ir.cron"]._commit_progress()
        return False

    def _book(self):
        """Have the payment made and reconciled; where that fails, Odoo's own job tries again."""
        self.ensure_one()
        self.invalidate_recordset()
        if not self.try_lock_for_update(allow_referencing=True):
            return
        self._follow()
        taken = self.state in ("paid", "surplus")
        if taken and not self.transaction_id.is_post_processed:
            self.transaction_id._post_process()

    # ------------------------------------------------------------
    # What became of it
    # ------------------------------------------------------------

    def _follow(self):
        """Take over the states of the transactions. Nothing else is written here."""
        for charge in self:
            state = STATE_OF.get(charge.transaction_id.state)
            # money that came is never charged again by itself, whatever becomes of it
            if state and charge.state not in (state, "paid", "surplus"):
                charge._take(state)

    def _take(self, state):
        self.ensure_one()
        values = {"state": state, "concluded": False, "failure": False, "retry_on": False}
        if state == "failed":
            days = self.company_id.collection_charge_retry_days
            values |= {
                "declined": True,
                "failure": self.transaction_id.state_message,
                "retry_on": self.company_id._get_collection_today() + timedelta(days=days),
            }
        elif self.state == "failed" and self._get_others():
            # it was tried again meanwhile, and that is or may be paid
            values["state"] = "surplus"
        self.write(values)

    def _get_others(self):
        """Return the other attempts for the same instalment that are or may be paid."""
        self.ensure_one()
        return self.line_id.charge_ids.filtered(
            lambda charge: charge != self and charge.state in (*LIVE, "paid")
        )

    def _doubt(self, reason):
        """Nobody knows whether it was taken: ask the provider, else a person.

        :param reason: what happened, as far as it is known
        """
        self.ensure_one()
        self.write({"state": "unknown", "failure": reason, "concluded": False})

    def _conclude(self):
        """Do what follows from the state, and tell both sides."""
        for charge in self:
            getattr(charge, f"_conclude_{charge.state}", lambda: None)()
            charge.concluded = True

    def _conclude_paid(self):
        """The customer gets a confirmation; nothing is left to do."""
        plan = self.plan_id
        plan.charge_failure = False
        (self.line_id.charge_ids | self).activity_unlink([TASK])
        plan.activity_unlink([TASK])
        plan._write_to_contact(plan.charge_contact_id, self)

    def _conclude_failed(self):
        """Both sides are told, and when it is tried again; after the last time it stops."""
        plan = self.plan_id
        self.activity_unlink([TASK])
        # what was none of the customer's is tried again without a word
        if not self.declined:
            return
        plan.charge_failure = self.failure or self.reference
        if not plan.is_automatic:
            self.retry_on = False
            plan._write_to_contact(plan.charge_contact_id, self)
            return
        failed = self.line_id.charge_ids.filtered(
            lambda charge: charge.state == "failed" and charge.declined
        ).filtered(lambda charge: charge._is_since_turned_on())
        if len(failed) >= plan.company_id.collection_charge_attempts:
            self.retry_on = False
            plan._write_to_contact(plan.charge_contact_id, self)
            plan._stop_charges("failed")
            return
        plan._write_to_contact(plan.charge_contact_id, self)
        self._make_task(
            self._in_own_words()._(
                "The charge of %(amount)s failed; it is tried again. %(reason)s",
                amount=self.currency_id.format(self.amount),
                reason=self.failure or "",
            ),
            plan._get_charge_user(),
        )

    def _conclude_unknown(self):
        """What the provider can't be asked, a person finds out."""
        self._make_task(
            self._in_own_words()._(
                "Was %(amount)s charged? Look for %(reference)s at %(provider)s.",
                amount=self.currency_id.format(self.amount),
                reference=self.reference,
                provider=self.transaction_id.provider_id.name,
            ),
            self.company_id.collection_accountant_id or self.plan_id._get_charge_user(),
        )

    def _conclude_surplus(self):
        """The money of an attempt that was taken for failed came after all."""
        self._make_task(
            self._in_own_words()._(
                "%(amount)s was charged after all, and the instalment was charged again: give one of "
                "them back.",
                amount=self.currency_id.format(self.amount),
            ),
            self.company_id.collection_accountant_id or self.plan_id._get_charge_user(),
        )

    def _in_own_words(self):
        """Return an environment with the company's language: tasks are for its people."""
        return self.company_id._in_own_language(self).env

    def _make_task(self, summary, user):
        self.ensure_one()
        self.activity_unlink([TASK])
        self.activity_schedule(
            TASK,
            date_deadline=self.company_id._get_collection_today(),
            summary=summary,
            user_id=user.id,
        )

    # ------------------------------------------------------------
    # A person knows
    # ------------------------------------------------------------

    def _check_in_doubt(self):
        self.check_access("write")
        for charge in self:
            if charge.state != "unknown":
                states = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(charge)s is in state “%(state)s”: only of a charge in doubt a person "
                        "decides whether it was paid.",
                        charge=charge.reference,
                        state=states[charge.state],
                    )
                )

    def action_was_paid(self):
        """The provider has taken the money: book it.

        :raises UserError: when it is not in doubt
        """
        self._check_in_doubt()
        # sudo: states are the system's; the person has looked at the provider's
        for charge in self.sudo():
            charge.transaction_id._set_done(state_message=self._get_decided_text())
            charge._log_decision(self._get_decided_text())
            charge._follow()
            charge._book()
            charge._conclude()

    def action_was_not_paid(self):
        """The provider has taken nothing: the instalment is charged anew.

        :raises UserError: when it is not in doubt
        """
        self._check_in_doubt()
        # sudo: as above
        for charge in self.sudo():
            text = self.env._("Not charged, says %s.", self.env.user.name)
            # no cancellation: should the provider report it paid after all, it counts
            charge.transaction_id._set_error(text)
            charge._log_decision(text)
            charge._follow()
            charge.write({"declined": False, "retry_on": False})
            charge._conclude()
            charge.plan_id._charge_soon()

    def _get_decided_text(self):
        return self.env._("Charged, says %s.", self.env.user.name)

    def _log_decision(self, text):
        for charge in self:
            charge._message_log(body=text)

    def action_open_plan(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "collection.plan",
            "res_id": self.plan_id.id,
            "view_mode": "form",
        }

import logging
from itertools import accumulate

from odoo import api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, format_date

from .collection_plan import OPEN
from .instalments import allocate

_logger = logging.getLogger(__name__)


class CollectionPlan(models.Model):
    """What the ledger says of a plan: which instalments are paid, and what follows from it."""

    _inherit = "collection.plan"

    # ------------------------------------------------------------
    # Facts
    # ------------------------------------------------------------

    def _get_facts(self, today):
        """Ask the ledger what verdicts and amounts need. One query for all.

        :return: dict id -> dict of ``items`` (how many are posted), ``owed`` (what they were open for
            at the registration), ``left`` (what they are open for), ``granted`` (posted credit notes
            of the discount), ``superseded`` (a later plan is about the same items), ``payments`` and
            ``doubt`` (the customer's money that is not allocated): lists of (date, amount)
        """
        self.env.flush_all()
        rows = self.env.execute_query_dict(
            SQL(
                """
                WITH judged AS MATERIALIZED (
                    SELECT plan.*, EXISTS (
                               SELECT FROM collection_plan_line line
                                WHERE line.plan_id = plan.id AND line.date < %(today)s) AS is_late
                      FROM collection_plan plan
                     WHERE plan.id IN %(ids)s
                ), item AS (
                    SELECT judged.id, count(*) AS items, sum(hold.amount) AS owed,
                           sum(GREATEST(line.amount_residual_currency, 0)) AS left_open
                      FROM judged
                      JOIN collection_hold hold ON hold.origin = 'collection.plan,' || judged.id
                      JOIN account_move_line line
                        ON line.id = hold.move_line_id AND line.parent_state = 'posted'
                     GROUP BY judged.id
                ), paid AS (
                    SELECT day.agreement_id AS id,
                           json_agg(json_build_array(day.date, day.amount)) AS payments
                      FROM (
                        SELECT part.agreement_id, part.date, sum(part.amount) AS amount
                          FROM (%(paid)s) part
                         GROUP BY 1, 2
                      ) day
                     GROUP BY 1
                ), doubt AS (
                    SELECT judged.id, json_agg(json_build_array(money.date, money.amount)) AS money
                      FROM judged
                      JOIN (%(doubt)s) money ON money.agreement_id = judged.id
                     WHERE money.date >= judged.date
                     GROUP BY judged.id
                )
                SELECT judged.id, COALESCE(item.items, 0) AS items,
                       COALESCE(item.owed, 0)::float AS owed,
                       COALESCE(item.left_open, 0)::float AS left,
                       (SELECT COALESCE(sum(refund.amount_total), 0)::float
                          FROM collection_plan_refund_rel prepared
                          JOIN account_move refund
                            ON refund.id = prepared.move_id AND refund.state = 'posted'
                         WHERE prepared.plan_id = judged.id) AS granted,
                       EXISTS (
                           SELECT FROM collection_plan later
                            WHERE later.previous_id = judged.id
                              AND later.state NOT IN ('cancelled', 'expired')) AS superseded,
                       paid.payments, doubt.money AS doubt
                  FROM judged
                  LEFT JOIN item ON item.id = judged.id
                  LEFT JOIN paid ON paid.id = judged.id
                  LEFT JOIN doubt ON doubt.id = judged.id
                """,
                today=today,
                ids=tuple(self.ids) or (0,),
                paid=self._get_paid_sql(),
                doubt=SQL(" UNION ALL ").join(self._get_doubtful_money()),
            )
        )
        for row in rows:
            for name in ("payments", "doubt"):
                row[name] = [
                    (fields.Date.to_date(day), float(amount)) for day, amount in row[name] or []
                ]
        return {row["id"]: row for row in rows}

    @api.model
    def _get_share_sql(self):
        """Override: the credit notes of the discount pay no instalment."""
        return SQL(
            """
            CASE WHEN EXISTS (
                    SELECT FROM collection_plan_refund_rel prepared
                     WHERE prepared.plan_id = agreement.id AND prepared.move_id = move.id)
                 THEN 0 ELSE %s END
            """,
            super()._get_share_sql(),
        )

    def _get_dues(self, facts):
        """Return what each instalment asks for, in their order: the last ones less when invoices
        of the plan were cancelled.
        """
        self.ensure_one()
        to_pay = max(min(self.amount, facts["owed"]) - self.discount_amount, 0.0)
        return allocate(self.line_ids.mapped("amount"), to_pay)

    def _get_parts(self):
        """Return what is paid of each instalment, and what is left of it: the oldest first.

        No more is left of all than the invoices are open for, less the discount.

        :return: dict instalment's id -> (paid, remaining)
        """
        if not self.ids:
            return {}
        facts = self._origin._get_facts(fields.Date.context_today(self))
        parts = {}
        for plan in self._origin:
            currency, found = plan.currency_id, facts[plan.id]
            dues = plan._get_dues(found)
            paid = allocate(dues, sum(amount for _day, amount in found["payments"]))
            open_now = found["left"] - max(plan.discount_amount - found["granted"], 0.0)
            rest = allocate([due - part for due, part in zip(dues, paid, strict=True)], open_now)
            for line, part, left in zip(plan.line_ids, paid, rest, strict=True):
                parts[line.id] = (
                    currency.round(part),
                    0.0 if line.settled else currency.round(left),
                )
        return parts

    # ------------------------------------------------------------
    # The verdict
    # ------------------------------------------------------------

    def _judge(self):
        """Give these plans and their instalments the verdict that the ledger gives. Set-based."""
        judged = self.filtered(lambda plan: plan.state not in self._get_final_states())
        for company, plans in judged.grouped("company_id").items():
            plans._judge_for(company)

    def _judge_for(self, company):
        today = company._get_collection_today()
        facts = self._get_facts(today)
        self._judge_instalments(facts)
        late = any(line.breach_date < today and not line.settled for line in self.line_ids)
        stale = bool(late and company._get_stale_bank_text())
        verdicts = {plan: plan._get_verdict(facts[plan.id], today, stale) for plan in self}
        doubtful = self.filtered(lambda plan: verdicts[plan][1] and not plan.in_doubt)
        for in_doubt in (True, False):
            self.filtered(
                lambda plan, in_doubt=in_doubt: (
                    verdicts[plan][1] is in_doubt and plan.in_doubt is not in_doubt
                )
            ).in_doubt = in_doubt
        changed = self.filtered(lambda plan: plan.state != verdicts[plan][0])
        before = {plan: plan.state for plan in changed}
        for state, plans in changed.grouped(lambda plan: verdicts[plan][0]).items():
            plans.write({"state": state, "closed_date": state not in OPEN and today})
        self._align_holds()
        changed._tell_verdicts(before)
        doubtful._make_tasks(
            "activity_type_allocate",
            lambda customer: (
                customer.company_id.collection_accountant_id
                or customer.company_id.collection_supervisor_id
            ),
        )
        self._clear_tasks()

    def _judge_instalments(self, facts):
        """Say of each instalment whether it was paid, or something of it."""
        verdicts = {}
        for plan in self:
            paid = sum(amount for _day, amount in facts[plan.id]["payments"])
            dues = plan._get_dues(facts[plan.id])
            parts = allocate(dues, paid)
            for line, total, part in zip(plan.line_ids, accumulate(dues), parts, strict=True):
                verdicts[line] = (plan._is_enough(paid, total), part > 0)
        changed = self.line_ids.filtered(lambda line: (line.settled, line.begun) != verdicts[line])
        for (settled, begun), lines in changed.grouped(lambda line: verdicts[line]).items():
            lines.write({"settled": settled, "begun": begun})

    def _is_enough(self, paid, due):
        """Tell whether so much is enough for what is due, tolerance included."""
        self.ensure_one()
        enough = due * (1 - self.tolerance_percent / 100)
        return self.currency_id.compare_amounts(paid, enough) >= 0

    def _get_verdict(self, facts, today, stale):
        """Return the state that the facts of the ledger ask for, and whether money is in doubt.

        :param dict facts: as ``_get_facts`` returns them
        :param bool stale: whether the bank is too old to say that nothing came
        """
        self.ensure_one()
        if not facts["items"]:
            return ("settled" if self.state in OPEN else self.state), False
        if self.line_ids and all(self.line_ids.mapped("settled")):
            # what broke the plan is history, even when all is paid in the end
            if self.state != "breached" or not self._get_missing_in_time(facts):
                return "done", False
            return "breached", False
        if self.currency_id.is_zero(facts["left"]):
            return ("breached" if self.state == "breached" else "settled"), False
        if not self.accept_method:
            return ("expired" if self.valid_until < today else "proposed"), False
        return self._get_open_verdict(facts, today, stale)

    def _get_open_verdict(self, facts, today, stale):
        """Return the verdict of a plan in which something is left to pay."""
        self.ensure_one()
        if self.state == "breached":
            return self._get_breached_verdict(facts)
        late = self.line_ids.filtered(lambda line: not line.settled and line.date < today)
        if not late:
            return "active", False
        loose = sum(amount for _day, amount in facts["doubt"])
        if self._get_missing(late, facts, loose) <= 0:
            return "active", True
        missed = late.filtered(lambda line: line.breach_date < today)
        if missed and self._get_missing(missed, facts, loose) <= 0:
            return "active", True
        return ("breached" if missed and not stale else "active"), False

    def _get_breached_verdict(self, facts):
        """A breach is taken back only by money that came in time, and if no later plan followed."""
        self.ensure_one()
        missing = self._get_missing_in_time(facts)
        if facts["superseded"] or (missing and not self._is_doubtful_in_time(facts)):
            return "breached", False
        return "active", bool(missing)

    def _get_missing(self, lines, facts, more=0.0):
        """Return how much is missing of the last of some instalments and all before it.

        :param float more: money that may have to be allocated to them
        """
        self.ensure_one()
        due = self._get_due_until(lines[-1:], facts)
        paid = sum(amount for _day, amount in facts["payments"])
        return 0.0 if self._is_enough(paid + more, due) else due - paid - more

    def _get_due_until(self, line, facts):
        """Return what was to be paid until an instalment, this one included."""
        totals = accumulate(self._get_dues(facts))
        return dict(zip(self.line_ids, totals, strict=True))[line]

    def _get_judged_lines(self):
        """Return the instalments that were past their last day when the plan was breached."""
        return self.line_ids.filtered(lambda line: line.breach_date < self.closed_date)

    def _get_missing_in_time(self, facts, money=()):
        """Return whether one of the instalments that were judged was not paid until its last day.

        :param money: (date, amount) that may have to be allocated to them
        """
        self.ensure_one()
        payments = [*facts["payments"], *money]
        return any(
            not self._is_enough(
                sum(amount for day, amount in payments if day <= line.breach_date),
                self._get_due_until(line, facts),
            )
            for line in self._get_judged_lines()
        )

    def _is_doubtful_in_time(self, facts):
        """Tell whether money that came in time and is not allocated may have paid what was missed."""
        return bool(facts["doubt"]) and not self._get_missing_in_time(facts, facts["doubt"])

    # ------------------------------------------------------------
    # What follows from a verdict
    # ------------------------------------------------------------

    def _tell_verdicts(self, before):
        """Tell the history what became of plans, and give people what is to be done.

        :param dict before: the state that each plan had
        """
        self._log(*[plan.explanation for plan in self])
        breached = self.filtered(lambda plan: plan.state == "breached")
        left = breached.move_line_ids.filtered(
            lambda line: line.parent_state == "posted" and not line.reconciled
        )
        self.env["collection.round"]._begin(left, "breached_plan")
        breached = breached.filtered(lambda plan: plan.move_line_ids & left)
        breached._make_tasks(
            "activity_type_breached_plan",
            lambda customer: customer.collector_id or customer.company_id.collection_supervisor_id,
        )
        ended = self.filtered(lambda plan: before[plan] == "proposed" and plan.state not in OPEN)
        ended._give_promises_back()
        self.filtered(lambda plan: plan.state == "proposed")._replace_promises_again()
        self.filtered(lambda plan: before[plan] == "done")._withdraw_refunds()
        self.filtered(lambda plan: plan.state == "done")._grant_discounts()

    def _replace_promises_again(self):
        """What had paid these proposals was undone: promises give way once more."""
        promises = self.env["collection.promise"]
        promises.search([("move_line_ids", "in", self.move_line_ids.ids)])._judge()
        self._replace_promises()

    def _get_task_text(self):
        self.ensure_one()
        if self.instalment_count == 1:
            return self.env._(
                "%(plan)s: %(amount)s until %(date)s",
                plan=self.number,
                amount=self.currency_id.format(self.to_pay_amount),
                date=format_date(self.env, self.last_date),
            )
        return self.env._(
            "%(plan)s: %(amount)s in %(count)s instalments until %(date)s",
            plan=self.number,
            amount=self.currency_id.format(self.to_pay_amount),
            count=self.instalment_count,
            date=format_date(self.env, self.last_date),
        )

    @api.model
    def _get_task_domains(self):
        left = ("move_line_ids", "any", [("reconciled", "=", False)])
        return {
            "activity_type_breached_plan": [("state", "=", "breached"), left],
            "activity_type_allocate": [("state", "=", "active"), ("in_doubt", "=", True)],
            "activity_type_discount": [
                ("state", "=", "done"),
                ("discount_amount", ">", 0),
                left,
            ],
        }

    # ------------------------------------------------------------
    # The discount
    # ------------------------------------------------------------

    def _grant_discounts(self):
        """Have the credit notes of the discounts of fulfilled plans made, for accounting to post.

        A job makes them: within a reconciliation, Odoo keeps entries from being worked out, and a
        payment is never refused because of a credit note.
        """
        plans = self.filtered("discount_amount")
        plans._make_tasks(
            "activity_type_discount",
            lambda customer: (
                customer.company_id.collection_accountant_id
                or customer.company_id.collection_supervisor_id
            ),
        )
        if plans:
            # sudo: scheduled jobs belong to the system
            self.env.ref("collections_management.ir_cron_collection_discounts").sudo()._trigger()

    @api.model
    def _cron_grant_discounts(self):
        """Make the credit notes that are missing; a plan whose can't be made says why."""
        plans = self.search(
            [
                ("state", "=", "done"),
                ("discount_amount", ">", 0),
                ("refunds_made", "=", False),
                ("failure", "=", False),
                ("move_line_ids", "any", [("reconciled", "=", False)]),
            ]
        )
        cron = self.env["ir.cron"]
        cron._commit_progress(remaining=len(plans))
        for plan in plans:
            try:
                with self.env.cr.savepoint():
                    plan._prepare_refunds()
                    self.env.flush_all()
            except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                raise
            except Exception as error:  # shown on the plan, which has a button to try again
                _logger.exception("Collections: credit note of plan %s", plan.id)
                self.env.invalidate_all(flush=False)
                plan.failure = str(error)
            if not cron._commit_progress(1):
                return

    def _prepare_refunds(self):
        """Make a draft credit note for each invoice of which something is left: its share."""
        self.ensure_one()
        moves = self.move_ids.filtered(
            lambda move: move.move_type == "out_invoice" and move.state == "posted"
        ).sorted(lambda move: (move.invoice_date, move.id))
        granted = sum(self.refund_ids.mapped("amount_total"))
        lefts = [move.amount_residual for move in moves]
        for move, amount in zip(
            moves, allocate(lefts, self.discount_amount - granted), strict=True
        ):
            if self.currency_id.compare_amounts(amount, 0) > 0:
                self.refund_ids |= self._prepare_refund(move, amount)
        self.refunds_made = True

    def _prepare_refund(self, move, amount):
        """Return a draft credit note of an invoice over a part of it, its taxes in proportion.

        :param float amount: with taxes, in the invoice's currency
        """
        self.ensure_one()
        today = self.company_id._get_collection_today()
        company = move.company_id
        refund = move.with_company(company)._reverse_moves(
            [
                {
                    "ref": self.company_id._in_own_language(self).env._(
                        "Discount of payment plan %(plan)s on %(invoice)s",
                        plan=self.number,
                        invoice=move.name,
                    ),
                    "invoice_date": today,
                    "date": today,
                }
            ]
        )
        if self.currency_id.compare_amounts(refund.amount_total, amount):
            worded = self.with_context(lang=refund.partner_id.lang or self.env.lang)
            name = worded.env._(
                "%(invoice)s: discount of payment plan %(plan)s",
                invoice=move.name,
                plan=self.number,
            )
            refund._lower_collection_credit_note(amount, name, f"plan,{self.id}")
        return refund

    def _withdraw_refunds(self):
        """Delete the credit notes that nobody has posted: the plan is no longer fulfilled."""
        drafts = self.refund_ids.filtered(lambda move: move.state == "draft")
        drafts.with_context(force_delete=True).unlink()
        self.refunds_made = False

    def action_prepare_refunds(self):
        """Prepare the credit notes of the discount again, where that failed or they were deleted."""
        self.check_access("write")
        # sudo: the discount was agreed; accounting posts it
        for plan in self.sudo().filtered(
            lambda plan: plan.state == "done" and plan.discount_amount
        ):
            plan._prepare_refunds()
            plan.failure = False

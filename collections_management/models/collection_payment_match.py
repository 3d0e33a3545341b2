from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

STATES = [
    ("proposed", "Proposed"),
    ("accepted", "Accepted"),
    ("dismissed", "Dismissed"),
]
KINDS = [
    ("credit", "Payment to allocate"),
    ("payment", "Payment in process"),
    ("bank", "Bank transaction"),
]
# Where the money of each kind stands.
SOURCES = {"credit": "credit_line_id", "payment": "payment_id", "bank": "statement_line_id"}


class CollectionPaymentMatch(models.Model):
    """Money that may be a reported payment, and why; a person accepts or dismisses it."""

    _name = "collection.payment.match"
    _description = "Money Found for a Reported Payment"
    _order = "other_currency, score desc, date desc, id"
    _rec_name = "label"

    report_id = fields.Many2one(
        "collection.reported.payment",
        string="Reported Payment",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="report_id.company_id", store=True, index=True)
    report_state = fields.Selection(related="report_id.state", string="State of the Report")
    kind = fields.Selection(KINDS, required=True, readonly=True)
    credit_line_id = fields.Many2one(
        "account.move.line", readonly=True, index="btree_not_null", ondelete="cascade"
    )
    payment_id = fields.Many2one(
        "account.payment", readonly=True, index="btree_not_null", ondelete="cascade"
    )
    statement_line_id = fields.Many2one(
        "account.bank.statement.line",
        string="Bank Transaction",
        readonly=True,
        index="btree_not_null",
        ondelete="cascade",
    )
    state = fields.Selection(STATES, required=True, readonly=True, default="proposed")
    date = fields.Date(readonly=True)
    label = fields.Char(readonly=True)
    partner_id = fields.Many2one("res.partner", string="Payer", readonly=True, index=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount = fields.Monetary(readonly=True, help="What was not allocated when it was proposed.")
    other_currency = fields.Boolean(
        readonly=True, help="Not in the currency of what was reported, so a person allocates it."
    )
    report_currency_id = fields.Many2one(
        related="report_id.currency_id", string="Currency of the Report"
    )
    converted_amount = fields.Monetary(
        string="In the Report's Currency",
        readonly=True,
        currency_field="report_currency_id",
        help="At the rate of the day of the money.",
    )
    score = fields.Integer(readonly=True, aggregator=None, help="From 0 to 100.")
    evidence = fields.Json(readonly=True)
    reason = fields.Char(string="Why", compute="_compute_reason")
    user_id = fields.Many2one("res.users", string="Accepted By", readonly=True)

    _unique_credit = models.UniqueIndex(
        "(report_id, credit_line_id) WHERE credit_line_id IS NOT NULL"
    )
    _unique_payment = models.UniqueIndex("(report_id, payment_id) WHERE payment_id IS NOT NULL")
    _unique_bank = models.UniqueIndex(
        "(report_id, statement_line_id) WHERE statement_line_id IS NOT NULL"
    )

    # ------------------------------------------------------------
    # Why
    # ------------------------------------------------------------

    @api.depends_context("lang")
    @api.depends("evidence")
    def _compute_reason(self):
        for match in self:
            evidence = match.evidence or {}
            match.reason = "; ".join(
                sentence % {"value": evidence[code]}
                for code, sentence in match._get_sentences().items()
                if code in evidence
            )

    def _get_sentences(self):
        """Hook: what each piece of evidence says, with the placeholder ``%(value)s``."""
        _ = self.env._
        return {
            "amount": _("the same amount"),
            "nearly": _("nearly the same amount"),
            "same_day": _("on the same day"),
            "next_day": _("a day apart"),
            "days": _("%(value)s days apart", value="%(value)s"),
            "reference": _("names the reference %(value)s", value="%(value)s"),
            "invoice": _("names %(value)s", value="%(value)s"),
            "customer": _("paid by the customer"),
            "account": _("from the customer's bank account"),
            "name": _("names the customer as payer"),
            "other_payer": _("booked on another payer, %(value)s", value="%(value)s"),
            "other_currency": _("in another currency"),
        }

    # ------------------------------------------------------------
    # Where the money stands
    # ------------------------------------------------------------

    @api.model
    def _get_waiting_sql(self):
        """Return the condition that the money of ``match`` is not allocated yet."""
        return SQL(
            """
            (EXISTS (
                SELECT FROM account_move_line credit
                 WHERE credit.id = match.credit_line_id
                   AND credit.parent_state = 'posted' AND credit.amount_residual_currency < 0)
             OR EXISTS (
                SELECT FROM account_payment payment
                 WHERE payment.id = match.payment_id
                   AND payment.state = 'in_process' AND payment.move_id IS NULL)
             OR EXISTS (
                SELECT FROM account_bank_statement_line bank
                  JOIN account_move entry ON entry.id = bank.move_id AND entry.state = 'posted'
                 WHERE bank.id = match.statement_line_id AND bank.is_reconciled IS NOT TRUE)
             -- it became an entry on the customer's account, which waits
             OR EXISTS (
                SELECT FROM account_move_line part
                  JOIN account_account account
                    ON account.id = part.account_id AND account.account_type = 'asset_receivable'
                 WHERE part.move_id IN (
                        SELECT bank.move_id FROM account_bank_statement_line bank
                         WHERE bank.id = match.statement_line_id
                        UNION ALL
                        SELECT payment.move_id FROM account_payment payment
                         WHERE payment.id = match.payment_id)
                   AND part.parent_state = 'posted' AND part.amount_residual_currency < 0))
            """
        )

    def _is_waiting(self):
        """Tell whether the money is still there to be allocated."""
        self.ensure_one()
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT FROM collection_payment_match match WHERE match.id = %s AND %s",
                self.id,
                self._get_waiting_sql(),
            )
        )
        return bool(rows)

    # ------------------------------------------------------------
    # Accepting and dismissing
    # ------------------------------------------------------------

    def action_accept(self):
        """Take this money for what was reported: allocate it where one may, else ask accounting.

        :raises UserError: naming money that can't be taken, and the way out
        """
        self.report_id._check_may_match()
        for match in self:
            match._check_acceptable()
            # sudo: matches are the system's; who may accept was checked
            match.sudo().write({"state": "accepted", "user_id": self.env.user.id})
            told = self.env._(
                "%(user)s found the money: %(money)s.",
                user=self.env.user.name,
                money=match._tell(),
            )
            waits = match._allocate_if_possible()
            match.report_id._log(f"{told} {waits}" if waits else told)
        # sudo: verdicts are the system's
        self.report_id.sudo()._judge()

    def _tell(self):
        """Return what a person calls this money."""
        self.ensure_one()
        return self.env._(
            "%(amount)s of %(date)s, “%(label)s”",
            amount=self.currency_id.format(self.amount),
            date=format_date(self.env, self.date),
            label=self.label or "",
        )

    def _check_acceptable(self):
        self.ensure_one()
        report = self.report_id
        values = {"report": report.number, "money": self._tell()}
        if report.state not in report._get_open_states():
            raise UserError(
                self.env._(
                    "%(report)s is closed, so %(money)s can't be taken for it any more. Register the "
                    "payment anew, if it has to be looked for again.",
                    **values,
                )
            )
        if self.state != "proposed":
            raise UserError(
                self.env._(
                    "%(money)s was accepted or dismissed for %(report)s already: look at the list "
                    "again.",
                    **values,
                )
            )
        if not self._is_waiting():
            raise UserError(
                self.env._(
                    "%(money)s has been allocated to something else meanwhile, so it can't be taken "
                    "for %(report)s. Press “Look Again”.",
                    **values,
                )
            )
        if other := self._find_rival():
            raise UserError(
                self.env._(
                    "%(money)s was accepted for %(other)s of %(customer)s already. Unlink it there, or "
                    "take another one for %(report)s.",
                    other=other.report_id.number,
                    customer=other.report_id.partner_id.display_name,
                    **values,
                )
            )

    def _find_rival(self):
        """Return the match by which another open report waits for this money."""
        source = SOURCES[self.kind]
        # sudo: whose report it is doesn't matter
        return self.sudo().search(
            [
                (source, "=", self[source].id),
                ("state", "=", "accepted"),
                ("report_id", "!=", self.report_id.id),
                ("report_id.state", "in", self.report_id._get_open_states()),
            ],
            limit=1,
        )

    def action_dismiss(self):
        """Say that this money is something else: it is not proposed again."""
        self.report_id._check_may_match()
        for match in self:
            if match.state != "proposed":
                raise UserError(
                    self.env._(
                        "%s was accepted or dismissed already: look at the list again.",
                        match._tell(),
                    )
                )
        # sudo: matches are the system's; who may dismiss was checked
        self.sudo().state = "dismissed"

    def action_unlink_money(self):
        """Take back that this money is what was reported, while it is not allocated.

        :raises UserError: when it is allocated already
        """
        self.report_id._check_may_match()
        for match in self:
            if match.state == "accepted" and not match._is_waiting():
                raise UserError(
                    self.env._(
                        "%s is allocated already: undo the reconciliation on the invoice first, and "
                        "it waits again.",
                        match._tell(),
                    )
                )
        # sudo: matches and verdicts are the system's; who may was checked
        self.sudo().write({"state": "proposed", "user_id": False})
        self.report_id.sudo()._judge()

    # ------------------------------------------------------------
    # Allocating
    # ------------------------------------------------------------

    def action_allocate(self):
        """Allocate money that was accepted and waits, by the person's own rights.

        :raises UserError: saying why it can't be done here
        """
        self.report_id._check_may_match()
        for match in self:
            if reason := match._get_obstacle():
                raise UserError(reason)
            match._allocate()
        # sudo: verdicts are the system's
        self.report_id.sudo()._judge()

    def _allocate_if_possible(self):
        """Allocate it; if that can't be done, return why."""
        self.ensure_one()
        if reason := self._get_obstacle():
            return reason
        try:
            with self.env.cr.savepoint():
                self._allocate()
        except UserError as error:  # a locked period, an entry that is sealed: told to accounting
            self.env.invalidate_all(flush=False)
            return str(error)
        return False

    def _get_obstacle(self):
        """Hook: why this money can't be allocated here by this person; falsy: it can."""
        self.ensure_one()
        if self.other_currency:
            return self.env._(
                "The money is in another currency than the invoices: an accountant allocates it."
            )
        if not self._get_open_items():
            return self.env._(
                "The money and the invoices are booked on different receivable accounts, or nothing "
                "is left to pay: an accountant has to look at it."
            )
        if self.kind == "payment":
            return self.env._(
                "The payment has no entry before the bank has it: it is allocated then."
            )
        if self.kind == "bank" and not self._may_write_bank():
            return self.env._(
                "Only people who may edit bank transactions can allocate it; accounting was asked to."
            )
        return False

    def _may_write_bank(self):
        return self.env.su or self.env["account.bank.statement.line"].has_access("write")

    def _get_open_items(self):
        """Return the open items of the report that this money can be reconciled with."""
        items = self.report_id.move_line_ids.filtered(
            lambda line: line.parent_state == "posted" and not line.reconciled
        )
        if self.kind == "credit":
            return items.filtered(lambda line: line.account_id == self.credit_line_id.account_id)
        oldest = items.sorted(lambda line: (line.date_maturity or line.date, line.id))[:1]
        return items.filtered(lambda line: line.account_id == oldest.account_id)

    def _allocate(self):
        """Reconcile this money with the report's items, oldest first, and no more than reported."""
        self.ensure_one()
        items, report = self._get_open_items(), self.report_id
        most = report.amount - report.paid_amount
        if self.kind == "bank":
            money = self._book_bank_transaction(items.account_id, most)
        else:
            money = self.credit_line_id
        (money | items)._collection_reconcile_at_most(money, most)

    def _book_bank_transaction(self, account, most):
        """Book a bank transaction on the customer's receivable account; return the journal item.

        What is more than reported stays the customer's credit, when it came from the customer;
        else it stays unreconciled, for it may be someone else's.
        """
        bank, customer = self.statement_line_id, self.report_id.partner_id
        _liquidity, suspense, others = bank._seek_for_lines()
        if len(suspense) != 1:
            raise UserError(
                self.env._(
                    "The bank transaction %s is booked in part already, or by hand: an accountant has "
                    "to allocate it.",
                    bank.payment_ref or bank.move_id.name,
                )
            )
        payer = bank.partner_id.commercial_partner_id
        currency = suspense.currency_id
        rest = -suspense.amount_currency - most
        if others or (payer != customer and currency.compare_amounts(rest, 0) > 0):
            commands = self._prepare_split(suspense, account, min(most, -suspense.amount_currency))
        else:
            if not payer:
                bank.partner_id = customer
                _liquidity, suspense, others = bank._seek_for_lines()
            commands = [
                Command.update(suspense.id, {"account_id": account.id, "partner_id": customer.id})
            ]
        before = bank.move_id.line_ids - suspense
        # as Odoo does when a transaction's own fields change
        entry = bank.move_id.with_context(force_delete=True, skip_readonly_check=True)
        entry.write({"line_ids": commands})
        booked = bank.move_id.line_ids - before
        return booked.filtered(lambda line: line.account_id == account)

    def _prepare_split(self, suspense, account, amount):
        """Return the commands that move ``amount`` (transaction's currency) to ``account``."""
        share = amount / -suspense.amount_currency
        balance = suspense.company_currency_id.round(suspense.balance * share)
        part = {
            "name": suspense.name,
            "account_id": account.id,
            "partner_id": self.report_id.partner_id.id,
            "currency_id": suspense.currency_id.id,
            "amount_currency": -amount,
            "balance": balance,
        }
        left = suspense.amount_currency + amount
        if suspense.currency_id.is_zero(left):
            return [Command.delete(suspense.id), Command.create(part)]
        rest = {"amount_currency": left, "balance": suspense.balance - balance}
        return [Command.update(suspense.id, rest), Command.create(part)]

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_open_money(self):
        """Open the payment or the entry of this money."""
        self.ensure_one()
        record = self.payment_id or self.credit_line_id.move_id.origin_payment_id
        record = record or self.credit_line_id.move_id or self.statement_line_id.move_id
        return record._get_records_action()

import logging
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import date_utils, split_every

from .collection_statement import STATEMENT_KINDS

_logger = logging.getLogger(__name__)

BATCH = 1000  # customers looked at in one transaction
# So late a statement is still made when its day was missed: a server that stood still, a weekend.
CATCH_UP_DAYS = 7
PERIODS = {"month": 1, "quarter": 3}  # in months


class CollectionStrategy(models.Model):
    """A scheme: which statements of account its customers get by themselves."""

    _inherit = "collection.strategy"

    statement_frequency = fields.Selection(
        [("none", "Never"), ("month", "Every month"), ("quarter", "Every quarter")],
        string="Statements",
        required=True,
        default="none",
        help="How often the customers of this scheme get a statement of account by themselves. It "
        "informs and never counts as a claim.",
    )
    statement_day = fields.Integer(
        string="On Day",
        default=1,
        help="Day of the month, of a quarter's first month. In a shorter month: its last day.",
    )
    statement_kind = fields.Selection(
        STATEMENT_KINDS,
        string="Statement Shows",
        required=True,
        default="open",
        help="Movements: those of the month or quarter before.",
    )
    statement_condition = fields.Selection(
        [("balance", "The balance is not zero"), ("overdue", "Something is overdue")],
        string="Only When",
        required=True,
        default="balance",
    )
    statement_minimum = fields.Monetary(
        string="Minimum Balance",
        currency_field="currency_id",
        help="No statement while the customer owes less than this in all, in the company's "
        "currency. 0: no minimum.",
    )
    statement_workbook = fields.Boolean(
        string="Attach Excel Too", help="Besides the PDF, the statement as Excel workbook."
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")

    _statement_day_of_month = models.Constraint(
        "CHECK(statement_day BETWEEN 1 AND 31)",
        "The day of a scheme's statements is a day of the month: from 1 to 31.",
    )
    _statement_minimum_not_negative = models.Constraint(
        "CHECK(statement_minimum >= 0)",
        "The minimum balance of a scheme's statements can't be negative.",
    )

    @api.depends("company_id")
    def _compute_currency_id(self):
        for strategy in self:
            strategy.currency_id = (strategy.company_id or self.env.company).currency_id

    def _get_statement_mode(self, company):
        """Return the more careful of the company's mode and the scheme's."""
        self.ensure_one()
        modes = (company.collection_mode, self.mode)
        return next(mode for mode in ("simulation", "approve", "automatic") if mode in modes)

    def _get_statement_day(self, today):
        """Return the day for which statements are due, and the first day of its month or quarter.

        :return: pair of dates, or None when there are none to be made today
        """
        self.ensure_one()
        if self.statement_frequency == "none":
            return None
        this_period = date_utils.start_of(today, self.statement_frequency)
        before = this_period - relativedelta(months=PERIODS[self.statement_frequency])
        for start in (this_period, before):
            end_of_month = date_utils.end_of(start, "month")
            day = min(start + timedelta(days=self.statement_day - 1), end_of_month)
            if day <= today:
                late = (today - day).days
                return (day, start) if late <= CATCH_UP_DAYS else None
        return None

    def _get_statement_period(self, start):
        """Return first and last day of the movements told of, before the period of ``start``."""
        self.ensure_one()
        if self.statement_kind == "open":
            return False, False
        months = PERIODS[self.statement_frequency]
        return start - relativedelta(months=months), start - timedelta(days=1)

    def _get_statement_customers(self, company, customers):
        """Return who of ``customers`` is to get the scheme's statements, as things stand now."""
        self.ensure_one()
        return self.env["collection.customer"].search(
            Domain("id", "in", customers.ids) & Domain(self._get_statement_domain(company))
        )

    def _get_statement_domain(self, company):
        """Hook: the customers of this scheme that get its statements.

        :return: domain on ``collection.customer``
        """
        self.ensure_one()
        today = company._get_collection_today()
        domain = Domain(
            [
                ("company_id", "=", company.id),
                ("strategy_id", "=", self.id),
                ("insolvent", "=", False),
                "|",
                ("pause_until", "=", False),
                ("pause_until", "<", today),
            ]
        )
        if company.collection_pilot:
            domain &= Domain("pilot", "=", True)
        if self.statement_condition == "overdue":
            domain &= Domain("overdue", ">", 0)
        else:
            domain &= Domain("balance", "!=", 0)
        if self.statement_minimum:
            domain &= Domain("balance", ">=", self.statement_minimum)
        return domain


class CollectionStatement(models.Model):
    """A statement of account: those that schemes ask for, made by the daily job.

    A customer's file keeps the day that was looked at last (``statement_date``): it is locked and
    written with the statement, so a crash or a second server never makes a second one.
    """

    _inherit = "collection.statement"

    @api.model
    def _make_periodic(self, company):
        """Make the statements of ``company`` whose day has come, a batch of customers a transaction.

        :param company: root res.company
        :return: how many were made
        """
        run, cron = self.env["collection.run"], self.env["ir.cron"]
        made = 0
        due = self._get_due(company)
        doubt = bool(due) and self._get_doubt(company, due)
        for strategy, day, start, files in due:
            for ids in split_every(BATCH, files.ids):
                batch = files.browse(ids)
                made += run._in_halves(
                    lambda some, plan=(strategy, day, start): len(
                        self._make_locked(company, *plan, some, doubt)
                    ),
                    batch,
                )
                if not cron._commit_progress(len(ids)):
                    run._trigger_run()
                    return made
        return made

    @api.model
    def _get_due(self, company):
        """Return for whom statements are to be looked at today.

        :return: list of tuples: scheme, the day it asks for, the first day of that month or
            quarter, and collection.customer
        """
        if company.collection_mode == "simulation":
            return []
        today = company._get_collection_today()
        due = []
        for strategy in self.env["collection.strategy"].search(
            [
                ("statement_frequency", "!=", "none"),
                ("mode", "!=", "simulation"),
                ("company_id", "in", [False, company.id]),
            ]
        ):
            if moment := strategy._get_statement_day(today):
                files = self.env["collection.customer"].search(
                    self._get_waiting_domain(company, strategy, moment[1]), order="id"
                )
                if files:
                    due.append((strategy, *moment, files))
        return due

    @api.model
    def _get_waiting_domain(self, company, strategy, start):
        """Return the domain of the files that were not looked at since ``start``."""
        return Domain(
            [
                ("company_id", "=", company.id),
                ("strategy_id", "=", strategy.id),
                "|",
                ("statement_date", "=", False),
                ("statement_date", "<", start),
            ]
        )

    @api.model
    def _get_doubt(self, company, due):
        """Return why today's statements should be looked at first; falsy: they may leave."""
        count = sum(
            len(strategy._get_statement_customers(company, files))
            for strategy, _day, _start, files in due
        )
        return company._get_stale_bank_text() or company._get_too_many_text(count)

    @api.model
    def _make_locked(self, company, strategy, day, start, customers, doubt):
        """Make the statements of the customers whose files can be locked, and note that on them.

        Another server or a person's button has the others in hand; the next run looks at them.

        :return: the statements
        """
        locked = customers.try_lock_for_update(allow_referencing=True).filtered_domain(
            self._get_waiting_domain(company, strategy, start)
        )
        wanted = strategy._get_statement_customers(company, locked)
        self.search(
            [
                ("customer_id", "in", wanted.ids),
                ("strategy_id", "!=", False),
                ("state", "in", ("to_approve", "ready", "failed")),
            ]
        )._withdraw(self.env._("A newer statement takes its place."))
        date_from, date_to = strategy._get_statement_period(start)
        approve = doubt or strategy._get_statement_mode(company) == "approve"
        statements = self._make(
            wanted,
            strategy_id=strategy.id,
            kind=strategy.statement_kind,
            date_from=date_from,
            date_to=date_to,
            with_workbook=strategy.statement_workbook,
            state="to_approve" if approve else "ready",
            failure=doubt or False,
            by_itself=not approve,
        )
        locked.with_context(tracking_disable=True).statement_date = day
        return statements

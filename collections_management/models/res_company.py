from datetime import datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, email_normalize, format_date, ormcache

from .collection_strategy import MODES

# What is usual is the mean of so many days that had messages; so many times of it asks first.
USUAL_DAYS = 5
UNUSUAL = 3
# With so many working hours left, a customer who was not reached is called again on the same day.
CHANCE_HOURS = 2


class ResCompany(models.Model):
    _inherit = "res.company"

    collection_mode = fields.Selection(
        MODES,
        string="Collections Mode",
        required=True,
        default="simulation",
        help="Simulation: nothing is sent. Approve each: notices wait for a person. Automatic: "
        "they leave by themselves. A scheme can be more careful, never less.",
    )
    collection_supervisor_id = fields.Many2one(
        "res.users",
        string="Collections Supervisor",
        help="Gets the customers that no collector rule fits.",
    )
    collection_claim_entries = fields.Boolean(
        string="Claim Opening Entries",
        help="Claim receivables that come from journal entries, such as opening balances.",
    )
    collection_delivery_from = fields.Date(
        string="Invoices Sent From Here Since",
        required=True,
        default=fields.Date.context_today,
        help="Invoices issued since this day must have been sent from Odoo before they are "
        "claimed (in schemes with an “invoice issued” step). Older ones are taken for delivered.",
    )
    collection_phone = fields.Char(
        string="Phone for Payments",
        help="Shown in messages: whom to call. Empty: the company's phone.",
    )
    collection_bank_account_id = fields.Many2one(
        "res.partner.bank",
        string="Bank Account for Payments",
        domain="[('partner_id', '=', partner_id)]",
        help="Shown in messages: where to pay. Empty: the company's first account.",
    )

    collection_failure = fields.Char(
        string="Last Failure of the Run",
        readonly=True,
        copy=False,
        help="Why the last daily run of collections failed as a whole. It is tried again.",
    )
    collection_pilot = fields.Boolean(
        string="Pilot Customers Only",
        help="Only customers marked as pilot get notices; the others' items say so.",
    )
    collection_mailbox = fields.Char(
        string="Send Everything To",
        help="A trial: every message goes to this address instead of the customer's. What was "
        "sent so counts as said until you empty this; then it counts no more.",
    )
    collection_stops = fields.Integer(
        string="Times Stopped",
        readonly=True,
        copy=False,
        help="How often “Stop Everything” was pressed: what was decided before never leaves.",
    )

    collection_stale_days = fields.Integer(
        string="Bank Is Stale After",
        default=5,
        help="Working days. When the newest bank transaction is older, customers may have paid "
        "already: the day's notices wait for approval. 0: never.",
    )
    collection_ceiling = fields.Integer(
        string="Most Messages a Day",
        help="When a day would make more, they wait for approval; so they do when it would make more "
        "than three times the usual. 0: only the latter.",
    )

    collection_reply_days = fields.Integer(
        string="Reply Is Urgent After",
        default=3,
        help="Working days. When a customer has waited longer for a reply, the collector gets an "
        "urgent task. 0: never.",
    )
    collection_alias_id = fields.Many2one(
        "mail.alias",
        string="Address for Answers",
        ondelete="set null",
        copy=False,
        help="Messages ask customers to answer here.",
    )
    collection_alias_name = fields.Char(
        string="Answers To",
        compute="_compute_collection_alias_name",
        compute_sudo=True,
        inverse="_inverse_collection_alias_name",
        help="The part before “@”. Answers and new mails to this address are filed on the customer's "
        "conversation; what belongs to nobody waits among the replies.",
    )

    collection_promise_days = fields.Integer(
        string="Days of Grace for Promises",
        default=3,
        help="A promise is judged when so many days have passed since the day promised: a transfer "
        "takes its time.",
    )
    collection_promise_percent = fields.Float(
        string="Tolerance of Promises",
        default=1.0,
        help="Percent. A promise is kept when so much less was paid, as bank charges may take.",
    )
    collection_accountant_id = fields.Many2one(
        "res.users",
        string="Who Allocates Payments",
        help="Gets a task when a customer's promise seems paid by money that is not allocated, or "
        "the money of a reported payment was found. Empty: the supervisor.",
    )
    collection_reported_days = fields.Integer(
        string="Reported Payments: Days to Be Credited",
        default=5,
        help="Working days. A payment that a customer reported longer ago and that is not on the "
        "invoices yet is shown as late, and its collector is told.",
    )

    collection_plan_days = fields.Integer(
        string="Days of Grace for Instalments",
        default=5,
        help="A payment plan is breached when an instalment is later than so many days: its invoices "
        "are claimed again.",
    )
    collection_plan_valid_days = fields.Integer(
        string="Proposals of Plans Are Valid For",
        default=10,
        help="Days. A proposed payment plan holds its invoices so long; when the customer has not "
        "accepted it by then, it expires.",
    )

    @api.constrains("collection_plan_days", "collection_plan_valid_days")
    def _check_collection_plan(self):
        for company in self:
            if company.collection_plan_days < 0 or company.collection_plan_valid_days < 0:
                raise ValidationError(
                    self.env._(
                        "%(company)s: neither the days of grace for instalments nor the days that a "
                        "proposal is valid can be negative.",
                        company=company.name,
                    )
                )

    collection_lift_suspension = fields.Boolean(
        string="Lift Suspensions by Itself",
        default=True,
        help="The daily run lifts a customer's suspension when nothing is overdue any more.",
    )
    collection_write_off_account_id = fields.Many2one(
        "account.account",
        string="Write-Off Account",
        domain="[('account_type', 'in', ('expense', 'expense_other', 'expense_direct_cost'))]",
        help="Where write-offs book the loss, unless the type of action names another account.",
    )

    @api.constrains("collection_write_off_account_id")
    def _check_collection_write_off_account(self):
        for company in self:
            account = company.collection_write_off_account_id
            if account and company not in account.company_ids:
                raise ValidationError(
                    self.env._(
                        "%(account)s is no account of %(company)s: choose one of its own for "
                        "write-offs.",
                        account=account.display_name,
                        company=company.name,
                    )
                )

    collection_dispute_days = fields.Integer(
        string="Days of Grace after a Dispute",
        default=7,
        help="When a dispute is rejected, its invoices are claimed again after so many days.",
    )

    @api.constrains("collection_dispute_days")
    def _check_collection_dispute_days(self):
        for company in self:
            if company.collection_dispute_days < 0:
                raise ValidationError(
                    self.env._(
                        "%s: the days of grace after a dispute can't be negative; 0 means that claims "
                        "go on at once.",
                        company.name,
                    )
                )

    @api.constrains("collection_promise_days", "collection_promise_percent")
    def _check_collection_tolerance(self):
        for company in self:
            if company.collection_promise_days < 0 or not (
                0 <= company.collection_promise_percent < 100
            ):
                raise ValidationError(
                    self.env._(
                        "%(company)s: the days of grace can't be negative, and the tolerance of "
                        "promises is a percentage from 0 to less than 100.",
                        company=company.name,
                    )
                )

    @api.constrains("collection_reported_days")
    def _check_collection_reported_days(self):
        for company in self:
            if company.collection_reported_days < 0:
                raise ValidationError(
                    self.env._(
                        "%(company)s: the days within which a reported payment should be credited "
                        "can't be negative; 0 means at once.",
                        company=company.name,
                    )
                )

    @api.constrains("collection_stale_days", "collection_ceiling", "collection_reply_days")
    def _check_collection_limits(self):
        for company in self:
            if company.collection_stale_days < 0 or company.collection_ceiling < 0:
                raise ValidationError(
                    self.env._(
                        "%(company)s: neither the days until the bank is stale nor the most messages "
                        "a day can be negative; 0 means no limit.",
                        company=company.name,
                    )
                )
            if company.collection_reply_days < 0:
                raise ValidationError(
                    self.env._(
                        "%(company)s: the days until a reply is urgent can't be negative; 0 means "
                        "never.",
                        company=company.name,
                    )
                )

    @api.constrains("collection_mailbox")
    def _check_collection_mailbox(self):
        for company in self:
            if company.collection_mailbox and not email_normalize(company.collection_mailbox):
                raise ValidationError(
                    self.env._(
                        "“%(address)s” is no e-mail address: messages of %(company)s can't be sent "
                        "there. Write one address, or empty the field to write to customers.",
                        address=company.collection_mailbox,
                        company=company.name,
                    )
                )

    @api.constrains("collection_accountant_id")
    def _check_collection_accountant(self):
        for company in self:
            accountant = company.collection_accountant_id
            if accountant and (accountant.share or company not in accountant.company_ids):
                raise ValidationError(
                    self.env._(
                        "%(user)s can't allocate the payments of %(company)s: choose an internal user "
                        "who works in that company.",
                        user=accountant.name,
                        company=company.name,
                    )
                )

    @api.constrains("collection_supervisor_id")
    def _check_collection_supervisor(self):
        for company in self:
            supervisor = company.collection_supervisor_id
            if supervisor and (supervisor.share or company not in supervisor.company_ids):
                raise ValidationError(
                    self.env._(
                        "%(user)s can't be the supervisor of %(company)s: choose an internal user "
                        "who works in that company.",
                        user=supervisor.name,
                        company=company.name,
                    )
                )

    def cache_invalidation_fields(self):
        """Override of ``base``: the working days of contact policies may be the company's."""
        return super().cache_invalidation_fields() | {"resource_calendar_id"}

    @api.model_create_multi
    def create(self, vals_list):
        """Override of ``base``: a main company has an address for answers from its first day."""
        companies = super().create(vals_list)
        companies.filtered(lambda company: not company.parent_id)._make_collection_alias()
        return companies

    def write(self, vals):
        """Override of ``base``: what was to leave by itself waits when each is to be approved.

        What was sent to one's own mailbox counts no more when the trial ends.
        """
        careful = vals.get("collection_mode") == "approve" and self.filtered(
            lambda company: company.collection_mode != "approve"
        )
        if "collection_mailbox" in vals:
            changed = self.filtered(
                lambda company: (
                    (company.collection_mailbox or "") != (vals["collection_mailbox"] or "")
                )
            )
            for kind in self.env["collection.delivery"]._get_kinds():
                kind._forget_trial(changed)
        result = super().write(vals)
        if "alias_domain_id" in vals:
            self._move_collection_alias()
        if careful:
            for kind in self.env["collection.delivery"]._get_kinds():
                kind._ask_approval_again([("company_id", "in", careful.ids)])
        return result

    def _stop_collections(self):
        """Send nothing more: back to simulation, and what waits or is on its way is withdrawn.

        :return: how many notices and statements were withdrawn
        """
        for company in self:
            # what is being made or composed at this moment can't be seen: it is withdrawn later
            company.write(
                {
                    "collection_mode": "simulation",
                    "collection_stops": company.collection_stops + 1,
                }
            )
        reason = self.env._("Collections were stopped by %s.", self.env.user.name)
        return sum(
            len(kind._withdraw_pending([("company_id", "in", self.ids)], reason))
            for kind in self.env["collection.delivery"]._get_kinds()
        )

    @api.model
    def _get_root_sql(self, company_id):
        """Return the SQL expression of a company's main company.

        Written out from the few branches there are: a join with the companies would cost more
        than the rest of a customer's sum.

        :param SQL company_id: expression of a company's id
        """
        roots = [(branch, root) for branch, root in self._get_roots() if branch != root]
        if not roots:
            return company_id
        return SQL(
            "CASE %s %s ELSE %s END",
            company_id,
            SQL(" ").join(SQL("WHEN %s THEN %s", branch, root) for branch, root in roots),
            company_id,
        )

    @api.model
    @ormcache()
    def _get_roots(self):
        """Return all companies and their main companies (their own if they are none's branch).

        A branch's parent never changes, and making a company clears the cache (``base``).

        :return: tuple of pairs of ids
        """
        # sudo: the ledger is summed over all branches, whatever the user sees of them
        companies = self.sudo().with_context(active_test=False).search([])
        return tuple((company.id, company.root_id.id) for company in companies)

    # ------------------------------------------------------------
    # Why a day's notices wait for approval though the company is in automatic
    # ------------------------------------------------------------

    def _get_collection_doubt(self):
        """Return why the messages of today should be looked at first; falsy: they may leave."""
        self.ensure_one()
        return self._get_stale_bank_text() or self._get_ceiling_text()

    def _get_stale_bank_text(self):
        """Money in doubt never accuses: with an old bank, customers may have paid already.

        A company without any bank transaction doesn't keep its bank here, and knows.
        """
        newest = self._get_newest_bank_date()
        if not newest or not self.collection_stale_days:
            return False
        if self._count_working_days(newest) <= self.collection_stale_days:
            return False
        return self.env._(
            "The newest bank transaction is of %(date)s: customers may have paid since. Import the "
            "bank, or approve.",
            date=format_date(self.env, newest),
        )

    def _get_newest_bank_date(self):
        # sudo: the day of the newest line tells nothing of what it is
        lines = self.env["account.bank.statement.line"].sudo()
        domain = [("company_id", "child_of", self.id), ("state", "=", "posted")]
        return lines.search(domain, order="date desc", limit=1).date

    def _count_working_days(self, date):
        """Return how many working days lie after ``date``, up to yesterday."""
        first, last = date + timedelta(days=1), self._get_collection_today() - timedelta(days=1)
        return len(self._get_collection_workdays(first, last)) if first <= last else 0

    def _get_next_chance(self):
        """Return the next day to call again: today, where some of its working hours are left."""
        self.ensure_one()
        calendar = self.resource_calendar_id
        if not calendar:
            return self._get_collection_workday(1)
        now = pytz.utc.localize(fields.Datetime.now())
        tz = pytz.timezone(calendar.tz or "UTC")
        midnight = tz.localize(
            datetime.combine(now.astimezone(tz).date() + timedelta(days=1), time())
        )
        left = sum(
            (end - begin).total_seconds()
            for begin, end, _hours in calendar._work_intervals_batch(now, midnight)[False]
        )
        if left >= CHANCE_HOURS * 3600:
            return self._get_collection_today()
        return self._get_collection_workday(1)

    def _get_collection_reported_limit(self):
        """Return the day: payments reported before it, and not credited yet, are late.

        After it ``collection_reported_days`` working days have passed, up to yesterday.
        """
        self.ensure_one()
        allowed = self.collection_reported_days
        if not allowed:
            return self._get_collection_today() + timedelta(days=1)
        return self._get_collection_workday(-allowed)

    def _get_collection_workdays(self, first, last):
        """Return on which days the company works, by its calendar.

        :param datetime.date first: the first day looked at
        :param datetime.date last: the last one
        :rtype: set of datetime.date
        """
        self.ensure_one()
        return self.env["collection.contact.policy"]._get_working_days(
            self.resource_calendar_id, first, last
        )

    def _get_collection_workday(self, number, start=None):
        """Return the day that lies so many working days after another; 0: that day itself.

        By the company's calendar. Holidays longer than four weeks count as if they ended then.

        :param int number: working days; below zero: before that day
        :param datetime.date start: default: today, where the company works
        """
        self.ensure_one()
        start = start or self._get_collection_today()
        if not number:
            return start
        count, step = abs(number), timedelta(days=1 if number > 0 else -1)
        # as many weeks as would do at one working day a week, and the longest holidays
        end = start + step * 7 * (count + 4)
        working = self._get_collection_workdays(*sorted((start + step, end)))
        return sorted(working, reverse=number < 0)[count - 1] if len(working) >= count else end

    def _get_ceiling_text(self):
        usual = self._get_usual_messages()
        if not (self.collection_ceiling or usual):
            return False
        messages = self.env["collection.run"]._count_messages(self)
        if text := self._get_too_many_text(messages):
            return text
        if usual and messages > UNUSUAL * usual:
            return self.env._(
                "Today there would be %(count)s messages, and usually there are %(usual)s: look at "
                "them, and approve.",
                count=messages,
                usual=round(usual),
            )
        return False

    def _get_too_many_text(self, messages):
        """Return why so many messages should be looked at first; falsy: they may leave."""
        if not self.collection_ceiling or messages <= self.collection_ceiling:
            return False
        return self.env._(
            "Today there would be %(count)s messages, more than the %(most)s that %(company)s "
            "allows: look at them, and approve.",
            count=messages,
            most=self.collection_ceiling,
            company=self.name,
        )

    def _get_usual_messages(self):
        """Return the mean number of messages of the last days that had some; too few days: 0."""
        # sudo: numbers only
        days = (
            self.env["collection.notice"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "=", self.id),
                    ("is_message", "=", True),
                    ("state", "!=", "cancelled"),
                    ("taken_over", "=", False),
                    ("date", "<", self._get_collection_today()),
                ],
                ["date:day"],
                ["__count"],
                order="date:day desc",
                limit=USUAL_DAYS,
            )
        )
        return sum(count for _day, count in days) / len(days) if len(days) == USUAL_DAYS else 0

    # ------------------------------------------------------------
    # Answers
    # ------------------------------------------------------------

    @api.depends("collection_alias_id.alias_name")
    def _compute_collection_alias_name(self):
        for company in self:
            company.collection_alias_name = company.collection_alias_id.alias_name

    def _inverse_collection_alias_name(self):
        for company in self:
            if company.collection_alias_id:
                company.collection_alias_id.alias_name = company.collection_alias_name
            elif company.collection_alias_name:
                company._make_collection_alias(company.collection_alias_name)

    def _make_collection_alias(self, name=None):
        """Make the address for answers, if the company has none.

        :param str name: what stands before “@”; default: one that is free
        """
        # sudo: aliases belong to the system
        for company in self.sudo().filtered(lambda company: not company.collection_alias_id):
            domain = company.alias_domain_id
            company.collection_alias_id = (
                self.env["mail.alias"]
                .sudo()
                .create(
                    {
                        "alias_name": name or company._get_free_alias_name(domain),
                        "alias_domain_id": domain.id,
                        "alias_model_id": self.env["ir.model"]._get_id("collection.reply"),
                        "alias_defaults": repr({"company_id": company.id}),
                        "alias_contact": "everyone",
                    }
                )
            )

    def _move_collection_alias(self):
        """The address for answers is in the company's e-mail domain, under another name if need be."""
        for company in self.sudo():
            alias, domain = company.collection_alias_id, company.alias_domain_id
            if alias and alias.alias_domain_id != domain:
                alias.write(
                    {
                        "alias_domain_id": domain.id,
                        "alias_name": company._get_free_alias_name(domain, alias.alias_name),
                    }
                )

    def _get_free_alias_name(self, domain, wanted=None):
        """Return a name for the address for answers that nothing else has in an e-mail domain.

        :param domain: mail.alias.domain, may be empty
        :param str wanted: taken if it is free
        """
        self.ensure_one()
        aliases = self.env["mail.alias"].sudo()
        usual = self._in_own_language(self).env._("collections")
        choices = [
            aliases._sanitize_alias_name(name)
            for name in (wanted, usual, f"{usual}-{self.name}", f"{usual}-{self.id}")
            if name and aliases._is_encodable(name)
        ]
        taken = aliases.search(
            [
                ("alias_name", "in", choices),
                ("alias_domain_id", "in", (domain.id, False)),
                ("id", "!=", self.collection_alias_id.id),
            ]
        )
        used = {domain.bounce_alias, domain.catchall_alias, *taken.mapped("alias_name")}
        return next((name for name in choices if name not in used), choices[-1])

    def _get_collection_address(self):
        """Return the address that customers answer to; without e-mail domain: falsy."""
        self.ensure_one()
        alias = self.root_id.collection_alias_id
        return alias.alias_domain_id and alias.alias_name and alias.alias_full_name

    def _get_reply_limit(self):
        """Return the day before which a reply came that has waited too long; never: None.

        So many working days lie between that day and yesterday, both included.
        """
        self.ensure_one()
        number = self.collection_reply_days
        return self._get_collection_workday(-number) if number else None

    def _in_own_language(self, records):
        """Return records whose texts come in the company's language.

        Jobs run in the system's, but what they leave on records is for the company's people.
        """
        self.ensure_one()
        return records.with_context(lang=self.partner_id.lang or self.env.lang)

    def _get_collection_today(self):
        """Return today's date where the company works (the time zone of its working hours)."""
        self.ensure_one()
        tz = self.root_id.resource_calendar_id.tz or self.env.user.tz or "UTC"
        return fields.Date.context_today(
            self.with_context(tz=tz if tz in pytz.all_timezones_set else "UTC")
        )

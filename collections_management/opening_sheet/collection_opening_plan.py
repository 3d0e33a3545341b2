import re
from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

from odoo import Command, api, fields, models
from odoo.tools import format_date

from ..models.instalments import MOST_INSTALMENTS, PERIODS, divide, get_dates
from .column import SHOWN, Column, normalize
from .reader import parse_date, parse_number


class CollectionOpeningPlan(models.AbstractModel):
    """In which instalments the customer still has to pay: agreed before, so active at once.

    What was paid of it before is reconciled, so the instalments are those to come: the day of the
    first one may have passed, as long as its days of grace have not.
    """

    _name = "collection.opening.plan"
    _inherit = "collection.opening.agreement"
    _description = "Opening Sheet: Payment Plan"

    @api.model
    def _get_title(self):
        return self.env._("Payment Plan")

    @api.model
    def _get_columns(self):
        _ = self.env._
        return [
            Column("present_plan", _("Present Plan"), 14, role=SHOWN),
            Column(
                "plan",
                _("Instalments to Come"),
                24,
                help=_(
                    "How many equal instalments are still to be paid, as 3; or their dates and "
                    "amounts, as 2026-12-05: 500; 2027-01-05: 250 (the last one without amount: "
                    "the rest). Rows of a customer that say the same are one plan, about all that "
                    "their invoices are open for."
                ),
            ),
            Column(
                "plan_date",
                _("First of Them On"),
                12,
                "date",
                help=_(
                    "The day of the next instalment, where you wrote how many. It may have passed, "
                    "its days of grace not."
                ),
                validation={"validate": "date", "criteria": ">", "value": "=DATE(2000,1,1)"},
            ),
            Column(
                "plan_period",
                _("How Often"),
                14,
                help=_(
                    "One of the list, or the number of days between two instalments. Empty: monthly."
                ),
                validation={"validate": "list", "source": "=periods", "show_error": False},
            ),
            Column(
                "plan_made",
                _("Plan Agreed On"),
                12,
                "date",
                help=_(
                    "The day on which it was agreed, today or earlier; empty: today. What was paid "
                    "since and not allocated speaks for the customer."
                ),
                validation={"validate": "date", "criteria": "<=", "value": "=TODAY()"},
            ),
        ]

    @api.model
    def _get_lists(self, company, items):
        return {"periods": (self.env._("How Often"), [*self._get_periods().values()])}

    @api.model
    def _get_periods(self):
        """Return the periods that have a name: dict value -> name."""
        field = self.env["collection.register.plan"]._fields["period"]
        names = dict(field._description_selection(self.env))
        return {value: names[value] for value, _name in PERIODS if value != "days"}

    @api.model
    def _get_present(self, items):
        return {
            id_: {"present_plan": ", ".join(self._get_open(plans).mapped("number"))}
            for id_, plans in self._get_recorded(items.ids).items()
        }

    # ------------------------------------------------------------
    # What the cells say
    # ------------------------------------------------------------

    @api.model
    def _check(self, company, rows):
        """Override: schedules are read first, and added up last, over all rows of a plan."""
        for row in rows:
            self._read_schedule(row)
        codes = {column.code for column in self._get_columns()}
        rows = [row for row in rows if not codes & row.invalid]
        super()._check(company, rows)
        changed = [row for row in rows if self._name in row.changes]
        if changed:
            whole = self._get_whole(changed)
            self._check_sums(changed, whole)
            self._check_replaced(changed, whole)

    @api.model
    def _read_schedule(self, row):
        """Note the instalments that a row means: a tuple of (date, amount, or None: equal parts)."""
        text = (row.get("plan") or "").removesuffix(" 00:00:00")  # a date that is no text
        if not text:
            return
        if re.fullmatch(r"\d+", text):
            schedule = self._read_count(row, int(text))
        else:
            schedule = self._read_list(row, text)
        if schedule:
            row.meant["plan"] = tuple(schedule)

    @api.model
    def _read_count(self, row, count):
        """Return the instalments of a number, a first day and a period, or refuse the row."""
        first = row.get("plan_date")
        if not 1 <= count <= MOST_INSTALMENTS:
            row.fail(
                "plan",
                self.env._(
                    "A plan has from 1 to %s instalments: write how many are still to come.",
                    MOST_INSTALMENTS,
                ),
            )
        elif not first:
            row.fail(
                "plan_date",
                self.env._("There is a plan and no first day: write when the next one is due."),
            )
        elif period := self._read_period(row):
            return [(day, None) for day in get_dates(first, period[0], count, days=period[1])]
        return None

    @api.model
    def _read_period(self, row):
        """Return the period that a row names, and its days, or refuse the row."""
        text = normalize(row.get("plan_period"))
        english = self.with_context(lang="en_US")._get_periods()
        for names in (self._get_periods(), english):
            for value, name in names.items():
                if text == normalize(name):
                    return value, 0
        if not text:
            return "month", 0
        if (match := re.fullmatch(r"(\d{1,3})\s*\D*", text)) and (days := int(match[1])):
            return "days", days
        row.fail(
            "plan_period",
            self.env._(
                "“%(text)s” says nothing of how often: write one of these: %(known)s, or the number "
                "of days between two instalments.",
                text=row.get("plan_period"),
                known=", ".join(self._get_periods().values()),
            ),
        )
        return None

    @api.model
    def _read_list(self, row, text):
        """Return the instalments of a list of dates and amounts, or refuse the row."""
        for code in ("plan_date", "plan_period"):
            if row.get(code):
                row.fail(
                    code,
                    self.env._(
                        "The days of the instalments are written out already: empty this cell, or "
                        "write only how many there are."
                    ),
                )
                return None
        parts = [part for part in re.split(r"[;\n]", text) if part.strip()]
        schedule = [self._read_instalment(row, part) for part in parts]
        if wrong := next((p for p, read in zip(parts, schedule, strict=True) if not read), None):
            row.fail(
                "plan",
                self.env._(
                    "“%(text)s” is no instalment: write a date, a colon and an amount, as in "
                    "%(example)s, and a semicolon between two; or only how many there are.",
                    text=wrong.strip(),
                    example="2026-12-05: 500",
                ),
            )
            return None
        return schedule

    @api.model
    def _read_instalment(self, row, text):
        """Return date and amount (may be None) of an instalment; None when it can't be read."""
        lang = row.reader.lang
        day, _colon, amount = (part.strip() for part in text.replace("=", ":").partition(":"))
        day = parse_date(day, lang.date_format)
        number = parse_number(amount, lang.decimal_point, lang.thousands_sep or "")
        if not day or (amount and number is None):
            return None
        return day, number

    @api.model
    def _get_amounts(self, schedule, total, currency):
        """Return the amounts of the instalments of a plan.

        :param schedule: as ``_read_schedule`` notes it
        :param float total: what the invoices are open for
        """
        amounts = [amount for _day, amount in schedule]
        if all(amount is None for amount in amounts):
            return divide(total, len(amounts), currency.round)
        if amounts[-1] is None:
            amounts[-1] = currency.round(total - sum(amount or 0 for amount in amounts))
        return amounts

    @api.model
    def _get_plans(self, rows, whole):
        """Return for each plan its rows and items: by customer, currency and terms, as written."""
        plans = defaultdict(lambda: ([], self.env["account.move.line"]))
        for row in rows:
            item = row.item
            key = (item.customer_id, item.currency_id, row.changes[self._name])
            same, lines = plans[key]
            plans[key] = ([*same, row], lines | whole[self._get_debt(item.move_line_id)])
        return plans

    @api.model
    def _check_sums(self, rows, whole):
        """Refuse instalments that don't add up to what their invoices are open for."""
        for (_customer, currency, terms), (same, lines) in self._get_plans(rows, whole).items():
            total = sum(lines.mapped("amount_residual_currency"))
            amounts = self._get_amounts(terms[0], total, currency)
            if any(currency.compare_amounts(amount, 0) <= 0 for amount in amounts):
                problem = self.env._(
                    "An instalment would be of %(amount)s, of %(total)s in all: write amounts above "
                    "zero that add up to it.",
                    amount=currency.format(min(amounts)),
                    total=currency.format(total),
                )
            elif currency.compare_amounts(sum(amounts), total):
                problem = self.env._(
                    "The instalments add up to %(sum)s, and the invoices of the plan are open for "
                    "%(total)s: correct the amounts, or leave the last one out for the rest.",
                    sum=currency.format(sum(amounts)),
                    total=currency.format(total),
                )
            else:
                continue
            for row in same:
                row.fail("plan", problem)

    @api.model
    def _check_replaced(self, rows, whole):
        """Refuse to take an earlier sheet's plan apart: a later one has all its invoices."""
        lines = self.env["account.move.line"].union(*whole.values())
        recorded = self._get_recorded(lines.ids)
        for row in rows:
            for plan in self._get_open(recorded[row.item.id]):
                rest = (plan.move_line_ids - lines).filtered(lambda line: not line.reconciled)
                if rest:
                    row.fail(
                        "plan",
                        self.env._(
                            "%(plan)s is about %(rest)s too, and a new plan takes its place only "
                            "with all its invoices: fill in their rows, or cancel it first.",
                            plan=plan.number,
                            rest=", ".join({line._get_collection_name(): 1 for line in rest}),
                        ),
                    )

    # ------------------------------------------------------------
    # What a kind of agreement says of itself
    # ------------------------------------------------------------

    @api.model
    def _get_model(self):
        return "collection.plan"

    @api.model
    def _get_terms(self, row):
        return row.meant.get("plan"), row.get("plan_made")

    @api.model
    def _has_terms(self, agreement, row):
        schedule, made = self._get_terms(row)
        known = agreement.line_ids
        if not schedule or len(schedule) != len(known) or (made and agreement.date != made):
            return False
        currency = agreement.currency_id
        return all(
            day == line.date
            and (amount is None or not currency.compare_amounts(amount, line.amount))
            for (day, amount), line in zip(schedule, known, strict=True)
        )

    @api.model
    def _prepare_agreement(self, rows, whole):
        """Override: a plan is about all that its invoices are open for."""
        values = super()._prepare_agreement(rows, whole)
        lines = self.env["account.move.line"].browse(values["move_line_ids"])
        total = sum(lines.mapped("amount_residual_currency"))
        schedule, _made = self._get_terms(rows[0])
        amounts = self._get_amounts(schedule, total, rows[0].item.currency_id)
        return {
            **values,
            "amount": total,
            "line_ids": [
                Command.create({"number": number, "date": day, "amount": amount})
                for number, ((day, _said), amount) in enumerate(
                    zip(schedule, amounts, strict=True), start=1
                )
            ],
        }

    @api.model
    def _prepare_terms(self, terms):
        schedule, made = terms
        # no instalment is due before the plan was agreed
        return {
            "date": made or min(schedule[0][0], fields.Date.context_today(self)),
            "state": "active",
            "accept_method": "oral",
        }

    @api.model
    def _get_terms_text(self, terms):
        schedule, made = terms
        values = {
            "count": len(schedule),
            "first": format_date(self.env, schedule[0][0]),
            "last": format_date(self.env, schedule[-1][0]),
            "made": format_date(self.env, made) if made else "",
        }
        _ = self.env._
        if len(schedule) == 1:
            return (
                _("until %(last)s (agreed on %(made)s)", **values)
                if made
                else _("until %(last)s", **values)
            )
        return (
            _(
                "in a plan of %(count)s instalments from %(first)s to %(last)s (agreed on %(made)s)",
                **values,
            )
            if made
            else _("in a plan of %(count)s instalments from %(first)s to %(last)s", **values)
        )

    @api.model
    def _get_terms_problem(self, company, row):
        schedule, made = self._get_terms(row)
        if not schedule:
            return "plan", self.env._(
                "There is a plan and no instalments: write how many are still to come, or empty the "
                "other cells of the plan."
            )
        return (
            self._get_order_problem(schedule)
            or self._get_breach_problem(company, schedule[0][0])
            or self._get_begun_problem("plan_made", row.item, made)
            or self._get_first_problem(schedule[0][0], made)
        )

    @api.model
    def _get_order_problem(self, schedule):
        days = [day for day, _amount in schedule]
        amounts = [amount for _day, amount in schedule]
        if len(schedule) > MOST_INSTALMENTS:
            return "plan", self.env._(
                "%(count)s instalments are more than the %(most)s that a plan can have.",
                count=len(schedule),
                most=MOST_INSTALMENTS,
            )
        for before, after in pairwise(days):
            if after <= before:
                return "plan", self.env._(
                    "%(after)s stands after %(before)s: write the instalments in the order of their "
                    "days, one for each day.",
                    after=format_date(self.env, after),
                    before=format_date(self.env, before),
                )
        if None in amounts[:-1] and any(amount is not None for amount in amounts):
            return "plan", self.env._(
                "Some instalments have an amount and others not: write all amounts, or leave out "
                "only the last one's, or all for equal parts."
            )
        return None

    @api.model
    def _get_breach_problem(self, company, first):
        last = self._get_last_day(company, first)
        if last >= fields.Date.context_today(self):
            return None
        return "plan_date", self.env._(
            "A plan whose instalment was due on %(date)s would be breached already, as its days of "
            "grace ended on %(last)s: leave out what is paid, or empty the cells, so that the item "
            "is claimed.",
            date=format_date(self.env, first),
            last=format_date(self.env, last),
        )

    @api.model
    def _get_last_day(self, company, day):
        # sudo: a setting of the company
        return day + timedelta(days=company.sudo().collection_plan_days)

    @api.model
    def _get_first_problem(self, first, made):
        if not made or made <= first:
            return None
        return "plan_made", self.env._(
            "It would have been agreed on %(made)s, after the first instalment (%(first)s): correct "
            "one of them.",
            made=format_date(self.env, made),
            first=format_date(self.env, first),
        )

    @api.model
    def _add_remarks(self, company, row):
        """What is right and yet looks like a slip."""
        schedule, made = self._get_terms(row)
        today, strategy = fields.Date.context_today(self), row.item.strategy_id
        first, last = schedule[0][0], schedule[-1][0]
        if first < today:
            row.warn(
                "plan",
                self.env._(
                    "The first instalment's day has passed: if it is not paid until %s, the plan is "
                    "breached.",
                    format_date(self.env, self._get_last_day(company, first)),
                ),
            )
        if strategy.plan_instalments and len(schedule) > strategy.plan_instalments:
            row.warn(
                "plan",
                self.env._(
                    "Scheme “%(scheme)s” allows plans of at most %(most)s instalments: is the number "
                    "right?",
                    scheme=strategy.name,
                    most=strategy.plan_instalments,
                ),
            )
        if strategy.plan_days and last > (made or today) + timedelta(days=strategy.plan_days):
            row.warn(
                "plan",
                self.env._(
                    "Scheme “%(scheme)s” allows plans of at most %(days)s days: are the days right?",
                    scheme=strategy.name,
                    days=strategy.plan_days,
                ),
            )

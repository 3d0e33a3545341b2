"""Whatever is paid, undone or written off: instalments and plans are what the payments make of them."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from .agreements_through_days import TODAY, AgreementsCase, Expected

GRACE, TOLERANCE = 2, 5.0


@dataclass
class ExpectedPlan(Expected):
    """With the instalments as (day, amount)."""

    instalments: list = field(default_factory=list)
    in_doubt: bool = False
    broken_on: date = None

    def covered(self, number, paid):
        """Tell whether so much pays the first so many instalments, tolerance included."""
        due = sum(amount for _day, amount in self.instalments[:number])
        return round(paid - due * (1 - TOLERANCE / 100), 2) >= 0

    def paid_of(self, number):
        """Return what is paid of an instalment (from 0): what the ones before it leave."""
        before = sum(amount for _day, amount in self.instalments[:number])
        paid = self.settled(counting=(True,)) - before
        return max(min(paid, self.instalments[number][1]), 0)

    def judge(self, today):
        """Work out the plan's state from the payments alone."""
        paid = self.settled(counting=(True,))
        count = len(self.instalments)
        self.in_doubt = False
        loose = [money for money in self.money if not money.allocated]
        if self.state == "breached":
            past = [n for n in range(count) if self.last_day(n) < self.broken_on]
            if not self.in_time(past, self.settled_until):
                return self.doubt_breach(past, loose)
        if self.covered(count, paid):
            self.state = "done"
        elif self.paid_off:
            self.state = "breached" if self.state == "breached" else "settled"
        else:
            self.judge_open(today, paid, sum(money.amount for money in loose))
        return None

    def judge_open(self, today, paid, loose):
        late = [
            n
            for n, (day, _amount) in enumerate(self.instalments)
            if day < today and not self.covered(n + 1, paid)
        ]
        missed = [n for n in late if self.last_day(n) < today]
        self.in_doubt = any(
            group and self.covered(max(group) + 1, paid + loose) for group in (late, missed)
        )
        if missed and not self.in_doubt:
            self.state, self.broken_on = "breached", today
        else:
            self.state = "active"

    def doubt_breach(self, past, loose):
        """A breach stands, unless loose money that came in time may have paid."""
        paid = self.settled(counting=(True,))
        if self.paid_off or self.covered(len(self.instalments), paid):
            return

        def until(day):
            return self.settled_until(day) + sum(
                money.amount for money in loose if money.day <= day
            )

        if loose and self.in_time(past, until):
            self.state, self.in_doubt = "active", True

    def settled_until(self, day):
        return self.settled(day, (True,))

    def in_time(self, numbers, paid_until):
        return all(self.covered(n + 1, paid_until(self.last_day(n))) for n in numbers)

    def last_day(self, number):
        return self.instalments[number][0] + timedelta(days=GRACE)


@tagged("post_install", "-at_install", "standard")
@freeze_time(f"{TODAY} 10:00:00")
class TestPlanProperties(AgreementsCase):
    MODEL = "collection.plan"
    SEEDS = (1, 2)
    LAST_DAY = 16
    STATES = {"active", "done", "breached", "settled"}
    HOLDING = ("active",)
    SETTINGS = {
        "collection_plan_days": GRACE,
        "collection_promise_percent": TOLERANCE,
        "collection_stale_days": 0,
    }

    def test_instalments_are_paid_as_the_payments_say(self):
        self._live_through_all()

    def _agree(self, chance, agreements, lines, owed):
        currency = lines.currency_id
        amount = currency.round(owed * chance.choice((0.5, 1, 1)))
        count = chance.randint(1, 4)
        each = currency.round(amount / count)
        amounts = [each] * (count - 1) + [currency.round(amount - each * (count - 1))]
        first = TODAY + timedelta(days=chance.randint(0, 5))
        schedule = [(first + timedelta(days=3 * index), part) for index, part in enumerate(amounts)]
        plan = agreements._make(lines, {currency: amount}, schedules={currency: schedule})
        plan._confirm("oral")
        return ExpectedPlan(plan, owed, "active", instalments=schedule)

    def _compare_amounts(self, one, about):
        plan = one.agreement
        self.assertEqual(plan.in_doubt, one.in_doubt, about)
        paid = one.settled(counting=(True,))
        left = round(one.owed - one.settled(), 2)
        for number, line in enumerate(plan.line_ids):
            self.assertAlmostEqual(line.paid_amount, one.paid_of(number), 2, about)
            self.assertEqual(line.settled, one.covered(number + 1, paid), about)
            if not line.settled:
                rest = line.amount - one.paid_of(number)
                self.assertLessEqual(line.remaining_amount, round(rest, 2) + 0.01, about)
        asked = round(sum(plan.line_ids.mapped("remaining_amount")), 2)
        self.assertLessEqual(asked, left + 0.01, about)

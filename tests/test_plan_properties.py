"""Whatever is paid, undone or written off: instalments and plans are what the payments make of them.

What is expected comes from what the test itself did, never from the ledger.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from freezegun import freeze_time

from odoo import SUPERUSER_ID
from odoo.tests import TransactionCase, tagged

from data.ledger import create_companies, generate, load

from . import test_promise_properties as promises

SEEDS = (1, 2)
TODAY = date(2026, 3, 11)
LAST_DAY = 16
GRACE, TOLERANCE = 2, 5.0


@dataclass
class Expected:
    """A plan, its instalments as (day, amount), and all the money that came since."""

    promise: object  # the plan; named as the promise's, whose helpers book the money
    instalments: list
    owed: float
    state: str = "active"
    in_doubt: bool = False
    broken_on: date = None
    money: list = field(default_factory=list)

    def settled(self, counting=(True, False), until=date.max):
        return sum(
            money.amount
            for money in self.money
            if money.allocated and money.counts in counting and money.day <= until
        )

    def covered(self, number, paid):
        """Tell whether so much pays the first so many instalments, tolerance included."""
        due = sum(amount for _day, amount in self.instalments[:number])
        return round(paid - due * (1 - TOLERANCE / 100), 2) >= 0

    def paid_of(self, number):
        """Return what is paid of an instalment (from 0): what the ones before it leave."""
        before = sum(amount for _day, amount in self.instalments[:number])
        paid = self.settled((True,)) - before
        return max(min(paid, self.instalments[number][1]), 0)

    def judge(self, today):
        """Work out the plan's state from the payments alone."""
        paid = self.settled((True,))
        count = len(self.instalments)
        self.in_doubt = False
        loose = [money for money in self.money if not money.allocated]
        if self.state == "breached":
            past = [n for n in range(count) if self.last_day(n) < self.broken_on]
            if not self.in_time(past, self.settled_until):
                return self.doubt_breach(past, loose)
        if self.covered(count, paid):
            self.state = "done"
        elif round(self.owed - self.settled(), 2) == 0:
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
        if round(self.owed - self.settled(), 2) == 0 or self.covered(
            len(self.instalments), self.settled((True,))
        ):
            return

        def until(day):
            return self.settled_until(day) + sum(
                money.amount for money in loose if money.day <= day
            )

        if loose and self.in_time(past, until):
            self.state, self.in_doubt = "active", True

    def settled_until(self, day):
        return self.settled((True,), until=day)

    def in_time(self, numbers, paid_until):
        return all(self.covered(n + 1, paid_until(self.last_day(n))) for n in numbers)

    def last_day(self, number):
        return self.instalments[number][0] + timedelta(days=GRACE)


@tagged("post_install", "-at_install", "standard")
@freeze_time(f"{TODAY} 10:00:00")
class TestPlanProperties(TransactionCase):
    # what people do is the same as with promises
    _let_happen = promises.TestPromiseProperties._let_happen
    _book = promises.TestPromiseProperties._book
    _allocate = promises.TestPromiseProperties._allocate

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(user=SUPERUSER_ID, context={"tracking_disable": True, "lang": "en_US"})
        cls.shared = create_companies(cls.env, generate(12, 60), chart="generic_coa")
        cls.companies = cls.env["res.company"].union(*cls.shared.values())
        cls.companies.write(
            {
                "collection_plan_days": GRACE,
                "collection_promise_percent": TOLERANCE,
                "collection_stale_days": 0,
            }
        )

    def test_instalments_are_paid_as_the_payments_say(self):
        seen = set()
        for seed in SEEDS:
            with self.subTest(seed=seed):
                load(self.env, generate(12, 60, seed=seed), companies=self.shared)
                seen |= self._live_through(random.Random(seed))
        self.assertEqual(seen, {"active", "done", "breached", "settled"})

    def _live_through(self, chance):
        expected = self._plan_all(chance)
        self.assertGreater(len(expected), 5)
        seen = set()
        for number in range(LAST_DAY + 1):
            day = TODAY + timedelta(days=number)
            with freeze_time(f"{day} 10:00:00"):
                for one in expected:
                    self._let_happen(chance, one, day)
                    one.judge(day)
                for company in self.companies.root_id:
                    self.env["collection.plan"].with_company(company)._judge_company(company)
                self._compare(expected, day)
            seen |= {one.state for one in expected}
        return seen

    def _compare(self, expected, day):
        self.env.flush_all()
        self.env.invalidate_all()
        for one in expected:
            plan = one.promise
            told = [(money.amount, money.day, money.counts, money.allocated) for money in one.money]
            about = f"{day} {plan.number} {one.instalments}: {told}"
            self.assertEqual((plan.state, plan.in_doubt), (one.state, one.in_doubt), about)
            paid = one.settled((True,))
            left = round(one.owed - one.settled(), 2)
            for number, line in enumerate(plan.line_ids):
                self.assertAlmostEqual(line.paid_amount, one.paid_of(number), 2, about)
                self.assertEqual(line.settled, one.covered(number + 1, paid), about)
                if not line.settled:
                    rest = line.amount - one.paid_of(number)
                    self.assertLessEqual(line.remaining_amount, round(rest, 2) + 0.01, about)
            asked = round(sum(plan.line_ids.mapped("remaining_amount")), 2)
            self.assertLessEqual(asked, left + 0.01, about)
            open_lines = plan.move_line_ids.filtered(lambda line: not line.reconciled)
            held = plan._get_holds().filtered("open").move_line_id
            self.assertEqual(held, open_lines if one.state == "active" else held.browse(), about)

    def _plan_all(self, chance):
        """Register a plan for each customer and currency, about one or two of their invoices."""
        lines = self.env["account.move.line"].search(
            [
                ("company_id", "in", self.companies.ids),
                ("account_id.account_type", "=", "asset_receivable"),
                ("account_id.non_trade", "=", False),
                ("parent_state", "=", "posted"),
                ("amount_residual_currency", ">", 0),
                ("partner_id", "!=", False),
                ("move_id.move_type", "=", "out_invoice"),
            ]
        )
        planned = self.env["collection.plan"].search([]).move_line_ids.partner_id
        groups = lines.filtered(lambda line: line.partner_id not in planned).grouped(
            lambda line: (line.partner_id, line.company_id.root_id, line.currency_id)
        )
        expected = []
        for (_partner, company, currency), group in groups.items():
            moves = group.move_id[: chance.choice((1, 2))]
            chosen = moves.line_ids & group
            owed = sum(chosen.mapped("amount_residual_currency"))
            amount = currency.round(owed * chance.choice((0.5, 1, 1)))
            count = chance.randint(1, 4)
            each = currency.round(amount / count)
            amounts = [each] * (count - 1) + [currency.round(amount - each * (count - 1))]
            first = TODAY + timedelta(days=chance.randint(0, 5))
            schedule = [
                (first + timedelta(days=3 * index), part) for index, part in enumerate(amounts)
            ]
            plan = (
                self.env["collection.plan"]
                .with_company(company)
                ._make(chosen, {currency: amount}, schedules={currency: schedule})
            )
            plan._confirm("oral")
            expected.append(Expected(plan, schedule, owed))
        return expected

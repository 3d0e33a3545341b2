"""Whatever is paid, undone, credited or left unallocated: the verdict is the one of the payments.

The verdict that is expected comes from what the test itself did, never from the ledger.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from freezegun import freeze_time

from odoo import SUPERUSER_ID, Command
from odoo.tests import TransactionCase, tagged

from data.ledger import create_companies, generate, load

SEEDS = (1, 2, 3)
TODAY = date(2026, 3, 11)
LAST_DAY = 12
GRACE, TOLERANCE = 2, 5.0
OPEN = ("open", "to_allocate")


@dataclass
class Money:
    """What came from a customer: how much, when, and whether it counts as payment."""

    amount: float
    day: date
    counts: bool
    credit: object  # the journal item, to allocate it and to undo it
    allocated: bool = False


@dataclass
class Expected:
    """A promise and all the money that came since."""

    promise: object
    amount: float
    owed: float
    deadline: date
    state: str = "open"
    share: float = 0.0
    money: list = field(default_factory=list)

    def settled(self, until=date.max, counting=(True, False)):
        """Return what was allocated, of the money until a day."""
        return sum(
            money.amount
            for money in self.money
            if money.allocated and money.day <= until and money.counts in counting
        )

    def judge(self, today):
        """Work out the verdict from the payments alone."""
        due = min(self.amount, self.owed)
        in_time = self.settled(self.deadline, (True,))
        paid_off = round(self.owed - self.settled(), 2) == 0
        self.share = min(in_time / due, 1)
        loose = sum(
            money.amount
            for money in self.money
            if not money.allocated
            and ((self.state in (*OPEN, "kept") and not paid_off) or money.day <= self.deadline)
        )
        if round(in_time - due * (1 - TOLERANCE / 100), 2) >= 0:
            self.state, self.share = "kept", 1
        elif paid_off and not self.settled() > self.settled(self.deadline):
            self.state = "settled"
        elif today <= self.deadline:
            self.state = "open"
        elif round(loose - due * TOLERANCE / 100, 2) > 0:
            self.state = "settled" if paid_off else "to_allocate"
        else:
            self.state = "partly" if in_time else "broken"


@tagged("post_install", "-at_install", "standard")
@freeze_time(f"{TODAY} 10:00:00")
class TestPromiseProperties(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(user=SUPERUSER_ID, context={"tracking_disable": True, "lang": "en_US"})
        cls.shared = create_companies(cls.env, generate(12, 60), chart="generic_coa")
        cls.companies = cls.env["res.company"].union(*cls.shared.values())
        cls.companies.write(
            {
                "collection_promise_days": GRACE,
                "collection_promise_percent": TOLERANCE,
                "collection_stale_days": 0,
            }
        )

    def test_verdicts_are_those_of_the_payments(self):
        seen = set()
        for seed in SEEDS:
            with self.subTest(seed=seed):
                load(self.env, generate(12, 60, seed=seed), companies=self.shared)
                seen |= self._live_through(random.Random(seed))
        self.assertEqual(seen, {"open", "to_allocate", "kept", "partly", "broken", "settled"})

    def _live_through(self, chance):
        """Promise, let some days pass with all that can come, and compare every day's verdicts.

        :return: the states that there were
        """
        expected = self._promise_all(chance)
        self.assertGreater(len(expected), 5)
        seen = set()
        for number in range(LAST_DAY + 1):
            day = TODAY + timedelta(days=number)
            with freeze_time(f"{day} 10:00:00"):
                for one in expected:
                    self._let_happen(chance, one, day)
                    one.judge(day)
                for company in self.companies.root_id:
                    self.env["collection.promise"].with_company(company)._judge_company(company)
                self._compare(expected, day)
            seen |= {one.state for one in expected}
        return seen

    def _compare(self, expected, day):
        self.env.flush_all()
        self.env.invalidate_all()
        for one in expected:
            promise = one.promise
            told = [(money.amount, money.day, money.counts, money.allocated) for money in one.money]
            self.assertEqual(promise.state, one.state, f"{day} {promise.number}: {told}")
            self.assertAlmostEqual(promise.kept_share, one.share, 4)
            self.assertAlmostEqual(promise.paid_amount, one.settled(counting=(True,)), 2)
            left = promise.move_line_ids.filtered(lambda line: not line.reconciled)
            held = promise._get_holds().filtered("open").move_line_id
            self.assertEqual(held, left if one.state in OPEN else left.browse())

    # ------------------------------------------------------------
    # What people do
    # ------------------------------------------------------------

    def _promise_all(self, chance):
        """Register a promise for each customer and currency, about one or two of their invoices."""
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
        promised = self.env["collection.promise"].search([]).move_line_ids.partner_id
        groups = lines.filtered(lambda line: line.partner_id not in promised).grouped(
            lambda line: (line.partner_id, line.company_id.root_id, line.currency_id)
        )
        expected = []
        for (_partner, company, currency), group in groups.items():
            moves = group.move_id[: chance.choice((1, 2))]
            chosen = moves.line_ids & group
            owed = sum(chosen.mapped("amount_residual_currency"))
            amount = currency.round(owed * chance.choice((0.3, 0.5, 1, 1)))
            promise = (
                self.env["collection.promise"]
                .with_company(company)
                ._make(
                    chosen,
                    {currency: amount},
                    date_promised=TODAY + timedelta(days=chance.randint(0, 6)),
                )
            )
            expected.append(
                Expected(promise, amount, owed, promise.date_promised + timedelta(days=GRACE))
            )
        return expected

    def _let_happen(self, chance, one, day):
        """Let one thing happen to a promise's invoices, or nothing."""
        event = chance.choice(
            ("nothing", "nothing", "pay", "pay_rest", "loose", "allocate", "undo", "write_off")
        )
        left = round(one.owed - one.settled(), 2)
        share = {"pay": 0.4, "pay_rest": 1, "write_off": 0.3, "loose": 0.5}.get(event, 0)
        amount = one.promise.currency_id.round(left * share)
        loose = [money for money in one.money if not money.allocated]
        if amount > 0:
            money = self._book(one, amount, day, loss=event == "write_off")
            one.money.append(money)
            if event != "loose":
                self._allocate(one, money)
        elif event == "allocate" and loose and loose[0].amount <= left:
            self._allocate(one, loose[0])
        elif event == "undo" and (paid := [money for money in one.money if money.allocated]):
            paid[-1].allocated = False
            paid[-1].credit.remove_move_reconcile()

    def _book(self, one, amount, day, loss=False):
        """Book money of a customer in the bank, or a loss."""
        line = one.promise.move_line_ids[0]
        company, currency = line.company_id, line.currency_id
        balance = currency._convert(amount, company.currency_id, company, day)
        kind = "general" if loss else "bank"
        journals = self.env["account.journal"].with_company(company)
        journal = journals.search(
            [*journals._check_company_domain(company), ("type", "=", kind)], limit=1
        )
        other = company.expense_currency_exchange_account_id if loss else journal.default_account_id
        values = {"partner_id": line.partner_id.id, "currency_id": currency.id}
        entry = (
            self.env["account.move"]
            .with_company(company)
            .create(
                {
                    "journal_id": journal.id,
                    "date": day,
                    "line_ids": [
                        Command.create(
                            {
                                **values,
                                "account_id": line.account_id.id,
                                "amount_currency": -amount,
                                "balance": -balance,
                            }
                        ),
                        Command.create(
                            {
                                **values,
                                "account_id": other.id,
                                "amount_currency": amount,
                                "balance": balance,
                            }
                        ),
                    ],
                }
            )
        )
        entry.action_post()
        credit = entry.line_ids.filtered(lambda item: item.account_id == line.account_id)
        return Money(amount, day, not loss, credit)

    def _allocate(self, one, money):
        money.allocated = True
        lines = one.promise.move_line_ids.filtered(lambda line: not line.reconciled)
        (lines | money.credit).reconcile()

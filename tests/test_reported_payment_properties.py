"""Whatever is paid, undone, written off or accepted: a report is credited when the payments say so.

The state that is expected comes from what the test itself did, never from the ledger.
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
LAST_DAY = 10
TOLERANCE = 2.0
OPEN = ("open", "matched")


@dataclass
class Money:
    """What came from a customer: how much, when, and whether it counts as payment."""

    amount: float
    day: date
    counts: bool
    credit: object  # the journal item, to allocate it and to undo it
    allocated: float = 0.0
    linked: bool = False


@dataclass
class Expected:
    """A report and all the money that came since."""

    report: object
    amount: float
    owed: float
    state: str = "open"
    closed: date | None = None
    money: list = field(default_factory=list)

    def settled(self, until=date.max, counting=(True, False)):
        """Return what was allocated, of the money until a day."""
        return sum(
            money.allocated
            for money in self.money
            if money.day <= until and money.counts in counting
        )

    def judge(self, day):
        """Work out the state from the payments alone."""
        if self.state == "withdrawn":
            return
        until = self.closed if self.state == "not_found" else date.max
        enough = self.amount * (1 - TOLERANCE / 100)
        before = self.state
        if round(self.settled(until, (True,)) - enough, 2) >= 0:
            self.state = "credited"
        elif self.state == "not_found":
            pass
        elif round(self.owed - self.settled(), 2) == 0:
            self.state = "settled"
        elif any(
            money.linked and round(money.amount - money.allocated, 2) > 0 for money in self.money
        ):
            self.state = "matched"
        else:
            self.state = "open"
        if self.state != before:
            self.closed = None if self.state in OPEN else day


@tagged("post_install", "-at_install", "standard")
@freeze_time(f"{TODAY} 10:00:00")
class TestReportedPaymentProperties(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(user=SUPERUSER_ID, context={"tracking_disable": True, "lang": "en_US"})
        cls.shared = create_companies(cls.env, generate(12, 60), chart="generic_coa")
        cls.companies = cls.env["res.company"].union(*cls.shared.values())
        cls.companies.collection_promise_percent = TOLERANCE

    def test_states_are_those_of_the_payments(self):
        seen = set()
        for seed in SEEDS:
            with self.subTest(seed=seed):
                load(self.env, generate(12, 60, seed=seed), companies=self.shared)
                seen |= self._live_through(random.Random(seed))
        self.assertEqual(seen, {"open", "matched", "credited", "settled", "not_found", "withdrawn"})

    def _live_through(self, chance):
        """Report, let some days pass with all that can come, and compare every day's states.

        :return: the states that there were
        """
        expected = self._report_all(chance)
        self.assertGreater(len(expected), 5)
        seen = set()
        for number in range(LAST_DAY + 1):
            day = TODAY + timedelta(days=number)
            with freeze_time(f"{day} 10:00:00"):
                for one in expected:
                    self._let_happen(chance, one, day)
                    one.judge(day)
                self._compare(expected, day)
                for company in self.companies.root_id:
                    self.env["collection.reported.payment"].with_company(company)._judge_company(
                        company
                    )
                self._compare(expected, day)
            seen |= {one.state for one in expected}
        return seen

    def _compare(self, expected, day):
        self.env.flush_all()
        self.env.invalidate_all()
        for one in expected:
            report = one.report
            told = [(money.amount, money.day, money.counts, money.allocated) for money in one.money]
            self.assertEqual(report.state, one.state, f"{day} {report.number}: {told}")
            self.assertAlmostEqual(report.paid_amount, one.settled(counting=(True,)), 2)
            left = report.move_line_ids.filtered(lambda line: not line.reconciled)
            held = report._get_holds().filtered("open").move_line_id
            self.assertEqual(held, left if one.state in OPEN else left.browse())

    # ------------------------------------------------------------
    # What people do
    # ------------------------------------------------------------

    def _report_all(self, chance):
        """Register a report for each customer and currency, about one or two of their invoices."""
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
        reported = self.env["collection.reported.payment"].search([]).move_line_ids.partner_id
        groups = lines.filtered(lambda line: line.partner_id not in reported).grouped(
            lambda line: (line.partner_id, line.company_id.root_id, line.currency_id)
        )
        expected = []
        for (_partner, company, currency), group in groups.items():
            moves = group.move_id[: chance.choice((1, 2))]
            chosen = moves.line_ids & group
            owed = sum(chosen.mapped("amount_residual_currency"))
            amount = currency.round(owed * chance.choice((0.3, 0.5, 1, 1)))
            report = (
                self.env["collection.reported.payment"]
                .with_company(company)
                ._make(
                    chosen,
                    {currency: amount},
                    date_reported=TODAY - timedelta(days=chance.randint(0, 6)),
                )
            )
            expected.append(Expected(report, amount, owed))
        return expected

    def _let_happen(self, chance, one, day):
        """Let one thing happen to a report's invoices, or nothing."""
        event = chance.choice(
            ("nothing", "pay", "pay_rest", "accept", "link", "undo", "write_off", "give_up")
        )
        left = round(one.owed - one.settled(), 2)
        share = {"pay": 0.4, "pay_rest": 1, "write_off": 0.3, "accept": 0.5, "link": 0.4}
        amount = one.report.currency_id.round(left * share.get(event, 0))
        if event == "give_up":
            self._give_up(chance, one, day)
        elif event == "undo" and (paid := [money for money in one.money if money.allocated]):
            paid[-1].allocated = 0.0
            paid[-1].credit.remove_move_reconcile()
        elif amount > 0 and (event not in ("accept", "link") or one.state in OPEN):
            money = self._book(one, amount, day, loss=event == "write_off")
            one.money.append(money)
            if event in ("accept", "link"):
                self._accept(one, money, allocate=event == "accept")
            else:
                self._allocate(one, money)

    def _give_up(self, chance, one, day):
        """Say that the money is not there (often), or that the customer takes it back."""
        if one.state not in OPEN or chance.random() < 0.4:
            return
        if chance.random() < 0.7:
            one.report.action_not_found()
            one.state = "not_found"
        else:
            one.report.action_withdraw()
            one.state = "withdrawn"
        one.closed = day

    def _accept(self, one, money, allocate):
        """Accept the money that the product proposes."""
        one.report.action_look_again()
        self.env.invalidate_all()
        match = one.report.match_ids.filtered(lambda match: match.credit_line_id == money.credit)
        if not match:  # behind better ones
            return
        money.linked = True
        if allocate:
            rest = round(one.amount - one.settled(counting=(True,)), 2)
            match.action_accept()
            money.allocated = min(money.amount, rest)
        else:
            match.state = "accepted"
            one.report._judge()

    def _book(self, one, amount, day, loss=False):
        """Book money of a customer in the bank, or a loss."""
        line = one.report.move_line_ids.filtered(lambda line: not line.reconciled)[0]
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
                                "account_id": account.id,
                                "amount_currency": sign * amount,
                                "balance": sign * balance,
                            }
                        )
                        for account, sign in ((line.account_id, -1), (other, 1))
                    ],
                }
            )
        )
        entry.action_post()
        credit = entry.line_ids.filtered(lambda item: item.account_id == line.account_id)
        return Money(amount, day, not loss, credit)

    def _allocate(self, one, money):
        money.allocated = money.amount
        lines = one.report.move_line_ids.filtered(lambda line: not line.reconciled)
        (lines | money.credit).reconcile()

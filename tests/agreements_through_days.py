"""What the property tests of agreements share: days pass on any ledger, and anything may come.

Each test works out from what it did itself, never from the ledger, what ought to be true.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from freezegun import freeze_time

from odoo import SUPERUSER_ID, Command
from odoo.tests import TransactionCase

from data.ledger import create_companies, generate, load

TODAY = date(2026, 3, 11)


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
    """An agreement, what was owed when it began, and all the money that came since."""

    agreement: object
    owed: float
    state: str
    money: list = field(default_factory=list)

    def settled(self, until=date.max, counting=(True, False)):
        """Return what was allocated, of the money until a day."""
        return sum(
            money.allocated
            for money in self.money
            if money.day <= until and money.counts in counting
        )

    @property
    def paid_off(self):
        return round(self.owed - self.settled(), 2) == 0


class LedgerCase(TransactionCase):
    """The sample ledger's companies, and what people book in them."""

    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(user=SUPERUSER_ID, context={"tracking_disable": True, "lang": "en_US"})
        cls.shared = create_companies(cls.env, generate(12, 60), chart="generic_coa")
        cls.companies = cls.env["res.company"].union(*cls.shared.values())
        cls.companies.write(cls.SETTINGS)

    @classmethod
    def _load(cls, seed):
        """Load a ledger into the companies."""
        load(cls.env, generate(12, 60, seed=seed), companies=cls.shared)

    def _find_open(self, *more):
        """Return the open items of customers' invoices (account.move.line).

        :param more: further conditions
        """
        return self.env["account.move.line"].search(
            [
                ("company_id", "in", self.companies.ids),
                ("account_id.account_type", "=", "asset_receivable"),
                ("account_id.non_trade", "=", False),
                ("parent_state", "=", "posted"),
                ("amount_residual_currency", ">", 0),
                ("partner_id", "!=", False),
                ("move_id.move_type", "=", "out_invoice"),
                *more,
            ]
        )

    def _book(self, line, amount, day, loss=False):
        """Book money of an item's customer in the bank, or a loss.

        :return: the journal item in the customer's favour
        """
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
        return entry.line_ids.filtered(lambda item: item.account_id == line.account_id)


class AgreementsCase(LedgerCase):
    """Agreements of one kind live through some days; each day's states are compared."""

    MODEL = None
    SEEDS = (1, 2, 3)
    LAST_DAY = 12
    STATES = set()  # that must be seen
    HOLDING = ()  # the states that hold what is open
    EVENTS = ("nothing", "nothing", "pay", "pay_rest", "loose", "allocate", "undo", "write_off")
    SHARES = {"pay": 0.4, "pay_rest": 1, "write_off": 0.3, "loose": 0.5}

    def _live_through_all(self):
        """Compare through the days of some ledgers, and see that every state came."""
        seen = set()
        for seed in self.SEEDS:
            with self.subTest(seed=seed):
                self._load(seed)
                seen |= self._live_through(random.Random(seed))
        self.assertEqual(seen, self.STATES)

    def _live_through(self, chance):
        """Agree, let some days pass with all that can come, and compare every day's states.

        :return: the states that there were
        """
        expected = self._agree_all(chance)
        self.assertGreater(len(expected), 5)
        seen = set()
        for number in range(self.LAST_DAY + 1):
            day = TODAY + timedelta(days=number)
            with freeze_time(f"{day} 10:00:00"):
                for one in expected:
                    self._let_happen(chance, one, day)
                    one.judge(day)
                self._compare_before(expected, day)
                for company in self.companies.root_id:
                    self.env[self.MODEL].with_company(company)._judge_company(company)
                self._compare(expected, day)
            seen |= {one.state for one in expected}
        return seen

    def _compare_before(self, expected, day):
        """Hook: compare what must be true at once, before the day's judging."""

    def _compare(self, expected, day):
        self.env.flush_all()
        self.env.invalidate_all()
        for one in expected:
            told = [(money.amount, money.day, money.counts, money.allocated) for money in one.money]
            about = f"{day} {one.agreement.number} {told}"
            self.assertEqual(one.agreement.state, one.state, about)
            left = one.agreement.move_line_ids.filtered(lambda line: not line.reconciled)
            held = one.agreement._get_holds().filtered("open").move_line_id
            self.assertEqual(held, left if one.state in self.HOLDING else left.browse(), about)
            self._compare_amounts(one, about)

    def _compare_amounts(self, one, about):
        """Hook: compare what is paid of an agreement."""

    # ------------------------------------------------------------
    # What people do
    # ------------------------------------------------------------

    def _agree_all(self, chance):
        """Register an agreement for each customer and currency, about one or two of their invoices."""
        agreements = self.env[self.MODEL]
        taken = agreements.search([]).move_line_ids.partner_id
        groups = (
            self._find_open()
            .filtered(lambda line: line.partner_id not in taken)
            .grouped(lambda line: (line.partner_id, line.company_id.root_id, line.currency_id))
        )
        expected = []
        for (_partner, company, _currency), group in groups.items():
            moves = group.move_id[: chance.choice((1, 2))]
            chosen = moves.line_ids & group
            owed = sum(chosen.mapped("amount_residual_currency"))
            expected.append(self._agree(chance, agreements.with_company(company), chosen, owed))
        return expected

    def _agree(self, chance, agreements, lines, owed):
        """Hook: register an agreement about some items; return what is expected of it."""
        raise NotImplementedError

    def _let_happen(self, chance, one, day):
        """Let one thing happen to an agreement's invoices, or nothing."""
        event = chance.choice(self.EVENTS)
        left = round(one.owed - one.settled(), 2)
        amount = one.agreement.currency_id.round(left * self.SHARES.get(event, 0))
        loose = [money for money in one.money if not money.allocated]
        if amount > 0:
            money = self._receive(one, amount, day, loss=event == "write_off")
            if event != "loose":
                self._allocate(one, money)
        elif event == "allocate" and loose and loose[0].amount <= left:
            self._allocate(one, loose[0])
        elif event == "undo":
            self._undo(one)

    def _receive(self, one, amount, day, loss=False):
        """Book money of the agreement's customer, or a loss."""
        line = one.agreement.move_line_ids.filtered(lambda line: not line.reconciled)[0]
        money = Money(amount, day, not loss, self._book(line, amount, day, loss=loss))
        one.money.append(money)
        return money

    def _allocate(self, one, money):
        money.allocated = money.amount
        lines = one.agreement.move_line_ids.filtered(lambda line: not line.reconciled)
        (lines | money.credit).reconcile()

    def _undo(self, one):
        """Undo the last allocation."""
        if paid := [money for money in one.money if money.allocated]:
            paid[-1].allocated = 0.0
            paid[-1].credit.remove_move_reconcile()

"""Whatever is disputed, paid, credited or undone: what is claimed is what is owed and not disputed.

What is expected comes from what the test itself did, never from the ledger.
"""

import random
from dataclasses import dataclass, field

from freezegun import freeze_time

from odoo import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .agreements_through_days import TODAY, LedgerCase

SEEDS = (1, 2)
ROUNDS = 6


@dataclass
class Expected:
    """A dispute about one item, and what was paid and credited of it since."""

    dispute: object
    line: object
    owed: float
    amount: float
    matched: list = field(default_factory=list)  # (amount, is it a credit note, journal item)

    @property
    def residual(self):
        return round(self.owed - sum(amount for amount, _credit, _item in self.matched), 2)

    @property
    def left(self):
        credited = sum(amount for amount, credit, _item in self.matched if credit)
        return round(max(min(self.amount - credited, self.residual), 0), 2)


@tagged("post_install", "-at_install", "standard")
@freeze_time(f"{TODAY} 10:00:00")
class TestDisputeProperties(LedgerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for seed in SEEDS:
            cls._load(seed)
        cls.companies.collection_mode = "automatic"
        for company in cls.companies.root_id:
            cls.env["collection.run"].with_company(company)._prepare_company(company)
        # one scheme claims the undisputed rest, another does not; each has half of the customers
        schemes = cls.env["collection.strategy"].search(
            [("sends_nothing", "=", False), ("company_id", "=", False)], limit=2
        )
        files = cls.env["collection.customer"].search(
            [("company_id", "in", cls.companies.root_id.ids)], order="id"
        )
        files[::2].strategy_id, files[1::2].strategy_id = schemes
        schemes[0].claim_undisputed = True

    def test_what_is_claimed_is_owed_and_not_disputed(self):
        seen = set()
        for seed in SEEDS:
            chance = random.Random(seed)
            expected = self._dispute_some(chance)
            self.assertGreater(len(expected), 2)
            for _round in range(ROUNDS):
                self._compare(expected, seen)
                for one in expected:
                    self._let_happen(chance, one)
            self._compare(expected, seen)
        self.assertEqual(seen, {"part", "all", "held", "settled"})

    def _compare(self, expected, seen):
        self.env.flush_all()
        self.env.invalidate_all()
        items = {
            item.id: item
            for item in self.env["collection.due.item"]
            .with_context(allowed_company_ids=self.companies.ids)
            .search([("company_id", "in", self.companies.ids)])
        }
        for one in expected:
            told = f"{one.dispute.number}: {one.amount} of {one.owed}, {one.matched}"
            state = "open" if one.left else "settled"
            self.assertEqual(one.dispute.state, state, told)
            self.assertAlmostEqual(one.dispute.open_amount, one.left, 2, told)
            item = items.get(one.line.id)
            if not one.residual:
                self.assertFalse(item)
                continue
            self.assertAlmostEqual(item.residual_currency, one.residual, 2, told)
            free = round(one.residual - one.left, 2)
            if not one.left:
                seen.add("settled")
                expectation = (one.residual, False)
            elif not free:
                seen.add("all")
                expectation = (one.residual, True)
            elif item.strategy_id.claim_undisputed:
                seen.add("part")
                expectation = (free, False)
            else:
                seen.add("held")
                expectation = (one.residual, True)
            self.assertAlmostEqual(item.claimable_currency, expectation[0], 2, told)
            if item.decision not in ("insolvent", "no_file"):
                self.assertEqual(item.decision == "disputed", expectation[1], told)
        self._compare_nets()

    def _compare_nets(self):
        """Sums made once decide as sums made for each line."""
        for company in self.companies.root_id:
            items = self.env["collection.due.item"].with_company(company)
            items._flush_decision()
            files = self.env["collection.customer"].search([("company_id", "=", company.id)])
            ids = SQL("%s", tuple(files.ids))
            once = items._get_query(TODAY, ids, nets=items._get_nets_sql(TODAY, ids))
            each = items._get_query(TODAY, ids)
            self.assertEqual(
                sorted(self.env.execute_query(once)), sorted(self.env.execute_query(each))
            )

    def test_notices_name_what_is_claimable(self):
        self._dispute_some(random.Random(7))
        notices = self.env["collection.notice"]
        for company in self.companies.root_id:
            run = self.env["collection.run"].with_company(company)
            files = run.env["collection.customer"].browse(run._get_customer_ids(company))
            notices |= run._decide_locked(company, files)
        self.env.invalidate_all()
        parts = 0
        for line in notices.line_ids:
            owed = line.move_line_id.amount_residual_currency
            held = self.env["collection.hold"].search(
                [("move_line_id", "=", line.move_line_id.id), ("open", "=", True)]
            )
            claimed = held.free_amount if held else owed
            parts += bool(held)
            self.assertAlmostEqual(line.residual_currency, claimed, 2)
        self.assertTrue(parts)

    # ------------------------------------------------------------
    # What people do
    # ------------------------------------------------------------

    def _dispute_some(self, chance):
        """Dispute a part, or all, of some overdue invoices."""
        lines = self._find_open(("date_maturity", "<", TODAY), ("amount_residual_currency", ">", 1))
        disputed = self.env["collection.dispute.item"].search([]).move_line_id
        alone = lines.filtered(
            lambda line: len(line._get_collection_whole_invoices()) == 1 and line not in disputed
        )
        reason = self.env["collection.dispute.reason"].search([], limit=1)
        expected = []
        for line in alone:
            if chance.random() < 0.5:
                continue
            owed = line.amount_residual_currency
            amount = line.currency_id.round(owed * chance.choice((0.2, 0.5, 1)))
            dispute = (
                self.env["collection.dispute"]
                .with_company(line.company_id.root_id)
                ._make(line, {line.currency_id: amount}, reason_id=reason.id)
            )
            expected.append(Expected(dispute, line, owed, amount))
        return expected

    def _let_happen(self, chance, one):
        event = chance.choice(("nothing", "pay", "credit", "undo"))
        amount = one.line.currency_id.round(one.residual * chance.choice((0.3, 0.6, 1)))
        if event in ("pay", "credit") and amount > 0:
            credit = event == "credit"
            item = self._refund(one.line, amount) if credit else self._book(one.line, amount, TODAY)
            one.matched.append((amount, credit, item))
            (one.line | item).reconcile()
        elif event == "undo" and one.matched:
            _amount, _credit, item = one.matched.pop()
            item.remove_move_reconcile()

    def _refund(self, line, amount):
        """Book a credit note; return its journal item."""
        move = (
            self.env["account.move"]
            .with_company(line.company_id)
            .create(
                {
                    "move_type": "out_refund",
                    "partner_id": line.partner_id.id,
                    "currency_id": line.currency_id.id,
                    "invoice_date": TODAY,
                    "invoice_payment_term_id": False,
                    "invoice_line_ids": [
                        Command.create({"name": "Credit", "price_unit": amount, "tax_ids": False})
                    ],
                }
            )
        )
        move.action_post()
        return move.line_ids.filtered(
            lambda item: item.account_id.account_type == "asset_receivable"
        )

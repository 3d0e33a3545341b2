"""Ninety days of a company: what customers do, what the daily run makes of it, checked every evening.

What is expected of promises and reported payments comes from what the test itself did, never from
the ledger.
"""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from freezegun import freeze_time

from odoo import SUPERUSER_ID, Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.collections_management.models.collection_due_item import DECISIONS, TO_SAY
from odoo.addons.collections_management.models.collection_hold import HOLD_KINDS
from odoo.addons.mail.tests.common import MailCase, mail_new_test_user

from data.ledger import create_companies, generate, load

FIRST_DAY = date(2026, 3, 11)
DAYS = 90
SEED = 7
GRACE, TOLERANCE = 2, 5.0
OPEN = ("open", "to_allocate")
STRENGTH = [kind for kind, _label in HOLD_KINDS]


@dataclass(eq=False)
class Money:
    """What came from a customer, and which invoice it is allocated to (None: to none)."""

    amount: float
    day: date
    credit: object
    counts: bool = True
    move: object = None


@dataclass(eq=False)
class Agreed:
    """A promise or a reported payment, and the money of its invoices that there was before."""

    record: object
    customer: object
    day: date
    moves: object
    amount: float
    owed: float
    before: set
    deadline: date = date.max
    state: str = "open"
    share: float = 0.0
    closed: date = date.max


@dataclass(eq=False)
class Customer:
    """A customer's invoices in a company and currency, and its money."""

    partner: object
    company: object
    currency: object
    moves: object
    money: list = field(default_factory=list)
    promises: list = field(default_factory=list)
    reports: list = field(default_factory=list)

    def get_loose(self):
        return [money for money in self.money if not money.move]

    def settled(self, agreed, until=date.max, counting=(True, False)):
        """Return what was allocated to the invoices of an agreement since, of the money until a day."""
        return round(
            sum(
                money.amount
                for money in self.money
                if money.move
                and money.move in agreed.moves
                and money not in agreed.before
                and money.day <= until
                and money.counts in counting
            ),
            2,
        )

    def is_reported(self, promise):
        """Tell whether the customer says that invoices of a promise, still open, have been paid."""
        return any(
            report.state == "open"
            and any(move.amount_residual for move in report.moves & promise.moves)
            for report in self.reports
        )

    def judge_promise(self, one, today):
        """Work out the verdict from the payments alone."""
        if one.state in ("replaced", "cancelled"):
            return
        due = min(one.amount, one.owed)
        in_time = self.settled(one, one.deadline, (True,))
        late = self.settled(one) > self.settled(one, one.deadline)
        paid_off = round(one.owed - self.settled(one), 2) == 0
        loose = sum(
            money.amount
            for money in self.get_loose()
            if money.day >= one.day
            and ((one.state in (*OPEN, "kept") and not paid_off) or money.day <= one.deadline)
        )
        one.share = min(in_time / due, 1)
        if round(in_time - due * (1 - TOLERANCE / 100), 2) >= 0:
            one.state, one.share = "kept", 1
        elif paid_off and not late:
            one.state = "settled"
        elif today > one.deadline and round(loose - due * TOLERANCE / 100, 2) > 0:
            one.state = "settled" if paid_off else "to_allocate"
        elif today <= one.deadline or (
            self.is_reported(one) and one.state not in ("partly", "broken")
        ):
            one.state = "open"
        else:
            one.state = "partly" if in_time else "broken"

    def judge_report(self, one):
        """Work out from the payments alone what became of a reported payment."""
        if one.state == "withdrawn":
            return
        until = one.closed if one.state == "not_found" else date.max
        due = min(one.amount, one.owed)
        if round(self.settled(one, until, (True,)) - due * (1 - TOLERANCE / 100), 2) >= 0:
            one.state = "credited"
        elif one.state != "not_found":
            one.state = "open" if round(one.owed - self.settled(one), 2) else "settled"


@tagged("post_install", "-at_install", "standard")
@freeze_time(f"{FIRST_DAY} 10:00:00")
class TestNinetyDays(MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._init_mail_gateway()
        cls.env = cls.env(user=SUPERUSER_ID, context={"tracking_disable": True, "lang": "en_US"})
        ledger = generate(16, 90, seed=SEED)
        shared = create_companies(cls.env, ledger, chart="generic_coa")
        load(cls.env, ledger, companies=shared)
        cls.companies = cls.env["res.company"].union(*shared.values())
        cls.roots = cls.companies.root_id
        cls.supervisor = mail_new_test_user(
            cls.env,
            "supervisor_of_ninety_days",
            groups="collections_management.group_collection_supervisor",
            company_id=cls.roots[0].id,
            company_ids=[Command.set(cls.companies.ids)],
        )
        cls.companies.email = "company@example.com"
        cls.roots.write(
            {
                "collection_mode": "automatic",
                "collection_claim_entries": True,
                "collection_promise_days": GRACE,
                "collection_promise_percent": TOLERANCE,
                "collection_stale_days": 0,
                "collection_supervisor_id": cls.supervisor.id,
            }
        )

    def test_the_process_holds_for_ninety_days(self):
        self.chance = random.Random(SEED)
        self.said, self.seen, self.resumed = set(), Counter(), set()
        self.customers = self._find_customers()
        self.assertGreater(len(self.customers), 8)
        with freeze_time(f"{FIRST_DAY} 10:00:00") as clock:
            for number in range(1, DAYS + 1):
                self.today = FIRST_DAY + timedelta(days=number)
                clock.move_to(f"{self.today} 10:00:00")
                if self.today.weekday() < 5:
                    for customer in self.customers:
                        self._let_happen(customer)
                    self._take_actions()
                notices = self._run_day()
                for customer in self.customers:
                    self._judge_open(customer)
                with self.subTest(day=str(self.today)):
                    self._check_messages(notices)
                    self._check_verdicts()
                    self._check_holds()
                    self._check_items()
        self._check_variety()

    def _find_customers(self):
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
        groups = lines.grouped(
            lambda line: (
                line.partner_id.commercial_partner_id,
                line.company_id.root_id,
                line.currency_id,
            )
        )
        return [Customer(*key, group.move_id) for key, group in groups.items()]

    # ------------------------------------------------------------
    # The day
    # ------------------------------------------------------------

    def _run_day(self):
        """Run the daily job and deliver, as the scheduler does; return the notices made today."""
        known = self.env["collection.notice"].search([])
        self.env.flush_all()
        with (
            self.mock_mail_gateway(),
            mute_logger("odoo.addons.mail.models.mail_mail"),
            self.enter_registry_test_mode(),
            self.registry.cursor() as cr,
        ):
            run = self.env(cr=cr, context={})["collection.run"]
            run._cron_run()
            run._cron_deliver()
        self.env.invalidate_all()
        self.assertFalse(self.roots.filtered("collection_failure"))
        return self.env["collection.notice"].search([]) - known

    def _judge_open(self, customer):
        """What the daily run judges: what is open."""
        for report in customer.reports:
            customer.judge_report(report)
        for promise in customer.promises:
            if promise.state in OPEN:
                customer.judge_promise(promise, self.today)

    def _touch(self, customer, moves):
        """What is judged at once when the ledger of some invoices changes."""
        for report in customer.reports:
            if report.moves & moves:
                customer.judge_report(report)
        for promise in customer.promises:
            if promise.moves & moves:
                customer.judge_promise(promise, self.today)

    # ------------------------------------------------------------
    # What people do
    # ------------------------------------------------------------

    EVENTS = {
        "nothing": 30,
        "promise": 4,
        "put_off": 2,
        "report": 3,
        "withdraw": 1,
        "not_found": 1,
        "dispute": 2,
        "solve": 2,
        "plan": 1,
        "pay": 5,
        "pay_all": 2,
        "loose": 2,
        "allocate": 3,
        "undo": 1,
        "write_off": 1,
    }

    def _let_happen(self, customer):
        [event] = self.chance.choices(list(self.EVENTS), self.EVENTS.values())
        if event != "nothing":
            self.seen[event] += bool(getattr(self, f"_let_{event}")(customer))

    def _get_open(self, moves):
        return moves._get_collection_open_lines()

    def _owed(self, moves):
        return round(sum(self._get_open(moves).mapped("amount_residual_currency")), 2)

    def _choose(self, customer, kinds=(), most=2):
        """Return some open invoices of a customer that nothing holds but what is of some kinds."""
        moves = customer.moves.filtered(
            lambda move: move.amount_residual and move.collection_status in ("normal", *kinds)
        )
        chosen = self.chance.sample(list(moves), min(len(moves), self.chance.randint(1, most)))
        return moves.browse().union(*chosen)

    def _agree(self, customer, model, moves, amount, **values):
        """Register an agreement, and return what is expected of it."""
        lines = self._get_open(moves)
        owed = self._owed(moves)
        record = (
            self.env[model]
            .with_company(customer.company)
            ._make(lines, {customer.currency: amount}, **values)
        )
        before = {money for money in customer.money if money.move and money.move in moves}
        return Agreed(record, customer, self.today, moves, amount, owed, before)

    def _let_promise(self, customer, moves=None):
        moves = moves or self._choose(customer)
        if not moves:
            return False
        amount = customer.currency.round(self._owed(moves) * self.chance.choice((0.3, 0.5, 1, 1)))
        day = self.today + timedelta(days=self.chance.randint(0, 9))
        promise = self._agree(customer, "collection.promise", moves, amount, date_promised=day)
        promise.deadline = day + timedelta(days=GRACE)
        customer.promises.append(promise)
        return True

    def _let_put_off(self, customer):
        """Let a promise take the place of an open one."""
        for old in customer.promises:
            moves = old.moves.filtered("amount_residual")
            if (
                old.state in OPEN
                and moves
                and set(moves.mapped("collection_status")) == {"promised"}
            ):
                old.state = "replaced"
                return self._let_promise(customer, moves)
        return False

    def _let_report(self, customer):
        moves = self._choose(customer, ("promised", "in_plan"))
        if not moves or any(
            report.state == "open" and report.moves & moves for report in customer.reports
        ):
            return False
        report = self._agree(
            customer,
            "collection.reported.payment",
            moves,
            self._owed(moves),
            date_reported=self.today,
        )
        customer.reports.append(report)
        return True

    def _let_withdraw(self, customer, state="withdrawn"):
        for report in customer.reports:
            if report.state == "open":
                report.state, report.closed = state, self.today
                if state == "withdrawn":
                    report.record.action_withdraw()
                else:
                    report.record.action_not_found()
                self._touch(customer, report.moves)
                return True
        return False

    def _let_not_found(self, customer):
        return self._let_withdraw(customer, "not_found")

    def _let_dispute(self, customer):
        moves = self._choose(customer, most=1)
        if not moves:
            return False
        amount = customer.currency.round(self._owed(moves) * self.chance.choice((0.2, 1)))
        reasons = self.env["collection.dispute.reason"].search([])
        reason = self.chance.choice(list(reasons))
        self._agree(customer, "collection.dispute", moves, amount, reason_id=reason.id)
        return True

    def _let_solve(self, customer):
        """Let a dispute be accepted and credited, or rejected."""
        dispute = self.env["collection.dispute"].search(
            [
                ("state", "=", "open"),
                ("partner_id", "=", customer.partner.id),
                ("company_id", "=", customer.company.id),
                ("currency_id", "=", customer.currency.id),
            ],
            limit=1,
        )
        if not dispute:
            return False
        if self.chance.random() < 0.5:
            dispute._resolve("rejected", answer="It is right")
            self.seen["rejected"] += 1
            return True
        for note in dispute._resolve("accepted", answer="It is wrong"):
            move = note.reversed_entry_id
            note.action_post()
            credit = note.line_ids.filtered(
                lambda line: line.account_id.account_type == "asset_receivable"
            )
            if left := credit.filtered(lambda line: not line.reconciled):
                (left | self._get_open(move)).reconcile()
            self.assertTrue(all(credit.mapped("reconciled")))
            customer.money.append(Money(note.amount_total, self.today, credit, move=move))
            self._touch(customer, move)
        self.seen["accepted"] += 1
        return True

    def _let_plan(self, customer):
        moves = self._choose(customer)
        if not moves:
            return False
        owed, half = self._owed(moves), customer.currency.round(self._owed(moves) / 2)
        days = [self.today + timedelta(days=number) for number in (7, 21)]
        plan = (
            self.env["collection.plan"]
            .with_company(customer.company)
            ._make(
                self._get_open(moves),
                schedules={
                    customer.currency: list(
                        zip(days, (half, customer.currency.round(owed - half)), strict=True)
                    )
                },
            )
        )
        if self.chance.random() < 0.7:
            plan._confirm("oral")
        return True

    def _let_pay(self, customer, share=0.4, counts=True):
        moves = customer.moves.filtered("amount_residual")
        if not moves:
            return False
        move = self.chance.choice(list(moves))
        amount = customer.currency.round(self._owed(move) * share)
        if amount <= 0:
            return False
        money = self._book(customer, amount, move, counts)
        self._allocate(customer, money, move)
        return True

    def _let_pay_all(self, customer):
        return self._let_pay(customer, 1)

    def _let_write_off(self, customer):
        return self._let_pay(customer, 0.3, counts=False)

    def _let_loose(self, customer):
        """Let money come that nobody allocates."""
        moves = customer.moves.filtered("amount_residual")
        if not moves:
            return False
        move = self.chance.choice(list(moves))
        amount = customer.currency.round(self._owed(move) * self.chance.choice((0.5, 1)))
        return amount > 0 and bool(self._book(customer, amount, move))

    def _let_allocate(self, customer):
        for money in customer.get_loose():
            for move in customer.moves:
                owed = self._get_open(move)
                if (
                    owed.account_id == money.credit.account_id
                    and move.company_id == money.credit.company_id
                    and self._owed(move) >= money.amount
                ):
                    self._allocate(customer, money, move)
                    return True
        return False

    def _let_undo(self, customer):
        """Undo an allocation that no agreement had found there."""
        known = {
            money for agreed in (*customer.promises, *customer.reports) for money in agreed.before
        }
        for money in reversed(customer.money):
            if money.move and money not in known and money.credit.move_id.move_type == "entry":
                move, money.move = money.move, None
                money.credit.remove_move_reconcile()
                self._touch(customer, move)
                return True
        return False

    def _allocate(self, customer, money, move):
        money.move = move
        (self._get_open(move) | money.credit).reconcile()
        self._touch(customer, move)

    def _book(self, customer, amount, move, counts=True):
        """Book money of a customer in the bank, or a loss."""
        line = self._get_open(move)[0]
        company, currency = line.company_id, line.currency_id
        balance = currency._convert(amount, company.currency_id, company, self.today)
        journals = self.env["account.journal"].with_company(company)
        kind = "bank" if counts else "general"
        journal = journals.search(
            [*journals._check_company_domain(company), ("type", "=", kind)], limit=1
        )
        loss = company.expense_currency_exchange_account_id
        other = journal.default_account_id if counts else loss
        values = {"partner_id": line.partner_id.id, "currency_id": currency.id}
        sides = ((line.account_id, -1), (other, 1))
        entry = (
            self.env["account.move"]
            .with_company(company)
            .create(
                {
                    "journal_id": journal.id,
                    "date": self.today,
                    "line_ids": [
                        Command.create(
                            {
                                **values,
                                "account_id": account.id,
                                "amount_currency": sign * amount,
                                "balance": sign * balance,
                            }
                        )
                        for account, sign in sides
                    ],
                }
            )
        )
        entry.action_post()
        credit = entry.line_ids.filtered(lambda item: item.account_id == line.account_id)
        money = Money(amount, self.today, credit, counts)
        customer.money.append(money)
        return money

    def _take_actions(self):
        """Let the supervisor approve, finish or cancel what steps have opened."""
        actions = self.env["collection.action"].search([("state", "in", ("to_approve", "open"))])
        for action in actions.with_user(self.supervisor):
            chance = self.chance.random()
            if chance < 0.1:
                action.action_cancel()
            elif chance < 0.5 and action.state == "to_approve":
                action.action_approve()
            elif chance < 0.5 and action.effect != "write_off":
                action.action_done()
                self.seen["action_done"] += 1
        self.seen["action"] = max(self.seen["action"], len(actions))

    # ------------------------------------------------------------
    # What is true every evening
    # ------------------------------------------------------------

    def _check_messages(self, notices):
        """What is held gets no message, what is free again does, and nothing is said twice."""
        lines = notices.line_ids
        claims = lines.filtered(
            lambda line: line.round_number >= 0
        )  # else: an instalment's reminder
        now_held = self.env["collection.hold"].search(
            [("open", "=", True), ("kind", "!=", "in_action")]
        )
        self.assertFalse(claims.move_line_id & now_held.move_line_id)
        self.resumed |= set((claims.move_line_id & self._held_once()).ids)
        for line in lines:
            channel = line.notice_id.channel_id
            key = (
                line.move_line_id.id,
                line.step_id.id,
                channel.id,
                line.round_number,
                line.repetition,
            )
            self.assertNotIn(key, self.said, line.name)
            self.said.add(key)

    def _held_once(self):
        """Return the items that were held, and are not any more."""
        return self.env["collection.hold"].search([("open", "=", False)]).move_line_id

    def _check_verdicts(self):
        """Promises and reports are what the payments say."""
        for customer in self.customers:
            for one in (*customer.promises, *customer.reports):
                record = one.record
                told = [
                    (money.amount, str(money.day), money.counts, money.move and money.move.name)
                    for money in customer.money
                ]
                about = f"{record.number} {record.amount} {one.moves.mapped('name')} {told}"
                self.assertEqual(record.state, one.state, about)
                self.seen[f"{record._name} {one.state}"] += 1
                if one in customer.promises and one.state != "replaced":
                    self.assertAlmostEqual(record.kept_share, one.share, 4, about)

    def _check_holds(self):
        """Holds are those of open agreements, statuses those of holds, and nothing paid stays open."""
        expected = set()
        for name in self.env["collection.agreement"]._get_models():
            domain = [("state", "in", self.env[name]._get_open_states())]
            if name == "collection.action":
                domain = ["|", *domain, "&", ("state", "=", "done"), ("keeps_items", "=", True)]
            for agreement in self.env[name].search(domain):
                left = agreement.move_line_ids.filtered(
                    lambda line: line.parent_state == "posted" and not line.reconciled
                )
                if agreement.state in agreement._get_open_states():
                    self.assertTrue(left, f"{agreement.number} is paid and {agreement.state}")
                expected |= {(f"{name},{agreement.id}", line.id) for line in left}
        holds = self.env["collection.hold"].search([("open", "=", True)])
        self.assertEqual(
            {(f"{hold.origin._name},{hold.origin.id}", hold.move_line_id.id) for hold in holds},
            expected,
        )
        kinds = defaultdict(set)
        for hold in holds:
            kinds[hold.move_id].add(hold.kind)
        for customer in self.customers:
            for move in customer.moves:
                status = max(kinds[move], key=STRENGTH.index, default="normal")
                self.assertEqual(move.collection_status, status, move.name)

    def _check_items(self):
        """Every open item has one decision, held ones that of their hold, and they add up."""
        items = (
            self.env["collection.due.item"]
            .with_context(allowed_company_ids=self.companies.ids)
            .search([("company_id", "in", self.companies.ids)])
        )
        ledger = self.env["account.move.line"].search(
            [
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("company_id", "in", self.companies.ids),
                "|",
                ("amount_residual", "!=", 0),
                ("amount_residual_currency", "!=", 0),
            ]
        )
        self.assertEqual(items.move_line_id, ledger)
        self.assertEqual(len(items), len(ledger))
        known = dict(DECISIONS)
        held = self.env["collection.hold"].search([("open", "=", True)]).move_line_id
        for item in items:
            self.assertIn(item.decision, known)
            if item.move_line_id in held:
                self.assertNotIn(item.decision, TO_SAY)
            else:
                self.assertNotIn(item.decision, STRENGTH[1:])
            self.seen[f"decision {item.decision}"] += 1
        self.assertEqual(
            self._sum(items, "residual", "residual_currency"),
            self._sum(ledger, "amount_residual", "amount_residual_currency"),
        )

    def _sum(self, records, *amounts):
        sums = defaultdict(float)
        for record in records:
            for position, amount in enumerate(amounts):
                key = (record.company_id, record.account_id, record.currency_id, position)
                sums[key] += record[amount]
        return {key: round(total, 2) for key, total in sums.items() if round(total, 2)}

    def _check_variety(self):
        """The days were worth living."""
        for event in self.EVENTS:
            if event != "nothing":
                self.assertTrue(self.seen[event], f"{event}: {self.seen}")
        for state in ("open", "to_allocate", "kept", "partly", "broken", "replaced"):
            self.assertTrue(self.seen[f"collection.promise {state}"], f"{state}: {self.seen}")
        for state in ("open", "credited", "not_found", "withdrawn"):
            self.assertTrue(
                self.seen[f"collection.reported.payment {state}"], f"{state}: {self.seen}"
            )
        plans = set(self.env["collection.plan"].search([]).mapped("state"))
        self.assertLessEqual({"breached", "expired"}, plans)
        self.assertTrue(self.seen["action"] and self.seen["action_done"], self.seen)
        self.assertGreater(len(self.said), 30, self.seen)
        self.assertGreater(len(self.resumed), 2, self.seen)

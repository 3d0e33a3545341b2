"""Whatever is paid, undone, credited or left unallocated: the verdict is the one of the payments."""

from dataclasses import dataclass
from datetime import date, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from .agreements_through_days import TODAY, AgreementsCase, Expected

GRACE, TOLERANCE = 2, 5.0
OPEN = ("open", "to_allocate")


@dataclass
class ExpectedPromise(Expected):
    amount: float = 0.0
    deadline: date = TODAY
    share: float = 0.0

    def judge(self, today):
        """Work out the verdict from the payments alone."""
        due = min(self.amount, self.owed)
        in_time = self.settled(self.deadline, (True,))
        self.share = min(in_time / due, 1)
        loose = sum(
            money.amount
            for money in self.money
            if not money.allocated
            and (
                (self.state in (*OPEN, "kept") and not self.paid_off) or money.day <= self.deadline
            )
        )
        if round(in_time - due * (1 - TOLERANCE / 100), 2) >= 0:
            self.state, self.share = "kept", 1
        elif self.paid_off and not self.settled() > self.settled(self.deadline):
            self.state = "settled"
        elif today <= self.deadline:
            self.state = "open"
        elif round(loose - due * TOLERANCE / 100, 2) > 0:
            self.state = "settled" if self.paid_off else "to_allocate"
        else:
            self.state = "partly" if in_time else "broken"


@tagged("post_install", "-at_install", "standard")
@freeze_time(f"{TODAY} 10:00:00")
class TestPromiseProperties(AgreementsCase):
    MODEL = "collection.promise"
    STATES = {"open", "to_allocate", "kept", "partly", "broken", "settled"}
    HOLDING = OPEN
    SETTINGS = {
        "collection_promise_days": GRACE,
        "collection_promise_percent": TOLERANCE,
        "collection_stale_days": 0,
    }

    def test_verdicts_are_those_of_the_payments(self):
        self._live_through_all()

    def _agree(self, chance, agreements, lines, owed):
        currency = lines.currency_id
        amount = currency.round(owed * chance.choice((0.3, 0.5, 1, 1)))
        day = TODAY + timedelta(days=chance.randint(0, 6))
        promise = agreements._make(lines, {currency: amount}, date_promised=day)
        return ExpectedPromise(
            promise, owed, "open", amount=amount, deadline=day + timedelta(days=GRACE)
        )

    def _compare_amounts(self, one, about):
        promise = one.agreement
        self.assertAlmostEqual(promise.kept_share, one.share, 4, about)
        self.assertAlmostEqual(promise.paid_amount, one.settled(counting=(True,)), 2, about)

"""Whatever is paid, undone, written off or accepted: a report is credited when the payments say so."""

from dataclasses import dataclass
from datetime import date, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from .agreements_through_days import TODAY, AgreementsCase, Expected

TOLERANCE = 2.0
OPEN = ("open", "matched")


@dataclass
class ExpectedReport(Expected):
    amount: float = 0.0
    closed: date | None = None

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
        elif self.paid_off:
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
class TestReportedPaymentProperties(AgreementsCase):
    MODEL = "collection.reported.payment"
    LAST_DAY = 10
    STATES = {"open", "matched", "credited", "settled", "not_found", "withdrawn"}
    HOLDING = OPEN
    EVENTS = ("nothing", "pay", "pay_rest", "accept", "link", "undo", "write_off", "give_up")
    SHARES = {"pay": 0.4, "pay_rest": 1, "write_off": 0.3, "accept": 0.5, "link": 0.4}
    SETTINGS = {"collection_promise_percent": TOLERANCE}

    def test_states_are_those_of_the_payments(self):
        self._live_through_all()

    def _agree(self, chance, agreements, lines, owed):
        currency = lines.currency_id
        amount = currency.round(owed * chance.choice((0.3, 0.5, 1, 1)))
        day = TODAY - timedelta(days=chance.randint(0, 6))
        report = agreements._make(lines, {currency: amount}, date_reported=day)
        return ExpectedReport(report, owed, "open", amount=amount)

    def _compare_before(self, expected, day):
        self._compare(expected, day)

    def _compare_amounts(self, one, about):
        paid = one.settled(counting=(True,))
        self.assertAlmostEqual(one.agreement.paid_amount, paid, 2, about)

    def _let_happen(self, chance, one, day):
        """Override: money may be accepted or linked, and a report given up."""
        event = chance.choice(self.EVENTS)
        left = round(one.owed - one.settled(), 2)
        amount = one.agreement.currency_id.round(left * self.SHARES.get(event, 0))
        if event == "give_up":
            self._give_up(chance, one, day)
        elif event == "undo":
            self._undo(one)
        elif amount > 0 and (event not in ("accept", "link") or one.state in OPEN):
            money = self._receive(one, amount, day, loss=event == "write_off")
            if event in ("accept", "link"):
                self._accept(one, money, allocate=event == "accept")
            else:
                self._allocate(one, money)

    def _give_up(self, chance, one, day):
        """Say that the money is not there (often), or that the customer takes it back."""
        if one.state not in OPEN or chance.random() < 0.4:
            return
        if chance.random() < 0.7:
            one.agreement.action_not_found()
            one.state = "not_found"
        else:
            one.agreement.action_withdraw()
            one.state = "withdrawn"
        one.closed = day

    def _accept(self, one, money, allocate):
        """Accept the money that the product proposes."""
        one.agreement.action_look_again()
        self.env.invalidate_all()
        match = one.agreement.match_ids.filtered(lambda match: match.credit_line_id == money.credit)
        if not match:  # behind better ones
            return
        money.linked = True
        if allocate:
            rest = round(one.amount - one.settled(counting=(True,)), 2)
            match.action_accept()
            money.allocated = min(money.amount, rest)
        else:
            match.state = "accepted"
            one.agreement._judge()

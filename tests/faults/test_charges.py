"""Instalments that are charged by themselves: never twice, whatever dies and whoever charges at the same time.

The provider notes what it has taken in a file, which no rollback undoes.
"""

import random
from collections import defaultdict

import pytest

NAMES = ["Customer 01", "Customer 02", "Customer 03"]
SEEDS = range(10)


class Bank:
    """What the provider has taken."""

    def __init__(self, path):
        self.path = path

    def taken(self):
        """Return what was taken for each instalment: dict of the plan's and its number -> amounts."""
        found = defaultdict(list)
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            reference, amount = line.split()
            found[reference.rpartition("-")[0]].append(float(amount))
        return found

    def total(self):
        return sum(sum(amounts) for amounts in self.taken().values())


@pytest.fixture
def bank(tmp_path):
    return Bank(tmp_path / "bank")


@pytest.fixture
def plans(ledger, odoo):
    """Have three customers with an instalment of 100 due today; give what they pay by."""
    odoo.call("plan_automatically", names=NAMES)
    return ledger


def charge(odoo, bank, **options):
    return odoo.call("charge", bank=str(bank.path), **options)


def kill(plans, odoo, bank, **options):
    """Charge, and be killed."""
    assert odoo.start("charge", bank=str(bank.path), **options).was_killed()
    plans.wait_until_left()


def states(plans):
    return [
        state for [state] in plans.query("SELECT state FROM collection_plan_charge ORDER BY id")
    ]


def pass_minutes(plans):
    """Let the time pass within which a process that charges answers."""
    plans.query("UPDATE collection_plan_charge SET write_date = write_date - interval '11 min'")


def paid(plans):
    """Return what the ledger says was paid of all invoices."""
    [[amount]] = plans.query(
        """
        SELECT sum(amount_total - amount_residual)::float FROM account_move
         WHERE move_type = 'out_invoice' AND state = 'posted'
        """
    )
    return amount


def decide(odoo, method):
    odoo.call(
        "execute",
        model="collection.plan.charge",
        domain=[("state", "=", "unknown")],
        method=method,
    )


def check_once(bank):
    """Check that nothing was taken twice."""
    assert all(amounts == [100] for amounts in bank.taken().values()), bank.taken()


def test_nobody_disturbs(plans, odoo, bank):
    for _time in range(2):
        charge(odoo, bank)
        check_once(bank)
        assert states(plans) == ["paid"] * 3
        assert paid(plans) == bank.total() == 300
    assert "Traceback" not in odoo.read_log()


def test_killed_before_the_provider_is_asked(plans, odoo, bank):
    kill(plans, odoo, bank, die="before")
    for _time in range(2):
        charge(odoo, bank)
    # nobody knows yet; the others are charged all the same
    assert sorted(states(plans)) == ["begun", "paid", "paid"]
    pass_minutes(plans)
    charge(odoo, bank)
    assert sorted(states(plans)) == ["paid", "paid", "unknown"]
    assert bank.total() == 200
    decide(odoo, "action_was_not_paid")
    charge(odoo, bank)
    check_once(bank)
    assert sorted(states(plans)) == ["failed", "paid", "paid", "paid"]
    assert paid(plans) == bank.total() == 300


@pytest.mark.parametrize("moment", ["taken", "answered"])
def test_killed_when_the_provider_has_the_money(moment, plans, odoo, bank):
    kill(plans, odoo, bank, die=moment)
    assert (bank.total(), paid(plans)) == (100, 0)
    for _time in range(2):
        charge(odoo, bank)
        pass_minutes(plans)
    charge(odoo, bank)
    check_once(bank)
    assert sorted(states(plans)) == ["paid", "paid", "unknown"]
    [[tasks]] = plans.query(
        "SELECT count(*) FROM mail_activity WHERE res_model = 'collection.plan.charge' AND active"
    )
    assert tasks == 1, "a person is asked"
    decide(odoo, "action_was_paid")
    charge(odoo, bank)
    check_once(bank)
    assert states(plans) == ["paid"] * 3
    assert paid(plans) == bank.total() == 300


@pytest.fixture(scope="module")
def steps(prepared, shared_line, tmp_path_factory):
    """Return how many statements and commits it takes to charge when nobody disturbs."""
    ledger, odoo = prepared
    ledger.begin(8)
    odoo.call("plan_automatically", names=NAMES)
    return odoo.call("charge", bank=str(tmp_path_factory.mktemp("steps") / "bank"))


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_anywhere(seed, steps, plans, odoo, bank):
    """Die in this seed's part of the work. In the end books and bank agree."""
    part = (seed + random.Random(seed).random()) / len(SEEDS)
    kill(plans, odoo, bank, die_at=round(part * steps) + 1)
    for _time in range(3):
        charge(odoo, bank)
        check_once(bank)
        pass_minutes(plans)
    # what is in doubt is decided by what the bank says
    for reference in plans.query(
        "SELECT reference FROM collection_plan_charge WHERE state = 'unknown'"
    ):
        was = reference[0].rpartition("-")[0] in bank.taken()
        decide(odoo, "action_was_paid" if was else "action_was_not_paid")
    charge(odoo, bank)
    check_once(bank)
    assert paid(plans) == bank.total() == 300


@pytest.mark.parametrize("slow", [0, 0.5])
def test_two_processes_charge(slow, plans, odoo, bank):
    options = {"bank": str(bank.path), "slow": slow}
    odoo.race(("charge", options), ("charge", options))
    check_once(bank)
    charge(odoo, bank)
    check_once(bank)
    assert states(plans) == ["paid"] * 3
    assert paid(plans) == bank.total() == 300


@pytest.mark.parametrize("_round", range(3))
def test_the_customer_pays_on_the_page_at_the_same_moment(_round, plans, odoo, bank):
    """Of 217 that are owed never more is taken, whoever comes first."""
    path = str(bank.path)
    odoo.race(
        ("charge", {"bank": path, "slow": 0.1}),
        ("pay_all_on_page", {"bank": path, "customer": NAMES[0]}),
    )
    charge(odoo, bank)
    first = [
        amount
        for [amount] in plans.query(
            """
            SELECT payment.amount::float FROM payment_transaction payment
              JOIN res_partner partner ON partner.id = payment.partner_id
             WHERE payment.state = 'done' AND partner.name = %s
            """,
            NAMES[0],
        )
    ]
    assert sum(first) <= 217
    assert bank.total() == sum(first) + 200 == paid(plans)

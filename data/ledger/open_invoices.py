"""Many open invoices, quickly, on any company: for benchmarks."""

import math
import random

from . import vocabulary as words
from .customers import add_masters
from .identifiers import spanish_company_vat
from .loading import load
from .model import Allocation, Ledger, Move, MoveLine, Partner, Payment

INVOICES_AT_ONCE = 20000

TERMS = {"30d": 70, "60d": 15, "30-60-90": 10, "2/10": 5}


def load_open_invoices(env, company, invoices=20000, customers=2000, seed=1, today=None, step=None):
    """Load open posted customer invoices into an existing company, set-based, in several portions.

    They fall due from half a year ago to three months ahead, are spread evenly over their
    customers, and have the taxes, accounts and journals of ``company``. Some have instalments,
    some are partly paid, some are in a foreign currency; there are some unallocated payments and
    open credit notes. Nothing is committed.

    :param company: a company with a chart of accounts; its taxes must be plain percentages
    :param int invoices: how many
    :param int customers: how many customers to make for them
    :param int seed: another seed, other amounts and dates
    :param date today: the day that due dates count from (default: today)
    :param step: called with a text after each portion
    :raises ValueError: when the company's taxes are too special to be written set-based
    """
    portions = max(1, math.ceil(invoices / INVOICES_AT_ONCE))
    for number in range(portions):
        ledger = _open_ledger(
            customers=_share(customers, portions, number),
            invoices=_share(invoices, portions, number),
            rng=random.Random(f"{seed}/{number}"),
            first=number * math.ceil(customers / portions) + 1,
            country=company.country_id.code or "ES",
        )
        load(env, ledger, today=today, mode="sql", companies={"main": company})
        if step:
            step(f"{min((number + 1) * INVOICES_AT_ONCE, invoices)} of {invoices} invoices")


def _share(total, portions, number):
    return total // portions + (1 if number < total % portions else 0)


def _open_ledger(customers, invoices, rng, first, country):
    """A ledger of simple open invoices of customers numbered from ``first``."""
    ledger = Ledger()
    add_masters(ledger, rng)
    ledger.companies = ledger.companies[:1]
    ledger.salespeople.clear()
    for number in range(first, first + customers):
        ledger.partners.append(_customer(rng, number, country))
    for number in range(invoices):
        _add_invoice(ledger, rng, ledger.partners[number % customers])
    for partner in rng.sample(ledger.partners, max(1, customers // 50)):
        payment = Payment(
            key=f"u{len(ledger.payments) + 1}",
            company="main",
            partner=partner.key,
            day=-rng.randrange(1, 60),
            extra=round(rng.uniform(20, 900), 2),
            memo="Pago a cuenta",
        )
        ledger.payments.append(payment)
    return ledger


def _customer(rng, number, country):
    trades = words.INDUSTRIES[rng.choice(list(words.INDUSTRIES))][1]
    return Partner(
        key=f"o{number:06d}",
        name=f"{rng.choice(trades)} {rng.choice(words.SURNAMES)} {number}",
        vat=spanish_company_vat(rng, "B") if country == "ES" else "",
        street=f"{rng.choice(words.STREETS)}, {rng.randrange(1, 180)}",
        zip="46001",
        city="Valencia",
        country=country,
        lang="es_ES",
        email=f"customer{number}@customers.example.com",
        term=rng.choices(list(TERMS), list(TERMS.values()))[0],
    )


def _add_invoice(ledger, rng, partner):
    """An open invoice; now and then a payment of a part of it, or a credit note beside it."""
    foreign = rng.random() < 0.03
    move = Move(
        key=f"i{len(ledger.moves) + 1:07d}",
        type="invoice",
        company="main",
        day=-rng.randrange(0, 210),
        partner=partner.key,
        term=partner.term,
        currency="USD" if foreign else "",
    )
    ledger.moves.append(move)
    lines = 1 if foreign else rng.choice([1, 1, 2])
    target = math.exp(rng.gauss(6.4, 0.9)) / lines
    for product in rng.sample(ledger.products, lines):
        quantity = float(max(1, round(target / product.price)))
        ledger.move_lines.append(MoveLine(move.key, product.key, quantity, product.price))
    chance = rng.random()
    if chance < 0.06 and not foreign:
        payment = Payment(
            key=f"p{len(ledger.payments) + 1}",
            company="main",
            partner=partner.key,
            day=min(0, move.day + rng.randrange(10, 60)),
        )
        ledger.payments.append(payment)
        share = rng.choice([0.2, 0.4, 0.5, 0.7])
        ledger.allocations.append(Allocation(payment.key, move.key, 1, share))
    elif chance > 0.985 and not foreign:
        refund = Move(f"r{len(ledger.moves) + 1:07d}", "refund", "main", move.day, partner.key)
        refund.ref = "Abono comercial"
        ledger.moves.append(refund)
        ledger.move_lines.append(MoveLine(refund.key, "EPI-01", 2.0, 11.95))

"""The seeded generator of a believable ledger of any size."""

import random

from .customers import CustomerMaker, add_masters
from .history import HistoryWriter
from .model import Ledger


def generate(customers=300, invoices=3000, seed=1):
    """Return a ``Ledger``; the same arguments give the same one on every machine and day.

    :param int customers: how many customers (12 at least: the first twelve have special roles)
    :param int invoices: how many customer invoices (credit notes, payments and opening entries
        come on top), at least one for each customer and two for each of the first twelve
    :param int seed: another seed, another ledger
    :raises ValueError: too few customers or invoices
    """
    if customers < 12:
        raise ValueError(f"{customers} customers cannot have all the special roles; ask for 12")
    rng = random.Random(seed)
    ledger = Ledger()
    add_masters(ledger, rng)
    people = CustomerMaker(ledger, rng).make(customers)
    HistoryWriter(ledger, rng).write(people, invoices)
    return ledger

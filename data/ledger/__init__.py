"""A believable ledger for demonstrations, tests and benchmarks.

Make one, of any size, from a seed; keep it as CSV files; load it into an Odoo database::

    from data.ledger import generate, load, read_csv, write_csv

    ledger = generate(customers=300, invoices=3000, seed=1)    # plain dataclasses: model.py
    write_csv(ledger, "data/sample"); ledger = read_csv("data/sample")
    loaded = load(env, ledger)                                 # never commits by itself
    loaded.companies["main"], loaded.partners["c00001"], loaded.moves["i000001"]

Dates in a ledger count from the day that it is loaded (``load(..., today=date)``).

In tests, small random ledgers with every odd case (instalments, partial payments, foreign
currency, credit notes, unallocated payments, opening entries with lines of several customers,
lines without partner, non-trade accounts, a branch, child contacts, drafts, cancelled and
reversed invoices, returned debits) work inside a ``TransactionCase``, on any chart::

    companies = create_companies(cls.env, generate(12, 60), chart="generic_coa")  # setUpClass
    loaded = load(self.env, generate(customers=12, invoices=60, seed=n), companies=companies)

For benchmarks, thousands of open invoices of one company, in seconds::

    load_open_invoices(env, company, invoices=20000, customers=2000)

Each ``load`` makes new customers; companies, users, terms and products are shared.
"""

from .csv_files import read_csv, write_csv
from .generating import generate
from .loading import Loaded, create_companies, load
from .model import Ledger
from .open_invoices import load_open_invoices

__all__ = [
    "Ledger",
    "Loaded",
    "create_companies",
    "generate",
    "load",
    "load_open_invoices",
    "read_csv",
    "write_csv",
]

"""The databases that are measured: made once, kept in the cluster, made anew when what is in them changes."""

import uuid
from contextlib import contextmanager
from datetime import date

from tools import cache, databases, postgres, python_packages, settings
from tools.console import say, step

from .processes import run_inside

CLUSTER = postgres.TEST
PREFIX = "bch"
OURS, PEER = "collections_management", "account_credit_control"
CUSTOMERS = {20_000: 2_000, 200_000: 20_000}
ADDONS = {"": [], OURS: [], PEER: [python_packages.peer_addons()]}


def get(invoices=0, module=""):
    """Return the name of a database; it must be copied before it is written to.

    :param int invoices: open invoices, one of ``CUSTOMERS``, or 0 for the sample ledger only
    :param str module: ``OURS`` or ``PEER``, installed and ready for its job; "": neither
    """
    name = _name(invoices, module)
    with cache.locked(f"database {name}"):
        if not databases.exists(CLUSTER, name):
            with step(f"Database {name}: {invoices} open invoices {module and 'with '}{module}"):
                _make(name, invoices, module)
    return name


@contextmanager
def scratch(source):
    """Give the name of a copy of a database, dropped at the end."""
    name = f"{PREFIX}_scratch_{uuid.uuid4().hex[:8]}"
    databases.copy(CLUSTER, source, name)
    try:
        yield name
    finally:
        databases.drop(CLUSTER, name)


def install(name, module):
    """Install one of the modules in a database."""
    databases.install(CLUSTER, name, [module], addons=ADDONS[module])


def drop_outdated():
    """Drop the databases that were made from other sources or on another day."""
    names = {_name(0, "")}
    names |= {_name(invoices, module) for invoices in CUSTOMERS for module in ADDONS}
    found = databases.sql(
        CLUSTER, f"SELECT datname FROM pg_database WHERE datname ~ '^{PREFIX}_[0-9]+k_'"
    )
    for name in set(found.split()) - names:
        say(f"Dropping the outdated database {name}")
        databases.drop(CLUSTER, name)


def _make(name, invoices, module):
    """Make a database under a name of its own and rename it when it is whole."""
    source = get(invoices) if module else get(0) if invoices else databases.snapshot(CLUSTER)
    unfinished = f"{name}_unfinished"
    databases.copy(CLUSTER, source, unfinished)
    if module:
        install(unfinished, module)
        run_inside(
            unfinished, "configure.ours" if module == OURS else "configure.peer", ADDONS[module]
        )
    elif invoices:
        run_inside(unfinished, "ledger.copy_invoices", [], CUSTOMERS[invoices], invoices)
    else:
        run_inside(unfinished, "ledger.load_sample", [])
    databases.rename(CLUSTER, unfinished, name)


def _name(invoices, module):
    """Return a name that changes with what the database is made from, and with the day: debts grow older."""
    folders = [settings.REPOSITORY / "data", settings.REPOSITORY / "benchmarks" / "measured"]
    sources = [_digest(folder) for folder in folders]
    if module == OURS:
        sources.append(_digest(settings.REPOSITORY / OURS))
    if module == PEER:
        sources.append(python_packages.PEER)
    key = cache.key(databases.snapshot(CLUSTER), date.today(), *sources)
    return f"{PREFIX}_{invoices // 1000}k_{module.split('_')[0] or 'ledger'}_{key}"


def _digest(folder):
    """Return what tells the files of a folder from earlier ones; tests are left out."""
    files = sorted(
        path
        for pattern in ("*.py", "*.xml", "*.csv")
        for path in folder.rglob(pattern)
        if "tests" not in path.parts
    )
    return cache.key(*(f"{path} {path.read_text()}" for path in files))

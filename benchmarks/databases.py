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
# What makes a database; what only measures in it may change.
MAKERS = settings.REPOSITORY / "benchmarks" / "measured"


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


@contextmanager
def in_use():
    """Keep the databases while they are measured, and drop before what nobody can use any more.

    That is what was made from other sources or on another day, and what a run that was killed left
    behind; it all stays while another run, perhaps of a clone with other sources, uses the cluster.
    """
    with cache.shared("databases of the benchmark", _drop_outdated):
        yield


def _drop_outdated():
    names = {_name(0, "")}
    names |= {_name(invoices, module) for invoices in CUSTOMERS for module in ADDONS}
    found = databases.sql(
        CLUSTER, f"SELECT datname FROM pg_database WHERE datname ~ '^{PREFIX}_([0-9]+k|scratch)_'"
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
    sources = [_digest(settings.REPOSITORY / "data"), (MAKERS / "ledger.py").read_text()]
    if module:
        sources.append((MAKERS / "configure.py").read_text())
    if module == OURS:
        # with it the portal installs itself, as Odoo's online payment is there
        sources += map(_digest, settings.module_folders())
    if module == PEER:
        sources.append(python_packages.PEER)
    key = cache.key(databases.snapshot(CLUSTER), date.today(), *sources)
    return f"{PREFIX}_{invoices // 1000}k_{module.split('_')[0] or 'ledger'}_{key}"


def _digest(folder):
    """Return what tells the files of a folder from earlier ones, in any clone; tests are left out."""
    files = sorted(
        path
        for pattern in ("*.py", "*.xml", "*.csv")
        for path in folder.rglob(pattern)
        if "tests" not in path.relative_to(settings.REPOSITORY).parts
    )
    return cache.key(
        *(f"{path.relative_to(settings.REPOSITORY)} {path.read_text()}" for path in files)
    )

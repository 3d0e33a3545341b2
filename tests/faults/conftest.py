"""What the tests of faults are given: a database as prepared, Odoo's processes on it, the mail server and the line to it.

Nothing is skipped: without mail server, database or Odoo the tests fail.
"""

import pytest

from odoo.tools import config

from tools.mailserver import MailServer
from tools.postgres import TEST

from .ledger import FEW, MANY, Ledger
from .line import Line
from .processes import Processes


@pytest.fixture(scope="session")
def shared_mail_server():
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def shared_line(shared_mail_server):
    with Line(shared_mail_server.smtp_port) as line:
        yield line


@pytest.fixture(scope="session")
def shared_log(tmp_path_factory):
    return tmp_path_factory.mktemp("faults") / "odoo.log"


@pytest.fixture(scope="session")
def prepared(request, shared_line, shared_log):
    """Prepare the database; give it with the processes that work on it."""
    # each process that shares the tests has a database of its own
    ledger = Ledger(TEST, f"faults_{config['db_name'][0]}")
    ledger.make(request.config.getoption("--odoo-database"))
    processes = Processes(ledger.name, shared_log)
    try:
        processes.call("prepare", smtp_port=shared_line.port)
        for count, first in ((FEW, 1), (MANY, FEW + 1)):
            processes.call("add_customers", first=first, last=count)
            ledger.keep_prepared(count)
        yield ledger, processes
    finally:
        processes.end()
        ledger.remove()


@pytest.fixture
def how_many():
    """Return the number of customers; a module with need of many has its own."""
    return FEW


@pytest.fixture
def ledger(prepared, how_many):
    ledger, _processes = prepared
    ledger.begin(how_many)
    return ledger


@pytest.fixture
def odoo(prepared, ledger):
    """Give Odoo's processes."""
    _ledger, processes = prepared
    processes.clear_log()
    yield processes
    processes.end()
    # pytest shows it when the test failed
    print(processes.read_log()[-5000:])


@pytest.fixture
def mail_server(shared_mail_server):
    shared_mail_server.clear()
    return shared_mail_server


@pytest.fixture
def line(shared_line, mail_server):
    shared_line.restore()
    yield shared_line
    # what the test started may still wait in it
    shared_line.restore()

"""Orders the tests, and fails the run when one was skipped: a browser test that silently doesn't run protects nothing."""

from odoo.tests import common

# Tests that may be skipped: the end of the test's id, and why.
MAY_BE_SKIPPED = {}

# Their servers last from one test to the next.
LAST = "tests/faults/"

_skipped = []


def pytest_collection_modifyitems(items):
    """Put the tests last whose servers Odoo's own test classes would end: those end all that they find."""
    items.sort(key=lambda item: item.nodeid.startswith(LAST))
    _keep_files()


def _keep_files():
    """Keep a process from deleting the files of another one's test.

    The processes that share the tests have databases of their own, but one filestore. After each class Odoo deletes
    the files that its own database doesn't know: so attachments of a test that runs in the other are suddenly empty.
    """
    common.TransactionCase._gc_filestore = classmethod(lambda cls: None)


def _note(report):
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and not report.nodeid.endswith(tuple(MAY_BE_SKIPPED))
    ):
        _skipped.append(f"{report.nodeid}: {report.longrepr[2]}")


pytest_runtest_logreport = _note
pytest_collectreport = _note


def pytest_sessionfinish(session, exitstatus):
    if _skipped and exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    if _skipped:
        terminalreporter.section("skipped, but should have run")
        terminalreporter.write("".join(f"{line}\n" for line in _skipped))

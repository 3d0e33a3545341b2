"""Fails the run when a test was skipped: a browser test that silently doesn't run protects nothing."""

# Tests that may be skipped: the end of the test's id, and why.
MAY_BE_SKIPPED = {}

_skipped = []


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

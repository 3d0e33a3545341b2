"""Processes that do the same at the same time: what one has in hand the other leaves, and nobody hears twice."""

import pytest

from .ledger import MANY, check_everybody_heard_once

ROUNDS = 2


@pytest.fixture
def how_many():
    return MANY


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_processes_call_the_jobs(_round, ledger, odoo, line, mail_server):
    odoo.race("call_jobs", "call_jobs")
    check_everybody_heard_once(ledger, mail_server)
    assert "Traceback" not in odoo.read_log()


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_processes_deliver(_round, ledger, odoo, line, mail_server):
    odoo.call("decide")
    odoo.race("call_deliver", "call_deliver")
    check_everybody_heard_once(ledger, mail_server)
    assert "Traceback" not in odoo.read_log()


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_persons_button_against_the_job(_round, ledger, odoo, line, mail_server):
    odoo.call("make_files")
    names = sorted(ledger.customers(), reverse=_round % 2)[:12]
    odoo.race("call_jobs", ("press_button", {"names": names}))
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server)
    assert "Traceback" not in odoo.read_log()


def test_a_person_is_told_that_the_job_has_the_customer_in_hand(ledger, odoo, line, mail_server):
    odoo.call("make_files")
    decided, go_on = odoo.event(), odoo.event()
    job = odoo.start("run_day", wait_in=("_decide_locked", decided, go_on))
    assert decided.wait(60)
    told = odoo.call("press_button_once", name="Customer 01")
    go_on.set()
    job.result()
    assert told == "The daily run has Customer 01 in hand at this moment: try again in a minute."
    check_everybody_heard_once(ledger, mail_server)


@pytest.mark.parametrize("method", ["_get_due_notices", "_compose_locked"])
def test_a_process_that_comes_late_sends_nothing_again(method, ledger, odoo, line, mail_server):
    """It chose or composed its batch, then the other delivered everything."""
    odoo.call("decide")
    chosen, go_on = odoo.event(), odoo.event()
    late = odoo.start("call_deliver", wait_in=(method, chosen, go_on))
    assert chosen.wait(60)
    odoo.call("call_deliver")
    go_on.set()
    late.result()
    odoo.call("call_deliver")
    check_everybody_heard_once(ledger, mail_server)


def test_a_process_that_decides_late_makes_no_notice_again(ledger, odoo, line, mail_server):
    chosen, go_on = odoo.event(), odoo.event()
    late = odoo.start("call_jobs", wait_in=("_get_customer_ids", chosen, go_on))
    assert chosen.wait(60)
    odoo.call("call_jobs")
    go_on.set()
    late.result()
    check_everybody_heard_once(ledger, mail_server)


@pytest.mark.parametrize("method", ["_decide_locked", "_compose_locked"])
def test_what_is_being_made_while_somebody_stops_everything_never_leaves(
    method, ledger, odoo, line, mail_server
):
    """Whoever stops can't see what another process has in hand and has not committed."""
    automatic = [("collection_mode", "=", "automatic")]
    if method == "_compose_locked":
        odoo.call("decide")
    reached, go_on = odoo.event(), odoo.event()
    job = odoo.start("call_jobs", wait_in=(method, reached, go_on))
    assert reached.wait(60)
    odoo.call("execute", model="res.company", method="_stop_collections", domain=automatic)
    go_on.set()
    job.result()
    assert set(ledger.states()) <= {"cancelled"}
    assert not mail_server.messages()
    odoo.call("write", model="res.company", domain=[], values={"collection_mode": "automatic"})
    odoo.call("call_deliver")
    assert not mail_server.messages(), "nothing that was decided before leaves afterwards"
    odoo.call("run_day")
    sent = [found[-1]["state"] for found in ledger.notices().values()]
    assert sent == ["sent"] * ledger.count, "all is decided anew"
    assert "Traceback" not in odoo.read_log()


@pytest.mark.parametrize("method", ["_decide_locked", "_compose_locked"])
def test_what_is_being_made_while_each_is_to_be_approved_again_waits(
    method, ledger, odoo, line, mail_server
):
    """Whoever changes the mode can't see what another process has in hand and has not committed."""
    automatic = [("collection_mode", "=", "automatic")]
    if method == "_compose_locked":
        odoo.call("decide")
    reached, go_on = odoo.event(), odoo.event()
    job = odoo.start("call_jobs", wait_in=(method, reached, go_on))
    assert reached.wait(60)
    values = {"collection_mode": "approve"}
    odoo.call("write", model="res.company", domain=automatic, values=values)
    go_on.set()
    job.result()
    odoo.call("call_deliver")
    assert set(ledger.states()) == {"to_approve"}
    assert not mail_server.messages()

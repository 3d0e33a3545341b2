"""The first Monday, from installing to stopping, with a real mail server, web server and way in for mail."""

from datetime import date, timedelta

import pytest

from tools.mailgate import MailGate, write_answer
from tools.postgres import TEST
from tools.server import Server

from .ledger import address, sort_by_address

PILOT = ["Customer 01", "Customer 02", "Customer 03"]
ME = "me@creditor.example"


@pytest.fixture
def answers_to(odoo):
    """Return the address that the company's customers answer to."""
    return odoo.call("await_answers")


@pytest.fixture
def gate(answers_to, odoo, ledger, shared_log):
    """Give the way in for mail, with the web server behind it."""
    with (
        Server(TEST, ledger.name, shared_log) as server,
        MailGate(TEST, server.address, ledger.name) as gate,
    ):
        yield gate
    ledger.wait_until_left()


def approve(odoo):
    odoo.call(
        "execute",
        model="collection.notice",
        method="action_approve",
        domain=[("state", "=", "to_approve")],
    )


def test_from_installing_to_stopping(ledger, odoo, mail_server, gate, answers_to):
    # installed: nothing leaves
    odoo.call("go_live", mode="simulation")
    odoo.call("run_day")
    assert not ledger.notices()

    # work in progress is taken over, and a wrong sheet is not
    wrong = {"Customer 04": {"customer": "Nobody"}, "Customer 05": {"collector": "nobody"}}
    remarks = odoo.call("take_over", rows=wrong)
    assert len(remarks) == 4
    assert all("row" in remark and "column" in remark for remark in remarks)
    promised = {"promise_date": date.today() + timedelta(days=5)}
    assert not odoo.call("take_over", rows={"Customer 02": promised})
    assert odoo.call("get_decisions", customer="Customer 02") == ["promised"] * 2

    # a trial with some customers, each message approved, all to one's own mailbox
    odoo.call("choose_pilot", names=PILOT)
    odoo.call("go_live", mode="approve", pilot=True, mailbox=ME)
    assert odoo.call("get_decisions", customer="Customer 07") == ["not_pilot"] * 2
    foretold = odoo.call("count_foretold", days=0)
    odoo.call("run_day")
    assert ledger.states() == {"to_approve": foretold} == {"to_approve": 2}
    assert not mail_server.messages()
    approve(odoo)
    odoo.call("run_day")
    mail_server.wait_for(2)
    assert set(sort_by_address(mail_server.messages())) == {ME}

    # the customers, still approved one by one
    mail_server.clear()
    odoo.call("go_live", mode="approve", pilot=True, mailbox=False)
    odoo.call("run_day")
    approve(odoo)
    odoo.call("run_day")
    mail_server.wait_for(2)
    received = sort_by_address(mail_server.messages())
    assert set(received) == {address("Customer 01"), address("Customer 03")}

    # a customer answers, and is left alone
    answer = write_answer(received[address("Customer 01")][0], "We pay on Friday")
    gate.send(answer, address("Customer 01"), answers_to)
    assert odoo.call("get_decisions", customer="Customer 01") == ["pending_reply"] * 2

    # automatic for all, and stopped before it leaves
    mail_server.clear()
    odoo.call("go_live", mode="automatic", pilot=False)
    odoo.call("decide")
    assert ledger.states()["ready"] == ledger.count - len(PILOT)
    odoo.call("stop_everything")
    odoo.call("run_day")
    assert not mail_server.messages()
    assert "ready" not in ledger.states()

    # and on again: who has heard nothing yet, hears it
    odoo.call("go_live", mode="automatic")
    odoo.call("run_day")
    mail_server.wait_for(ledger.count - len(PILOT))
    heard = set(sort_by_address(mail_server.messages()))
    assert heard == {address(name) for name in ledger.customers() - set(PILOT)}

"""A mail server in trouble: what could not leave says why, is tried again, and leaves in the end with the same id."""

from datetime import timedelta

import pytest

from odoo import fields

from .ledger import address, check_everybody_heard_once, message_id, sort_by_address

# what the line does, and what the notices say then
TROUBLES = {
    "refuses": (lambda line: line.refuse(), "refused"),
    "drops on connecting": (lambda line: line.cut_at("connect"), "closed"),
    "drops on MAIL": (lambda line: line.cut_at("MAIL"), "closed"),
    "drops in the message": (lambda line: line.cut_at("message"), "closed"),
    "hangs on connecting": (lambda line: line.hang_at("connect"), "timed out"),
    "hangs on RCPT": (lambda line: line.hang_at("RCPT"), "timed out"),
    "hangs in the message": (lambda line: line.hang_at("message"), "timed out"),
    "says 421 on MAIL": (lambda line: line.answer_at("MAIL", "421 closing down"), "closing down"),
    "says 451 on RCPT": (lambda line: line.answer_at("RCPT", "451 greylisted"), "greylisted"),
    "says 554 to the message": (lambda line: line.answer_at("message", "554 is spam"), "is spam"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_all_is_sent_when_the_trouble_is_over(trouble, ledger, odoo, line, mail_server):
    begin, cause = TROUBLES[trouble]
    begin(line)
    odoo.call("run_day", smtp_timeout=1)
    ids = check_waiting(ledger, cause)
    ledger.pass_time()
    assert odoo.call("let_scheduler_run", smtp_timeout=1)
    assert check_waiting(ledger, cause) == ids, "the same message is tried again"
    assert not mail_server.messages()
    line.restore()
    ledger.pass_time()
    assert odoo.call("let_scheduler_run")
    check_everybody_heard_once(ledger, mail_server)
    sent = {name: notice["uid"] for name, [notice] in ledger.notices().items()}
    assert sent == ids


def check_waiting(ledger, cause):
    """Check that every notice waits for its turn and those that failed say why; return their Message-Ids."""
    notices = ledger.notices()
    assert set(notices) == ledger.customers()
    now = fields.Datetime.now()
    failed = [notice for [notice] in notices.values() if notice["state"] == "failed"]
    assert any(cause in notice["failure"].lower() for notice in failed)
    assert all(notice["failure"] and notice["retry_at"] > now for notice in failed)
    assert {notice["state"] for [notice] in notices.values()} <= {"failed", "queued"}
    return {name: notice["uid"] for name, [notice] in notices.items()}


def test_it_is_tried_later_and_later(ledger, odoo, line, mail_server):
    line.refuse()
    odoo.call("run_day")
    for attempt, minutes in ((1, 5), (2, 10), (3, 20)):
        assert not odoo.call("let_scheduler_run"), "it is not yet time"
        notice = ledger.notice("Customer 01")
        assert notice["attempts"] == attempt
        left = notice["retry_at"] - fields.Datetime.now()
        assert timedelta(minutes=minutes - 1) < left <= timedelta(minutes=minutes)
        ledger.pass_time()
        assert odoo.call("let_scheduler_run")
    line.restore()
    ledger.pass_time()
    odoo.call("let_scheduler_run")
    check_everybody_heard_once(ledger, mail_server)


@pytest.mark.parametrize("reply", [None, "450 mailbox busy", "550 no such mailbox"])
def test_one_bad_address_keeps_nobody_waiting(reply, ledger, odoo, line, mail_server):
    """The mail server drops the connection at one customer's mail, or refuses it."""
    at_customer = lambda command: address("Customer 03") in command  # noqa: E731
    if reply:
        line.answer_at("RCPT", reply, when=at_customer)
    else:
        line.cut_at("RCPT", when=at_customer)
    odoo.call("run_day")
    ledger.pass_time()
    odoo.call("let_scheduler_run")
    assert ledger.states() == {"sent": ledger.count - 1, "failed": 1}
    notice = ledger.notice("Customer 03")
    assert notice["state"] == "failed"
    assert (reply or "closed")[4:] in notice["failure"]
    line.restore()
    ledger.pass_time()
    if reply and reply.startswith("550"):
        # it would be refused again all day long; the next day's run tries once more
        assert not notice["retry_at"]
        odoo.call("run_day")
    odoo.call("let_scheduler_run")
    check_everybody_heard_once(ledger, mail_server)


def test_a_lost_confirmation_repeats_that_mail_only(ledger, odoo, line, mail_server):
    """The server took the mail, but the connection broke before it could say so."""
    line.cut_at("accepted", when=lambda text: address("Customer 05") in text)
    odoo.call("run_day")
    line.restore()
    ledger.pass_time()
    odoo.call("let_scheduler_run")
    check_everybody_heard_once(ledger, mail_server, repeated=1)
    twice = sort_by_address(mail_server.messages())[address("Customer 05")]
    assert len(twice) == 2
    assert message_id(twice[0]) == message_id(twice[1])


def test_a_server_that_comes_and_goes(ledger, odoo, line, mail_server):
    """It takes one mail a connection."""
    for _day in range(ledger.count + 1):
        passed = []
        line.cut_at("MAIL", when=lambda _text, passed=passed: passed or passed.append(1))
        odoo.call("run_day")
        ledger.pass_time()
    check_everybody_heard_once(ledger, mail_server)

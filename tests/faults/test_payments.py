"""Payments that come in between: what is paid is not claimed, and the rest is."""

import pytest

from .ledger import address, sort_by_address

# one of two invoices is paid, both are, one is disputed
PARTLY, WHOLLY, DISPUTED = "Customer 03", "Customer 04", "Customer 05"


def settle(odoo):
    """Pay and dispute, as people do while the job works."""
    odoo.call("pay", customer=PARTLY, due=12)
    odoo.call("pay", customer=WHOLLY)
    odoo.call("hold", customer=DISPUTED, due=12)


def check_settled_is_not_claimed(ledger, mail_server):
    """Check that nobody was asked for what was settled, and everybody for the rest, once."""
    received = sort_by_address(mail_server.messages())
    assert address(WHOLLY) not in received
    assert ledger.notice(WHOLLY)["state"] == "cancelled"
    assert ledger.notice(WHOLLY)["failure"]
    for name in ledger.customers() - {WHOLLY}:
        [message] = received[address(name)]
        assert ledger.notice(name)["state"] == "sent"
        assert ledger.notice(name)["uid"] == message["headers"]["message-id"]
        assert ledger.invoice(name, 5) in message["html"]
        settled = name in (PARTLY, DISPUTED)
        assert (ledger.invoice(name, 12) in message["html"]) is not settled
        assert ledger.notice(name)["amounts"] == ([105] if settled else [105, 112])


def test_settled_before_it_is_composed(ledger, odoo, line, mail_server):
    odoo.call("decide")
    settle(odoo)
    odoo.call("let_scheduler_run")
    check_settled_is_not_claimed(ledger, mail_server)


@pytest.mark.parametrize("stage", ["connect", "RCPT"])
def test_settled_while_the_mail_server_is_slow(stage, ledger, odoo, line, mail_server):
    """It answers when all is composed and the first mail, of another customer, is about to leave."""
    with line.stopped_at(stage) as there:
        process = odoo.start("run_day", smtp_timeout=30)
        assert there.wait(60)
        settle(odoo)
    process.result()
    check_settled_is_not_claimed(ledger, mail_server)


def test_settled_while_the_mail_waits_for_the_server(ledger, odoo, line, mail_server):
    line.refuse()
    odoo.call("run_day")
    assert ledger.states() == {"failed": ledger.count}
    settle(odoo)
    line.restore()
    ledger.pass_time()
    odoo.call("let_scheduler_run")
    check_settled_is_not_claimed(ledger, mail_server)


def test_settled_between_kill_and_restart(ledger, odoo, line, mail_server):
    process = odoo.start("run_day")
    with line.stopped_at("message") as there:
        assert there.wait(60)
        process.kill()
    ledger.wait_until_left()
    settle(odoo)
    odoo.call("run_day")
    check_settled_is_not_claimed(ledger, mail_server)


def test_odoos_own_queue_looks_again_too(ledger, odoo, line, mail_server):
    """A person, or Odoo's job, sends the mails that wait."""
    line.refuse()
    odoo.call("run_day")
    settle(odoo)
    line.restore()
    odoo.call(
        "execute", model="mail.mail", domain=[("state", "=", "exception")], method="mark_outgoing"
    )
    odoo.call("execute", model="mail.mail", domain=[("state", "=", "outgoing")], method="send")
    ledger.pass_time()
    odoo.call("let_scheduler_run")
    check_settled_is_not_claimed(ledger, mail_server)

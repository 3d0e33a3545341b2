"""Internal alarms: each reader gets one mail a day, whatever dies and whoever runs at the same time."""

import pytest

from .ledger import sort_by_address

READERS = 12


@pytest.fixture
def alarm(ledger, odoo):
    """Ask for an alarm; give a function that counts the mails that each reader got."""
    odoo.call("ask_alarm", readers=READERS)
    return lambda messages: {to: len(mails) for to, mails in sort_by_address(messages).items()}


EVERYBODY = {f"reader{number:02}@creditor.example.com": 1 for number in range(1, READERS + 1)}


@pytest.mark.parametrize("_round", range(2))
def test_two_processes_send_them(_round, alarm, ledger, odoo, line, mail_server):
    odoo.race("send_alarms", "send_alarms")
    odoo.call("send_alarms")
    assert alarm(mail_server.messages()) == EVERYBODY
    assert "Traceback" not in odoo.read_log()


@pytest.mark.parametrize("steps", [20, 60, 100, 140])
def test_killed_while_telling(steps, alarm, ledger, odoo, line, mail_server):
    assert odoo.start("send_alarms", die_at=steps).was_killed()
    ledger.wait_until_left()
    odoo.call("send_alarms")
    counts = alarm(mail_server.messages())
    assert set(counts) == set(EVERYBODY)
    # the mail that was in flight when the process was killed may arrive twice
    assert sum(counts.values()) <= READERS + 1
    logs = ledger.query("SELECT user_id, count(*) FROM collection_alarm_mail GROUP BY 1")
    assert [number for _user, number in logs] == [1] * READERS

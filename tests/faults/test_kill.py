"""Processes that are killed: what was committed counts, the rest is done again, and nobody hears twice."""

import random
import subprocess
import sys
import time

import pytest

from odoo.tools import config

from tools.console import tied

from .ledger import MANY, check_everybody_heard_once

SEEDS = range(6)


@pytest.fixture
def how_many():
    return MANY


@pytest.fixture(scope="module")
def steps_of_a_day(prepared, shared_line, shared_mail_server):
    """Return how many statements and commits a day takes that nobody disturbs."""
    ledger, odoo = prepared
    ledger.begin(MANY)
    odoo.clear_log()
    shared_line.restore()
    shared_mail_server.clear()
    steps = odoo.call("run_day")
    check_everybody_heard_once(ledger, shared_mail_server)
    assert odoo.read_log() == ""
    return steps


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_anywhere_in_the_day(seed, steps_of_a_day, ledger, odoo, line, mail_server):
    """Die twice: in this seed's part of the day, and soon after beginning again.

    Not more often: Odoo takes a job for failed that was interrupted three times.
    """
    chance = random.Random(seed)
    part = (seed + chance.random()) / len(SEEDS)
    kills = 0
    for share in (part, chance.random() / 3):
        kills += odoo.start("run_day", die_at=round(share * steps_of_a_day) + 1).was_killed()
        ledger.wait_until_left()
    assert kills
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server, repeated=kills)
    received = len(mail_server.messages())
    odoo.call("run_day")
    assert len(mail_server.messages()) == received, "a further run should say nothing"


@pytest.mark.parametrize("sent_before", [0, 9, MANY - 1])
def test_killed_when_the_server_has_taken_the_mail(sent_before, ledger, odoo, line, mail_server):
    """The worst moment: the mail has arrived, and nobody here knows. It comes again with its id, no other does."""
    process = odoo.start("run_day")
    with line.stopped_at("accepted", after=sent_before) as there:
        assert there.wait(60)
        process.kill()
    ledger.wait_until_left()
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server, repeated=1)
    assert len(mail_server.messages()) == MANY + 1


def test_killed_before_the_server_has_the_mail(ledger, odoo, line, mail_server):
    process = odoo.start("run_day")
    with line.stopped_at("message", after=5) as there:
        assert there.wait(60)
        process.kill()
    ledger.wait_until_left()
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server, repeated=0)


def test_killed_server_goes_on_when_it_is_started_again(ledger, odoo, line, mail_server):
    """The whole of Odoo with its scheduler, killed twice while it sends."""
    ledger.query("UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' WHERE active")
    for sent in (3, 12):
        server = start_server(ledger)
        wait_for(ledger, lambda sent=sent: line.accepted >= sent)
        server.kill()
        server.wait()
        ledger.wait_until_left()
    server = start_server(ledger)
    try:
        wait_for(ledger, lambda: ledger.states()["sent"] == MANY)
    finally:
        server.kill()
        server.wait()
    check_everybody_heard_once(ledger, mail_server, repeated=2)


def start_server(ledger):
    command = [sys.executable, "-m", "odoo", "-d", ledger.name, "--no-http"]
    command += ["--max-cron-threads=1", "--log-level=critical", f"--data-dir={config['data_dir']}"]
    return subprocess.Popen(tied(command, "KILL"), stdin=subprocess.DEVNULL)


def wait_for(ledger, condition, seconds=60):
    """Wait until something is so, waking the scheduler, which by itself looks once a minute."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} seconds"
        ledger.wake_scheduler()
        time.sleep(0.2)

"""Contacts merged or moved below another while notices and holds are in place: nothing is lost, nothing said twice."""

from collections import Counter

import pytest

from .ledger import address, sort_by_address

KEPT, GONE, HELD = "Customer 02", "Customer 03", "Customer 04"


def merge(odoo):
    odoo.call("merge_partners", sources=[GONE, HELD], target=KEPT)


def hang_below(odoo):
    for name in (GONE, HELD):
        odoo.call("hang_below", partner=name, parent=KEPT)


JOINED = pytest.mark.parametrize("join", [merge, hang_below])


def check_nothing_lost(ledger, mail_server):
    """Check that every invoice was claimed once, but the held one, and by one mail that was received once."""
    held = ledger.invoice(HELD, 12)
    claims = ledger.claims()
    assert len(claims) == 2 * ledger.count
    assert claims.pop(held) == []
    assert set(map(tuple, claims.values())) == {("sent",)}
    assert set(ledger.notices()) == ledger.customers() - {GONE, HELD}
    messages = mail_server.messages()
    ids = Counter(message["headers"]["message-id"] for message in messages)
    sent = [notice for found in ledger.notices().values() for notice in found]
    assert ids == Counter(notice["uid"] for notice in sent if notice["state"] == "sent")
    for name in claims:
        assert any(name in message["html"] for message in messages)
    assert not any(held in message["html"] for message in messages)


@JOINED
def test_before_the_files_are_made(join, ledger, odoo, line, mail_server):
    odoo.call("hold", customer=HELD, due=12)
    join(odoo)
    odoo.call("run_day")
    check_nothing_lost(ledger, mail_server)
    assert ledger.states()["sent"] == ledger.count - 2


@JOINED
def test_when_the_notices_are_decided(join, ledger, odoo, line, mail_server):
    odoo.call("hold", customer=HELD, due=12)
    odoo.call("decide")
    join(odoo)
    odoo.call("run_day")
    check_nothing_lost(ledger, mail_server)


@JOINED
def test_when_the_notices_are_composed(join, ledger, odoo, line, mail_server):
    odoo.call("hold", customer=HELD, due=12)
    line.refuse()
    odoo.call("run_day")
    line.restore()
    join(odoo)
    ledger.pass_time()
    odoo.call("run_day")
    check_nothing_lost(ledger, mail_server)


@JOINED
def test_when_the_notices_are_sent(join, ledger, odoo, line, mail_server):
    """The history stays, the conversation goes along, and nothing is said again."""
    odoo.call("hold", customer=HELD, due=12)
    odoo.call("run_day")
    join(odoo)
    odoo.call("run_day")
    check_nothing_lost(ledger, mail_server)
    assert len(ledger.notices()[KEPT]) == 3
    received = sort_by_address(mail_server.messages())
    assert all(len(received[address(name)]) == 1 for name in ledger.customers())
    [[lost]] = ledger.query(
        """
        SELECT count(*) FROM collection_notice notice
          LEFT JOIN mail_message message ON message.id = notice.message_id
         WHERE message.res_id IS DISTINCT FROM notice.customer_id
            OR message.model IS DISTINCT FROM 'collection.customer'
        """
    )
    assert not lost


@JOINED
@pytest.mark.parametrize("stage", ["connect", "MAIL"])
def test_while_the_job_sends(stage, join, ledger, odoo, line, mail_server):
    """Its first mail, of another customer, is about to leave."""
    odoo.call("hold", customer=HELD, due=12)
    with line.stopped_at(stage) as there:
        process = odoo.start("run_day", smtp_timeout=30)
        assert there.wait(60)
        join(odoo)
    process.result()
    ledger.pass_time()
    odoo.call("run_day")
    check_nothing_lost(ledger, mail_server)


def test_a_company_that_becomes_a_contact_of_its_parent(ledger, odoo, line, mail_server):
    """It hung below another already, as a company of its own; then somebody says that it is none."""
    for name in (GONE, HELD):
        odoo.call("hang_below", partner=name, parent=KEPT, is_company=True)
    odoo.call("hold", customer=HELD, due=12)
    odoo.call("run_day")
    for name in (GONE, HELD):
        odoo.call(
            "write", model="res.partner", domain=[("name", "=", name)], values={"is_company": False}
        )
    odoo.call("run_day")
    check_nothing_lost(ledger, mail_server)
    assert len(ledger.notices()[KEPT]) == 3


def test_a_contact_that_becomes_a_customer(ledger, odoo, line, mail_server):
    """Its invoices go along, and what was said of them stays said."""
    hang_below(odoo)
    odoo.call("run_day")
    sent = len(mail_server.messages())
    for name in (GONE, HELD):
        odoo.call(
            "write",
            model="res.partner",
            domain=[("name", "=", name)],
            values={"parent_id": False, "is_company": True},
        )
    odoo.call("run_day")
    assert len(mail_server.messages()) == sent
    assert set(map(tuple, ledger.claims().values())) == {("sent",)}

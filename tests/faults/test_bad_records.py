"""Customers with whom something is wrong: they show the cause, the others hear, and so do they when it is mended."""

import pytest

from .ledger import address, check_everybody_heard_once, sort_by_address

BAD = "Customer 03"
PARTNER = [("name", "=", BAD)]
MESSAGE = '<p>We ask for <t t-out="object.notice_id.claimed_text"/>.</p>'


def check_only_it_waits(ledger, cause):
    """Check that all customers but the bad one were sent their notice, and that its notice says why it wasn't."""
    notice = ledger.notice(BAD)
    assert cause in (notice["failure"] or "")
    assert notice["state"] == "failed"
    assert ledger.states() == {"sent": ledger.count - 1, "failed": 1}


def test_a_template_that_raises(ledger, odoo, line, mail_server):
    raising = f'<t t-if="object.partner_id.name == {BAD!r}" t-out="1 / 0"/>'
    odoo.call("set_message", template="mail_template_overdue_1", body=raising + MESSAGE)
    odoo.call("run_day")
    check_only_it_waits(ledger, "division by zero")
    odoo.call("set_message", template="mail_template_overdue_1", body=MESSAGE)
    ledger.pass_time()
    odoo.call("let_scheduler_run")
    check_everybody_heard_once(ledger, mail_server)


@pytest.mark.parametrize("email", [False, "nobody at nowhere", "  "])
def test_no_address(email, ledger, odoo, line, mail_server):
    """It is not tried again by itself the same day; the next run finds what was mended."""
    odoo.call("write", model="res.partner", domain=PARTNER, values={"email": email})
    odoo.call("run_day")
    check_only_it_waits(ledger, "no valid e-mail address")
    assert not ledger.notice(BAD)["retry_at"]
    odoo.call("write", model="res.partner", domain=PARTNER, values={"email": address(BAD)})
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server)


@pytest.mark.parametrize("lang", ["xx_XX", "fr_FR", ""])
def test_a_bad_language_gives_way_to_the_companys(lang, ledger, odoo, line, mail_server):
    ledger.query("UPDATE res_partner SET lang = %s WHERE name = %s", lang, BAD)
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server)


def test_an_archived_customer_hears(ledger, odoo, line, mail_server):
    """It owes all the same."""
    odoo.call("write", model="res.partner", domain=PARTNER, values={"active": False})
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server)


@pytest.mark.parametrize("method", ["action_archive", "unlink"])
@pytest.mark.parametrize(
    "moment", ["before it is decided", "when it is decided", "when it is composed"]
)
def test_a_contact_that_is_gone_gives_way_to_the_customer(
    moment, method, ledger, odoo, line, mail_server
):
    odoo.call("make_files")
    odoo.call("add_contact", customer=BAD, name="Payments", email="payments@example.com")
    gone = {"model": "res.partner", "method": method, "domain": [("name", "=", "Payments")]}
    if moment == "when it is decided":
        odoo.call("decide")
    elif moment == "when it is composed":
        line.refuse()
        odoo.call("run_day")
        line.restore()
    odoo.call("execute", **gone)
    ledger.pass_time()
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server)


def test_an_address_corrected_while_the_mail_waits(ledger, odoo, line, mail_server):
    odoo.call("write", model="res.partner", domain=PARTNER, values={"email": "old@example.com"})
    line.refuse()
    odoo.call("run_day")
    odoo.call("write", model="res.partner", domain=PARTNER, values={"email": address(BAD)})
    line.restore()
    ledger.pass_time()
    odoo.call("let_scheduler_run")
    check_everybody_heard_once(ledger, mail_server)


def test_a_customer_whose_notice_cant_be_made(ledger, odoo, line, mail_server):
    """The database refuses it: the customer's file says why, and the next run forgets it."""
    odoo.call("make_files")
    ledger.refuse_notices(BAD)
    odoo.call("run_day")
    assert ledger.states() == {"sent": ledger.count - 1}
    assert "refused by the test" in ledger.failure(BAD)
    ledger.refuse_notices(None)
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server)
    assert not ledger.failure(BAD)


def test_the_first_run_with_a_customer_whose_notice_cant_be_made(ledger, odoo, line, mail_server):
    """The files that this run made are there when it goes on one by one."""
    ledger.refuse_notices(BAD)
    odoo.call("run_day")
    assert ledger.states() == {"sent": ledger.count - 1}
    assert "refused by the test" in ledger.failure(BAD)


def test_a_company_that_fails_leaves_the_others_their_day(ledger, odoo, line, mail_server):
    other = odoo.call("add_company", customer="Customer 01")
    ledger.refuse_files(other)
    odoo.call("run_day")
    check_everybody_heard_once(ledger, mail_server)
    assert f"the day of company {other} failed" in odoo.read_log()
    again = ledger.query(
        """
        SELECT count(*) FROM ir_cron_trigger JOIN ir_cron ON ir_cron.id = cron_id
         WHERE cron_name LIKE 'Collections: decide%' AND call_at > now() AT TIME ZONE 'UTC'
        """
    )
    assert again == [(1,)], "it is tried again soon"


def test_everybody_is_written_to_at_their_own_address(ledger, odoo, line, mail_server):
    odoo.call("run_day")
    received = sort_by_address(mail_server.messages())
    for name in ledger.customers():
        [message] = received[address(name)]
        for due in (12, 5):
            assert ledger.invoice(name, due) in message["html"]

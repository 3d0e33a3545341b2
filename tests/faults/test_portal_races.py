"""The customer's page under two servers: double clicks, two tabs, and money that comes meanwhile; and the live conversation."""

import datetime
import threading

import pytest

from tools.postgres import TEST
from tools.server import Server

from .browser import Browser
from .visitor import Visitor

CUSTOMER = "Customer 01"


@pytest.fixture
def servers(ledger, odoo, shared_log):
    with (
        Server(TEST, ledger.name, shared_log) as one,
        Server(TEST, ledger.name, shared_log) as other,
    ):
        yield one, other


@pytest.fixture
def visitor(servers, odoo):
    return Visitor(servers, odoo.call("prepare_portal", customer=CUSTOMER))


def tomorrow():
    return (datetime.date.today() + datetime.timedelta(days=1)).isoformat()


def count(ledger, table):
    [[number]] = ledger.query(f"SELECT count(*) FROM {table}")
    return number


def test_the_same_form_clicked_four_times_is_one_promise(ledger, odoo, visitor):
    form = visitor.fill_in("/settle", kind="promise", date=tomorrow())
    done = visitor.send_at_once("/settle", *[form] * 4)
    assert set(done) == {"promise"}
    assert count(ledger, "collection_portal_request") == 1
    assert ledger.query("SELECT state, amount FROM collection_promise") == [("open", 217)]
    assert "Traceback" not in odoo.read_log()


def test_two_tabs_promise_different_days(ledger, odoo, visitor):
    """The second holds the invoices again, so it waits for the collector."""
    later = (datetime.date.today() + datetime.timedelta(days=5)).isoformat()
    forms = [
        visitor.fill_in("/settle", kind="promise", date=tomorrow()),
        visitor.fill_in("/settle", kind="promise", date=later),
    ]
    done = visitor.send_at_once("/settle", *forms)
    assert sorted(done) == ["promise", "waiting"]
    states = ledger.query("SELECT state FROM collection_portal_request ORDER BY state")
    assert states == [("done",), ("waiting",)]
    assert count(ledger, "collection_promise") == 1


def test_back_and_sent_again_is_the_same(ledger, odoo, visitor):
    """The page that the browser kept has the same key."""
    form = visitor.fill_in("/settle", kind="promise", date=tomorrow())
    for _time in range(2):
        assert visitor.send_at_once("/settle", form) == ["promise"]
    assert count(ledger, "collection_promise") == 1


def test_a_message_clicked_three_times_is_one(ledger, odoo, visitor):
    form = visitor.fill_in("/messages", text="When do you deliver?")
    visitor.send_at_once("/messages/send", *[form] * 3)
    found = ledger.query("SELECT id FROM mail_message WHERE body LIKE '%When do you deliver%'")
    assert len(found) == 1


def test_two_tabs_begin_to_pay_the_same(ledger, odoo, visitor):
    answers = visitor.pay_at_once(visitor.order(), visitor.order())
    begun = [answer for answer in answers if "result" in answer]
    refused = [answer["error"]["data"]["message"] for answer in answers if "error" in answer]
    assert (len(begun), len(refused)) == (1, 1)
    assert "on its way already" in refused[0]
    [[amount]] = ledger.query("SELECT amount FROM payment_transaction")
    assert amount == 217


def test_the_button_that_pays_clicked_twice(ledger, odoo, visitor):
    order = visitor.order()
    answers = visitor.pay_at_once(order, order)
    assert len([answer for answer in answers if "result" in answer]) == 1
    assert count(ledger, "payment_transaction") == 1


def test_a_payment_arrives_during_a_promise(ledger, odoo, visitor):
    """Whichever comes first: nothing is promised any more that was paid."""
    form = visitor.fill_in("/settle", kind="promise", date=tomorrow())
    done = []
    tab = threading.Thread(target=lambda: done.extend(visitor.send_at_once("/settle", form)))
    tab.start()
    odoo.call("pay", customer=CUSTOMER)
    tab.join()
    assert set(done) <= {"promise", "gone"}
    states = ledger.query("SELECT state FROM collection_promise")
    assert states == ([("kept",)] if done == ["promise"] else [])
    holds = ledger.query("SELECT id FROM collection_hold WHERE open AND kind = 'promised'")
    assert holds == []


def test_the_collector_writes_and_an_open_page_shows_it(ledger, odoo, visitor):
    """Live: the page is not loaded again."""
    [server, _other] = visitor.servers
    article = "[...document.querySelectorAll('article')].some(a => a.textContent.includes('%s'))"
    with Browser() as browser:
        browser.open(
            f"{server.address}/my/collections/messages?access_token={visitor.facts['token']}"
        )
        browser.wait_for("!!document.querySelector('.o_collections_conversation[data-channel]')")
        browser.evaluate("window.notLoadedAgain = true")
        odoo.call("write_to_customer", customer=CUSTOMER, text="We deliver on Friday")
        browser.wait_for(article % "We deliver on Friday")
        odoo.call("write_to_customer", customer="Customer 02", text="For somebody else")
        odoo.call("write_to_customer", customer=CUSTOMER, text="In the morning")
        browser.wait_for(article % "In the morning")
        assert not browser.evaluate(article % "For somebody else")
        assert browser.evaluate("window.notLoadedAgain") is True

"""The customer's page, served by two processes: they count attempts together, and none waits for the other."""

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tools.postgres import TEST
from tools.server import Server

ALLOWED = 30  # wrong links an hour


def open_wrong_link(server):
    """Return the status of the answer to a link that is wrong."""
    try:
        with urllib.request.urlopen(
            f"{server.address}/my/collections?access_token=wrong", timeout=60
        ) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_wrong_links_are_refused_after_so_many_by_whichever_server(ledger, odoo, shared_log):
    with (
        Server(TEST, ledger.name, shared_log) as one,
        Server(TEST, ledger.name, shared_log) as other,
    ):
        # twice as many: a new hour may begin meanwhile
        statuses = [open_wrong_link(server) for server in (one, other) * (ALLOWED + 1)]
    assert statuses[:ALLOWED] == [404] * ALLOWED
    assert set(statuses[ALLOWED:]) <= {404, 429}
    assert 429 in statuses
    if 404 not in statuses[ALLOWED:]:
        assert statuses[ALLOWED] == 429


def print_statement(link):
    """Return the beginning of the statement that a customer's link gives."""
    with urllib.request.urlopen(link.replace("?", "/statement.pdf?"), timeout=60) as answer:
        return answer.read(5)


def test_statements_printed_at_once_do_not_wait_for_each_other(ledger, odoo, shared_log):
    """Each process waits for its own print: none is left that a print could ask for anything."""
    with Server(TEST, ledger.name, shared_log, workers=2) as server:
        links = odoo.call("get_portal_links", address=server.address)
        assert len(links) > 2
        with ThreadPoolExecutor(len(links)) as customers:
            assert list(customers.map(print_statement, links)) == [b"%PDF-"] * len(links)

"""The customer's page, served by two processes: they count the attempts of a visitor together."""

import urllib.error
import urllib.request

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

"""The customer's page by real HTTP, beside Odoo's own: one server, one database, real logins."""

import re
import statistics
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tools import postgres
from tools.server import Server

from . import visitors
from .processes import run_inside
from .visitors import Page, Visitor

WORKERS = 2
# So many connections wait at Odoo's prefork server. More are lost, now and then, whatever they ask
# for: their request comes so late after they were taken that it takes them for dead.
CONNECTIONS = 8 * WORKERS
# Visits that count, and visits of each page before: both workers have to know it.
ROUNDS, WARMING = 25, 6
PDF_ROUNDS, PDF_WARMING = 7, 3
SECONDS = 60
# The server's own account of a request: its path, queries, seconds in PostgreSQL.
TOLD = re.compile(r'"GET (\S+) HTTP/[\d.]+" \d+ \S+ (\d+) ([\d.]+) [\d.]+$', re.MULTILINE)

OWN_PAGES = {
    "account": ("/my/collections", b"o_collections_portal"),
    "invoices": ("/my/collections/invoices", b"BENCH/"),
    "agreements": ("/my/collections/agreements", b"o_collections_portal"),
    "messages": ("/my/collections/messages", b"o_collections_conversation"),
    "invoice.pdf": ("/my/collections/invoices/{invoice}/pdf", b"%PDF"),
    "statement.pdf": ("/my/collections/statement.pdf", b"%PDF"),
    "statement.xlsx": ("/my/collections/statement.xlsx", b"xl/worksheets"),
}
NATIVE_PAGES = {
    "invoices": ("/my/invoices", b"BENCH/"),
    "invoice": ("/my/invoices/{invoice}", b"BENCH/"),
    "invoice.pdf": ("/my/invoices/{invoice}?report_type=pdf&download=true", b"%PDF"),
}
# What a customer looks at in turn; one page of twenty is a statement to print.
OWN_WALK = (
    *("account", "invoices", "account", "invoice.pdf", "account", "messages", "account"),
    *("agreements", "invoices", "account", "account", "statement.xlsx", "account", "invoices"),
    *("account", "messages", "account", "agreements", "account", "statement.pdf"),
)
NATIVE_WALK = (
    *("invoices", "invoice", "invoices", "invoice.pdf", "invoices", "invoice", "invoices"),
    *("invoices", "invoice", "invoices"),
)


def first_page(database):
    """Open the first page of the customer with most invoices, and Odoo's own list of them, in turns.

    :return: dict of ``ours``, ``link`` (without login) and ``bare``: median of ``seconds``,
        ``queries``, ``in_postgresql_ms``, ``kib``; ``items`` that are open
    """
    with _served(database) as (server, log, [most, *_others]):
        visitor = _log_in(server, most)
        stranger = Visitor(server.address)
        link = urlsplit(most["link"])
        by_link = Page("link", f"{link.path}?{link.query}", b"o_collections_portal")
        ours, bare = _page(OWN_PAGES, "account", most), _page(NATIVE_PAGES, "invoices", most)
        calls = {
            "ours": lambda: visitor.visit(ours),
            "bare": lambda: visitor.visit(bare),
            "link": lambda: stranger.visit(by_link),
        }
        visits = visitors.in_turns(calls, ROUNDS, WARMING)
        paths = {"ours": ours.path, "bare": bare.path, "link": by_link.path}
        return _sum_up(visits, paths, log) | {"items": most["items"]}


def statement(database):
    """Download the statement of the customer with 200 items, and Odoo's own PDF of one invoice, in turns.

    :return: as :func:`first_page`
    """
    with _served(database) as (server, log, [most, some, *_others]):
        visitor, other = _log_in(server, some), _log_in(server, most)
        ours = _page(OWN_PAGES, "statement.pdf", some)
        # another invoice than the one whose PDF is stored: it is printed each time
        bare = _page(NATIVE_PAGES, "invoice.pdf", {"invoice": most["unprinted"]})
        calls = {"ours": lambda: visitor.visit(ours), "bare": lambda: other.visit(bare)}
        visits = visitors.in_turns(calls, PDF_ROUNDS, PDF_WARMING)
        paths = {"ours": ours.path, "bare": bare.path}
        return _sum_up(visits, paths, log) | {"items": some["items"]}


def crowd(database):
    """Let all customers with a login look at our pages for a minute, then at Odoo's own.

    :return: dict of ``ours`` and ``bare``: ``p95`` in seconds, ``pages_per_s``, ``problems``: how
        often which, ``pages``: median, 95th percentile and number of each kind
    """
    with _served(database) as (server, _log, customers):
        browsers = [(_log_in(server, customer), customer) for customer in customers]
        return {
            name: _walk(browsers, pages, walk)
            for name, pages, walk in (
                ("ours", OWN_PAGES, OWN_WALK),
                ("bare", NATIVE_PAGES, NATIVE_WALK),
            )
        }


def _walk(browsers, pages, walk):
    walks = [
        (browser, [_page(pages, kind, customer) for kind in walk]) for browser, customer in browsers
    ]
    visitors.crowd(walks, SECONDS / 10, CONNECTIONS)  # warms up
    visits = visitors.crowd(walks, SECONDS, CONNECTIONS)
    return {
        "p95": _get_p95(visits),
        "pages_per_s": round(len(visits) / SECONDS, 1),
        "problems": dict(Counter(visit.problem for visit in visits if visit.problem)),
        "pages": {
            kind: {
                "median_ms": round(1000 * statistics.median(visit.seconds for visit in found)),
                "p95_ms": round(1000 * _get_p95(found)),
                "number": len(found),
            }
            for kind in pages
            if (found := [visit for visit in visits if visit.kind == kind])
        },
    }


@contextmanager
def _served(database):
    """Serve a database; give the server, its log and what its customers have to know."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "odoo.log"
        options = ("--log-handler=werkzeug:INFO",)
        with Server(postgres.TEST, database, log, WORKERS, options) as server:
            yield server, log, run_inside(database, "portal.prepare", (), server.address)


def _log_in(server, customer):
    visitor = Visitor(server.address)
    visitor.log_in(customer["login"], customer["password"])
    return visitor


def _page(pages, kind, customer):
    path, words = pages[kind]
    return Page(kind, path.format(**customer), words)


def _sum_up(visits, paths, log):
    """Return the median of what was measured of each page, with what the server told of it.

    :raises AssertionError: when an answer was none
    """
    problems = [visit.problem for found in visits.values() for visit in found if visit.problem]
    assert not problems, problems
    told = TOLD.findall(log.read_text())
    return {
        name: {
            "seconds": statistics.median(visit.seconds for visit in found),
            "kib": round(statistics.median(visit.size for visit in found) / 1024),
            **_read_log(told, paths[name], len(found)),
        }
        for name, found in visits.items()
    }


def _read_log(told, path, number):
    """Return the medians of queries and time in PostgreSQL of the last requests of a page."""
    rows = [row for row in told if row[0] == path][-number:]
    return {
        "queries": statistics.median(int(queries) for _path, queries, _seconds in rows),
        "in_postgresql_ms": round(
            1000 * statistics.median(float(seconds) for _path, _queries, seconds in rows), 1
        ),
    }


def _get_p95(visits):
    """Return the seconds within which 95 of 100 visits were answered."""
    seconds = sorted(visit.seconds for visit in visits)
    return seconds[min(len(seconds) * 95 // 100, len(seconds) - 1)]

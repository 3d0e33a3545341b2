"""Customers' browsers, as light as can be: pages by real HTTP with a login's cookie, nothing of what pages refer to."""

import http.client
import re
import threading
import time
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

SECONDS = 120  # after which an answer that doesn't come is an error
CSRF = re.compile(rb'name="csrf_token" value="([^"]+)"')


class Page(NamedTuple):
    """What a visitor asks for, and the words by which its answer is known to be the right one."""

    kind: str
    path: str
    words: bytes


class Visit(NamedTuple):
    """How it went: seconds from the connection to the answer's last byte, its size, and what was wrong."""

    kind: str
    seconds: float
    size: int
    problem: str | None


class Visitor:
    """A customer's browser; it keeps its cookies.

    :param str address: of the server
    """

    def __init__(self, address):
        self._host = urlsplit(address).netloc
        self._cookies = {}

    def log_in(self, login, password):
        """Log in by the form, as people do.

        :raises AssertionError: when it isn't let in
        """
        _status, body = self._ask("GET", "/web/login")
        [token] = CSRF.findall(body)
        form = {"login": login, "password": password, "csrf_token": token.decode()}
        status, _body = self._ask("POST", "/web/login", urlencode(form))
        assert status in (302, 303), f"{login} isn't let in"

    def visit(self, page):
        """Ask for a page and read its answer to the end."""
        began = time.perf_counter()
        body, problem = b"", None
        try:
            status, body = self._ask("GET", page.path)
            if status != 200:
                problem = f"status {status}"
            elif page.words not in body:
                problem = "another page"
        except (OSError, http.client.HTTPException) as error:
            problem = repr(error)
        return Visit(page.kind, time.perf_counter() - began, len(body), problem)

    def _ask(self, method, path, form=None):
        """Return status and body of an answer; Odoo closes the connection after each."""
        connection = http.client.HTTPConnection(self._host, timeout=SECONDS)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, form, headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie", ()):
                name, value = cookie.split(";")[0].split("=", 1)
                self._cookies[name] = value
            return answer.status, answer.read()
        finally:
            connection.close()


def in_turns(calls, rounds, warming):
    """Make calls in turns, so that whatever else the machine does concerns all of them.

    :param calls: dict of name -> function that returns a Visit
    :param int rounds: visits of each that count
    :param int warming: visits of each before: all workers have to know the pages
    :return: dict of name -> list of Visits
    """
    for call in calls.values():
        for _number in range(warming):
            call()
    visits = {name: [] for name in calls}
    for _number in range(rounds):
        for name, call in calls.items():
            visits[name].append(call())
    return visits


def crowd(walks, seconds, connections):
    """Let visitors walk at once, each asking for the next page as soon as it has the former.

    :param walks: pairs of a Visitor and its pages, which it asks for over and over, each from
        another of them on
    :param int connections: that the server has at once; who comes then waits, as before the proxy
        that stands before a server, and the waiting counts
    :return: list of Visits
    """
    visits, deadline = [], time.perf_counter() + seconds
    proxy = threading.Semaphore(connections)

    def walk(number, visitor, pages):
        while time.perf_counter() < deadline:
            began = time.perf_counter()
            with proxy:
                waited = time.perf_counter() - began
                visit = visitor.visit(pages[number % len(pages)])
            visits.append(visit._replace(seconds=waited + visit.seconds))
            number += 1

    threads = [
        threading.Thread(target=walk, args=(number, *pair)) for number, pair in enumerate(walks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return visits

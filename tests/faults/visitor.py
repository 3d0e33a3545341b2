"""A customer's browser: it has a link, sends forms, and may send them to several servers at once."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import requests
from lxml import html

ROOT = "/my/collections"


class Visitor:
    """Who opened the customer's page by a link.

    :param servers: on which the pages are; they share sessions
    :param dict facts: of the action ``prepare_portal``
    """

    def __init__(self, servers, facts):
        self.servers = servers
        self.facts = facts
        self._cookies = {}

    def get(self, path="", **params):
        """Return the tree of a page of the first server."""
        answer = requests.get(
            f"{self.servers[0].address}{ROOT}{path}",
            params={"access_token": self.facts["token"], **params},
            cookies=self._cookies,
            timeout=60,
        )
        assert answer.status_code == 200, answer.text[:500]
        self._cookies |= answer.cookies.get_dict()
        return html.fromstring(answer.content)

    def fill_in(self, path, **values):
        """Open the page of a form; return the form with all that is hidden in it, filled in."""
        tree = self.get(path, item=self.facts["items"], **values)
        fields = defaultdict(list)
        for field in tree.xpath("//form[@method='post']//input[@type='hidden']"):
            fields[field.get("name")].append(field.get("value"))
        return {"access_token": self.facts["token"], **fields, **values}

    def order(self):
        """Open the page that pays the invoices; return what its form sends to begin the payment."""
        tree = self.get("/pay", item=self.facts["items"])
        [form] = tree.xpath("//form[@id='o_payment_form']")
        return {
            "provider_id": self.facts["provider"],
            "payment_method_id": self.facts["method"],
            "token_id": None,
            "amount": float(form.get("data-amount")),
            "flow": "direct",
            "tokenization_requested": False,
            "landing_route": form.get("data-landing-route"),
            "is_validation": False,
            "access_token": form.get("data-access-token"),
        }

    def send_at_once(self, path, *forms):
        """Send forms at once, each to the next server; return what each page says was done."""

        def send(server, form):
            answer = requests.post(
                f"{server.address}{ROOT}{path}", data=form, cookies=self._cookies, timeout=60
            )
            assert answer.status_code == 200, answer.text[:2000]
            return parse_qs(urlsplit(answer.url).query).get("done", [None])[0]

        return self._do_at_once(send, forms)

    def pay_at_once(self, *orders):
        """Begin payments at once, each on the next server; return the answers."""

        def begin(server, order):
            answer = requests.post(
                f"{server.address}{ROOT}/transaction",
                json={"jsonrpc": "2.0", "id": 0, "params": order},
                cookies=self._cookies,
                timeout=60,
            )
            return answer.json()

        return self._do_at_once(begin, orders)

    def _do_at_once(self, action, parts):
        servers = [self.servers[number % len(self.servers)] for number in range(len(parts))]
        with ThreadPoolExecutor(len(parts)) as pool:
            return list(pool.map(action, servers, parts))

"""A browser that looks at a page: as much of Chromium's protocol as the tests of faults need."""

import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import websocket

from tools.console import tied


class Browser:
    """Chromium with one page. Use it as a context manager."""

    def __init__(self):
        self._profile = tempfile.mkdtemp(prefix="faults-browser-")
        self._numbers = itertools.count(1)
        self._process = self._page = None

    def __enter__(self):
        self._process = subprocess.Popen(
            tied(
                [
                    # Odoo limits the memory of this process, and a browser reserves more
                    *("prlimit", "--as=unlimited", "chromium"),
                    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                    *("--remote-debugging-port=0", "--remote-allow-origins=*"),
                    f"--user-data-dir={self._profile}",
                    "about:blank",
                ]
            ),
            stderr=subprocess.DEVNULL,
        )
        port = self._await_port()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
            pages = json.load(answer)
        [address] = [page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"]
        self._page = websocket.create_connection(address, timeout=60)
        return self

    def __exit__(self, *_exception):
        if self._page:
            self._page.close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def _await_port(self):
        """Return the port at which Chromium listens once it does."""
        file = Path(self._profile) / "DevToolsActivePort"
        deadline = time.monotonic() + 60
        while not (file.exists() and file.read_text().strip()):
            assert self._process.poll() is None, "the browser ended"
            assert time.monotonic() < deadline, "the browser doesn't start"
            time.sleep(0.1)
        return int(file.read_text().split()[0])

    def _call(self, method, **params):
        number = next(self._numbers)
        self._page.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._page.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, address):
        """Go to an address."""
        self._call("Page.navigate", url=address)

    def evaluate(self, expression):
        """Return the value of a JavaScript expression on the page."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait_for(self, expression, seconds=30):
        """Wait until a JavaScript expression is true.

        :raises AssertionError: when it doesn't come true
        """
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.1)

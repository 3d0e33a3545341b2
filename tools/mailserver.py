"""A real mail server on 127.0.0.1 that keeps what it receives, with a page to read it."""

import json
import socket
import subprocess
import tempfile
import time
import urllib.request
from itertools import chain

from . import node_packages
from .console import Failure, tied


def free_port(preferred=0):
    """Return a port that nobody listens on: the preferred one if possible."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise Failure("There is no free port.")


class MailServer:
    """Maildev, as a process of its own. Use it as a context manager, or call start and stop.

    After a stop it can be started again on the same ports; what it had received is still told by :meth:`messages`,
    but no longer shown by the page.

    :param smtp_port: port to receive mail on; a free one if not given or taken
    :param web_port: port of the page, likewise
    """

    def __init__(self, smtp_port=0, web_port=0):
        self.smtp_port = free_port(smtp_port)
        self.web_port = free_port(web_port)
        self.address = f"http://127.0.0.1:{self.web_port}"
        self._folder = None
        self._process = None
        self._fetched = 0
        self._kept = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exception):
        self._end()

    def start(self):
        """Start it and wait until it answers.

        :raises Failure: when it doesn't within 30 seconds
        """
        self._folder = tempfile.TemporaryDirectory(
            prefix="collections-mail-", ignore_cleanup_errors=True
        )
        options = {
            "--ip": "127.0.0.1",
            "--smtp": self.smtp_port,
            "--web": self.web_port,
            "--mail-directory": self._folder.name,
        }
        program = node_packages.module("maildev/bin/maildev")
        command = ["node", program, "--silent", *chain.from_iterable(options.items())]
        self._fetched = 0
        # a session of its own, so that Ctrl-C reaches only us
        self._process = subprocess.Popen(
            tied(command), stdin=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 30
        while not (self._answers(self.smtp_port) and self._answers(self.web_port)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise Failure(
                    f"The mail server doesn't start on ports {self.smtp_port} and {self.web_port}."
                )
            time.sleep(0.05)

    def stop(self):
        """Stop it; who connects is refused from now on."""
        self.messages()
        self._end()

    def messages(self):
        """Return all messages received so far, or since they were cleared, oldest first, as maildev's dictionaries.

        Among their keys are ``subject``, ``from``, ``to``, ``headers`` (lower case names), ``text``, ``html``,
        ``attachments`` and ``envelope``.
        """
        if self._process:
            new = self.read(self.address, self._fetched)
            self._fetched += len(new)
            self._kept += new
        return list(self._kept)

    @staticmethod
    def read(page, skip=0):
        """Return the messages that the page of a mail server shows, as :meth:`messages` does.

        :param str page: its address
        :param int skip: how many to leave out
        """
        with urllib.request.urlopen(f"{page}/email?skip={skip}", timeout=60) as answer:
            return json.load(answer)

    def wait_for(self, count, seconds=60):
        """Wait until that many messages were received, and return all there are then.

        :raises TimeoutError: when fewer have come in time
        """
        deadline = time.monotonic() + seconds
        while len(messages := self.messages()) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{len(messages)} of {count} messages received in {seconds} seconds"
                )
            time.sleep(0.2)
        return messages

    def clear(self):
        """Forget all messages received so far; the page goes on showing them.

        Maildev itself is not asked to delete them: it crashes when a message is arriving meanwhile.
        """
        self.messages()
        self._kept = []

    def _end(self):
        if self._process:
            # it would wait for connections that hang
            self._process.kill()
            self._process.wait()
            self._process = None
            self._folder.cleanup()

    @staticmethod
    def _answers(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

"""The way in for mail, as a process of its own; and a customer who answers."""

import os
import smtplib
import socket
import subprocess
import time
from email.message import EmailMessage
from email.utils import make_msgid

from . import ground, python_packages, settings
from .console import Failure, tied
from .mailserver import MailServer, free_port

PORT = 1026  # of the demo


class MailGate:
    """A mail server on 127.0.0.1 that hands what it receives to Odoo. Use it as a context manager.

    :param cluster: the cluster of the database
    :param str address: of Odoo's web server
    :param str database: its name
    :param int port: to receive mail on; a free one if not given or taken
    :param str password: of the administrator
    """

    def __init__(self, cluster, address, database, port=0, password="admin"):
        self.port = free_port(port)
        self._cluster = cluster
        self._odoo = (address, database, password)
        self._process = None

    def __enter__(self):
        command = [python_packages.python(), "-m", "tools.inside.mailgate", self.port, *self._odoo]
        self._process = subprocess.Popen(
            tied(command),
            env=ground.environment(self._cluster),
            cwd=settings.REPOSITORY,
            stdin=subprocess.DEVNULL,
            # so that Ctrl-C reaches only us
            start_new_session=True,
        )
        deadline = time.monotonic() + 30
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise Failure(f"The way in for mail doesn't start on port {self.port}.")
            time.sleep(0.05)
        return self

    def __exit__(self, *_exception):
        self._process.kill()
        self._process.wait()

    def send(self, message, sender, *recipients):
        """Send a message as any mail server would.

        :param message: bytes, or an ``EmailMessage``
        :raises smtplib.SMTPException: when it is refused
        """
        raw = message if isinstance(message, bytes) else message.as_bytes()
        with smtplib.SMTP("127.0.0.1", self.port, timeout=120) as server:
            server.sendmail(sender, recipients, b"\r\n".join(raw.splitlines()))


def write_answer(message, text, sender=None):
    """Return the answer to a received message, as a mail program makes it.

    :param dict message: as :meth:`tools.mailserver.MailServer.messages` returns it
    :param str text: of the answer
    :param str sender: default: who received the message
    """
    headers = message["headers"]
    answer = EmailMessage()
    answer["From"] = sender or message["to"][0]["address"]
    answer["To"] = headers.get("reply-to") or headers["from"]
    answer["Subject"] = f"Re: {message['subject']}"
    answer["Message-Id"] = make_msgid(domain="customer.example")
    answer["In-Reply-To"] = answer["References"] = headers["message-id"]
    answer.set_content(text)
    return answer


def answer():
    """Answer the newest notice on the demo's mail page, or the newest to the address in TO.

    :raises Failure: when there is none, or nobody listens
    """
    page = os.environ.get("PAGE") or "http://127.0.0.1:1080"
    to = os.environ.get("TO", "")
    try:
        messages = [
            message
            for message in MailServer.read(page)
            # Odoo names the conversation in each Message-Id
            if "collection.customer" in message["headers"]["message-id"]
            and to in message["to"][0]["address"]
        ]
    except OSError as error:
        raise Failure(f"No mail page at {page}: is the demo served? ({error})") from error
    if not messages:
        raise Failure(f"There is no notice to {to or 'anybody'} on {page}.")
    mail = write_answer(messages[-1], os.environ.get("TEXT") or "We pay next Friday.")
    port = int(os.environ.get("GATE") or PORT)
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=120) as server:
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise Failure(f"The answer was not taken on port {port}: {error}") from error
    print(f"{mail['From']} answered “{messages[-1]['subject']}” to {mail['To']}.")
    return 0


def _answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

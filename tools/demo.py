"""The demo: a database with the sample ledger, today's collection in it, and the web client to look at both."""

import json
import os
import subprocess
import time
import urllib.request
from contextlib import contextmanager

from . import cache, databases, ground, mailgate, postgres, python_packages, settings
from .console import Failure, say, step, tied
from .mailgate import MailGate
from .mailserver import MailServer, free_port

DATABASE = os.environ.get("DB") or "collections_demo"
HTTP_PORT, SMTP_PORT, MAIL_PAGE_PORT = 8069, 1025, 1080


def demo():
    """Make the demo database anew, run today's collection, print what came of it, and serve it unless SERVE=0.

    :raises Failure: when a step fails, or Odoo says it sent more than the mail server received
    """
    ground.prepare()
    cluster = postgres.DEMO
    cluster.start()
    # for as long as it is served, as a second demo would take the database away
    with cache.locked(f"database {DATABASE}"), MailServer(SMTP_PORT, MAIL_PAGE_PORT) as mail_server:
        address = f"http://127.0.0.1:{free_port(HTTP_PORT)}"
        databases.create(cluster, DATABASE)
        logins = _inside(cluster, "load", DATABASE, mail_server.smtp_port, address)["logins"]
        # invoices and letters are printed with the help of pages; its scheduler waits for our run
        with _web_client(cluster, address, "--max-cron-threads=0"):
            outcome = _inside(cluster, "collect", DATABASE)
        _print_received(mail_server, outcome)
        if os.environ.get("SERVE") != "0":
            _serve(cluster, mail_server, address, logins)
    return 0


def _inside(cluster, *arguments):
    """Call tools.inside.demo; what it says goes to the terminal, the object it prints is returned."""
    command = [python_packages.python(), "-m", "tools.inside.demo", *arguments]
    outcome = None
    with _started(command, cluster, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("{"):
                outcome = json.loads(line)
            else:
                print(line, end="", flush=True)
    if not outcome:
        raise Failure("The demo could not be made; the reason is above.")
    return outcome


def _print_received(mail_server, outcome):
    try:
        messages = mail_server.wait_for(outcome["sent"])
    except TimeoutError as error:
        raise Failure(f"The mail server did not receive all that Odoo sent: {error}") from error
    print(f"\nMessages received by the mail server: {len(messages)}")
    print(
        f"Messages waiting in Odoo: {outcome['waiting']}, failed: {outcome['failed']}\n", flush=True
    )


def _serve(cluster, mail_server, address, logins):
    """Serve the web client until the user interrupts."""
    with (
        _web_client(cluster, address) as process,
        MailGate(cluster, address, DATABASE, mailgate.PORT) as gate,
    ):
        print(f"\nWeb client:     {address}/odoo")
        for role, login, password in logins:
            print(f"  {role:<20} {login} / {password}")
        print(f"Received mail:  {mail_server.address}")
        print(f"Mail to Odoo:   SMTP on 127.0.0.1:{gate.port}; answer the newest notice by")
        print(
            f'  make answer TEXT="We pay on Friday" PAGE={mail_server.address} GATE={gate.port}'
            "\n  (TO=address: the newest to that customer), and its claims are held."
        )
        print("\nCtrl-C ends all.", flush=True)
        try:
            process.wait()
        except KeyboardInterrupt:
            say("Stopping")


@contextmanager
def _web_client(cluster, address, *options):
    """Give the server's process when it answers; it ends with the block."""
    command = [python_packages.python(), "-m", "odoo", "-d", DATABASE, f"--db-filter=^{DATABASE}$"]
    command += [f"--http-port={address.rpartition(':')[2]}", "--log-level=warn", *options]
    with _started(command, cluster) as process:
        with step("Starting the web client"):
            _load_first_page(process, address)
        yield process


def _load_first_page(process, address):
    """Load the first page, so that the user need not wait for it to be prepared."""
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/web/login", timeout=300).close()
            return
        except OSError:
            time.sleep(0.2)
    raise Failure("The web client doesn't start; the reason is above.")


@contextmanager
def _started(command, cluster, **options):
    """Give a process that runs in the prepared environment; it ends with the block."""
    process = subprocess.Popen(
        tied(command),
        env=ground.environment(cluster),
        cwd=settings.REPOSITORY,
        stdin=subprocess.DEVNULL,
        # so that Ctrl-C reaches only us
        start_new_session=True,
        **options,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()

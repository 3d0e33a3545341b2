"""Odoo's web server as a process of its own."""

import subprocess
import time
import urllib.request

from . import ground, python_packages, settings
from .console import tied
from .mailserver import free_port

SCRIPT = settings.REPOSITORY / "tools" / "inside" / "serve.py"
START_SECONDS, END_SECONDS = 60, 20


class Server:
    """Serves one database on 127.0.0.1; its scheduler rests. Use it as a context manager.

    :param cluster: the cluster of the database
    :param str database: its name
    :param log: path of the file to which it logs warnings and errors
    :param int workers: processes that answer; 0: one, with threads
    :param options: further ones of Odoo's
    """

    def __init__(self, cluster, database, log, workers=0, options=()):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._cluster = cluster
        self._options = [
            *("-d", database, f"--db-filter=^{database}$", f"--http-port={self.port}"),
            *("--max-cron-threads=0", "--log-level=warn", f"--logfile={log}"),
            *((f"--workers={workers}", f"--gevent-port={free_port()}") if workers else ()),
            *options,
        ]
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(
            tied([python_packages.python(), SCRIPT, *self._options]),
            env=ground.environment(self._cluster),
            cwd=settings.REPOSITORY,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "the web server ended"
            assert time.monotonic() < deadline, "the web server doesn't start"
            time.sleep(0.1)
        return self

    def __exit__(self, *_exception):
        # workers end with their master only if it is asked to
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self):
        try:
            urllib.request.urlopen(f"{self.address}/web/health", timeout=30).close()
        except OSError:
            return False
        return True

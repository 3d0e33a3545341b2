"""Odoo's web server as a process of its own."""

import subprocess
import time
import urllib.request

from tools import ground, python_packages, settings
from tools.console import tied
from tools.mailserver import free_port


class Server:
    """Serves one database on 127.0.0.1; its scheduler rests. Use it as a context manager.

    :param cluster: the cluster of the database
    :param str database: its name
    :param log: path of the file to which it logs warnings and errors
    """

    def __init__(self, cluster, database, log):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._cluster = cluster
        self._options = [
            *("-d", database, f"--db-filter=^{database}$", f"--http-port={self.port}"),
            *("--max-cron-threads=0", "--log-level=warn", f"--logfile={log}"),
        ]
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(
            tied([python_packages.python(), "-m", "odoo", *self._options]),
            env=ground.environment(self._cluster),
            cwd=settings.REPOSITORY,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, "the web server ended"
            assert time.monotonic() < deadline, "the web server doesn't start"
            time.sleep(0.1)
        return self

    def __exit__(self, *_exception):
        self._process.kill()
        self._process.wait()

    def _answers(self):
        try:
            urllib.request.urlopen(f"{self.address}/web/health", timeout=30).close()
        except OSError:
            return False
        return True

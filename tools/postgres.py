"""Private PostgreSQL clusters, reached by a socket that only their owner (and root) can open."""

import os
import pwd
import shutil
from pathlib import Path

from . import cache, settings
from .console import Failure, run, say, step

USUAL = {
    "listen_addresses": "''",
    "shared_buffers": "'512MB'",
    "work_mem": "'32MB'",
    "maintenance_work_mem": "'256MB'",
    "effective_cache_size": "'2GB'",
    "max_wal_size": "'4GB'",
    # compiling costs more than it saves in Odoo's many short queries
    "jit": "off",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# What the system allows for a socket's path, less the name that PostgreSQL adds.
LONGEST_SOCKET_FOLDER = 85


class Cluster:
    """A private cluster, made and started when it is first needed.

    :param name: its name, also of its folder
    :param forgetful: whether it may lose what it holds when the machine stops, and be faster
    """

    def __init__(self, name, forgetful=False):
        self.name = name
        self.forgetful = forgetful
        self.filestore = settings.CACHE / "data" / name / "filestore"
        # copying files is best for big databases, but waits for the disk where that counts
        self.copying = "STRATEGY file_copy" if forgetful else ""

    def start(self):
        """Start the cluster if it isn't running.

        :raises Failure: when it can't be; the text holds PostgreSQL's reason
        """
        with cache.locked(f"PostgreSQL cluster {self.name}"):
            if self.is_running():
                return
            with step(f"PostgreSQL ({self.name})"):
                try:
                    self._start()
                except Failure:
                    # a machine that stopped may have left it broken
                    if not self.forgetful:
                        raise
                    say(f"The cluster {self.name} doesn't start; making a new one")
                    self.remove()
                    self._start()

    def stop(self):
        """Stop the cluster if it is running."""
        if self.is_running():
            with step(f"Stopping PostgreSQL ({self.name})"):
                self._control("stop", "-w", "-m", "fast")

    def is_running(self):
        """Return whether it is running."""
        if not (self._data / "postmaster.pid").exists():
            return False
        try:
            return bool(self._control("status"))
        except Failure:
            return False

    def remove(self):
        """Stop the cluster and remove all it holds."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.rmtree(self.filestore.parent, ignore_errors=True)

    def variables(self):
        """Return libpq's variables for this cluster."""
        return {"PGHOST": str(self._folder), "PGPORT": "5432", "PGUSER": "odoo", "PGPASSWORD": ""}

    @property
    def _folder(self):
        """PostgreSQL refuses to run as root, and its own user can't enter root's home: then that user keeps it."""
        if os.geteuid():
            return settings.CACHE / "postgresql" / self.name
        home = Path(pwd.getpwnam("postgres").pw_dir)
        return home / "collections-odoo" / cache.key(settings.CACHE) / self.name

    @property
    def _data(self):
        return self._folder / "data"

    def _start(self):
        self._make()
        self._control("start", "-w", "-t", "60", "-l", self._folder / "log")

    def _make(self):
        """Make the cluster unless it is there; renamed when whole, so that an interruption leaves none."""
        self._make_folder()
        if not self._data.exists():
            for abandoned in self._folder.glob("unfinished-*"):
                shutil.rmtree(abandoned, ignore_errors=True)
            unfinished = self._folder / f"unfinished-{os.getpid()}"
            access = ["--auth-local=trust", "--auth-host=reject", "--username=odoo"]
            self._as_owner("initdb", "-D", unfinished, "-E", "UTF8", "--locale=C.UTF-8", *access)
            with (unfinished / "postgresql.conf").open("a") as configuration:
                configuration.write("include 'collections.conf'\n")
            unfinished.rename(self._data)
        options = (
            USUAL
            | (FORGETFUL if self.forgetful else {})
            | {"unix_socket_directories": f"'{self._folder}'"}
        )
        (self._data / "collections.conf").write_text(
            "".join(f"{name} = {value}\n" for name, value in options.items())
        )

    def _make_folder(self):
        if len(str(self._folder)) > LONGEST_SOCKET_FOLDER:
            raise Failure(
                f"{self._folder} is too long for PostgreSQL's socket; choose a shorter COLLECTIONS_CACHE."
            )
        if self._folder.exists():
            return
        self._folder.mkdir(parents=True, mode=0o700)
        if not os.geteuid():
            for folder in (self._folder, self._folder.parent):
                shutil.chown(folder, "postgres", "postgres")

    def _control(self, action, *options):
        return self._as_owner("pg_ctl", action, "-D", self._data, *options)

    def _as_owner(self, program, *arguments):
        prefix = [] if os.geteuid() else ["runuser", "-u", "postgres", "--"]
        return run([*prefix, _newest_programs() / program, *arguments], cwd="/")


class OwnServer:
    """The user's own PostgreSQL, reached as the environment says; it is neither started nor stopped."""

    filestore = settings.CACHE / "data" / "own" / "filestore"
    copying = ""

    def start(self):
        """Check that it can be reached.

        :raises Failure: when it can't be
        """
        try:
            run(["psql", "-X", "-d", "postgres", "-c", "SELECT 1"])
        except Failure as error:
            raise Failure(
                f"Your own PostgreSQL (COLLECTIONS_PG=own) can't be reached: {error}"
            ) from error

    def stop(self):
        """Leave it running."""

    remove = stop

    def variables(self):
        """Return nothing: libpq's variables are in the environment."""
        return {}


def _newest_programs():
    """Return the folder with the programs of the newest PostgreSQL that is installed."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max(found, key=lambda path: int(path.parent.parent.name)).parent


DEMO = OwnServer() if settings.OWN_POSTGRES else Cluster("demo")
TEST = OwnServer() if settings.OWN_POSTGRES else Cluster("test", forgetful=True)

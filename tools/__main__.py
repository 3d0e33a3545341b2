"""The commands behind the Makefile: ``tools/run COMMAND``."""

import os
import shlex
import shutil
import signal
import sys

from . import databases, ground, postgres, python_packages, settings
from .bench import bench
from .console import Failure
from .demo import demo
from .linting import format_all, lint
from .mailgate import answer
from .testing import test
from .translations import translations


def setup():
    """Get everything ready."""
    ground.prepare()
    return 0


def odoo():
    """Run Odoo, by default its server, with the arguments in ARGS."""
    _replace_by(python_packages.python(), "-m", "odoo", *_arguments())


def psql():
    """Run psql with the arguments in ARGS."""
    _replace_by("psql", *_arguments())


def database():
    """Make the database named in DB, over one of that name: Odoo with all our modules installed."""
    name = os.environ.get("DB")
    if not name:
        raise Failure("Which database? make database DB=name")
    ground.prepare()
    cluster = _chosen_cluster()
    cluster.start()
    databases.create(cluster, name)
    return 0


def stop():
    """Stop what was started and still runs."""
    for cluster in (postgres.DEMO, postgres.TEST):
        cluster.stop()
    return 0


def clean():
    """Stop what was started, and remove all that was fetched, built or stored in databases."""
    stop()
    for cluster in (postgres.DEMO, postgres.TEST):
        cluster.remove()
    # by name, as the folder may be one that holds other things too
    for name in ("odoo", "venv", "node", "peer", "data", "postgresql"):
        shutil.rmtree(settings.CACHE / name, ignore_errors=True)
    return 0


def _arguments():
    return shlex.split(os.environ.get("ARGS", ""))


def _replace_by(program, *arguments):
    """Become another program in the prepared environment."""
    ground.prepare()
    cluster = _chosen_cluster()
    cluster.start()
    os.execvpe(program, [str(program), *arguments], ground.environment(cluster))


def _chosen_cluster():
    """Return the PostgreSQL of the demo, or that of the tests where CLUSTER=test."""
    return postgres.TEST if os.environ.get("CLUSTER") == "test" else postgres.DEMO


COMMANDS = {
    "setup": setup,
    "demo": demo,
    "answer": answer,
    "test": test,
    "lint": lint,
    "format": format_all,
    "bench": bench,
    "translations": translations,
    "odoo": odoo,
    "psql": psql,
    "database": database,
    "stop": stop,
    "clean": clean,
}


def main():
    """Run the command named on the command line and return its exit status."""
    os.chdir(settings.REPOSITORY)
    # so that what was started is stopped too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command = COMMANDS.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if not command:
        print(f"Usage: tools/run {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return command()
    except Failure as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

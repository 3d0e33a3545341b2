"""The commands behind the Makefile: ``tools/run COMMAND``."""

import os
import shlex
import sys

from . import databases, ground, postgres, python_packages, settings
from .console import Failure


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


def stop():
    """Stop what was started and still runs."""
    for cluster in (postgres.DEMO, postgres.TEST):
        cluster.stop()
    return 0


def _arguments():
    return shlex.split(os.environ.get("ARGS", ""))


def _replace_by(program, *arguments):
    """Become another program in the prepared environment; CLUSTER=test chooses the other PostgreSQL."""
    ground.prepare()
    cluster = postgres.TEST if os.environ.get("CLUSTER") == "test" else postgres.DEMO
    cluster.start()
    os.execvpe(program, [str(program), *arguments], ground.environment(cluster))


COMMANDS = {command.__name__: command for command in (setup, odoo, psql, stop)}


def main():
    """Run the command named on the command line and return its exit status."""
    os.chdir(settings.REPOSITORY)
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

"""Running what is measured in a process of its own, so that nothing is warm or big from before."""

import json
import subprocess

from tools import ground, postgres, python_packages, settings
from tools.console import Failure, tied


def run_inside(database, function, addons=(), *arguments):
    """Run a function of ``benchmarks.measured`` in a database and return what it returns.

    :param str database: its name
    :param str function: module and name, with a dot between
    :param addons: further add-on folders
    :param arguments: of the function; JSON must be able to hold them
    :raises Failure: when it fails; its own words are on the terminal
    """
    command = [python_packages.python(), "-m", "benchmarks.measured", database, function]
    done = subprocess.run(
        tied([*command, *map(json.dumps, arguments)]),
        env=ground.environment(postgres.TEST, addons),
        cwd=settings.REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failure(f"{function} failed in {database}; the reason is above.")
    return json.loads(done.stdout.splitlines()[-1])


def mail_sink():
    """Start a mail server that throws everything away; return the process and its port."""
    command = [python_packages.python(), "-m", "benchmarks.sink"]
    process = subprocess.Popen(
        tied(command), cwd=settings.REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    return process, int(process.stdout.readline())

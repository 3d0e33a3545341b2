"""The tests, by pytest in a database with all our modules and no demo data."""

import os
import shlex
import subprocess

from . import cache, databases, ground, postgres, python_packages, settings
from .console import say, tied
from .linting import lint

DATABASE = os.environ.get("DB") or "collections_test"


def test():
    """Run the linters and all tests, or only the tests that ARGS says.

    Each of the processes that share the tests has a copy of the database, which DB may name. JOBS says how many they
    are.

    :return: 0 when nothing is to be mended
    """
    chosen = shlex.split(os.environ.get("ARGS", ""))
    to_mend = 0 if chosen else lint()
    ground.prepare()
    postgres.TEST.start()
    with cache.locked(f"database {DATABASE}"):
        failed = _run_tests(postgres.TEST, chosen or _folders())
    if to_mend:
        say("The linters had something to say, see above")
    return failed or to_mend


def _run_tests(cluster, tests):
    databases.create(cluster, DATABASE)
    # a class is run by one process, so that what it prepares is made once
    sharing = ["-n", os.environ.get("JOBS", "2"), "--dist", "loadscope"]
    odoo = [f"--odoo-database={DATABASE}", "--odoo-http"]
    command = [python_packages.python(), "-m", "pytest", *sharing, *odoo, *tests]
    return subprocess.call(tied(command), env=ground.environment(cluster), cwd=settings.REPOSITORY)


def _folders():
    """Return the folders of tests: those across modules, and each module's own."""
    ours = [folder / "tests" for folder in (settings.REPOSITORY, *settings.module_folders())]
    return [str(folder.relative_to(settings.REPOSITORY)) for folder in ours if folder.is_dir()]

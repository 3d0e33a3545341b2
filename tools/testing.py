"""The tests, by pytest in a database with all our modules and no demo data."""

import itertools
import os
import re
import shlex
import subprocess

from . import cache, databases, ground, postgres, python_packages, settings
from .console import run, say, step, tied
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
        databases.create(postgres.TEST, DATABASE)
        if _open_pages(chosen):
            with step("Preparing what pages load"):
                run([python_packages.python(), "-m", "tools.inside.assets", DATABASE], **_within())
        failed = subprocess.call(tied(_command(chosen or _folders())), **_within())
    if to_mend:
        say("The linters had something to say, see above")
    return failed or to_mend


def _open_pages(chosen):
    """Tell whether some of the chosen tests open pages in a browser: each would make anew what they load, for a minute.

    :param chosen: arguments of pytest; without a path in them, all tests are chosen
    """
    parts = [settings.REPOSITORY / part.partition("::")[0] for part in chosen]
    paths = [path for path in parts if path.exists()] or [
        settings.REPOSITORY / folder for folder in _folders()
    ]
    files = itertools.chain.from_iterable(
        [path] if path.is_file() else path.rglob("test_*.py") for path in paths
    )
    return any(re.search("start_tour|browser_js", file.read_text()) for file in files)


def _within():
    """Return the options that run a program in the prepared environment."""
    return {"env": ground.environment(postgres.TEST), "cwd": settings.REPOSITORY}


def _command(tests):
    # a class is run by one process, so that what it prepares is made once; in the order of conftest.py
    sharing = ["-n", os.environ.get("JOBS", "2"), "--dist", "loadscope", "--no-loadscope-reorder"]
    odoo = [f"--odoo-database={DATABASE}", "--odoo-http"]
    return [python_packages.python(), "-m", "pytest", *sharing, *odoo, *tests]


def _folders():
    """Return the folders of tests: those across modules, and each module's own."""
    ours = [folder / "tests" for folder in (settings.REPOSITORY, *settings.module_folders())]
    return [str(folder.relative_to(settings.REPOSITORY)) for folder in ours if folder.is_dir()]

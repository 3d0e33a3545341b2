"""The npm packages: a mail server with a page to read mail, and linters."""

import shutil

from . import cache, settings
from .console import run

FILES = ("package.json", "package-lock.json", ".npmrc")


def folder():
    """Return the folder that holds node_modules for this lock file."""
    return (
        settings.CACHE
        / "node"
        / cache.key((settings.NODE_FOLDER / "package-lock.json").read_text())
    )


def module(path):
    """Return the path of something inside node_modules."""
    return folder() / "node_modules" / path


def make(target):
    """Install exactly what the lock file says."""
    for name in FILES:
        shutil.copy(settings.NODE_FOLDER / name, target)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=target)

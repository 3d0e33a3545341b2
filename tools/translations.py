"""The files of translations, brought up to date with the modules and then checked."""

import os
import subprocess

from . import databases, ground, postgres, python_packages, settings
from .console import tied

# two trees at once: each names its own
DATABASE = os.environ.get("DB") or "collections_translations"


def translations():
    """Write every module's .pot and .po files again, and say what is still to be translated.

    :return: 0 when nothing is
    """
    ground.prepare()
    cluster = postgres.TEST
    cluster.start()
    databases.create(cluster, DATABASE)
    try:
        return _run(cluster, "i18n.update", DATABASE) or _run(cluster, "i18n.check")
    finally:
        databases.drop(cluster, DATABASE)


def _run(cluster, *arguments):
    command = tied([python_packages.python(), "-m", *arguments])
    return subprocess.call(command, env=ground.environment(cluster), cwd=settings.REPOSITORY)

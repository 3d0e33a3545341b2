"""A venv with the Python packages of the lock file, and the peer add-ons of the benchmark."""

import sys
import venv

from . import cache, settings
from .console import Failure, run

# The add-on that the benchmark measures ours against.
PEER = "odoo-addon-account_credit_control==19.0.1.0.0.13"
PIP = ["-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]


def venv_folder():
    """Return the folder of the venv for this lock file and this Python."""
    return (
        settings.CACHE
        / "venv"
        / cache.key(settings.LOCK_FILE.read_text(), sys.version, sys.base_prefix)
    )


def peer_folder():
    """Return the folder that the peer add-ons are installed to."""
    return settings.CACHE / "peer" / cache.key(PEER)


def python():
    """Return the Python to run Odoo with: the user's own, or the venv's."""
    return settings.OWN_PYTHON or venv_folder() / "bin" / "python"


def check_own():
    """Check that the user's own Python, if there is one, has what Odoo needs.

    :raises Failure: when it hasn't
    """
    if settings.OWN_PYTHON:
        try:
            run([settings.OWN_PYTHON, "-c", "import babel, lxml, psycopg2, werkzeug"])
        except Failure as error:
            raise Failure(f"ODOO_PYTHON hasn't what Odoo needs: {error}") from error


def make_venv(target):
    """Make the venv and install what the lock file pins."""
    venv.create(target, with_pip=True)
    # every package is in the lock file, so there is nothing to resolve
    run(
        [
            target / "bin" / "python",
            *PIP,
            "install",
            "--no-deps",
            "--requirement",
            settings.LOCK_FILE,
        ]
    )


def make_peer(target):
    """Install the peer add-ons; their metadata asks for a package `odoo`, which no index has for 19."""
    run([venv_folder() / "bin" / "python", *PIP, "install", "--no-deps", "--target", target, PEER])


def peer_addons():
    """Return the add-on folder of the peers."""
    return peer_folder() / "odoo" / "addons"

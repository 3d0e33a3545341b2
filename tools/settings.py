"""What a user can choose by environment variables, and the folders that follow from it."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LOCK_FILE = REPOSITORY / "tools" / "requirements.lock"
NODE_FOLDER = REPOSITORY / "tools" / "node"


def _cache_folder():
    """Return the folder, outside the clone, that holds everything that is fetched or built."""
    if chosen := os.environ.get("COLLECTIONS_CACHE"):
        return Path(chosen).expanduser().resolve()
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "collections-odoo"


def _path_of(variable):
    """Return the path named by an environment variable, or None; links stay, as a venv's Python is one."""
    value = os.environ.get(variable)
    return Path(value).expanduser().absolute() if value else None


CACHE = _cache_folder()

# A user's own Odoo 19: a source checkout, or a folder that holds the package `odoo`.
OWN_ODOO = _path_of("ODOO_PATH")
# A user's own Python with what Odoo needs; pytest, pytest-odoo, pytest-xdist and websocket-client for the tests.
OWN_PYTHON = _path_of("ODOO_PYTHON")
# More add-on folders, separated by commas.
EXTRA_ADDONS = [folder for folder in os.environ.get("EXTRA_ADDONS", "").split(",") if folder]
# A user's own PostgreSQL, reached as libpq's variables say (PGHOST, PGPORT, PGUSER, PGPASSWORD).
OWN_POSTGRES = os.environ.get("COLLECTIONS_PG") == "own"


def module_folders():
    """Return the folders of the modules that this repository holds, by name."""
    return sorted(manifest.parent for manifest in REPOSITORY.glob("*/__manifest__.py"))

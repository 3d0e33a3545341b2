"""The prepared ground: gets every part ready, and gives the environment to run things in."""

import os
from concurrent.futures import ThreadPoolExecutor

from . import cache, debian, node_packages, odoo_package, python_packages, settings
from .console import say

SEGMENTATION = "@mediapipe/selfie_segmentation/selfie_segmentation.js"


def prepare():
    """Get everything ready that is not yet; takes no time when all is there.

    :raises Failure: when something can't be had
    """
    python_packages.check_own()
    if _is_ready():
        return
    with cache.locked("set-up"):
        # another process may have done it meanwhile
        if _is_ready():
            return
        say(f"Setting up in {settings.CACHE}; this happens once")
        debian.install(debian.missing(_programs()))
        with ThreadPoolExecutor() as lanes:
            for lane in (lanes.submit(_build_odoo), lanes.submit(_build_python)):
                lane.result()
        say("Everything is ready")


def prepare_peers():
    """Get the add-ons ready that the benchmark compares with."""
    prepare()
    with cache.locked("set-up"):
        cache.build(python_packages.peer_folder(), "Peer add-ons", python_packages.make_peer)


def environment(cluster, addons=()):
    """Return the environment variables in which Odoo, psql and everything else finds its way.

    Odoo 19 reads all its options from variables too, so no configuration file is needed.

    :param cluster: the :class:`~tools.postgres.Cluster` to use
    :param addons: further add-on folders
    """
    folders = [*odoo_package.addons_folders(), *settings.EXTRA_ADDONS, *addons, settings.REPOSITORY]
    programs = [python_packages.python().parent, node_packages.module(".bin")]
    variables = {
        "PATH": _joined(*programs, os.environ.get("PATH", os.defpath)),
        "PYTHONPATH": _joined(odoo_package.python_path(), settings.REPOSITORY),
        # not the user's own configuration file
        "ODOO_RC": os.devnull,
        "ODOO_ADDONS_PATH": ",".join(map(str, folders)),
        "ODOO_DATA_DIR": str(cluster.filestore.parent),
        "ODOO_HTTP_INTERFACE": "127.0.0.1",
    }
    # it would be Odoo's default database
    inherited = {name: value for name, value in os.environ.items() if name != "PGDATABASE"}
    return inherited | variables | cluster.variables()


def _is_ready():
    return not debian.missing(_programs()) and all(folder.exists() for folder in _folders())


def _programs():
    return debian.PROGRAMS | ({} if settings.OWN_POSTGRES else debian.POSTGRES)


def _folders():
    yield node_packages.folder()
    if not settings.OWN_ODOO:
        yield odoo_package.folder()
    if not settings.OWN_PYTHON:
        yield python_packages.venv_folder()


def _build_odoo():
    cache.build(node_packages.folder(), "npm packages", node_packages.make)
    if not settings.OWN_ODOO:
        script = node_packages.module(SEGMENTATION)
        cache.build(
            odoo_package.folder(), "Odoo 19", lambda target: odoo_package.make(target, script)
        )


def _build_python():
    if not settings.OWN_PYTHON:
        cache.build(python_packages.venv_folder(), "Python packages", python_packages.make_venv)


def _joined(*paths):
    return os.pathsep.join(map(str, paths))

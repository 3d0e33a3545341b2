"""Folders that are built once and then used by every run."""

import fcntl
import hashlib
import shutil
from contextlib import contextmanager

from .console import say, step
from .settings import CACHE

# Written last: a folder without it was interrupted, and is built anew.
_WHOLE = ".whole"


def key(*parts):
    """Return a short name for a folder, that changes when one of the parts does."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def is_whole(folder):
    """Return whether a folder was built to its end."""
    return (folder / _WHOLE).exists()


def build(folder, title, make):
    """Build a folder unless it is whole already; call it under :func:`locked`.

    :param folder: where it belongs; it is not renamed afterwards, as a venv holds its own path
    :param title: what the user is told
    :param make: function of the empty folder, that fills it
    """
    if is_whole(folder):
        return
    if folder.exists():
        say(f"{title}: was interrupted, starting again")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with step(title):
        make(folder)
    (folder / _WHOLE).touch()


@contextmanager
def locked(name):
    """Let one process at a time do a thing; the lock goes with the process, however it ends."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process is busy with the {name}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield

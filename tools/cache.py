"""Folders that are built once and then used by every run."""

import fcntl
import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .console import say, step
from .settings import CACHE


def key(*parts):
    """Return a short name for a folder, that changes when one of the parts does."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:12]


def build(folder, title, make):
    """Build a folder unless it is there; call it under :func:`locked`.

    It is built under a name of its own, and linked to when it is whole: an interruption leaves nothing behind that is
    taken for whole, nor that a program still running could write to. It can't be renamed, as a venv holds its own path.

    :param folder: where it is to be found
    :param title: what the user is told
    :param make: function of the empty folder, that fills it
    """
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in folder.parent.glob(f"{folder.name}-*"):
        say(f"{title}: was interrupted, starting again")
        shutil.rmtree(abandoned, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    with step(title):
        make(unfinished)
    folder.symlink_to(unfinished.name)


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


@contextmanager
def shared(name, alone):
    """Let processes do a thing side by side; the lock goes with the process, however it ends.

    :param alone: function called first if no other process does it; none begins meanwhile
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process uses the {name} too")
        else:
            alone()
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield

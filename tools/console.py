"""Saying what is being done, and running other programs."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

# Programs that are started from here go on counting from the same moment.
_started = float(os.environ.setdefault("COLLECTIONS_STARTED", str(time.time())))


class Failure(Exception):
    """Something the user can mend; its text says what and how."""


def say(text):
    """Print a line with the seconds since the start, on stderr so that pipes stay clean."""
    print(f"[{time.time() - _started:4.0f} s] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text):
    """Announce a step and say how many seconds it took."""
    say(f"{text} ...")
    began = time.monotonic()
    yield
    say(f"{text}: done in {time.monotonic() - began:.1f} s")


def tied(command, signal="TERM"):
    """Return a command that the kernel ends when the process that started it ends, however it does.

    :param command: list of the program and its arguments
    :param signal: name of the signal that it gets
    """
    return ["setpriv", "--pdeathsig", signal, *map(str, command)]


def run(command, to_the_end=False, **options):
    """Run a program quietly and return what it printed.

    :param command: list of the program and its arguments
    :param to_the_end: whether it goes on when this process is killed
    :param options: passed on to :func:`subprocess.run`
    :raises Failure: when it doesn't end with status 0, with the end of its output
    """
    command = list(map(str, command)) if to_the_end else tied(command, "KILL")
    options = {"stdin": subprocess.DEVNULL, "text": True, "errors": "replace"} | options
    done = subprocess.run(command, capture_output=True, check=False, **options)
    if done.returncode:
        said = (done.stdout + done.stderr)[-4000:]
        raise Failure(f"{' '.join(command)}\nended with status {done.returncode}:\n{said}")
    return done.stdout

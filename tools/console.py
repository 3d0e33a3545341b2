"""Saying what is being done, and running other programs."""

import ctypes
import os
import signal
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


def run(command, **options):
    """Run a program quietly and return what it printed.

    :param command: list of the program and its arguments
    :param options: passed on to :func:`subprocess.run`
    :raises Failure: when it can't be started or doesn't end with status 0; the text holds the end of its output
    """
    command = [str(part) for part in command]
    options.setdefault("stdin", subprocess.DEVNULL)
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **options
        )
    except OSError as error:
        raise Failure(f"{command[0]} can't be started: {error}") from error
    if done.returncode:
        raise Failure(f"{' '.join(command)}\nended with status {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def die_with_parent():
    """Have the kernel end a new process with the one that started it; to be given as ``preexec_fn``."""
    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)

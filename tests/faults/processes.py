"""Starts Odoo's processes, races them, kills them."""

import multiprocessing
import os
import signal

from . import actions

# No process of a test may live longer, whatever happens to the test.
LIFE_SECONDS = 120


class Processes:
    """Odoo's processes on one database; each has its own memory and connections, and can be killed like any other.

    :param str database: its name; the database must be there when the first process is started
    :param log: path of the file to which all of them log warnings and errors
    """

    def __init__(self, database, log):
        self.database = database
        self.log = log
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.preload"])
        self._started = []

    def start(self, action, **options):
        """Start a process that does one of ``actions``.

        :param str action: name of a function of ``actions``
        :param options: of :func:`perform`, the rest are the action's arguments
        :return: the process
        """
        os.environ["FAULTS_DATABASE"] = self.database
        process = Odoo(self._context, self.database, str(self.log), action, options)
        self._started.append(process)
        return process

    def call(self, action, **options):
        """Do one of ``actions`` in a process of its own to its end and return what it returns."""
        return self.start(action, **options).result()

    def race(self, *calls):
        """Do some actions at once, each in its own process, and return what each returns.

        :param calls: action names, or pairs of name and dict of arguments
        """
        barrier = self._context.Barrier(len(calls))
        pairs = [call if isinstance(call, tuple) else (call, {}) for call in calls]
        started = [self.start(name, barrier=barrier, **options) for name, options in pairs]
        return [process.result() for process in started]

    def event(self):
        """Return an event that can be given to several processes."""
        return self._context.Event()

    def end(self):
        """Kill what still runs."""
        for process in self._started:
            process.kill()
        self._started.clear()

    def clear_log(self):
        """Forget what was logged so far."""
        self.log.unlink(missing_ok=True)

    def read_log(self):
        """Return what all processes logged so far."""
        return self.log.read_text() if self.log.exists() else ""


class Odoo:
    """One process, started at once.

    :param context: multiprocessing's
    """

    def __init__(self, context, database, log, action, options):
        self._answer, sender = context.Pipe(duplex=False)
        self._process = context.Process(
            target=perform, args=(database, log, sender, action), kwargs=options, daemon=True
        )
        self._process.start()
        sender.close()
        self.action = action

    def result(self, seconds=LIFE_SECONDS):
        """Wait for the end and return what the action returned.

        :raises AssertionError: when the process failed, was killed or takes longer
        """
        assert self._answer.poll(seconds), f"{self.action} takes more than {seconds} seconds"
        try:
            outcome, value = self._answer.recv()
        except EOFError:
            self._process.join()
            raise AssertionError(
                f"{self.action} ended with status {self._process.exitcode}"
            ) from None
        self._process.join()
        assert outcome == "done", f"{self.action} failed:\n{value}"
        return value

    def kill(self):
        """Kill it as ``kill -9`` does, if it still runs."""
        self._process.kill()
        self._process.join()

    def was_killed(self, seconds=LIFE_SECONDS):
        """Wait for the end and return whether it was killed."""
        self._process.join(seconds)
        return self._process.exitcode == -signal.SIGKILL


def perform(database, log, sender, action, **options):
    """Do an action in this process and send back what came of it; what ``actions.open_odoo`` takes is passed on."""
    signal.alarm(LIFE_SECONDS)
    sender.send(actions.run(database, log, action, options))

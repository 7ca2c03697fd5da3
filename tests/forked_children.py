"""Starts the sandbox's children as forks of a small server: a tenth of the time of a fresh Python.

A child does what a spawned one does, behind the same limits; Python, NumPy and LiteRT are loaded
once, in the server, which never loads a model. `tests/device` has them as users do.
"""

import multiprocessing
import os
import pathlib
import signal
import sys
import threading
from multiprocessing import reduction, spawn

from tfedge.device.sandbox import child

_CONTEXT = multiprocessing.get_context("forkserver")


def _without_the_program(name, prepare=spawn.get_preparation_data):
    """What a child is told of its parent: not its program, which it would run to import it."""
    told = prepare(name)
    return {key: value for key, value in told.items() if not key.startswith("init_main")}


spawn.get_preparation_data = _without_the_program
_CONTEXT.set_forkserver_preload(["tfedge.device.worker", "ai_edge_litert.interpreter", "numpy.ma"])


class _Forked:
    """What the sandbox uses of a subprocess.Popen."""

    def __init__(self, process, stdin):
        self._process, self.pid, self.stdin = process, process.pid, stdin
        self._looking = threading.Lock()  # the watchdog looks as well, and a child ends once

    @property
    def returncode(self):
        return self.poll()

    def poll(self):
        if not self._looking.acquire(blocking=False):
            return None
        try:
            return self._process.exitcode
        finally:
            self._looking.release()

    def wait(self):
        with self._looking:
            self._process.join()
            return self._process.exitcode


def start(arguments, folder, messages, environment):
    """Like `sandbox.spawn`."""
    fed, feeding = os.pipe()
    given = (arguments, folder, messages.name, environment, _Passed(fed))
    process = _CONTEXT.Process(target=_become_child, args=given, daemon=True)
    process.start()
    os.close(fed)
    return _Forked(process, os.fdopen(feeding, "wb"))


class _Passed:
    """The number of an open file, which is another one in the child."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return _received, (reduction.DupFd(self.number),)


def _received(passed):
    return passed.detach()


def _become_child(arguments, folder, messages, environment, fed):
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        said = os.open(messages, os.O_WRONLY | os.O_APPEND)
        for number, file in ((0, fed), (1, said), (2, said)):
            os.dup2(file, number)
        sys.stdin = os.fdopen(0, "r")  # multiprocessing has put another in its place
        os.chdir(pathlib.Path(folder))
        os.environ.clear()
        os.environ.update(environment)
        code = child.main(arguments)
        sys.stderr.flush()
    finally:
        os._exit(code)

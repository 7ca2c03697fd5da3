"""Starts the sandbox's child as a fork of this process, which has loaded all that it needs.

The child does exactly what a spawned one does, behind the same limits; only Python and the
runtime need not be loaded again for each of ten thousand files.
"""

import os
import pathlib
import signal
import threading
from typing import BinaryIO

from tfedge.device import worker
from tfedge.device.file import tflite
from tfedge.device.sandbox import child

__all__ = ["Forked", "start"]

_LOADED = (worker, tflite.runtime())


class Forked:
    """What the sandbox uses of a subprocess.Popen."""

    def __init__(self, pid: int, stdin: BinaryIO):
        self.pid, self.stdin = pid, stdin
        self.returncode: int | None = None
        self._looking = threading.Lock()  # the watchdog waits as well, and a child ends once

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._looking.acquire(blocking=False):
            try:
                self._look(os.WNOHANG)
            finally:
                self._looking.release()
        return self.returncode

    def wait(self) -> int | None:
        """The exit code, once it has ended."""
        with self._looking:
            self._look(0)
        return self.returncode

    def _look(self, options: int) -> None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None


def start(
    arguments: list[str], folder: pathlib.Path, messages: BinaryIO, environment: dict[str, str]
) -> Forked:
    """Like `sandbox.spawn`."""
    fed, feeding = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(feeding)
        _become_child(arguments, folder, messages, environment, fed)
    os.close(fed)
    return Forked(pid, os.fdopen(feeding, "wb"))


def _become_child(
    arguments: list[str],
    folder: pathlib.Path,
    messages: BinaryIO,
    environment: dict[str, str],
    fed: int,
) -> None:
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for number, file in ((0, fed), (1, messages.fileno()), (2, messages.fileno())):
            os.dup2(file, number)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        code = child.main(arguments)
    finally:
        os._exit(code)

"""Runs a pipeline's work in a child process, so that Ctrl-C ends it whatever it is doing.

Python sees Ctrl-C only between two steps of its own. TensorFlow's C++ may keep it from the next
one for minutes, and swallows the exception where that is raised in one of its callbacks. So the
work has no say in it: the kernel ends the child at once, and this process, which does nothing but
wait and show how far it is, says so. That is safe because a run survives any kill: what it
publishes is whole or not there, and the same command goes on from what is finished. The child's own
children end with it.
"""

import contextlib
import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import NoReturn

from tfedge import errors, progress
from tfedge.progress import board, painter

ENDED_BY = 128  # and a signal's number, as the shell says it
INTERRUPTED = ENDED_BY + signal.SIGINT
IS_POSSIBLE = hasattr(signal, "sigtimedwait")  # not on macOS

_PR_SET_PDEATHSIG = 1  # prctl(2)


def run(work: Callable[[], int]) -> int:
    """Does `work` in a child process, which ends with this one.

    Files that it makes by `tempfile` are removed, however it ends.

    Returns:
        What `work` returns; 130 after Ctrl-C, 128 and its number after another signal.

    Raises:
        BadInput: there is no place for temporary files.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    ends = {signal.SIGCHLD}
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # nohup, or `command &` of a script
        ends.add(signal.SIGINT)
    with _temporary() as folder, _blocked(ends):
        shared = board.Board(sys.stderr if sys.stderr.isatty() else None)
        parent = os.getpid()
        child = os.fork()
        if not child:
            _work(work, shared, parent, folder, ends)
        try:
            return _wait(child, shared, ends)
        finally:
            shared.put(None)


def _work(
    work: Callable[[], int],
    shared: board.Board,
    parent: int,
    folder: str,
    ends: set[signal.Signals],
) -> NoReturn:
    """The child: ends without taking TensorFlow down, which takes seconds and frees nothing."""
    code = ENDED_BY
    try:
        if signal.SIGINT in ends:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
        _end_with(parent)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        progress.shown_elsewhere(shared)
        code = work()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before that
            os._exit(ENDED_BY)


def _wait(child: int, shared: board.Board, ends: set[signal.Signals]) -> int:
    is_interrupted, paints = False, painter.Painter(shared)
    while True:
        came = signal.sigtimedwait(ends, painter.LOOK_SECONDS)
        if came is not None and came.si_signo == signal.SIGINT:
            is_interrupted = True
            os.kill(child, signal.SIGKILL)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return _exit_code(os.waitstatus_to_exitcode(status), is_interrupted)
        paints.look()


def _exit_code(code: int, is_interrupted: bool) -> int:
    if code == -signal.SIGINT or (is_interrupted and code == -signal.SIGKILL):
        return INTERRUPTED
    return code if code >= 0 else ENDED_BY - code


@contextlib.contextmanager
def _temporary() -> Iterator[str]:
    try:
        made = tempfile.TemporaryDirectory(prefix="tfedge_", ignore_cleanup_errors=True)
    except OSError as error:
        raise errors.BadInput(
            "temporary files",
            (error.strerror or str(error)).lower(),
            "Name a writable folder in TMPDIR.",
        ) from error
    with made as folder:
        yield folder


@contextlib.contextmanager
def _blocked(signals: set[signal.Signals]) -> Iterator[None]:
    """Signals that wait until they are asked for."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

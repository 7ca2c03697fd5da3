"""One input in a forked child: what became of it, how long it took, how much memory, what it did.

An audit hook (PEP 578) sees what a parser has Python do: start a process, open a connection, load a
class from a pickle, touch the file that only a payload would make. The children in which tfedge's
own sandbox opens what it does not trust are forked, so that the same hook watches them. They and
the reader of `loading.hdf5_trial` are the only processes that may start; their memory and processor
time count.
"""

import concurrent.futures
import dataclasses
import importlib
import multiprocessing
import os
import pathlib
import pkgutil
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

import psutil

import tfedge
from tfedge.compress.loading import hdf5_trial

CANARY = "canary"
MOST_BYTES = 500 << 20
MOST_SECONDS = 20.0
_LIBRARIES = ("tensorflow", "tf_keras", "keras", "h5py", "PIL.Image")
_PATIENCE = 6  # times as long by the clock, where other programs hold the processor
_POLL_SECONDS = 0.002
_REFUSED, _READ, _UNTYPED = range(10, 13)
_WORDS = {_REFUSED: "refused", _READ: "read", _UNTYPED: "UNTYPED"}
FINE = ("refused", "read")
_ACTS = (
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
    *("subprocess.Popen", "socket.connect", "socket.bind", "socket.getaddrinfo", "pty.spawn"),
    "pickle.find_class",
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Attributes:
        word: "refused" (in one line), "read", or what must not be: "UNTYPED", "ACTED", "TIME",
            "MEMORY", "SIGNAL".
        seconds: it took: by the clock or of the processor, whichever is less, so that a busy
            machine does not count.
        more_bytes: of memory at its peak than before.
        said: the refusal, or the traceback.
    """

    word: str
    seconds: float
    more_bytes: int
    said: str


def run(read: Callable[[], None], folder: pathlib.Path) -> Outcome:
    """Reads an input in a child that ends after `MOST_SECONDS`.

    Args:
        read: what is to be tried.
        folder: of this trial; the child writes what it says there.
    """
    started = time.monotonic()
    child = os.fork()
    if not child:
        _child(read, folder)
    status, processor_seconds = _wait(child, started)
    seconds = time.monotonic() - started
    said = _text(folder / "said")
    more = int(_text(folder / "memory") or 0)
    acts = _text(folder / "acts") + CANARY * (folder / CANARY).exists()
    if status is None:
        return Outcome("TIME", seconds, more, acts + said)
    seconds = min(seconds, processor_seconds)
    return Outcome(_word(status, acts, seconds, more), seconds, more, acts + said)


def _word(status: int, acts: str, seconds: float, more_bytes: int) -> str:
    if acts:
        return "ACTED"
    if os.WIFSIGNALED(status):
        return "SIGNAL"
    word = _WORDS.get(os.waitstatus_to_exitcode(status), "UNTYPED")
    if word not in FINE:
        return word
    if seconds > MOST_SECONDS:
        return "TIME"
    return "MEMORY" if more_bytes > MOST_BYTES else word


def import_all() -> None:
    """Everything that any child will need, so that none has to; nothing of it is used yet.

    TensorFlow starts threads when it is first used, and a fork has none of them.
    """
    for name in (
        *_LIBRARIES,
        *(each.name for each in pkgutil.walk_packages(tfedge.__path__, "tfedge.")),
    ):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if str(error.name).startswith("tfedge"):
                raise
            # A library of an extra that is not installed; no child needs it either.


def apart(*makers: Callable[[], Mapping[str, bytes]]) -> list[Mapping[str, bytes]]:
    """What functions make, in a child, so that they may use TensorFlow."""
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        return [dict(pool.submit(make).result()) for make in makers]


class _Watch:
    """Writes down what must not be done, by this process and all that it forks."""

    def __init__(self, path: pathlib.Path):
        # Open before the sandbox's child gives up writing.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._is_starting = False

    def start(
        self, arguments: list[str], folder: pathlib.Path, messages: BinaryIO, kept: dict[str, str]
    ) -> Any:
        """For `sandbox.starter`: its child is no act, and is watched as well."""
        from tfedge_tools.benchmarks.fuzzing import forking

        self._is_starting = True
        return forking.start(arguments, folder, messages, kept)

    def see(self, event: str, given: Sequence[Any]) -> None:
        """For `sys.addaudithook`."""
        if event == "os.fork" and self._is_starting:
            self._is_starting = False  # what the child forks is an act again
        elif event == "subprocess.Popen" and _is_hdf5_trial(given[1]):
            return
        elif event in _ACTS or (event == "open" and str(given[0]).endswith(CANARY)):
            os.write(self._file, f"{event}{given!r:.300}\n".encode(errors="backslashreplace"))


def _is_hdf5_trial(command: Sequence[str]) -> bool:
    """The other process that tfedge starts; it reads names and attributes, within limits."""
    program = hdf5_trial.COMMAND
    return tuple(command[: len(program)]) == program and len(command) <= len(program) + 3


def _child(read: Callable[[], None], folder: pathlib.Path) -> None:
    from tfedge.device import sandbox

    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    code, said = _UNTYPED, ""
    watch = _Watch(folder / "acts")
    # What it starts is a fork, which is like a Popen as far as the sandbox asks it.
    sandbox.starter = watch.start  # type: ignore[assignment]
    sys.addaudithook(watch.see)
    before = _peak_bytes()
    try:
        code, said = _tried(read)
    except BaseException:  # whatever it is, it is what this program looks for
        said = traceback.format_exc()
    (folder / "memory").write_text(str(_peak_bytes() - before))
    (folder / "said").write_text(said, encoding="utf-8", errors="backslashreplace")
    os._exit(code)


def _tried(read: Callable[[], None]) -> tuple[int, str]:
    from tfedge import errors

    try:
        read()
    except errors.BadInput as error:
        said = str(error)
        is_line = "\n" not in said and "\x1b" not in said and len(said) < 2000
        return (_REFUSED if is_line else _UNTYPED), said
    return _READ, ""


def _peak_bytes() -> int:
    """Of this process or of its largest child; a fork begins with what its parent has then."""
    peaks = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(each.ru_maxrss for each in peaks) * 1024


def _wait(child: int, started: float) -> tuple[int | None, float]:
    """(its status, None where it had to be ended, seconds of the processor for it and its own)."""
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            return status, used.ru_utime + used.ru_stime
        seconds = time.monotonic() - started
        if seconds > MOST_SECONDS and max(_processor_seconds(child), seconds / _PATIENCE) > (
            MOST_SECONDS
        ):
            break
        time.sleep(_POLL_SECONDS)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, 0.0


def _processor_seconds(child: int) -> float:
    """So far, those of its children that have ended included."""
    return sum(psutil.Process(child).cpu_times()[:4])


def _text(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""

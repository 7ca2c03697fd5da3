"""Runs a function in a child process under limits, so that no model can take the caller along.

A fresh interpreter is started, not forked: the caller may have TensorFlow's threads running, and
the child should not start with its memory. Out of memory, a crash, a hang or an exception all come
back as a `Failure`.
"""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from typing import BinaryIO

from tfedge.device.sandbox import cgroups, memory
from tfedge.device.sandbox import limits as child_limits
from tfedge.device.sandbox.limits import Limits
from tfedge.device.sandbox.progress import Progress

__all__ = ["Failure", "Limits", "Outcome", "run"]

_WATCH_SECONDS = 0.01
_DETAIL_CHARACTERS = 300
_KEPT_VARIABLES = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("PYTHONHOME", "VIRTUAL_ENV"),
)
_LOG_LINES = ("INFO:", "WARNING:", "I0000", "W0000")
_OUT_OF_MEMORY = ("bad_alloc", "out of memory", "cannot allocate memory")


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a child did not finish.

    Attributes:
        kind: "memory", "signal" (a crash), "timeout" or "error" (an exception).
        detail: one line.
    """

    kind: str
    detail: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended: `failure` is None when the function returned.

    Attributes:
        in_force: limits by name, with their values.
        unenforced: limits that this system could not enforce, with the reason.
    """

    failure: Failure | None
    in_force: dict[str, object]
    unenforced: dict[str, str]


def run(
    function: str, folder: pathlib.Path, limits: Limits, chunks: Iterable[memoryview | bytes] = ()
) -> Outcome:
    """Calls a function in a child and waits for it.

    Args:
        function: "module:name"; called with a `child.Workplace`.
        folder: private to this run; the function reads its job and leaves its results there.
        limits: see `Limits`.
        chunks: fed to the child as they come; its `examples`. Pulled in this process, so an
            exception they raise is the caller's and ends the child.
    """
    groups = cgroups.make()
    try:
        return _run(function, folder, limits, chunks, groups)
    finally:
        groups.remove()


def _run(
    function: str,
    folder: pathlib.Path,
    limits: Limits,
    chunks: Iterable[memoryview | bytes],
    groups: cgroups.Groups,
) -> Outcome:
    progress = Progress.create(folder / "progress")
    described = [json.dumps(dataclasses.asdict(each)) for each in (limits, groups)]
    with (folder / "messages").open("wb") as messages:
        arguments = [function, str(folder), *described]
        process = starter(arguments, folder, messages, _environment(limits))
    watchdog = _Watchdog(process, progress, limits)
    try:
        _feed(process, chunks)
        process.wait()
    finally:
        watchdog.stop()
        if process.poll() is None:
            _kill(process)
    failure = watchdog.failure or _ended_by_kernel(process, progress, limits, groups)
    return _outcome(process, folder, progress, limits, failure)


def spawn(
    arguments: list[str], folder: pathlib.Path, messages: BinaryIO, environment: dict[str, str]
) -> subprocess.Popen:
    """Starts a child that shares nothing with this process; `arguments` are of `child.main`."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tfedge.device.sandbox.child", *arguments],
        stdin=subprocess.PIPE,
        stdout=messages,
        stderr=messages,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )


# How children start. tools/benchmarks/fuzz_evaluate.py forks them, which takes a tenth of the time.
starter = spawn


class _Watchdog(threading.Thread):
    """Ends a child that holds too much memory, takes too long or hangs."""

    def __init__(self, process: subprocess.Popen, progress: Progress, limits: Limits):
        super().__init__(daemon=True, name="tfedge sandbox")
        self.failure: Failure | None = None
        self._process, self._progress, self._limits = process, progress, limits
        self._ended = threading.Event()
        self.start()

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        started = moved = time.monotonic()
        steps = -1
        while not self._ended.wait(_WATCH_SECONDS):
            now = time.monotonic()
            if not self._progress.is_busy or self._progress.steps != steps:
                steps, moved = self._progress.steps, now
            self.failure = self._judge(now - started, now - moved)
            if self.failure:
                _kill(self._process)
                return

    def _judge(self, running: float, standing: float) -> Failure | None:
        limits, at = self._limits, _position(self._progress)
        if running > limits.seconds:
            return Failure("timeout", f"not done after {limits.seconds:g} s, ended {at}")
        if standing > limits.stall_seconds:
            return Failure("timeout", f"no progress for {limits.stall_seconds:g} s {at}")
        baseline = self._progress.baseline_bytes
        grown = memory.resident_bytes(self._process.pid) - baseline if baseline else 0
        if grown > limits.memory_bytes:
            return Failure(
                "memory",
                f"it took {grown:,} bytes and more {at}, {limits.memory_bytes:,} are allowed",
            )
        return None


def _feed(process: subprocess.Popen, chunks: Iterable[memoryview | bytes]) -> None:
    assert process.stdin is not None  # asked for above
    try:
        with process.stdin:
            for chunk in chunks:
                process.stdin.write(chunk)
    except BrokenPipeError:
        return  # the child has ended; its exit says why


def _kill(process: subprocess.Popen) -> None:
    """The child and whatever it started; it leads a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _outcome(
    process: subprocess.Popen,
    folder: pathlib.Path,
    progress: Progress,
    limits: Limits,
    failure: Failure | None,
) -> Outcome:
    enforced = child_limits.Enforced()
    if (folder / "limits.json").exists():
        enforced = child_limits.Enforced(**json.loads((folder / "limits.json").read_text()))
    watched = {
        "memory_bytes": limits.memory_bytes,
        "seconds": limits.seconds,
        "stall_seconds": limits.stall_seconds,
        "own_session": True,
    }
    failure = failure or _failure(process.returncode, folder, progress)
    return Outcome(failure, {**watched, **enforced.in_force}, enforced.unenforced)


def _ended_by_kernel(
    process: subprocess.Popen, progress: Progress, limits: Limits, groups: cgroups.Groups
) -> Failure | None:
    if process.returncode != -signal.SIGKILL or not groups.ran_out_of_memory():
        return None
    return Failure(
        "memory",
        f"the kernel ended it {_position(progress)}, {limits.memory_bytes:,} bytes are allowed",
    )


def _failure(code: int, folder: pathlib.Path, progress: Progress) -> Failure | None:
    if code == 0:
        return None
    if (folder / "failure.json").exists():
        said = json.loads((folder / "failure.json").read_text(encoding="utf-8"))
        return Failure(said["kind"], _shortened(said["detail"]))
    message = _last_message(folder / "messages")
    if any(words in message.lower() for words in _OUT_OF_MEMORY):
        return Failure("memory", message)
    if code == -signal.SIGXCPU:
        return Failure("timeout", f"its CPU time was used up {_position(progress)}")
    if code < 0:
        name = signal.Signals(-code).name
        detail = f"{name} {_position(progress)}" + (f": {message}" if message else "")
        return Failure("signal", detail)
    return Failure("error", message or f"exit code {code} {_position(progress)}")


def _position(progress: Progress) -> str:
    if not progress.baseline_bytes:
        return "before the model was loaded"
    if not progress.steps:
        return "while the model was loaded"
    return f"after {progress.steps - 1:,} inferences"


def _last_message(path: pathlib.Path) -> str:
    """The last thing the child wrote that is no log line, on one line."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if not line.startswith(_LOG_LINES) and line.strip()]
    return _shortened(said[-1]) if said else ""


def _shortened(text: str) -> str:
    """Both ends: the runtime names the operator at the end of long messages."""
    if len(text) <= _DETAIL_CHARACTERS:
        return text
    half = _DETAIL_CHARACTERS // 2
    return f"{text[:half].rstrip()} ... {text[-half:].lstrip()}"


def _environment(limits: Limits) -> dict[str, str]:
    """Little of the caller's, and the places it imports from."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": str(limits.threads),
    }

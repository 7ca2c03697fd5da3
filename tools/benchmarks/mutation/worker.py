"""Runs chosen tests on changed files of one copy of the project, one change after the other.

    python worker.py COPY SECONDS

Takes a line of JSON for each change from standard input, {"file", "source", "tests"}, and answers
with one: {"outcome": "killed" | "survived" | "timeout", "by": the test that failed or null}. A
change is tried in a fork of a process that has loaded the slow libraries already, and nothing of
the project. SECONDS are of the processor, for each process: other work on the machine does not
count, and what waits for ever is ended after five times as long.
"""

import contextlib
import json
import math
import os
import pathlib
import resource
import signal
import sys
import time
import typing

if typing.TYPE_CHECKING:
    import pytest

_POLL_SECONDS = 0.05
_WAITING = 5  # times as long by the clock


def _preload() -> None:
    import keras  # noqa: F401
    import pytest  # noqa: F401
    import tensorflow  # noqa: F401
    import tensorflow_model_optimization  # noqa: F401
    import tf_keras  # noqa: F401


class _First:
    """A plugin of pytest: says which test fails first."""

    def __init__(self, told: int):
        self._told = told

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """Pytest stops at the first, so there is one."""
        if report.failed:
            os.write(self._told, report.nodeid.encode())


def _try(tests: list[str], seconds: float, told: int) -> None:
    """In the fork: exits with pytest's code."""
    os.setsid()  # what the tests start ends with them
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), resource.RLIM_INFINITY))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist"]
    os._exit(int(pytest.main([*options, *tests], plugins=[_First(told)])))


def _outcome(tests: list[str], seconds: float) -> dict[str, str | None]:
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        _try(tests, seconds, told)
    os.close(told)
    try:
        outcome = _ended(child, time.monotonic() + _WAITING * seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
    with os.fdopen(heard, "rb") as answer:
        by = answer.read().decode()
    return {"outcome": outcome, "by": by or None}


def _ended(child: int, until: float) -> str:
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
                return "timeout"
            return "survived" if status == 0 else "killed"
        time.sleep(_POLL_SECONDS)
    return "timeout"


def main(copy: str, seconds: float) -> None:
    """Answers until standard input ends."""
    sys.dont_write_bytecode = True  # a changed file of the same second would go unseen
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=copy)
    os.chdir(copy)
    sys.path.insert(0, copy)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    _preload()
    for line in sys.stdin:
        asked = json.loads(line)
        path = pathlib.Path(copy, asked["file"])
        original = path.read_text(encoding="utf-8")
        path.write_text(asked["source"], encoding="utf-8")
        try:
            answer = _outcome(asked["tests"], seconds)
        finally:
            path.write_text(original, encoding="utf-8")
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))

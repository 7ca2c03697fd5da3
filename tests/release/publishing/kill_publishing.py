"""Kills a publishing child before its 1st, 2nd, ... system call until one survives.

    python kill_publishing.py DIR exchange|rename

Prints how many were killed and what a reader then found. A separate program, so that it forks
without the threads of a test run.
"""

import collections
import contextlib
import json
import os
import signal
import sys

from tfedge import errors
from tfedge.release.publishing import atomic_replace, bundle

_CALLS = ("open", "write", "fsync", "close", "rename", "mkdir", "rmdir", "unlink", "chmod")


def _release(outcome: str) -> dict[str, bytes]:
    verdict = json.dumps({"schema_version": 1, "outcome": outcome}).encode()
    return {"model.tflite": outcome.encode() * 1000, "verdict.json": verdict}


def _kill_at(number: int) -> None:
    """Patches the calls so that this process kills itself before call `number`."""
    count = 0

    def counted(real):
        def call(*arguments, **named):
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return call

    for name in _CALLS:
        setattr(os, name, counted(getattr(os, name)))
    atomic_replace._exchange = counted(atomic_replace._exchange)


def _in_child(work) -> bool:
    """Runs work in a fork; whether it was killed."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status):
        raise RuntimeError("the child failed by itself")
    return os.WIFSIGNALED(status)


def _seen(folder: str) -> str:
    if not os.path.lexists(folder):
        return "none"
    bundle.verify(folder)
    with open(os.path.join(folder, "verdict.json"), "rb") as file:
        return json.load(file)["outcome"]


def _round(folder: str, number: int) -> tuple[bool, str]:
    """One attempt; whether the child was killed, and what a reader finds."""
    bundle.publish(folder, _release("old"))

    def publish():
        _kill_at(number)
        bundle.publish(folder, _release("new"))

    killed = _in_child(publish)
    seen = _seen(folder)
    with bundle.lock(folder):  # the next run
        after = _seen(folder)
    beside = set(os.listdir(os.path.dirname(folder))) - {os.path.basename(folder)}
    if beside or after == "none":
        raise errors.BadInput(folder, f"the next run finds {after} and leaves {beside}", "")
    return killed, seen


def main(folder: str, exchange: str) -> None:
    if exchange == "rename":
        atomic_replace._exchange = lambda *_: False
    releases: collections.Counter[str] = collections.Counter()
    broken, number, killed = [], 0, True
    while killed:
        number += 1
        try:
            killed, seen = _round(folder, number)
            releases[seen] += 1
        except errors.BadInput as error:
            broken.append(f"call {number}: {error}")
            with contextlib.suppress(errors.BadInput):
                bundle.publish(folder, _release("old"))
    report = {"kills": number - 1, "releases": releases, "broken": broken}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

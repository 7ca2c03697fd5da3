"""What reads our output has ended, as `head` does when it has its lines: then we end too, quietly.

    tfedge publish verify | head -3

The exit code is what a shell calls a program that SIGPIPE ended. That signal itself stays ignored:
a phone that hangs up, or a child that crashed, would end us by it as well.
"""

import os
import select
import signal
import sys

CODE = 128 + signal.SIGPIPE


def stand_in() -> None:
    """Where a shell gave us no output at all (`>&-`), what is said goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # for as long as we run


def is_so(error: BaseException | None) -> bool:
    """Whether this error came of it, and not of another pipe."""
    if not isinstance(error, BrokenPipeError):
        return False
    try:
        asked = select.poll()
        asked.register(sys.stdout.fileno(), 0)  # errors are always told
        return bool(asked.poll(0))
    except (OSError, ValueError):  # output is no file here
        return False


def let_go() -> None:
    """What is still to be written, which Python does at its end, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

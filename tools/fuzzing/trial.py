"""One input in a forked child: what became of it, how long it took, how much memory, what it did.

Audit hooks (PEP 578) see what a parser has Python do: start a process, open a connection, run code
that was compiled from the input. A file that only a payload would make shows code that slipped by.
"""

import dataclasses
import os
import pathlib
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable

MOST_BYTES = 500 << 20
MOST_SECONDS = 20.0
_POLL_SECONDS = 0.002
_REFUSED, _READ, _UNTYPED, _ACTED = range(10, 14)
_WORDS = {_REFUSED: "refused", _READ: "read", _UNTYPED: "UNTYPED", _ACTED: "ACTED"}
FINE = ("refused", "read")
_ACTS = (
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
    *("subprocess.Popen", "socket.connect", "socket.bind", "socket.getaddrinfo", "pty.spawn"),
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Attributes:
        word: "refused" (in one line), "read", or what must not be: "UNTYPED", "ACTED", "TIME",
            "MEMORY", "SIGNAL".
        seconds: it took.
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
    status = _wait(child, started + MOST_SECONDS)
    seconds = time.monotonic() - started
    said = _text(folder / "said")
    more = int(_text(folder / "memory") or 0)
    if status is None:
        word = "TIME"
    elif os.WIFSIGNALED(status):
        word = "SIGNAL"
    else:
        word = _WORDS.get(os.waitstatus_to_exitcode(status), "UNTYPED")
    if word in FINE and more > MOST_BYTES:
        word = "MEMORY"
    return Outcome(word, seconds, more, said)


def _child(read: Callable[[], None], folder: pathlib.Path) -> None:
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    code, said, acts = _UNTYPED, "", []
    sys.addaudithook(lambda event, given: acts.append(event) if event in _ACTS else None)
    before = _peak_bytes()
    try:
        code, said = _tried(read)
    except BaseException:  # whatever it is, it is what this program looks for
        said = traceback.format_exc()
    if acts:
        code, said = _ACTED, f"{acts}\n{said}"
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
    """Of a fork this begins with what its parent has now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _wait(child: int, until: float) -> int | None:
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(_POLL_SECONDS)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _text(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""

"""Shows how long a command leaves the one who watches it without a sign.

    python tools/benchmarks/silence.py -- python pipelines/release.py --output_dir=/tmp/out
    python tools/benchmarks/silence.py --screen=FILE -- COMMAND

The command runs on a terminal of 100 columns of its own. A sign is a change of what stands on that
terminal; the same line drawn again is none. Prints the seconds to the first sign, to the first
whole line and to the end, the longest silence with what stood there then, and the seconds from the
last line to the end. --screen keeps everything that was written. Exit code 1 if a silence was
longer than 3 s, or the command failed.
"""

import dataclasses
import fcntl
import itertools
import os
import pathlib
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Sequence

from absl import flags
from tfedge_pipelines import entry

from tfedge import errors

_FLAGS = flags.FlagValues()
_SCREEN = flags.DEFINE_string("screen", None, "File for what was written.", flag_values=_FLAGS)
_ROWS, _COLUMNS = 40, 100
_ACCEPTED_SECONDS = 3.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclasses.dataclass(frozen=True)
class Seen:
    """What one who watches has seen.

    Attributes:
        code: the command's exit code.
        seconds: until it ended.
        first: seconds to the first sign.
        first_line: seconds to the first whole line.
        silence: the longest, in seconds, until the end.
        during: the line that stood there meanwhile.
        last: seconds from the last sign to the end.
        screen: everything that was written.
    """

    code: int
    seconds: float
    first: float
    first_line: float
    silence: float
    during: str
    last: float
    screen: bytes


def run() -> None:
    """The command line to watch follows two dashes."""
    own, command = at_dashes(sys.argv)
    entry.run(lambda: main(command), _FLAGS, __doc__, own)


def main(command: Sequence[str]) -> int:
    """Watches it; the exit code."""
    if not command:
        raise errors.BadInput("the command", "missing", "Write it after two dashes: -- COMMAND.")
    seen = watch(command)
    if _SCREEN.value:
        pathlib.Path(_SCREEN.value).write_bytes(seen.screen)
    entry.tell(
        f"first sign after {seen.first:.1f} s, first line after {seen.first_line:.1f} s,"
        f" all of it {seen.seconds:.1f} s, exit code {seen.code}\n"
        f"longest silence {seen.silence:.1f} s, at: {seen.during}\n"
        f"from the last sign to the end {seen.last:.1f} s"
    )
    return int(seen.code != 0 or seen.silence > _ACCEPTED_SECONDS)


def at_dashes(argv: list[str]) -> tuple[list[str], list[str]]:
    """What is before two dashes, and what follows them."""
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1 :]


def watch(command: Sequence[str]) -> Seen:
    """Runs a command on a terminal and looks at it."""
    started = time.monotonic()
    child, terminal = pty.fork()
    if not child:
        os.execvp(command[0], list(command))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    written: list[tuple[float, bytes]] = []
    while (part := _read(terminal)) is not None:
        written.append((time.monotonic() - started, part))
    _, status = os.waitpid(child, 0)
    return look(written, time.monotonic() - started, os.waitstatus_to_exitcode(status))


def look(written: Sequence[tuple[float, bytes]], ended: float, code: int) -> Seen:
    """What one sees of a command.

    Args:
        written: (seconds since it began, bytes), in order.
        ended: seconds until it did.
        code: its exit code.
    """
    signs: list[tuple[float, str]] = []
    screen, first_line = b"", 0.0
    for moment, part in written:
        screen += part
        line = shown(screen[-4096:].decode(errors="replace"))
        if b"\n" in screen and not first_line:
            first_line = moment
        if b"\n" in part or not signs or line != signs[-1][1]:
            signs.append((moment, line))
    moments = [0.0, *(moment for moment, _ in signs), ended]
    lines = ["nothing", *(line for _, line in signs)]
    silence, number = max((b - a, i) for i, (a, b) in enumerate(itertools.pairwise(moments)))
    return Seen(
        code, ended, moments[1], first_line, silence, lines[number], ended - moments[-2], screen
    )


def shown(text: str) -> str:
    """The last line as it stands on a terminal; the one before it where that is empty."""
    lines = [
        _CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]).strip()
        for line in text.split("\n")[-2:]
    ]
    return lines[-1] or lines[0]


def _read(terminal: int) -> bytes | None:
    """What is written next; None at the end."""
    select.select([terminal], [], [])
    try:
        return os.read(terminal, 65536) or None
    except OSError:  # how Linux says that nobody holds the other end any more
        return None


if __name__ == "__main__":
    run()

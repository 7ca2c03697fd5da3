"""What is being done, in memory that the process that works shares with the one that shows it."""

import contextlib
import dataclasses
import fcntl
import json
import mmap
import tempfile
import threading
from collections.abc import Iterator
from typing import TextIO

_BYTES = 4096
_LONGEST_TEXT = 300  # of a label or a note, in characters
_TO_START_AND_CLEAR = "\r\x1b[K"


@dataclasses.dataclass(frozen=True)
class Shown:
    """One thing that is being done. Times are of `time.monotonic`, the same in all processes.

    Attributes:
        label: what.
        started: when.
        done: units of it.
        total: units; 0 where nobody knows.
        note: what is known so far.
        ends: when all of the run is expected to end, None where nobody knows.
    """

    label: str
    started: float
    done: int = 0
    total: int = 0
    note: str = ""
    ends: float | None = None


class Board:
    """What is shown now, if anything.

    Attributes:
        terminal: where a line is drawn again and again; None where lines of a log are wanted.
    """

    def __init__(self, terminal: TextIO | None):
        """Nothing is shown yet; a process forked from this one sees what is shown later."""
        self.terminal = terminal
        self._memory = mmap.mmap(-1, _BYTES)
        self._file = tempfile.TemporaryFile()
        self._threads = threading.Lock()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else reads, changes or draws meanwhile; let go by the kernel if this one dies."""
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def put(self, shown: Shown | None) -> None:
        """Shows this from now on; a drawn line of something else goes."""
        text = "" if shown is None else json.dumps(dataclasses.asdict(_short(shown)))
        with self.held():
            if shown is None:
                self.clear()
            self._memory[2:] = text.encode().ljust(_BYTES - 2, b"\0")

    def shown(self) -> Shown | None:
        """What was put last; to be called while the board is held."""
        text = self._memory[2:].rstrip(b"\0")
        return Shown(**json.loads(text)) if text else None

    def draw(self, text: str) -> None:
        """Draws the line; to be called while the board is held."""
        if self.terminal is not None and not self.is_open:
            self._write(_TO_START_AND_CLEAR + text)
            self.is_drawn = True

    def clear(self) -> None:
        """Takes the line away, for others to write; to be called while the board is held."""
        if self.is_drawn:
            self._write(_TO_START_AND_CLEAR)
            self.is_drawn = False

    @property
    def is_drawn(self) -> bool:
        """Whether the last thing on the terminal is the drawn line."""
        return bool(self._memory[0])

    @is_drawn.setter
    def is_drawn(self, value: bool) -> None:
        self._memory[0] = value

    @property
    def is_open(self) -> bool:
        """Whether it is a line that somebody has begun and not ended."""
        return bool(self._memory[1])

    @is_open.setter
    def is_open(self, value: bool) -> None:
        self._memory[1] = value

    def _write(self, text: str) -> None:
        assert self.terminal is not None  # nothing is drawn elsewhere
        self.terminal.write(text)
        self.terminal.flush()


class Beside:
    """A stream whose text and the drawn line do not run into each other."""

    def __init__(self, stream: TextIO, board: Board):
        """Stands in for `stream`, which goes to the terminal that the board draws on."""
        self._stream, self._board = stream, board

    def write(self, text: str) -> int:
        """Where the drawn line was, which comes again below it."""
        with self._board.held():
            self._board.clear()
            written = self._stream.write(text)
            self._stream.flush()
            if text:
                self._board.is_open = not text.endswith("\n")
        return written

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _short(shown: Shown) -> Shown:
    return dataclasses.replace(
        shown, label=shown.label[:_LONGEST_TEXT], note=shown.note[:_LONGEST_TEXT]
    )

"""Shows what is on a board: a line that moves on a terminal, now and then a line in a log."""

import shutil
import time

from absl import logging

from tfedge.progress.board import Board, Shown

LOOK_SECONDS = 0.2
_LOG_SECONDS = 10.0
_BAR = 16
_SPINNER = "|/-\\"


class Painter:
    """Looks at a board every `LOOK_SECONDS` or so, from another process or thread than works."""

    def __init__(self, board: Board):
        """Nothing is said yet."""
        self._board = board
        self._last: tuple[str, float] | None = None
        self._said = 0.0

    def look(self) -> None:
        """Draws or says what there is to show."""
        now = time.monotonic()
        with self._board.held():
            shown = self._board.shown()
            if shown is not None and self._board.terminal is not None:
                self._board.draw(drawn(shown, now, shutil.get_terminal_size().columns - 1))
        if shown is not None and self._board.terminal is None:
            self._say(shown, now)

    def _say(self, shown: Shown, now: float) -> None:
        if self._last != (shown.label, shown.started):  # begun, or gone on with: that was said
            self._last, self._said = (shown.label, shown.started), now
        if now - self._said >= _LOG_SECONDS:
            self._said = now
            logging.info("%s", said(shown, now))


def drawn(shown: Shown, now: float, columns: int) -> str:
    """The line on a terminal of this width."""
    share = _share(shown)
    mark = _SPINNER[int(now / LOOK_SECONDS) % len(_SPINNER)]
    if share is not None:
        full = int(_BAR * share)
        mark = f"[{'#' * full}{'-' * (_BAR - full)}] {share:4.0%}"
    rest = "; ".join(filter(None, (_times(shown, now), shown.note)))
    line = f"{shown.label} {mark} {rest}"
    if len(line) > columns and share is not None:
        line = f"{shown.label} {share:.0%} {rest}"
    return line[:columns]


def said(shown: Shown, now: float) -> str:
    """The line of a log."""
    share = _share(shown)
    parts = (f"{share:.0%}" if share else "", _times(shown, now), shown.note)
    return f"{shown.label}: {'; '.join(filter(None, parts))}"


def duration(seconds: float) -> str:
    """In words short enough for a line that changes."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _share(shown: Shown) -> float | None:
    return min(1.0, shown.done / shown.total) if shown.total else None


def _times(shown: Shown, now: float) -> str:
    spent, share = now - shown.started, _share(shown)
    told = f"{duration(spent)} so far"
    to_the_end = None if shown.ends is None or shown.ends <= now else shown.ends - now
    if share and share < 1:
        left = spent * (1 - share) / share  # too much at first, when the start is most of what was
        told += f", {duration(left if to_the_end is None else min(left, to_the_end))} left"
    if to_the_end is not None:
        told += f", about {duration(to_the_end)} to the end"
    return told

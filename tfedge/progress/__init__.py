"""What is being done, shown while it is done, with the time left.

    with progress.phase("loading TensorFlow"):
        ...
    with progress.bar("prune: training", total=600) as advance:
        advance(1)
        progress.note("loss 0.12")

On a terminal (standard error) a line moves; a log gets a line at the start, one each ten seconds
and, of a bar, one at the end. A pipeline has it shown by the process that waits for it, also while
C++ holds Python (`shown_elsewhere`); otherwise a thread shows it.
"""

import contextlib
import dataclasses
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from absl import logging

from tfedge import plain_text
from tfedge.progress import board, estimate, painter

Advance = Callable[[int], None]

_POST_SECONDS = 0.1  # between two changes of the board by a bar
_WORTH_A_LINE = 1.0  # seconds that something took, to be kept on a terminal


@dataclasses.dataclass
class _Now:
    """What this process does; steps within steps, the innermost last."""

    shared: board.Board | None = None
    steps: list[board.Shown] = dataclasses.field(default_factory=list)
    run: estimate.Estimate | None = None
    again: float = 0.0
    posted: float = 0.0
    leaves_lines: bool = True


_NOW = _Now()


@contextlib.contextmanager
def phase(label: str, times_more: float = 0.0) -> Iterator[None]:
    """Shows `label` while the block runs.

    Args:
        label: of what is done.
        times_more: as often as this, about, something like it is done once all parts of the
            `whole` are; for its estimate.
    """
    started = time.monotonic()
    with _step(label, 0):
        yield
    _NOW.again += times_more * (time.monotonic() - started)


@contextlib.contextmanager
def bar(label: str, total: int) -> Iterator[Advance]:
    """Shows `label` while the block runs; what it yields is called with the units just done."""
    with _step(label, total):
        place = len(_NOW.steps) - 1

        def advance(done: int) -> None:
            step = _NOW.steps[place]
            _NOW.steps[place] = dataclasses.replace(step, done=step.done + done)
            if time.monotonic() - _NOW.posted > _POST_SECONDS:
                _post()

        yield advance


def note(text: str) -> None:
    """What is known so far of what is done now."""
    if _NOW.steps:
        _NOW.steps[-1] = dataclasses.replace(_NOW.steps[-1], note=plain_text.printable(text))
        _post()


@contextlib.contextmanager
def passing() -> Iterator[None]:
    """What is done in the block is shown while it is done and leaves no line: one of many.

    Warnings stay, and with --verbose everything.
    """
    if logging.level_debug() or not _NOW.leaves_lines:
        yield
        return
    verbosity = logging.get_verbosity()
    _NOW.leaves_lines = False
    logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        _NOW.leaves_lines = True


@contextlib.contextmanager
def whole(shares: Sequence[float]) -> Iterator[estimate.Estimate]:
    """An estimate of the time to the end of everything is shown, as far as parts of it are done.

    Args:
        shares: of the parts in the work, in any unit; bars tell how much of a part is done.
    """
    made = estimate.Estimate(shares, _NOW.again, time.monotonic())
    _NOW.run, _NOW.again = made, 0.0
    yield made
    made.finish(time.monotonic())


def shown_elsewhere(by: board.Board) -> None:
    """Another process paints what is on this board from now on."""
    _NOW.shared = by
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if by.terminal is not None and stream.isatty():
            setattr(sys, name, board.Beside(stream, by))
    logging.get_absl_handler().python_handler.setStream(sys.stderr)  # it has kept the one before


def _forget_board() -> None:
    """A forked process has neither the thread that paints nor what that may have held."""
    _NOW.shared = None


os.register_at_fork(after_in_child=_forget_board)


@contextlib.contextmanager
def _step(label: str, total: int) -> Iterator[None]:
    with _painted() as where:
        step = board.Shown(plain_text.printable(label), time.monotonic(), total=total)
        if where.terminal is None:
            logging.info("%s", step.label)
        _NOW.steps.append(step)
        _post()
        try:
            yield
            _tell(where, _NOW.steps[-1])
        finally:
            _NOW.steps.pop()
            _post()


def _tell(where: board.Board, step: board.Shown) -> None:
    """What stays of it to be read later."""
    now = time.monotonic()
    told = "; ".join(filter(None, (painter.duration(now - step.started), step.note)))
    if where.terminal is None:
        if step.note:
            logging.info("%s: %s", step.label, told)
    elif _NOW.leaves_lines and now - step.started >= _WORTH_A_LINE:
        with where.held():
            where.clear()
            where.terminal.write(f"{step.label}: {told}\n")
            where.terminal.flush()


def _post() -> None:
    _NOW.posted = now = time.monotonic()
    if _NOW.shared is None:
        return
    step = _NOW.steps[-1] if _NOW.steps else None
    if step is not None and _NOW.run is not None:
        if step.total:
            _NOW.run.reach(step.done / step.total)
        step = dataclasses.replace(step, ends=_NOW.run.ends(now))
    _NOW.shared.put(step)


@contextlib.contextmanager
def _painted() -> Iterator[board.Board]:
    """Somebody looks at the board: another process, or a thread for as long as the block runs."""
    if _NOW.shared is not None:
        yield _NOW.shared
        return
    with _own_terminal() as terminal:
        _NOW.shared = board.Board(terminal)
        ended = threading.Event()
        thread = threading.Thread(target=_paint, args=(_NOW.shared, ended), daemon=True)
        thread.start()
        try:
            yield _NOW.shared
        finally:
            ended.set()
            thread.join()
            _NOW.shared = None


@contextlib.contextmanager
def _own_terminal() -> Iterator[TextIO | None]:
    """The terminal by a descriptor of its own: the converter's pages are kept off number 2."""
    if not sys.stderr.isatty():
        yield None
        return
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as terminal:
        yield terminal


def _paint(where: board.Board, ended: threading.Event) -> None:
    looks = painter.Painter(where)
    while not ended.wait(painter.LOOK_SECONDS):
        looks.look()

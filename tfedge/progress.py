"""A progress bar with the time left, on stderr; single log lines where nobody watches."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from absl import logging

from tfedge import plain_text

Advance = Callable[[int], None]


@contextlib.contextmanager
def bar(label: str, total: int) -> Iterator[Advance]:
    """Show `label` while the block runs; what it yields is called with the units just done."""
    label = plain_text.printable(label)
    if total <= 0:
        yield lambda done: None
    elif sys.stderr.isatty():
        with _drawn(label, total) as advance:
            yield advance
    else:
        with _logged(label, total) as advance:
            yield advance


@contextlib.contextmanager
def _drawn(label: str, total: int) -> Iterator[Advance]:
    from rich import console, progress

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console.Console(stderr=True)) as drawn:
        task = drawn.add_task(label, total=total)
        yield lambda done: drawn.advance(task, done)


@contextlib.contextmanager
def _logged(label: str, total: int) -> Iterator[Advance]:
    """A line each quarter of the way."""
    started, state = time.monotonic(), {"done": 0, "said": 0}

    def advance(done: int) -> None:
        state["done"] += done
        quarter = 4 * state["done"] // total
        if quarter > state["said"] and done:
            state["said"] = quarter
            spent = time.monotonic() - started
            left = spent * (total - state["done"]) / max(1, state["done"])
            logging.info("%s: %d %%, %.0f s left", label, 25 * quarter, left)

    yield advance

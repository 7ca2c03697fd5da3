"""What happened while a pass trained, as small lines: the loss, and the metric on validation."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 240, 64
_PAD = 4
_NOT_PLOTTED = ("epoch", "step", "seconds")
_MOST_POINTS = 120  # more cannot be told apart at this width


@dataclasses.dataclass(frozen=True)
class Plot:
    """One line. `points` is an SVG path in a box of `WIDTH` times `HEIGHT`."""

    name: str
    path: str
    first: float
    last: float
    low: float
    high: float
    epochs: int


def of(history: Sequence[Mapping[str, Any]]) -> tuple[Plot, ...]:
    """A plot for every number that was kept of each epoch; none of a single epoch."""
    return tuple(_plots(history)) if len(history) > 1 else ()


def _plots(history: Sequence[Mapping[str, Any]]) -> Iterator[Plot]:
    for name in history[0]:
        values = [entry.get(name) for entry in history]
        numbers = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
        if name not in _NOT_PLOTTED and len(numbers) == len(history):
            yield Plot(
                name.replace("_", " "),
                _path(numbers[:: math.ceil(len(numbers) / _MOST_POINTS)]),
                numbers[0],
                numbers[-1],
                min(numbers),
                max(numbers),
                len(numbers),
            )


def _path(numbers: Sequence[float]) -> str:
    low, spread = min(numbers), max(numbers) - min(numbers)
    if not spread:  # one value throughout: a line through the middle
        low, spread = low - 1.0, 2.0
    step = (WIDTH - 2 * _PAD) / max(1, len(numbers) - 1)
    high = HEIGHT - 2 * _PAD
    places = (
        f"{_PAD + n * step:.1f} {_PAD + high * (1 - (value - low) / spread):.1f}"
        for n, value in enumerate(numbers)
    )
    return "M" + "L".join(places)

"""What happened while a pass trained, as small lines: the loss, and the metric on validation."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tfedge.release.gate.check import in_words
from tfedge.release.report import axis

WIDTH, HEIGHT = 300, 130
LEFT, RIGHT, TOP, BOTTOM = 50, 290, 8, 104  # of the part with the line in it
_NOT_PLOTTED = ("epoch", "step", "seconds")
_MOST_POINTS = 120  # more cannot be told apart at this width

Ticks = tuple[tuple[float, str], ...]


@dataclasses.dataclass(frozen=True)
class Plot:
    """One line in a box of `WIDTH` times `HEIGHT`.

    Attributes:
        name: what was kept of each epoch.
        path: an SVG path.
        across, up: (place, what is written there) of both axes, epochs from 1 on.
        first, last: values.
        epochs: how many.
    """

    name: str
    path: str
    across: Ticks
    up: Ticks
    first: float
    last: float
    epochs: int


def of(history: Sequence[Mapping[str, Any]]) -> tuple[Plot, ...]:
    """A plot for every number that was kept of each epoch; none of a single epoch."""
    return tuple(_plots(history)) if len(history) > 1 else ()


def _plots(history: Sequence[Mapping[str, Any]]) -> Iterator[Plot]:
    for name in history[0]:
        values = [entry.get(name) for entry in history]
        numbers = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
        if name not in _NOT_PLOTTED and len(numbers) == len(history):
            yield _plot(in_words(name), numbers)


def _plot(name: str, numbers: Sequence[float]) -> Plot:
    low, high, count = min(numbers), max(numbers), len(numbers)
    values = axis.ticks(low, high, 4)
    if low == high:  # a line through the middle
        low, high = low - 1, high + 1

    def x(epoch: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (epoch - 1) / (count - 1), 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low), 1)

    points = [(n + 1, numbers[n]) for n in range(0, count, math.ceil(count / _MOST_POINTS))]
    epochs = [each for each in axis.ticks(1, count) if each == round(each)]
    return Plot(
        name,
        "M" + "L".join(f"{x(epoch)} {y(value)}" for epoch, value in points),
        tuple(zip(map(x, epochs), axis.labels(epochs), strict=True)),
        tuple(zip(map(y, values), axis.labels(values), strict=True)),
        numbers[0],
        numbers[-1],
        count,
    )

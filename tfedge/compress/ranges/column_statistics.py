"""How the elements of a tensor vary over examples, and how its columns (the last axis) do."""

import dataclasses
import functools

import numpy as np

from tfedge.compress.ranges import uneven_inputs
from tfedge.data import splits
from tfedge.data.task import Task

_BATCH = 256


@dataclasses.dataclass(frozen=True, eq=False)
class Columns:
    """Mean, variance, lowest and highest of each column, (columns,)."""

    mean: np.ndarray
    variance: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @functools.cached_property
    def spread(self) -> np.ndarray:
        """The standard deviation, float32."""
        return np.sqrt(self.variance).astype(np.float32)

    @functools.cached_property
    def deviation(self) -> np.ndarray:
        """What to divide by: a column that did not vary keeps the steps that it has."""
        return np.where(self.spread > 0, self.spread, self.spread.max())

    @functools.cached_property
    def lost(self) -> tuple[int, ...]:
        """See `uneven_inputs.lost`."""
        return uneven_inputs.lost(self.mean, self.variance)


class Seen:
    """Mean, variance and ends of each element of a tensor, some examples at a time."""

    def __init__(self) -> None:
        self.count, self._first = 0, np.zeros(0)
        self._total = self._squares = self.low = self.high = self._first

    def add(self, rows: np.ndarray) -> None:
        """Takes (n, ...) more into account."""
        rows = rows.astype(np.float64)
        if not self.count:
            self._first, zeros = rows[0], np.zeros(rows[0].shape)
            self._total, self._squares, self.low, self.high = zeros, zeros, rows[0], rows[0]
        self.count += len(rows)
        moved = rows - self._first  # around some value, else large ones eat small spreads
        self._total = self._total + moved.sum(axis=0)
        self._squares = self._squares + (moved**2).sum(axis=0)
        self.low = np.minimum(self.low, rows.min(axis=0))
        self.high = np.maximum(self.high, rows.max(axis=0))

    @property
    def mean(self) -> np.ndarray:
        """Of each element."""
        return self._first + self._total / self.count

    @property
    def variance(self) -> np.ndarray:
        """Of each element."""
        spread = self._squares / self.count - (self._total / self.count) ** 2
        return np.maximum(spread, 0.0)

    def lost(self) -> float:
        """The share of elements that one scale rounds to nothing; none of what holds no numbers."""
        if not self.count:
            return 0.0
        found = uneven_inputs.lost(self.mean.reshape(-1), self.variance.reshape(-1))
        return len(found) / max(1, self._first.size)

    def columns(self) -> Columns:
        """By the last axis."""
        axes = tuple(range(self._first.ndim - 1))
        return Columns(
            self.mean.mean(axis=axes),
            self.variance.mean(axis=axes) + self.mean.var(axis=axes),
            self.low.min(axis=axes),
            self.high.max(axis=axes),
        )


def are_uneven(task: Task | None) -> bool:
    """Whether elements of an input are lost in one scale, as the calibration split has them."""
    seen: dict[str, Seen] = {}
    if task is None:
        return False
    for x, _ in task.calibration.batches(_BATCH):
        for name, array in splits.named(task.normalization(x)).items():
            seen.setdefault(name, Seen()).add(array)
    return any(each.lost() > 0 for each in seen.values())

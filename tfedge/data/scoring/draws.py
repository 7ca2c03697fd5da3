"""A metric over examples that are drawn again and again, with what can be done once done once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tfedge.data import splits


class Prepared(Protocol):
    """What a metric needs to know of n examples."""

    def __len__(self) -> int:
        """The number of examples."""

    def __getitem__(self, rows: np.ndarray) -> "Prepared":
        """These examples, some of them several times."""

    def value(self) -> float:
        """The metric over them."""


@dataclass(frozen=True, eq=False)
class Mean:
    """A metric that is a mean: (n,) what each example gives, and how much each counts."""

    each: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, rows: np.ndarray) -> "Mean":
        return Mean(self.each[rows], None if self.weights is None else self.weights[rows])

    def value(self) -> float:
        """The mean; NaN where nothing counts."""
        if self.weights is None:
            return float(np.mean(self.each))
        total = self.weights.sum()
        return float(self.each @ self.weights / total) if total else float("nan")


@dataclass(frozen=True, eq=False)
class Whole:
    """Any other metric: nothing can be done ahead."""

    of: Callable[..., float]
    outputs: splits.Arrays
    targets: splits.Arrays

    def __len__(self) -> int:
        return splits.count(self.targets)

    def __getitem__(self, rows: np.ndarray) -> "Whole":
        return Whole(self.of, splits.pick(self.outputs, rows), splits.pick(self.targets, rows))

    def value(self) -> float:
        """The metric, from the start."""
        return self.of(self.outputs, self.targets)

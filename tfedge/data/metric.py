"""What judges a model: a number over outputs and targets, and its direction."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from tfedge.data import splits
from tfedge.data.scoring import draws

Value = Callable[..., float]
PerExample = Callable[..., np.ndarray]


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric over outputs and targets of the same examples.

    Args:
        name: as reports show it.
        higher_is_better: its direction.
        value: (outputs, targets) -> the metric.
        correct: (outputs, targets) -> (n,) bool, where the metric is the share of examples got
            right, so that two models can be compared in pairs; None for every other metric.
        per_example: (outputs, targets) -> (n,) numbers whose mean is the metric, so that it can be
            resampled without being computed again; None where it is no mean over examples.
        outputs: the names of those it looks at, of several; () is all that have targets.
        prepare: (outputs, targets) -> a form of them that is quick to resample, where there is one.
        in_units: whether it is in the units of the targets, so that those in large ones outweigh
            others.
    """

    name: str
    higher_is_better: bool
    value: Value
    correct: PerExample | None = None
    per_example: PerExample | None = None
    outputs: tuple[str, ...] = ()
    prepare: Callable[..., draws.Prepared] | None = None
    in_units: bool = False

    @classmethod
    def mean(
        cls, name: str, higher_is_better: bool, per_example: PerExample, in_units: bool = False
    ) -> "Metric":
        """The mean of what each example gives."""
        value = functools.partial(_mean, per_example)
        return cls(name, higher_is_better, value, per_example=per_example, in_units=in_units)

    @classmethod
    def share(cls, name: str, right: PerExample) -> "Metric":
        """The share of examples that are right, of which each gives 0 or 1."""
        correct = functools.partial(_as_bool, right)
        return dataclasses.replace(cls.mean(name, True, right), correct=correct)

    def prepared(self, outputs: splits.Arrays, y: splits.Arrays) -> draws.Prepared:
        """The metric over examples that are to be drawn again and again."""
        if self.per_example is not None:
            return draws.Mean(self.per_example(outputs, y))
        return self.prepare(outputs, y) if self.prepare else draws.Whole(self.value, outputs, y)


def _mean(per_example: PerExample, outputs: splits.Arrays, y: splits.Arrays) -> float:
    return float(np.mean(per_example(outputs, y)))


def _as_bool(per_example: PerExample, outputs: splits.Arrays, y: splits.Arrays) -> np.ndarray:
    return per_example(outputs, y).astype(bool)

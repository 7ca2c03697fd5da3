"""Targets that are a column of 0 and 1 for each label."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfedge import errors
from tfedge.data import classes as lib


@dataclasses.dataclass(frozen=True)
class LabelColumns(lib.Classes):
    """(n, labels) of 0 and 1; any number of labels may be 1."""

    per_label: ClassVar[bool] = True

    def canonical(self, y: np.ndarray, kind: str, where: str) -> np.ndarray:
        """See `Classes.canonical`; rows with a single 1 are rows of labels as well."""
        if y.ndim != 2:
            raise errors.BadInput(
                where,
                f"targets of {kind} have 2 axes, got {y.shape}",
                "Give (examples, labels) of 0 and 1.",
            )
        return lib.whole(y, kind, where)

    def check(self, y: np.ndarray, kind: str, classes: int, where: str) -> None:
        """See `Classes.check`."""
        if y.ndim != 2 or y.dtype.kind not in "biu":
            raise errors.BadInput(
                where,
                f"targets of {kind} are integers with 2 axes, got {y.shape} {y.dtype}",
                "Give (examples, labels) of 0 and 1.",
            )
        lib.check_range(y, 2, where)

    def names(self, y: np.ndarray) -> tuple[str, ...]:
        """See `Classes.names`."""
        return ()

    def count(self, y: np.ndarray) -> int:
        """See `Classes.count`."""
        return y.shape[1]

    def present(self, y: np.ndarray) -> np.ndarray:
        """See `Classes.present`."""
        return np.flatnonzero(y.any(axis=0))

    def shares(self, y: np.ndarray, classes: int) -> np.ndarray:
        """See `Classes.shares`."""
        return y.mean(axis=0)

    def weights(self, given: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """See `Classes.weights`: those of positives; negatives count 1, so nothing is scaled."""
        return given

    def balanced(self, shares: np.ndarray) -> np.ndarray:
        """See `Classes.balanced`: the positives of a label count as its negatives."""
        return np.where(shares > 0, (1 - shares) / np.maximum(shares, 1e-9), 1.0)

    def of_decisions(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """See `Classes.of_decisions`."""
        return np.where(y == 1, weights, 1.0)

    def guess(self, y: np.ndarray) -> np.ndarray:
        """See `Classes.guess`."""
        return np.broadcast_to(y.mean(axis=0), y.shape)

    def counts(self, chosen: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """See `Classes.counts`."""
        hits = ((chosen == 1) & (y == 1)).sum(axis=0)
        return hits, (chosen == 1).sum(axis=0), y.sum(axis=0)

    def columns(self, outputs: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Classes.columns`."""
        return outputs.reshape(y.shape), y == 1

    def uniform_f1(self, y: np.ndarray) -> np.ndarray:
        """See `Classes.uniform_f1`: half of the answers are yes."""
        return 2 * y.mean(axis=0) / (2 * y.mean(axis=0) + 1)

    def is_uneven(self, y: np.ndarray) -> bool:
        """See `Classes.is_uneven`."""
        return bool((np.abs(y.mean(axis=0) - 0.5) > 0.25).any())

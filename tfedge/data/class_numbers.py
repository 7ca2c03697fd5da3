"""Targets that are class numbers: one for each example, or one for each of its places."""

import dataclasses

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import classes as lib

_GAP_ELSEWHERE = -100  # what PyTorch's losses leave out


@dataclasses.dataclass(frozen=True)
class ClassNumbers(lib.Classes):
    """Integers from 0 up.

    Args:
        has_places: (n, places...) instead of (n,): steps, pixels and voxels are all places.
        has_gaps: whether places may have no class: their number is -1, they count for nothing.
        may_miss: see `Classes`.
        one_hot: whether rows with a single 1 are taken for the number of its column.
        fixed: how many classes there are whatever the targets hold; 0 where these tell.
    """

    has_places: bool = False
    one_hot: bool = False
    fixed: int = 0
    has_gaps: bool = False
    may_miss: bool = False

    def canonical(self, y: np.ndarray, kind: str, where: str) -> np.ndarray:
        """See `Classes.canonical`; a last axis of 1 is dropped."""
        if y.ndim > self._axes and y.shape[-1] == 1:
            logging.info("%s: %s is taken as %s", where, y.shape, y.shape[:-1])
            y = y[..., 0]
        elif self._may_be_one_hot(y):
            logging.info("%s: one-hot %s is turned into class numbers", where, y.shape)
            return y.argmax(axis=-1).astype(np.int32)
        if not self._fits(y):
            raise errors.BadInput(
                where,
                f"targets of {kind} have {self._shown}, got {y.shape}",
                "Give a class number for each example; one for each pixel or step is"
                " kind=segmentation, numbers that are no classes kind=regression.",
            )
        y = lib.whole(y, kind, where)
        if self.has_gaps and (y == _GAP_ELSEWHERE).any():
            logging.info("%s: %d is taken as -1: no class", where, _GAP_ELSEWHERE)
            y = np.where(y == _GAP_ELSEWHERE, -1, y)
        return y

    def check(self, y: np.ndarray, kind: str, classes: int, where: str) -> None:
        """See `Classes.check`."""
        if not self._fits(y) or y.dtype.kind not in "biu":
            raise errors.BadInput(
                where,
                f"targets of {kind} are integers with {self._shown}, got {y.shape} {y.dtype}",
                "Give class numbers: of one-hot targets the argmax, of (n, 1) the column.",
            )
        if not self.has_gaps:
            lib.check_range(y, classes, where)
            return
        lib.check_range(np.where(y == -1, 0, y), classes, where)
        empty = np.flatnonzero((y == -1).reshape(len(y), -1).all(axis=1))
        if len(empty):
            raise errors.BadInput(
                where,
                f"the sequence at index {empty[0]} has no label but -1 ({len(empty)} such"
                f" sequences among {len(y)})",
                "Drop it, or label a step of it: nothing could be learned from it or judged.",
            )

    def names(self, y: np.ndarray) -> tuple[str, ...]:
        """See `Classes.names`: the columns of one-hot targets."""
        wide = self._may_be_one_hot(y) and y.shape[-1] > 1
        return tuple(str(number) for number in range(y.shape[-1])) if wide else ()

    def count(self, y: np.ndarray) -> int:
        """See `Classes.count`."""
        return self.fixed or (int(y.max()) + 1 if y.size else 0)

    def present(self, y: np.ndarray) -> np.ndarray:
        """See `Classes.present`."""
        return np.unique(_counted(y))

    def shares(self, y: np.ndarray, classes: int) -> np.ndarray:
        """See `Classes.shares`."""
        counted = _counted(y)
        return np.bincount(counted, minlength=classes) / counted.size

    def weights(self, given: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """See `Classes.weights`: their mean over the examples is 1."""
        return given / float((given * shares).sum())

    def balanced(self, shares: np.ndarray) -> np.ndarray:
        """See `Classes.balanced`."""
        return np.where(shares > 0, 1 / np.maximum(shares, 1e-9), 1.0)

    def of_decisions(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """See `Classes.of_decisions`."""
        return np.where(y < 0, 0, weights[y.astype(np.int64, copy=False)])

    def guess(self, y: np.ndarray) -> np.ndarray:
        """See `Classes.guess`: the shares of the classes."""
        shares = self.shares(y, 2)  # one number would be a sigmoid's
        return np.broadcast_to(shares, (*y.shape, len(shares)))

    def counts(self, chosen: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
        """See `Classes.counts`."""
        chosen, y = chosen[y >= 0], _counted(y)
        size = int(max(chosen.max(), y.max())) + 1
        return (
            np.bincount(y[chosen == y], minlength=size),
            np.bincount(chosen[chosen >= 0], minlength=size),
            np.bincount(y, minlength=size),
        )

    def columns(self, outputs: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Classes.columns`: each class against the rest; a single unit is that of class 1."""
        units = outputs.reshape(y.size, -1)[y.ravel() >= 0]
        of = np.arange(units.shape[1]) if units.shape[1] > 1 else 1
        return units, _counted(y)[:, np.newaxis] == of

    def uniform_f1(self, y: np.ndarray) -> np.ndarray:
        """See `Classes.uniform_f1`: every class that occurs is answered equally often."""
        shares = self.shares(y, 0)
        shares = shares[shares > 0]
        return 2 * shares / (shares * len(shares) + 1)

    def is_uneven(self, y: np.ndarray) -> bool:
        """See `Classes.is_uneven`."""
        shares = self.shares(y, 0)
        return float(shares.max()) > 1.5 / max(2, int(np.count_nonzero(shares)))

    @property
    def _axes(self) -> int:
        return 2 if self.has_places else 1

    @property
    def _shown(self) -> str:
        return "2 or more axes" if self.has_places else "1 axis"

    def _fits(self, y: np.ndarray) -> bool:
        return y.ndim == self._axes or (self.has_places and y.ndim > self._axes)

    def _may_be_one_hot(self, y: np.ndarray) -> bool:
        """One axis more than the numbers have, or any more of places, and a single 1 a row."""
        more = y.ndim - self._axes
        fits = more == 1 or (self.has_places and more > 1)
        return self.one_hot and fits and lib.is_one_hot(y)


def _counted(y: np.ndarray) -> np.ndarray:
    """(places,) the classes of all places that have one."""
    counted = y[y >= 0]
    return counted.astype(np.int64, copy=False)  # streams may have them as floats

"""Intersection over union of each class: how far what is answered and what is there are the same.

Counted over all places of all examples, as segmentation benchmarks do (M. Everingham et al., "The
PASCAL Visual Object Classes Challenge: A Retrospective", IJCV 111, 2015).
"""

from dataclasses import dataclass

import numpy as np

from tfedge.data.kind import Kind


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Places by example and class, ready to be drawn again and again.

    Attributes:
        both: (n, classes) where the class is answered and is there.
        either: (n, classes) where it is answered or is there.
    """

    both: np.ndarray
    either: np.ndarray

    def __len__(self) -> int:
        return len(self.both)

    def __getitem__(self, rows: np.ndarray) -> "Overlaps":
        return Overlaps(self.both[rows], self.either[rows])

    def of_classes(self) -> np.ndarray:
        """(classes,) 0..1; NaN of a class that is neither there nor answered."""
        both, either = self.both.sum(axis=0), self.either.sum(axis=0)
        return np.where(either > 0, both / np.maximum(either, 1), np.nan)

    def value(self) -> float:
        """The mean over the classes that are there or answered."""
        return float(np.nanmean(self.of_classes()))


def of(chosen: np.ndarray, y: np.ndarray, classes: int = 0) -> Overlaps:
    """The overlaps of decisions with their targets.

    Args:
        chosen: (n, places...) class numbers; -1 is no answer.
        y: targets of the same shape.
        classes: how many there are; 0 for as many as occur.
    """
    chosen, y = (each.reshape(len(each), -1).astype(int, copy=False) for each in (chosen, y))
    chosen = np.where(y < 0, -1, chosen)  # a place without a class counts for nothing
    count = classes or int(max(chosen.max(initial=0), y.max(initial=0))) + 1
    both = _counts(np.where(chosen == y, y, -1), count)
    return Overlaps(both, _counts(chosen, count) + _counts(y, count) - both)


def of_outputs(outputs: np.ndarray, y: np.ndarray, kind: Kind, logits: bool) -> Overlaps:
    """Likewise of a model's outputs, as the kind of the targets reads them."""
    assert kind.decide is not None  # no kind without decisions has overlaps
    return of(kind.decide(outputs, logits), y)


def _counts(numbers: np.ndarray, classes: int) -> np.ndarray:
    """(n, classes) how often each class occurs in each row; others are not counted.

    Row by row: whole splits of masks take gigabytes, and indices into them several times that.
    """
    rows = (row[(row >= 0) & (row < classes)] for row in numbers)
    found = [np.bincount(row, minlength=classes) for row in rows]
    return np.array(found, int).reshape(len(numbers), classes)

"""How well each class of a segmentation is found: intersection over union, before and now."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data.scoring import overlaps

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Overlap per class"
PLACE = 31


@dataclasses.dataclass(frozen=True)
class Row:
    """One class, or the mean of all.

    Attributes:
        label: of the class.
        places: where it is, over all held-out examples.
        before, after: intersection over union, 0..1; None where it is neither there nor answered,
            and before without a baseline.
    """

    label: str
    places: int
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """A share; None where one of the two is not known."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclasses.dataclass(frozen=True)
class Overlaps:
    """The classes, the largest loss first, and their mean."""

    rows: tuple[Row, ...]
    mean: Row
    has_baseline: bool


def of(facts: "Facts") -> Overlaps | None:
    """None where targets have no places, or classes are the words of a vocabulary."""
    found, classes = facts.answered, facts.task.kind_facts.classes
    if found is None or classes is None or not classes.has_places or classes.may_miss:
        return None
    count = len(found.labels)
    after = overlaps.of(found.after, found.targets, count)
    before = None if found.before is None else overlaps.of(found.before, found.targets, count)
    was = (math.nan,) * count if before is None else before.of_classes()
    places = np.bincount(found.targets[found.targets >= 0], minlength=count)
    rows = [
        Row(label, int(n), _known(a), _known(b))
        for label, n, a, b in zip(found.labels, places, was, after.of_classes(), strict=True)
    ]
    rows.sort(key=lambda row: row.change or 0.0)
    mean_before = None if before is None else before.value()
    mean = Row("mean", int(places.sum()), mean_before, after.value())
    return Overlaps(tuple(rows), mean, before is not None)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)

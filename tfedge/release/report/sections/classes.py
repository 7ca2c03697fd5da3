"""What became of each class."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfedge.release.report import group_rows

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Per class"
PLACE = 30


@dataclasses.dataclass(frozen=True)
class Classes:
    """Rows of `group_rows.classes`, what they are, and half of their axis (0: no changes)."""

    rows: list[dict[str, Any]]
    note: str
    half_axis: float
    has_baseline: bool


def of(facts: "Facts") -> Classes | None:
    """The classes; None where the task has none."""
    rows, note = group_rows.classes(facts)
    if not rows:
        return None
    return Classes(rows, note, group_rows.half_axis(facts), facts.baseline is not None)

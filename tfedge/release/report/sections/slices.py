"""What became of each slice: a camera, a country."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfedge.release.report import group_rows

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Per slice"
PLACE = 40


@dataclasses.dataclass(frozen=True)
class Slices:
    """Rows of `group_rows.slices`, and half of their axis."""

    rows: list[dict[str, Any]]
    half_axis: float


def of(facts: "Facts") -> Slices | None:
    """None without any."""
    rows = group_rows.slices(facts)
    return Slices(rows, group_rows.half_axis(facts)) if rows else None

"""What became of each slice: a camera, a country."""

from typing import TYPE_CHECKING, Any

from tfedge.release.report import group_rows

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Per slice"
PLACE = 40


def of(facts: "Facts") -> list[dict[str, Any]] | None:
    """Rows of `group_rows.slices`; None without any."""
    return group_rows.slices(facts) or None

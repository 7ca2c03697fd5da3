"""What passes promised of the weights, and what the file holds."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Promises found in the file"
PLACE = 100


def of(facts: "Facts") -> tuple[dict[str, Any], ...] | None:
    """Rows of the scorecard's holds; None without any."""
    return facts.scorecard.holds or None

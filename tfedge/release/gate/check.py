"""One row of a verdict."""

import dataclasses
from typing import Any

from tfedge.data.metric_words import in_words, spoken
from tfedge.release.statistics.paired import FAIL, INSUFFICIENT_DATA, PASS

__all__ = [
    "FAIL",
    "INSUFFICIENT_DATA",
    "PASS",
    "REPORTED",
    "UNDECIDED",
    "Check",
    "in_words",
    "spoken",
]

REPORTED = "REPORTED"
UNDECIDED = "UNDECIDED"  # an estimate on both sides of a limit: said, and no obstacle


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: what.
        value: what was found: a number, names or None.
        limit: what was allowed, of the same kind.
        outcome: "PASS", "FAIL", "INSUFFICIENT_DATA", "UNDECIDED" for an estimate that may lie on
            either side of the limit, or "REPORTED" for what is not judged.
        reason: what was compared with what, in words.
        note: what whoever reads only the last line must know of it though it stops nothing.
        heading: what tables call it; "" is its name.
    """

    name: str
    value: Any
    limit: Any
    outcome: str
    reason: str
    note: str = ""
    heading: str = ""

    @property
    def spoken_name(self) -> str:
        """What people read in place of the name."""
        return self.heading or self.name.replace("_", " ")

    def to_json(self) -> dict[str, Any]:
        """A row of verdict.json; notes are listed beside the rows."""
        return {
            name: getattr(self, name) for name in ("name", "value", "limit", "outcome", "reason")
        }

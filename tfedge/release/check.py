"""One row of a verdict."""

import dataclasses
from typing import Any

from tfedge.release.statistics import FAIL, INSUFFICIENT_DATA, PASS

__all__ = ["FAIL", "INSUFFICIENT_DATA", "PASS", "REPORTED", "UNDECIDED", "Check", "spoken"]

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
    """

    name: str
    value: Any
    limit: Any
    outcome: str
    reason: str


def spoken(name: str) -> str:
    """An identifier as the start of a sentence: "macro_f1" -> "Macro f1"."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]

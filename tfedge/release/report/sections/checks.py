"""Every check of the verdict, its outcome and what was compared."""

import dataclasses
from typing import TYPE_CHECKING

from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, REPORTED, UNDECIDED, Check

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Checks"
PLACE = 5
_WORDS = {
    PASS: "passed",
    FAIL: "failed",
    INSUFFICIENT_DATA: "not decided",
    REPORTED: "reported only",
    UNDECIDED: "undecided",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A check; `outcome` in words. `is_noted` where the last line of the verdict speaks of it."""

    check: Check
    outcome: str
    is_noted: bool


def of(facts: "Facts") -> tuple[Row, ...]:
    """All of them, in the verdict's order."""
    noted = {check.name for check in facts.verdict.checks if check.note}
    return tuple(
        Row(check, _WORDS[check.outcome], check.name in noted) for check in facts.verdict.checks
    )

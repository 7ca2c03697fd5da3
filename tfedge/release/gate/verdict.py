"""May it ship, and what led to that: the outcome of a gate, in words and as verdict.json."""

import dataclasses
from typing import Any

from tfedge import shown
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, UNDECIDED, Check
from tfedge.release.gate.metric_check import Difference
from tfedge.release.statistics.groups import GroupChange

SCHEMA_VERSION = 1
_MOST_NOTES = 6
_EXIT_CODES = {PASS: 0, FAIL: 3, INSUFFICIENT_DATA: 4}


@dataclasses.dataclass(frozen=True, repr=False)
class Verdict(shown.Shown):
    """Whether to ship, and what led to it.

    Attributes:
        outcome: "PASS", "FAIL" or "INSUFFICIENT_DATA".
        checks: everything looked at.
        difference: of the metric, with its interval; None without a baseline.
        groups: what became of each class and slice.
        power: what the held-out examples can show, in words; "" without a baseline.
    """

    outcome: str
    checks: tuple[Check, ...]
    difference: Difference | None = None
    groups: tuple[GroupChange, ...] = ()
    power: str = ""

    @property
    def exit_code(self) -> int:
        """0 released, 3 failed (goes before 4), 4 not enough data to decide."""
        return _EXIT_CODES[self.outcome]

    def _shown(self) -> tuple[str, shown.Rows]:
        """What passed by name alone; the rest with its reason, first what decided."""
        passed = [check.spoken_name for check in self.checks if check.outcome == PASS]
        others = [check for check in self.checks if check.outcome != PASS]
        others.sort(key=lambda check: check.outcome != self.outcome)
        rows = [(check.spoken_name, f"{check.outcome}: {check.reason}") for check in others]
        noted = [("notes", self._noted.strip())] if self._noted else []
        return f"Verdict {self.outcome}", [*noted, ("passed", ", ".join(passed)), *rows]

    @property
    def sentence(self) -> str:
        """The verdict and what decided it, as one line."""
        deciding = [check for check in self.checks if check.outcome == self.outcome]
        if self.outcome == PASS:
            open_ones = sum(check.outcome == UNDECIDED for check in self.checks)
            rest = f" {open_ones} could not be decided by an estimate." if open_ones else ""
            return f"PASS: {_all_passed(len(deciding))}.{rest}{self._noted}"
        reasons = dict.fromkeys(check.reason for check in deciding)
        return f"{self.outcome}: {' '.join(reasons)}{self._noted}"

    @property
    def _noted(self) -> str:
        """What stopped nothing, as the end of a sentence that says why; the first few of many."""
        notes = [check.note for check in self.checks if check.note and check.outcome != FAIL]
        more = f"; and {len(notes) - _MOST_NOTES} more" if len(notes) > _MOST_NOTES else ""
        return f" But {'; '.join(notes[:_MOST_NOTES])}{more}." if notes else ""

    def to_json(self) -> dict[str, Any]:
        """The content of verdict.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "outcome": self.outcome,
            "checks": [check.to_json() for check in self.checks],
            "notes": [
                {"check": check.name, "words": check.note} for check in self.checks if check.note
            ],
            "difference": self.difference and dataclasses.asdict(self.difference),
            "groups": [each.to_json() for each in self.groups],
            "power": self.power,
        }


def _all_passed(count: int) -> str:
    return f"all {count} checks passed" if count != 1 else "the one check passed"

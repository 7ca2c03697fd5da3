"""What each pass cost on the validation split."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfedge.release.gate.check import in_words
from tfedge.release.report import wording

_NOTICED = 0.02  # of the loss before; less than that is noise


def words(validation: Mapping[str, Mapping[str, float]]) -> str:
    """Such as "loss 0.21 to 1.35, accuracy 91.20% to 40.10%"; "" where none is known."""
    told = []
    for name, change in validation.items():
        before, after = (
            wording.metric_value({"name": name}, change[when]) for when in ("before", "after")
        )
        told.append(f"{in_words(name)} {before} to {after}")
    return ", ".join(told)


def costliest(reports: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The pass that raised the loss most; None where none did so noticeably, or nobody knows."""
    known = [report for report in reports if (report.get("validation") or {}).get("loss")]
    worst = max(known, key=_rise, default=None)
    if worst is None or _rise(worst) <= _NOTICED * abs(worst["validation"]["loss"]["before"]):
        return None
    return worst


def _rise(report: Mapping[str, Any]) -> float:
    loss = report["validation"]["loss"]
    return loss["after"] - loss["before"]

"""What was decided and why, for someone who does not read tables."""

from typing import TYPE_CHECKING

from tfedge.release.gate import metric_check
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, UNDECIDED, spoken
from tfedge.release.report import wording

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

_ADVICE = {
    PASS: "It may ship.",
    FAIL: "Do not ship it.",
    INSUFFICIENT_DATA: "Do not ship it yet.",
}


def of(facts: "Facts") -> str:
    """The advice, and what led to it.

    Example: "It may ship. Accuracy 91.35% on 10,000 held-out examples, baseline 91.30%; a download
    of 21.4 KB, 3.6 times smaller."
    """
    outcome = facts.verdict.outcome
    if outcome == PASS:
        return f"{_ADVICE[outcome]} {_gain(facts)}"
    deciding = {c.name: c.reason for c in facts.verdict.checks if c.outcome == outcome}
    if metric_check.NAME in deciding:  # the same without near duplicates is said further below
        deciding.pop("metric_without_near_duplicates", None)
    kept = (
        f"{facts.kept_as} is not a release: it is kept here, and the same command judges it again "
        "without training."
    )
    return " ".join(
        (
            _ADVICE[outcome],
            *(_shortened(reason, outcome) for reason in deciding.values()),
            *([kept] if facts.kept_as else []),
        )
    )


def _shortened(reason: str, outcome: str) -> str:
    """The first sentence, and the last where that says how much data would do."""
    sentences = reason.removesuffix(".").split(". ")
    kept = [sentences[0], sentences[-1]] if outcome == INSUFFICIENT_DATA else [sentences[0]]
    return ". ".join(dict.fromkeys(kept)) + "."


def _gain(facts: "Facts") -> str:
    metric = facts.scores["metric"]
    value, before = (wording.metric_value(metric, metric.get(key)) for key in ("value", "baseline"))
    size, was = facts.file.download_bytes, facts.baseline_file
    times = wording.times_smaller(was.download_bytes if was else None, size)
    undecided = sum(check.outcome == UNDECIDED for check in facts.verdict.checks)
    unclear = f" {undecided} could not be decided by an estimate: see the checks."
    return (
        f"{spoken(metric['name'])} {value} on {metric['n']:,} held-out examples, baseline {before};"
        f" a download of {wording.amount(size)}{f', {times}' if times else ''}."
        f"{unclear if undecided else ''}"
    )

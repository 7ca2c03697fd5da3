"""Scorecard and limits in, verdict out: may this model be shipped?

Accuracy is judged by a paired test against the baseline, size and memory against the phone class,
latency and energy by what a phone measured, or an estimate where that is clear. The host's latency
says nothing about a phone's and is reported, never judged.
"""

import dataclasses
import numbers
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfedge import errors, shown
from tfedge.device import profiles
from tfedge.device.scorecard import Scorecard
from tfedge.release import (
    cost_checks,
    floors,
    group_check,
    holdout_check,
    metric_check,
    statistics,
    weak_baseline,
)
from tfedge.release.check import FAIL, INSUFFICIENT_DATA, PASS, REPORTED, UNDECIDED, Check, in_words
from tfedge.release.groups import GroupChange
from tfedge.release.holdout_uses import Use

if TYPE_CHECKING:
    from tfedge.data import metrics

SCHEMA_VERSION = 1
INPUT_MODEL = "input_model"
_MOST_NOTES = 6
_EXIT_CODES = {PASS: 0, FAIL: 3, INSUFFICIENT_DATA: 4}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a release must keep.

    Attributes:
        margin: the accepted loss: points of accuracy (0.01 is one) where the metric counts right
            answers, else a share of the baseline's value in the metric's worse direction.
        alpha: the accepted probability of passing a model that loses `margin`.
        max_file_bytes: None for no limit.
        max_memory_bytes: of the peak while loading and running; None for no limit.
        max_latency_ms, max_energy_mj: of one inference on the phone; None for no limit.
        require_measured_latency: whether an estimate that may lie on either side of these limits
            keeps the model from being released.
        allow_flex: whether operators of TensorFlow (Flex) may ship, with their cost in app size.
        profile: the phone class these came from.
        own: names of limits that are not the phone class's, but were set in place of them.
        group_margin: the accepted loss of a single class or slice, a share of its examples, or of
            its mean where the metric is one; None reports such losses and judges none.
        min_metric: the least the first metric may be, or metric name -> that; of an error, the
            most. None for no floor. See `floors`.
        seed: of the bootstrap.

    Raises:
        BadInput: a margin, alpha or limit out of range.
    """

    margin: float = 0.01
    alpha: float = 0.05
    max_file_bytes: int | None = None
    max_memory_bytes: int | None = None
    max_latency_ms: float | None = None
    max_energy_mj: float | None = None
    require_measured_latency: bool = False
    allow_flex: bool = False
    profile: str = "the limit"
    own: frozenset[str] = frozenset()
    group_margin: float | None = None
    min_metric: float | Mapping[str, float] | None = None
    seed: int = 0

    def __post_init__(self):
        statistics.check_settings(self.margin, self.alpha)
        statistics.check_settings(self.group_margin or 0.0, self.alpha, "--group_margin")
        floors.as_mapping(self.min_metric)
        for name in ("max_file_bytes", "max_memory_bytes", "max_latency_ms", "max_energy_mj"):
            limit = getattr(self, name)
            if limit is not None and not (isinstance(limit, numbers.Real) and limit > 0):
                raise errors.BadInput(
                    name, f"expected a number above 0, or None, got {limit!r}", "Correct the limit."
                )

    @classmethod
    def from_profile(
        cls, profile: str | pathlib.Path | profiles.Profile, **settings: Any
    ) -> "Limits":
        """The limits of a phone class; `settings` are the other fields, or replace its."""
        phone = profiles.load(profile)
        known = {
            "max_file_bytes": phone.max_file_bytes,
            "max_memory_bytes": phone.max_memory_bytes,
            "max_latency_ms": phone.max_latency_ms,
            "max_energy_mj": phone.max_energy_mj,
            "allow_flex": phone.allow_flex,
            "profile": phone.name,
        }
        own = frozenset(name for name in settings if name in known and name.startswith("max_"))
        return cls(**{**known, "own": own, **settings})

    def who(self, name: str) -> str:
        """Who allows what the limit of that name is."""
        return "your own limit" if name in self.own else self.profile


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
    difference: metric_check.Difference | None = None
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


def gate(
    scorecard: Scorecard,
    limits: Limits | None = None,
    near_duplicates: np.ndarray | None = None,
    use: Use | None = None,
    trained_on: str = "",
) -> Verdict:
    """Judges a scorecard.

    FAIL if any check failed; else INSUFFICIENT_DATA if any could not be decided; else PASS.

    Args:
        scorecard: of `tfedge.evaluate`.
        limits: None for those of the scorecard's own phone class.
        near_duplicates: indices of held-out examples that look like training ones; the metric is
            then judged without them as well.
        use: how often the held-out set was used before; see `holdout_uses.record`.
        trained_on: whether training saw the held-out examples, in words; see `data.trained_on`.
    """
    limits = limits or Limits.from_profile(scorecard.profile)
    metric, difference = _metric(scorecard, limits, None)
    changes = group_check.changes(scorecard, limits.group_margin, limits.alpha)
    checks = [
        _runs(scorecard),
        *([] if scorecard.failure else [metric]),
        *_more_metrics(scorecard, limits),
        *_beside(scorecard.beside, limits),
        *_unjudged(scorecard),
        *floors.check(scorecard, floors.as_mapping(limits.min_metric), limits.alpha, limits.seed),
        *weak_baseline.check(scorecard),
        *group_check.check(changes, limits.group_margin, limits.alpha),
        *group_check.check_means(scorecard, limits.group_margin, limits.alpha),
        *_without(scorecard, limits, near_duplicates),
        *_uses(scorecard, limits, use),
        *([Check("trained_on", None, None, REPORTED, _sentence(trained_on))] if trained_on else []),
        _file_size(scorecard, limits),
        *_memory(scorecard, limits),
        *_operators(scorecard, limits),
        *_holds(scorecard),
        *_host_latency(scorecard),
        *_costs(scorecard, limits),
    ]
    outcomes = {check.outcome for check in checks}
    outcome = next((worst for worst in (FAIL, INSUFFICIENT_DATA) if worst in outcomes), PASS)
    power = _power(scorecard, limits)
    return Verdict(outcome, tuple(checks), difference, changes, power)


def _all_passed(count: int) -> str:
    return f"all {count} checks passed" if count != 1 else "the one check passed"


def _metric(
    scorecard: Scorecard,
    limits: Limits,
    chosen: np.ndarray | None,
    by: "metrics.Metric | None" = None,
    versus: str = "baseline",
) -> tuple[Check, metric_check.Difference | None]:
    return metric_check.check(
        scorecard,
        margin=limits.margin,
        alpha=limits.alpha,
        seed=limits.seed,
        chosen=chosen,
        by=by,
        versus=versus,
    )


def _more_metrics(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    """All must pass, so each is tested at the full alpha (intersection-union test)."""
    for each in scorecard.also_judged_by:
        check, _ = _metric(scorecard, limits, None, each)
        heading = f"{check.spoken_name}: {in_words(each.name)}"
        yield dataclasses.replace(check, name=f"{check.name}: {each.name}", heading=heading)


def _beside(scorecard: Scorecard | None, limits: Limits) -> Iterator[Check]:
    """The comparison with the input model, where another one decides."""
    if scorecard is None:
        return
    for by in (None, *scorecard.also_judged_by):
        check, _ = _metric(scorecard, limits, None, by, "input model")
        name = INPUT_MODEL if by is None else f"{INPUT_MODEL}: {by.name}"
        lost = "it is worse than the input model by more than the margin"
        yield dataclasses.replace(
            check,
            name=name,
            outcome=REPORTED,
            reason=f"Beside the baseline, which decides. {check.reason}",
            note=lost if check.outcome == FAIL else "",
        )


def _unjudged(scorecard: Scorecard) -> Iterator[Check]:
    """Outputs that could have lost everything without a word."""
    names = ", ".join(map(repr, scorecard.unjudged))
    if names:
        several = len(scorecard.unjudged) > 1
        note = (
            f"{'outputs' if several else 'output'} {names} {'are' if several else 'is'} not judged"
        )
        reason = (
            f"No metric looks at {names}: Task.more_metrics takes one, such as accuracy:OUTPUT."
        )
        yield Check("unjudged", list(scorecard.unjudged), [], REPORTED, reason, note)


def _power(scorecard: Scorecard, limits: Limits) -> str:
    pairs = _pairs(scorecard)
    if pairs is None:
        return ""
    return _sentence(statistics.power_statement(pairs, limits.margin, limits.alpha))


def _sentence(words: str) -> str:
    """With a capital, but for a name that has none."""
    return f"{words if words.startswith('tfedge ') else words[0].upper() + words[1:]}."


def _pairs(scorecard: Scorecard) -> statistics.Pairs | None:
    metric = scorecard.metric
    return statistics.Pairs(**metric.paired) if metric and metric.paired else None


def _uses(scorecard: Scorecard, limits: Limits, use: Use | None) -> Iterator[Check]:
    if use is not None:
        yield from holdout_check.check(use, _pairs(scorecard), limits.margin, limits.alpha)


def _without(
    scorecard: Scorecard, limits: Limits, near_duplicates: np.ndarray | None
) -> Iterator[Check]:
    if scorecard.metric is None or near_duplicates is None or not len(near_duplicates):
        return
    cleaned = np.setdiff1d(np.arange(scorecard.metric.n), near_duplicates)
    check, _ = _metric(scorecard, limits, cleaned)
    reason = f"Without {len(near_duplicates):,} near duplicates of training data: {check.reason}"
    yield dataclasses.replace(check, name="metric_without_near_duplicates", reason=reason, note="")


def _runs(scorecard: Scorecard) -> Check:
    failure = scorecard.failure
    if failure is None:
        reason = "The model was loaded and ran on every held-out example."
        return Check("runs", True, True, PASS, reason)
    reason = f"The model did not run ({failure.kind}): {failure.detail.rstrip('.')}."
    return Check("runs", False, True, FAIL, reason)


def _at_most(name: str, size: int, limits: Limits, field: str) -> Check:
    what = "The file takes" if name == "file_size" else "Loading and running it took"
    limit = getattr(limits, field)
    if limit is None:
        return Check(name, size, None, REPORTED, f"{what} {size:,} bytes; no limit was set.")
    outcome = PASS if size <= limit else FAIL
    reason = f"{what} {size:,} bytes; {limits.who(field)} allows {limit:,}."
    return Check(name, size, limit, outcome, reason)


def _file_size(scorecard: Scorecard, limits: Limits) -> Check:
    """A file may be larger than the baseline's, as the limit is the phone's, but not unsaid."""
    size, before = scorecard.file_bytes, scorecard.baseline_file_bytes
    grew = before is not None and size > before
    note = (
        f"the file is larger than the baseline's: {size:,} against {before:,} bytes" if grew else ""
    )
    return dataclasses.replace(_at_most("file_size", size, limits, "max_file_bytes"), note=note)


def _memory(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    if scorecard.peak_memory_bytes is not None:
        peak = scorecard.peak_memory_bytes
        yield _at_most("peak_memory", peak, limits, "max_memory_bytes")


def _operators(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    flex = list(scorecard.flex_operators)
    missing = [each for each in scorecard.incompatible if each.operator not in flex]
    reason = f"{scorecard.profile.name} has all operators used: {', '.join(scorecard.operators)}."
    if missing:
        reason = f"{scorecard.profile.name} lacks " + "; ".join(map(str, missing)) + "."
    names = [each.operator for each in missing]
    yield Check("operators", names, [], FAIL if missing else PASS, reason)
    reason = "No operator needs TensorFlow inside the app."
    if flex:
        choice = "which was allowed" if limits.allow_flex else "--allow_flex would allow that"
        reason = f"{', '.join(flex)} need TensorFlow (Flex) inside the app; {choice}."
    fine = limits.allow_flex or not flex
    allowed = flex if limits.allow_flex else []
    outcome = PASS if fine else FAIL
    yield Check("flex", flex, allowed, outcome, reason, heading="TensorFlow operators")


def _holds(scorecard: Scorecard) -> Iterator[Check]:
    """One row for each broken promise, or one for all kept."""
    broken = [hold for hold in scorecard.holds if not hold["kept"]]
    for hold in broken:
        promise = f"{hold['kind']} of {hold['tensor']}"
        reason = f"Promised for {promise}: {hold['promised']}; found in the file: {hold['found']}."
        yield Check(
            f"hold: {promise}",
            hold["found"],
            hold["promised"],
            FAIL,
            reason,
            heading=f"promise about {hold['tensor']}",
        )
    count = len(scorecard.holds)
    if count and not broken:
        reason = f"All {count} promises about weights are kept by the numbers in the file."
        yield Check("holds", count, count, PASS, reason, heading="promises about weights")


def _costs(scorecard: Scorecard, limits: Limits) -> Iterator[Check]:
    return cost_checks.check(
        scorecard,
        max_latency_ms=limits.max_latency_ms,
        max_energy_mj=limits.max_energy_mj,
        must_be_measured=limits.require_measured_latency,
        who=limits.who,
        own=limits.own,
    )


def _host_latency(scorecard: Scorecard) -> Iterator[Check]:
    if scorecard.host is not None:
        p50 = scorecard.host.p50
        reason = f"{p50:.3g} ms at the median on this host. A phone's time differs; not judged."
        yield Check("host_latency", p50, None, REPORTED, reason)

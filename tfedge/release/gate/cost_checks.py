"""Latency and energy of one inference against a phone class's limits.

What a phone measured decides: its 90th percentile, or the next best that its runtime tells (the
95th, the median, the mean), which the check names. An estimate decides only when its whole
interval is on one side of the limit; otherwise the check is undecided and stands in nobody's way,
unless a measurement is required, or the limit is the user's own and nothing at all is known. Times
of this host and of a browser never decide: they are other runtimes.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tfedge.device import energy
from tfedge.device.energy import EnergyEstimate
from tfedge.device.phone_latency import PhoneEstimate
from tfedge.device.scorecard import Scorecard
from tfedge.release.gate.check import FAIL, INSUFFICIENT_DATA, PASS, REPORTED, UNDECIDED, Check

_LATENCIES = {
    "p90": "",
    "p95": " (95th percentile)",
    "p50": " (median)",
    "mean": " (mean)",
}


@dataclasses.dataclass(frozen=True)
class _Cost:
    """One quantity: its check's name, unit, limit, and what is known of it."""

    name: str
    unit: str
    limit: float | None
    who: str
    is_own: bool
    measured: float | None
    quantity: str
    estimate: PhoneEstimate | EnergyEstimate | None
    must_be_measured: bool

    @property
    def scale(self) -> tuple[float, str]:
        """What numbers are multiplied by to be shown, and their unit then."""
        known = self.measured
        if known is None and self.estimate is not None:
            known = self.estimate.value
        return (1.0, self.unit) if self.unit != "mJ" or known is None else energy.shown(known)


def check(
    scorecard: Scorecard,
    *,
    max_latency_ms: float | None,
    max_energy_mj: float | None,
    must_be_measured: bool,
    who: Callable[[str], str],
    own: Collection[str] = (),
) -> Iterator[Check]:
    """A row for latency and one for energy, where there is a limit or anything to report.

    Args:
        scorecard: with what was measured and estimated.
        max_latency_ms: of one inference; None for no limit, as the next.
        max_energy_mj: of one inference.
        must_be_measured: whether an estimate on both sides of a limit blocks the release.
        who: "max_latency_ms" or "max_energy_mj" -> who allows it.
        own: those of the two that are the user's own and no phone class's.
    """
    measured = scorecard.phone_measured
    for cost in (
        _Cost(
            "phone_latency",
            "ms",
            max_latency_ms,
            who("max_latency_ms"),
            "max_latency_ms" in own,
            *_first(measured, *_LATENCIES),
            scorecard.phone_estimate,
            must_be_measured,
        ),
        _Cost(
            "energy",
            "mJ",
            max_energy_mj,
            who("max_energy_mj"),
            "max_energy_mj" in own,
            *_first(measured, "energy_mj"),
            scorecard.energy,
            must_be_measured,
        ),
    ):
        if not scorecard.failure and (cost.limit or cost.estimate or cost.measured):
            yield _judged(cost)


def _judged(cost: _Cost) -> Check:
    value = cost.measured
    if value is None and cost.estimate is not None:
        value = cost.estimate.value
    outcome, reason = _outcome(cost)
    between = ". " if cost.limit is None else "; "
    return Check(cost.name, value, cost.limit, outcome, f"{_known(cost)}{between}{reason}")


def _outcome(cost: _Cost) -> tuple[str, str]:
    if cost.limit is None:
        return REPORTED, "No limit was set."
    factor, unit = cost.scale
    allowed = f"{cost.who} allows {factor * cost.limit:.4g} {unit}"
    if cost.measured is not None:
        return PASS if cost.measured <= cost.limit else FAIL, f"{allowed}."
    if cost.estimate is not None and cost.estimate.high <= cost.limit:
        return PASS, f"{allowed}: all of the interval."
    if cost.estimate is not None and cost.estimate.low > cost.limit:
        return FAIL, f"{allowed}: none of the interval."
    if cost.must_be_measured or (cost.is_own and cost.estimate is None):
        return INSUFFICIENT_DATA, f"{allowed}; a phone has to measure it."
    return UNDECIDED, f"{allowed}; only a phone can tell."


def _known(cost: _Cost) -> str:
    factor, unit = cost.scale
    if cost.measured is not None:
        which = _LATENCIES.get(cost.quantity, "")
        return f"{factor * cost.measured:.4g} {unit}{which}, measured on a phone"
    if cost.estimate is None:
        return f"Nothing is known of the {cost.name.replace('phone_', '')} on a phone"
    found = (cost.estimate.value, cost.estimate.low, cost.estimate.high)
    value, low, high = (f"{factor * each:.3g}" for each in found)
    return f"An estimate: {value} {unit} ({low} to {high})"


def _first(measured: Mapping[str, Any] | None, *names: str) -> tuple[float | None, str]:
    """The first of `names` that was measured, and its name."""
    found = ((measured.get(name), name) for name in names) if measured else ()
    return next(((float(value), name) for value, name in found if value is not None), (None, ""))

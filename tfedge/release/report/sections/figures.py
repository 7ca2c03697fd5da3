"""Size, metrics, latency, energy, memory: of the baseline, of this model, and what is allowed."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tfedge.release.check import spoken
from tfedge.release.report import baseline_estimates, wording

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Before and after"
PLACE = 10

EXACT, HELD_OUT, HOST = "exact", "held-out data", "measured on this host"
PHONE, BROWSER = "measured on a phone", "measured in a browser"
ESTIMATE = "estimate"
_MEASURED = {
    "p50": "median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "mean": "mean",
}
_CHART_WIDTH = 640


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure before and after, formatted with its unit.

    Attributes:
        label: what it is.
        before, after: of the baseline and of this model.
        change: between the two, in words; of an estimate without one, its interval.
        limit: what is allowed; empty where nothing is.
        origin: where it comes from: one of the words above.
    """

    label: str
    before: str
    after: str
    change: str = ""
    limit: str = ""
    origin: str = EXACT


@dataclasses.dataclass(frozen=True)
class Figures:
    """All of them.

    Attributes:
        rows: one figure each.
        has_baseline: whether there is a before.
        difference: of the metric, drawn; see `_difference`.
        extrapolated: what the estimates rest on where no phone like it was published.
    """

    rows: tuple[Figure, ...]
    has_baseline: bool
    difference: Mapping[str, Any] | None
    extrapolated: str


def of(facts: "Facts") -> Figures:
    """The figures; every release has some."""
    estimate = facts.scorecard.phone_estimate
    return Figures(
        tuple(_figures(facts)),
        facts.baseline is not None,
        _difference(facts),
        estimate.extrapolated if estimate else "",
    )


def _figures(facts: "Facts") -> Iterator[Figure]:
    card, limits = facts.scores, _limits(facts)
    predicted: Mapping[str, Any] = {}
    if facts.baseline is not None:
        predicted = baseline_estimates.of(facts.baseline, facts.scorecard.profile)
    was, now = facts.baseline_file, facts.file.download_bytes
    before = was.download_bytes if was else None
    yield Figure(
        "Download (deflated)",
        wording.amount(before),
        wording.amount(now),
        wording.times_smaller(before, now),
    )
    before, now = card.get("baseline_file_bytes"), facts.file.file_bytes
    allowed = _at_most(limits.get("file_size"), wording.amount)
    yield Figure(
        "File",
        wording.amount(before),
        wording.amount(now),
        wording.times_smaller(before, now),
        allowed,
    )
    yield from _quality(facts)
    yield from _phone(facts, predicted, limits)
    yield from _host_times(facts)
    if card.get("peak_memory_bytes") is not None:
        peak, allowed = (
            card["peak_memory_bytes"],
            _at_most(limits.get("peak_memory"), wording.amount),
        )
        yield Figure(
            "Peak memory, loaded and run", wording.UNKNOWN, wording.amount(peak), "", allowed, HOST
        )
    yield from _planned_memory(facts, predicted)


def _limits(facts: "Facts") -> dict[str, Any]:
    return {check["name"]: check["limit"] for check in facts.decided["checks"]}


def _at_most(limit: Any, say: Callable[[Any], str]) -> str:
    return "" if limit is None else f"at most {say(limit)}"


def _quality(facts: "Facts") -> Iterator[Figure]:
    """The metrics, and what they hide."""
    card, metric = facts.scores, facts.scores.get("metric")
    if not metric:
        return
    found = facts.decided.get("difference")
    accepted = "" if not found else f"{wording.difference(metric, found['limit'])} accepted"
    yield _metric(metric, accepted)
    for other in card.get("more_metrics") or ():
        yield _metric(other, "")
    flips = card.get("negative_flips")
    if flips is not None:
        words = "newly wrong"
        yield Figure("Negative flips", "", f"{flips:.2%}", words, "", HELD_OUT)
    error = card.get("calibration_error")
    if error:
        before, now = (
            wording.UNKNOWN if error.get(key) is None else f"{100 * error[key]:.2f} points"
            for key in ("baseline", "value")
        )
        yield Figure("Calibration error of its confidence", before, now, "", "", HELD_OUT)


def _phone(
    facts: "Facts", before: Mapping[str, Any], limits: Mapping[str, Any]
) -> Iterator[Figure]:
    """Latency and energy of the phone: measured where one has, and estimated."""
    card = facts.scores
    times = card.get("latency_ms") or {}
    allowed = _at_most(limits.get("phone_latency"), _ms)
    for origin, found in (
        (PHONE, times.get("phone_measured")),
        (BROWSER, times.get("browser_wasm")),
    ):
        for key, what in _MEASURED.items():
            if found and found.get(key) is not None:
                own = allowed if origin == PHONE else ""
                label = f"Latency on {found.get('device') or 'a phone'}, {what}"
                yield Figure(label, wording.UNKNOWN, _ms(found[key]), "", own, origin)
    yield from _estimated(
        f"Latency on {card.get('profile')}",
        before.get("phone_estimate"),
        times.get("phone_estimate"),
        allowed,
        "ms",
    )
    yield from _estimated(
        "Energy of one run",
        before.get("energy_mj_estimate"),
        card.get("energy_mj_estimate"),
        _at_most(limits.get("energy"), lambda limit: f"{limit:.3g} mJ"),
        "mJ",
    )


def _estimated(
    label: str,
    before: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
    allowed: str,
    unit: str,
) -> Iterator[Figure]:
    if now:
        was, found = _between(before, unit), _between(now, unit)
        change = _speed(before["value"], now["value"]) if before and unit == "ms" else ""
        change = _saved(before["value"], now["value"]) if before and unit == "mJ" else change
        yield Figure(label, was, found, change, allowed, ESTIMATE)


def _between(found: Mapping[str, Any] | None, unit: str) -> str:
    if not found:
        return wording.UNKNOWN
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if unit == "mJ" and value < 0.01:
        value, low, high, unit = 1000 * value, 1000 * low, 1000 * high, "µJ"
    return f"{value:.3g} {unit} ({low:.3g} to {high:.3g})"


def _saved(before: float, now: float) -> str:
    if not before or not now or 0.95 < before / now < 1.05:
        return ""
    return f"{before / now:.2g} times less" if before > now else f"{now / before:.2g} times more"


def _host_times(facts: "Facts") -> Iterator[Figure]:
    host = (facts.scores.get("latency_ms") or {}).get("host")
    if not host:
        return
    measured = facts.scorecard.baseline_host
    before = dataclasses.asdict(measured) if measured else {}
    threads = f"{host['threads']} thread{'s' if host['threads'] > 1 else ''}"
    for key, label in (
        ("p50", f"Latency, median, {threads}"),
        ("p90", "Latency, 90th percentile"),
        ("p99", "Latency, 99th percentile"),
        ("first", "First run"),
        ("load", "Loading"),
    ):
        was, now = before.get(key), host[key]
        change = _speed(was, now) if key in ("p50", "p90") else ""  # the others vary by chance
        yield Figure(label, _ms(was), _ms(now), change, "", HOST)


def _planned_memory(facts: "Facts", predicted: Mapping[str, Any]) -> Iterator[Figure]:
    before, now = predicted.get("memory") or {}, facts.scores.get("memory")
    for label, key, origin in (
        ("Memory for activations", "arena_bytes", EXACT),
        ("Memory an app must have free", "app_free_bytes_estimate", ESTIMATE),
    ):
        if now and now.get(key) is not None:
            was = wording.amount(before.get(key))
            yield Figure(label, was, wording.amount(now[key]), "", "", origin)


def _speed(before: float | None, now: float) -> str:
    if not before or not now or 0.95 < before / now < 1.05:
        return ""
    return (
        f"{before / now:.2g} times as fast" if before > now else f"{now / before:.2g} times slower"
    )


def _ms(value: float | None) -> str:
    return wording.UNKNOWN if value is None else f"{value:.3g} ms"


def _metric(metric: Mapping[str, Any], accepted: str) -> Figure:
    name = spoken(metric["name"])
    before, after = (wording.metric_value(metric, metric.get(key)) for key in ("baseline", "value"))
    changed = ""
    if metric.get("baseline") is not None:
        changed = wording.difference(metric, metric["value"] - metric["baseline"])
    return Figure(name, before, after, changed, accepted, HELD_OUT)


def _difference(facts: "Facts") -> Mapping[str, Any] | None:
    """The interval of the metric's difference as positions on a line from low to high."""
    found, metric = facts.decided.get("difference"), facts.scores.get("metric")
    if not found or not metric:
        return None
    spots = {key: found[key] for key in ("low", "high", "value", "limit")} | {"zero": 0.0}
    if not all(value is not None and math.isfinite(value) for value in spots.values()):
        return None
    left, right = min(spots.values()), max(spots.values())
    pad = 0.08 * (right - left) or 1.0

    def place(value: float) -> float:
        return round(_CHART_WIDTH * (value - left + pad) / (right - left + 2 * pad), 1)

    def say(key: str) -> str:
        return wording.difference(metric, found[key])

    at = {key: place(value) for key, value in spots.items()}
    accepted = (at["limit"], _CHART_WIDTH) if found["limit"] <= 0 else (0, at["limit"])
    return {
        **at,
        "zone": accepted[0],
        "zone_width": round(accepted[1] - accepted[0], 1),
        "limit_text": say("limit"),
        "label": (
            f"Difference of {metric['name'].replace('_', ' ')} to the baseline: {say('value')}, "
            f"between {say('low')} and {say('high')} ({found['method']}, "
            f"{1 - found['alpha']:.0%} on each side)."
        ),
    }

"""Size, metrics, latency, energy, memory: of the baseline, of this model, and what is allowed."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tfedge.device import energy
from tfedge.release.gate.check import spoken
from tfedge.release.report import baseline_estimates, difference_plot, wording

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "The figures"
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


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure before and after, formatted with its unit, which is one for the whole row.

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
        host: what else was timed on this host, and says little of a phone.
        has_baseline: whether there is a before.
        difference: of the metric, drawn.
        extrapolated: what the estimates rest on where no phone like it was published.
    """

    rows: tuple[Figure, ...]
    host: tuple[Figure, ...]
    has_baseline: bool
    difference: difference_plot.DifferencePlot | None
    extrapolated: str


def of(facts: "Facts") -> Figures:
    """The figures; every release has some."""
    estimate = facts.scorecard.phone_estimate
    return Figures(
        tuple(_figures(facts)),
        tuple(_more_host_times(facts)),
        facts.baseline is not None,
        difference_plot.of(facts),
        estimate.extrapolated if estimate else "",
    )


def _figures(facts: "Facts") -> Iterator[Figure]:
    card, limits = facts.scores, _limits(facts)
    predicted: Mapping[str, Any] = {}
    if facts.baseline is not None:
        predicted = baseline_estimates.of(facts.baseline, facts.scorecard.profile)
    was, now = facts.baseline_file, facts.file
    before = was.download_bytes if was else None
    yield _size("Download (deflated)", before, now.download_bytes, compare=True)
    limit = limits.get("file_size")
    yield _size("File", card.get("baseline_file_bytes"), now.file_bytes, limit, compare=True)
    yield from _quality(facts, limits)
    yield from _phone(facts, predicted, limits)
    yield from _host_times(facts, ("p50",))
    yield from _token_rates(facts)
    if card.get("peak_memory_bytes") is not None:
        peak, limit = card["peak_memory_bytes"], limits.get("peak_memory")
        yield _size("Peak memory, loaded and run", None, peak, limit, HOST)
    yield from _planned_memory(facts, predicted)


def _limits(facts: "Facts") -> dict[str, Any]:
    return {check["name"]: check["limit"] for check in facts.decided["checks"]}


def _size(
    label: str,
    before: int | None,
    now: int,
    limit: int | None = None,
    origin: str = EXACT,
    *,
    compare: bool = False,
) -> Figure:
    """Bytes."""
    say = wording.in_one_unit(before, now)
    change = wording.times_smaller(before, now) if compare else ""
    allowed = "" if limit is None else f"at most {say(limit)}"
    return Figure(label, say(before), say(now), change, allowed, origin)


def _quality(facts: "Facts", limits: Mapping[str, Any]) -> Iterator[Figure]:
    """The metrics, and what they hide."""
    card, metric = facts.scores, facts.scores.get("metric")
    if not metric:
        return
    found = facts.decided.get("difference")
    yield _metric(metric, found and found["limit"])
    for other in card.get("more_metrics") or ():
        least = limits.get(f"metric: {other['name']}")  # of what it gained, whichever way is better
        better = 1 if other.get("higher_is_better", True) else -1
        yield _metric(other, None if least is None else better * least)
    flips = card.get("negative_flips")
    if flips is not None:
        yield Figure("Newly wrong (negative flips)", "", f"{flips:.2%}", "", "", HELD_OUT)
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
    latency = limits.get("phone_latency")
    for origin, found in (
        (PHONE, times.get("phone_measured")),
        (BROWSER, times.get("browser_wasm")),
    ):
        for key, what in _MEASURED.items():
            if found and found.get(key) is not None:
                own = _at_most(latency, _ms) if origin == PHONE else ""
                label = f"Latency on {found.get('device') or 'a phone'}, {what}"
                yield Figure(label, wording.UNKNOWN, _ms(found[key]), "", own, origin)
    label = f"Latency on {card.get('profile')}"
    before_ms, now_ms = before.get("phone_estimate"), times.get("phone_estimate")
    if now_ms:
        change = _speed((before_ms or {}).get("value"), now_ms["value"])
        words = _estimated(before_ms, now_ms, latency, "ms")
        yield Figure(label, *words[:2], change, words[2], ESTIMATE)
    before_mj, now_mj = before.get("energy_mj_estimate"), card.get("energy_mj_estimate")
    if now_mj:
        change = _saved((before_mj or {}).get("value"), now_mj["value"])
        words = _estimated(before_mj, now_mj, limits.get("energy"), "mJ")
        yield Figure("Energy of one run", *words[:2], change, words[2], ESTIMATE)


def _estimated(
    before: Mapping[str, Any] | None, now: Mapping[str, Any], limit: float | None, unit: str
) -> tuple[str, str, str]:
    """Both with their intervals, and what is allowed, in one unit."""
    factor = 1.0
    if unit == "mJ":
        factor, unit = energy.shown(min(each["value"] for each in (before, now) if each))

    def say(value: float) -> str:
        return f"{wording.number(factor * value)} {unit}"

    return _between(before, factor, unit), _between(now, factor, unit), _at_most(limit, say)


def _between(found: Mapping[str, Any] | None, factor: float, unit: str) -> str:
    if not found:
        return wording.UNKNOWN
    value, low, high = (wording.number(factor * found[name]) for name in ("value", "low", "high"))
    return f"{value} {unit} ({low} to {high})"


def _at_most(limit: float | None, say: Callable[[float], str]) -> str:
    return "" if limit is None else f"at most {say(limit)}"


def _saved(before: float | None, now: float) -> str:
    if not before or not now or 0.95 < before / now < 1.05:
        return ""
    return f"{before / now:.2g} times less" if before > now else f"{now / before:.2g} times more"


def _more_host_times(facts: "Facts") -> Iterator[Figure]:
    return _host_times(facts, ("p90", "p99", "first", "load"))


def _host_times(facts: "Facts", keys: tuple[str, ...]) -> Iterator[Figure]:
    host = (facts.scores.get("latency_ms") or {}).get("host")
    if not host:
        return
    measured = facts.scorecard.baseline_host
    before = dataclasses.asdict(measured) if measured else {}
    threads = f"{host['threads']} thread{'s' if host['threads'] > 1 else ''}"
    labels = {
        "p50": f"Latency, median, {threads}",
        "p90": "90th percentile",
        "p99": "99th percentile",
        "first": "First run",
        "load": "Loading",
    }
    for key in keys:
        was, now = before.get(key), host[key]
        change = _speed(was, now) if key in ("p50", "p90") else ""  # the others vary by chance
        yield Figure(labels[key], _ms(was), _ms(now), change, "", HOST)


def _token_rates(facts: "Facts") -> Iterator[Figure]:
    """Of a network with caches; a baseline without writes a token with each call."""
    rates, host = facts.scores.get("tokens_per_second"), facts.scorecard.baseline_host
    if not rates:
        return
    before = 1000 / host.p50 if host else None
    yield Figure("Tokens read per second", "", f"{rates['prefill']:,.0f}", origin=HOST)
    yield Figure(
        "Tokens written per second",
        wording.UNKNOWN if before is None else f"{before:,.0f}",
        f"{rates['decode']:,.0f}",
        "" if before is None else _speed(1000 / before, 1000 / rates["decode"]),
        origin=HOST,
    )


def _planned_memory(facts: "Facts", predicted: Mapping[str, Any]) -> Iterator[Figure]:
    before, now = predicted.get("memory") or {}, facts.scores.get("memory")
    for label, key, origin in (
        ("Memory for activations", "arena_bytes", EXACT),
        ("Memory an app must have free", "app_free_bytes_estimate", ESTIMATE),
    ):
        if now and now.get(key) is not None:
            yield _size(label, before.get(key), now[key], origin=origin)


def _speed(before: float | None, now: float) -> str:
    if not before or not now or 0.95 < before / now < 1.05:
        return ""
    return (
        f"{before / now:.2g} times as fast" if before > now else f"{now / before:.2g} times slower"
    )


def _ms(value: float | None) -> str:
    return wording.UNKNOWN if value is None else f"{wording.number(value)} ms"


def _metric(metric: Mapping[str, Any], limit: float | None) -> Figure:
    name = spoken(metric["name"])
    before, after = (wording.metric_value(metric, metric.get(key)) for key in ("baseline", "value"))
    changed = ""
    if metric.get("baseline") is not None:
        changed = wording.difference(metric, metric["value"] - metric["baseline"])
    allowed = "" if limit is None else wording.difference(metric, limit)
    return Figure(name, before, after, changed, allowed and f"{allowed} accepted", HELD_OUT)

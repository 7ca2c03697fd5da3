"""The figures of a release in words: what the report and the model card both say."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tfedge.release import metric_check
from tfedge.release.check import FAIL, INSUFFICIENT_DATA, PASS, UNDECIDED, spoken
from tfedge.release.facts import Facts, FileFacts

UNKNOWN = "not measured"
_MOST_CLASSES = 50
_MEASURED = {
    "p50": "median",
    "p90": "90th percentile",
    "p95": "95th percentile",
    "mean": "mean",
}
_ADVICE = {
    PASS: "It may ship.",
    FAIL: "Do not ship it.",
    INSUFFICIENT_DATA: "Do not ship it yet.",
}


EXACT, HELD_OUT, HOST = "exact", "held-out data", "measured on this host"
PHONE, BROWSER = "measured on a phone", "measured in a browser"
ESTIMATE = "estimate"


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


def headline(facts: Facts) -> str:
    """What was decided and why, for someone who does not read tables.

    Example: "It may ship. Accuracy 91.35% on 10,000 held-out examples, baseline 91.30%; a download
    of 21.4 KB, 3.6 times smaller."
    """
    outcome = facts.verdict["outcome"]
    if outcome == PASS:
        return f"{_ADVICE[outcome]} {_gain(facts)}"
    deciding = {c["name"]: c["reason"] for c in facts.verdict["checks"] if c["outcome"] == outcome}
    if metric_check.NAME in deciding:  # the same without near duplicates is said further below
        deciding.pop("metric_without_near_duplicates", None)
    return " ".join(
        (_ADVICE[outcome], *(_shortened(reason, outcome) for reason in deciding.values()))
    )


def before_after(facts: Facts) -> tuple[Figure, ...]:
    """Size, metric, host latency and memory, of the baseline and of this model."""
    return tuple(_figures(facts))


def amount(size: int | None) -> str:
    """Bytes in a readable unit; 1 KB is 1,000 bytes, as an app store counts."""
    if size is None:
        return UNKNOWN
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1000:.1f} KB"
    return f"{size / 1_000_000:.2f} MB"


def is_share(metric: Mapping[str, Any]) -> bool:
    """Whether the metric counts right answers, so that it is read in per cent."""
    return metric.get("paired") is not None or metric["name"] in {"accuracy", "top5"}


def metric_value(metric: Mapping[str, Any], value: float | None) -> str:
    """The metric's value as people read it: per cent for shares, else four digits."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return "no number"
    return f"{value:.2%}" if is_share(metric) else f"{value:.4g}"


def difference(metric: Mapping[str, Any], value: float) -> str:
    """A difference of the metric: points for shares, else its own units; "" for none."""
    if not math.isfinite(value):
        return ""
    return f"{100 * value:+.2f} points" if is_share(metric) else f"{value:+.4g}"


def classes(facts: Facts) -> tuple[list[dict[str, Any]], str]:
    """Rows of the scorecard's per_class with `mistake`, and what they are, in words.

    Of very many classes only those that lost most are shown.
    """
    by_name = {each["group"]: each for each in facts.verdict.get("groups") or ()}
    rows: list[dict[str, Any]] = [
        {
            **row,
            "mistake": facts.mistakes.get(row["label"], ""),
            "group": by_name.get(f"class: {row['label']}"),
        }
        for row in facts.scorecard.get("per_class") or []
    ]
    words = "The share of each class's examples that is answered correctly."
    if by_name:
        words += (
            " The changes' intervals hold for all groups at once; the test for a loss (Holm) is a "
            "little sharper than they are."
        )
    if len(rows) <= _MOST_CLASSES:
        return rows, words
    rows.sort(key=lambda row: (row["value"] or 0) - (row["baseline"] or 0))
    return rows[:_MOST_CLASSES], f"{words} Of {len(rows):,} classes, those that lost most."


def slices(facts: Facts) -> list[dict[str, Any]]:
    """The groups that are no classes: a camera, a country."""
    found = facts.verdict.get("groups") or ()
    return [dict(each) for each in found if not each["group"].startswith("class: ")]


def _shortened(reason: str, outcome: str) -> str:
    """The first sentence, and the last where that says how much data would do."""
    sentences = reason.removesuffix(".").split(". ")
    kept = [sentences[0], sentences[-1]] if outcome == INSUFFICIENT_DATA else [sentences[0]]
    return ". ".join(dict.fromkeys(kept)) + "."


def _gain(facts: Facts) -> str:
    metric = facts.scorecard["metric"]
    value, before = (metric_value(metric, metric.get(key)) for key in ("value", "baseline"))
    size = facts.file.download_bytes
    times = _times(_download(facts.baseline), size)
    checks = facts.verdict["checks"]
    undecided = sum(check["outcome"] == UNDECIDED for check in checks)
    unclear = f" {undecided} could not be decided by an estimate: see the checks."
    rest = unclear if undecided else ""
    return (
        f"{spoken(metric['name'])} {value} on {metric['n']:,} held-out examples, "
        f"baseline {before}; a download of {amount(size)}{f', {times}' if times else ''}.{rest}"
    )


def _download(file: FileFacts | None) -> int | None:
    return None if file is None else file.download_bytes


def _times(before: int | None, after: int) -> str:
    if not before or not after:
        return ""
    ratio = before / after
    return f"{ratio:.1f} times smaller" if ratio >= 1 else f"{1 / ratio:.1f} times larger"


def _figures(facts: Facts) -> Iterator[Figure]:
    card, limits = facts.scorecard, _limits(facts)
    before = _download(facts.baseline)
    now = facts.file.download_bytes
    yield Figure("Download (deflated)", amount(before), amount(now), _times(before, now))
    before, now = card.get("baseline_file_bytes"), facts.file.file_bytes
    allowed = _at_most(limits.get("file_size"), amount)
    yield Figure("File", amount(before), amount(now), _times(before, now), allowed)
    yield from _quality(facts)
    yield from _phone(facts, limits)
    yield from _host_times(facts)
    if card.get("peak_memory_bytes") is not None:
        peak, allowed = card["peak_memory_bytes"], _at_most(limits.get("peak_memory"), amount)
        yield Figure("Peak memory, loaded and run", UNKNOWN, amount(peak), "", allowed, HOST)
    yield from _planned_memory(facts)


def _limits(facts: Facts) -> dict[str, Any]:
    return {check["name"]: check["limit"] for check in facts.verdict["checks"]}


def _at_most(limit: Any, say: Callable[[Any], str]) -> str:
    return "" if limit is None else f"at most {say(limit)}"


def _quality(facts: Facts) -> Iterator[Figure]:
    """The metrics, and what they hide."""
    card, metric = facts.scorecard, facts.scorecard.get("metric")
    if not metric:
        return
    found = facts.verdict.get("difference")
    accepted = "" if not found else f"{difference(metric, found['limit'])} accepted"
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
            UNKNOWN if error.get(key) is None else f"{100 * error[key]:.2f} points"
            for key in ("baseline", "value")
        )
        yield Figure("Calibration error of its confidence", before, now, "", "", HELD_OUT)


def _phone(facts: Facts, limits: Mapping[str, Any]) -> Iterator[Figure]:
    """Latency and energy of the phone: measured where one has, and estimated."""
    card, before = facts.scorecard, facts.baseline_estimates
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
                yield Figure(label, UNKNOWN, _ms(found[key]), "", own, origin)
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
        return UNKNOWN
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if unit == "mJ" and value < 0.01:
        value, low, high, unit = 1000 * value, 1000 * low, 1000 * high, "µJ"
    return f"{value:.3g} {unit} ({low:.3g} to {high:.3g})"


def _saved(before: float, now: float) -> str:
    if not before or not now or 0.95 < before / now < 1.05:
        return ""
    return f"{before / now:.2g} times less" if before > now else f"{now / before:.2g} times more"


def _host_times(facts: Facts) -> Iterator[Figure]:
    host = (facts.scorecard.get("latency_ms") or {}).get("host")
    if not host:
        return
    before = facts.baseline_host or {}
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


def _planned_memory(facts: Facts) -> Iterator[Figure]:
    before, now = facts.baseline_estimates.get("memory") or {}, facts.scorecard.get("memory")
    for label, key, origin in (
        ("Memory for activations", "arena_bytes", EXACT),
        ("Memory an app must have free", "app_free_bytes_estimate", ESTIMATE),
    ):
        if now and now.get(key) is not None:
            was = amount(before.get(key))
            yield Figure(label, was, amount(now[key]), "", "", origin)


def _speed(before: float | None, now: float) -> str:
    if not before or not now or 0.95 < before / now < 1.05:
        return ""
    return (
        f"{before / now:.2g} times as fast" if before > now else f"{now / before:.2g} times slower"
    )


def _ms(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3g} ms"


def _metric(metric: Mapping[str, Any], accepted: str) -> Figure:
    name = spoken(metric["name"])
    before, after = (metric_value(metric, metric.get(key)) for key in ("baseline", "value"))
    changed = ""
    if metric.get("baseline") is not None:
        changed = difference(metric, metric["value"] - metric["baseline"])
    return Figure(name, before, after, changed, accepted, HELD_OUT)

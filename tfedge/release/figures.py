"""The figures of a release in words: what the report and the model card both say."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from tfedge.release.check import INSUFFICIENT_DATA, PASS, spoken
from tfedge.release.facts import Facts, FileFacts

UNKNOWN = "not measured"
_MOST_CLASSES = 50


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure before and after, formatted with its unit."""

    label: str
    before: str
    after: str
    change: str = ""


def headline(facts: Facts) -> str:
    """What decided, in a sentence.

    Example: "Accuracy 91.35% on 10,000 held-out examples, baseline 91.30%; a download of 21.4 KB,
    3.6 times smaller."
    """
    outcome = facts.verdict["outcome"]
    if outcome == PASS:
        return _gain(facts)
    deciding = (c["reason"] for c in facts.verdict["checks"] if c["outcome"] == outcome)
    return " ".join(_shortened(reason, outcome) for reason in deciding)


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
    return f"{value:.2%}" if is_share(metric) else f"{value:.4g}"


def difference(metric: Mapping[str, Any], value: float) -> str:
    """A difference of the metric: points for shares, else its own units."""
    return f"{100 * value:+.2f} points" if is_share(metric) else f"{value:+.4g}"


def classes(facts: Facts) -> tuple[list[dict[str, Any]], str]:
    """Rows of the scorecard's per_class with `mistake`, and what they are, in words.

    Of very many classes only those that lost most are shown.
    """
    rows: list[dict[str, Any]] = [
        {**row, "mistake": facts.mistakes.get(row["label"], "")}
        for row in facts.scorecard.get("per_class") or []
    ]
    words = "The share of each class's examples that is answered correctly."
    if len(rows) <= _MOST_CLASSES:
        return rows, words
    rows.sort(key=lambda row: (row["value"] or 0) - (row["baseline"] or 0))
    return rows[:_MOST_CLASSES], f"{words} Of {len(rows):,} classes, those that lost most."


def judged_on(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(label, value) of the data, the phone class and the host."""
    task, card = facts.task, facts.scorecard
    rows = [("Task", " ".join(filter(None, (task.get("name"), f"({task.get('kind', '')})"))))]
    examples = task.get("examples") or {}
    rows += [(f"Examples, {role}", f"{count:,}") for role, count in examples.items()]
    rows.append(("Phone class", str(card.get("profile"))))
    rows += [(f"Input {name}", words) for name, words in facts.file.inputs]
    rows += [(f"Output {name}", words) for name, words in facts.file.outputs]
    operators = ", ".join(f"{kind} {count}" for kind, count in facts.file.operators.items())
    rows.append(("Operators", operators))
    if card.get("delegated_fraction") is not None:
        rows.append(("Run by the delegate", f"{card['delegated_fraction']:.0%} of operators"))
    return tuple(rows)


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
    return (
        f"{spoken(metric['name'])} {value} on {metric['n']:,} held-out examples, "
        f"baseline {before}; a download of {amount(size)}{f', {times}' if times else ''}."
    )


def _download(file: FileFacts | None) -> int | None:
    return None if file is None else file.download_bytes


def _times(before: int | None, after: int) -> str:
    if not before or not after:
        return ""
    ratio = before / after
    return f"{ratio:.1f} times smaller" if ratio >= 1 else f"{1 / ratio:.1f} times larger"


def _figures(facts: Facts) -> Iterator[Figure]:
    card = facts.scorecard
    before = _download(facts.baseline)
    now = facts.file.download_bytes
    yield Figure("Download (deflated)", amount(before), amount(now), _times(before, now))
    before, now = card.get("baseline_file_bytes"), facts.file.file_bytes
    yield Figure("File", amount(before), amount(now), _times(before, now))
    if card.get("metric"):
        yield _metric(card["metric"])
    yield from _host_times(facts)
    if card.get("peak_memory_bytes") is not None:
        yield Figure("Host, peak memory", UNKNOWN, amount(card["peak_memory_bytes"]))
    yield from _estimates(card)


def _host_times(facts: Facts) -> Iterator[Figure]:
    host = (facts.scorecard.get("latency_ms") or {}).get("host")
    if not host:
        return
    before = facts.baseline_host or {}
    threads = f"{host['threads']} thread{'s' if host['threads'] > 1 else ''}"
    for key, label in (
        ("p50", f"Host latency, median, {threads}"),
        ("p90", "Host latency, 90th percentile"),
        ("p99", "Host latency, 99th percentile"),
        ("first", "Host, first run"),
        ("load", "Host, loading"),
    ):
        yield Figure(
            label, _ms(before.get(key)), _ms(host[key]), _speed(before.get(key), host[key])
        )


def _speed(before: float | None, now: float) -> str:
    if not before or not now or 0.95 < before / now < 1.05:
        return ""
    return (
        f"{before / now:.2g} times as fast" if before > now else f"{now / before:.2g} times slower"
    )


def _ms(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3g} ms"


def _metric(metric: Mapping[str, Any]) -> Figure:
    name = spoken(metric["name"])
    before, after = (metric_value(metric, metric.get(key)) for key in ("baseline", "value"))
    if metric.get("baseline") is None:
        return Figure(name, before, after)
    changed = difference(metric, metric["value"] - metric["baseline"])
    return Figure(name, before, after, changed)


def _estimates(card: Mapping[str, Any]) -> Iterator[Figure]:
    for label, found, unit in (
        ("Time on a phone, estimate", (card.get("latency_ms") or {}).get("phone_estimate"), "ms"),
        ("Energy of one run, estimate", card.get("energy_mj_estimate"), "mJ"),
    ):
        if found:
            between = f"{found['low']:.3g} to {found['high']:.3g} {unit}"
            yield Figure(label, UNKNOWN, f"{found['value']:.3g} {unit}", between)

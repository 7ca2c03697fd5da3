"""The release as one HTML page: opens anywhere, needs neither network nor JavaScript.

Layer names and labels come from users' files, so every value is escaped by the template engine.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfedge import plain_text
from tfedge.release import layer_weights, provenance, summary
from tfedge.release.check import FAIL, INSUFFICIENT_DATA, PASS, REPORTED, UNDECIDED, spoken
from tfedge.release.facts import Facts
from tfedge.release.sections import heat, training_plots

_WORDS = {
    PASS: "passed",
    FAIL: "failed",
    INSUFFICIENT_DATA: "not decided",
    REPORTED: "reported only",
    UNDECIDED: "undecided",
}
_TITLES = {PASS: "Released", FAIL: "Rejected", INSUFFICIENT_DATA: "Not enough data to decide"}
_MARKS = {PASS: "✓", FAIL: "✗", INSUFFICIENT_DATA: "?"}
_CHART_WIDTH = 640
_LONGEST_LIST = 12
_MOST_OPERATORS = 40


def render(facts: Facts) -> bytes:
    """The page, as UTF-8."""
    import jinja2  # 60 ms, which --help need not spend

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tfedge.release"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        words=_words,
        spoken=spoken,
        outcome=_WORDS.__getitem__,
        amount=summary.amount,
        percent=_percent,
        plain=_plain,
        number=_number,
        plots=training_plots.of,
        grouped=_grouped,
    )
    outcome = facts.verdict["outcome"]
    page = environment.get_template("report.html").render(
        facts=facts,
        outcome=outcome,
        noted={note["check"] for note in facts.verdict["notes"]},
        outcome_word=_TITLES[outcome],
        mark=_MARKS[outcome],
        headline=summary.headline(facts),
        figures=summary.before_after(facts),
        difference=_difference(facts),
        bytes=_bytes(facts.file.bytes_by_kind),
        layers=_layers(facts),
        holds=facts.scorecard.get("holds") or [],
        judged_on=provenance.judged_on(facts),
        command=provenance.command_lines(facts.command),
        data_words=provenance.data_checks(facts),
        repeat=provenance.to_repeat(facts),
        recipe_json=json.dumps(facts.recipe, indent=2) if facts.recipe else "",
        **_groups(facts),
        **_confusion(facts),
        **_operators(facts),
    )
    return plain_text.printable(page).encode()


def _groups(facts: Facts) -> dict[str, Any]:
    """Rows of classes and slices, with their changes on one axis."""
    rows, note = summary.classes(facts)
    others = summary.slices(facts)
    half = heat.axis([row["group"] for row in rows if row["group"]] + others)
    for row in rows:
        row["interval"] = heat.interval(row["group"], half)
    for each in others:
        each["interval"] = heat.interval(each, half)
    return {"classes": rows, "classes_note": note, "slices": others, "half_axis": half}


def _confusion(facts: Facts) -> dict[str, Any]:
    found = facts.confused
    if found is None:
        return {"matrices": [], "pairs": ()}
    both = (("Baseline", found.before), ("This model", found.after))
    matrices = [
        (title, heat.cells(found.labels, counts)) for title, counts in both if counts is not None
    ]
    return {"matrices": matrices, "pairs": found.pairs}


def _operators(facts: Facts) -> dict[str, Any]:
    """The operators in the file's order; of very many, those that take longest."""
    rows = facts.times
    if len(rows) > _MOST_OPERATORS:
        rows = tuple(sorted(rows, key=lambda each: -each.ms)[:_MOST_OPERATORS])
    left_out = len(facts.times) - len(rows)
    share = 1 - sum(each.share for each in rows)
    return {
        "times": rows,
        "longest": max((each.share for each in rows), default=1.0),
        "times_left_out": (left_out, share) if left_out else None,
        "estimate": (facts.scorecard.get("latency_ms") or {}).get("phone_estimate"),
        "compatibility": facts.scorecard.get("compatibility"),
    }


def _layers(facts: Facts) -> list[dict[str, Any]]:
    """Each layer's weights now, before, and what passes said of it."""
    before = facts.baseline.layers if facts.baseline else ()
    return [
        {
            "name": layer_weights.short_name(now.name),
            "before": was,
            "now": now,
            "sensitivity": facts.sensitivities.get(layer_weights.short_name(now.name)),
            "notes": layer_weights.notes(facts.reports, layer_weights.short_name(now.name)),
        }
        for was, now in layer_weights.paired(before, facts.file.layers)
    ]


def _difference(facts: Facts) -> Mapping[str, Any] | None:
    """The interval of the metric's difference as positions on a line from low to high."""
    found, metric = facts.verdict.get("difference"), facts.scorecard.get("metric")
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
        return summary.difference(metric, found[key])

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


def _bytes(by_kind: Mapping[str, int]) -> list[dict[str, Any]]:
    """Shares of a bar of width 100, the largest first, empty kinds left out."""
    total, start, parts = sum(by_kind.values()), 0.0, []
    for kind, size in sorted(by_kind.items(), key=lambda item: -item[1]):
        if size > 0:
            width = 100 * size / total
            parts.append({"kind": kind, "size": size, "start": start, "width": width})
            start += width
    return parts


def _words(name: str) -> str:
    """An identifier as words: "peak_memory" -> "peak memory", "CONV_2D" -> "conv 2d"."""
    if ":" in name:  # a promise about a layer, whose name stays as it is
        return name
    return name.replace("_", " ").lower() if name.isupper() else name.replace("_", " ")


def _percent(share: float | None, digits: int = 1) -> str:
    return summary.UNKNOWN if share is None else f"{share:.{digits}%}"


def _number(value: float) -> str:
    """Three digits at most."""
    return f"{value:.3g}"


def _grouped(skipped: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """(layers, reason), so that a reason is said once."""
    by_reason: dict[str, list[str]] = {}
    for layer, reason in skipped:
        by_reason.setdefault(reason, []).append(layer)
    return [(", ".join(layers), reason) for reason, layers in by_reason.items()]


def _plain(value: Any) -> str:
    """A value of a note or a promise, short enough for a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        value = [f"{key}: {_plain(each)}" for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        shown = [_plain(each) for each in value[:_LONGEST_LIST]]
        more = [f"and {len(value) - _LONGEST_LIST} more"] if len(value) > _LONGEST_LIST else []
        return ", ".join(shown + more)
    return str(value)

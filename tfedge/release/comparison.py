"""What changed between two releases, as plain data: figures, classes, layers and settings.

Two releases over the same held-out examples are compared pair by pair, as a release is with its
baseline; over different ones no difference is claimed.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from tfedge.device import correct_bits
from tfedge.device.file import layer_weights
from tfedge.release.publishing.released import Released
from tfedge.release.statistics import paired

SCHEMA_VERSION = 1
ALPHA = 0.05  # one-sided, as in a gate
_FIGURES = (
    ("download", "bytes", ("download_bytes",)),
    ("file", "bytes", ("file_bytes",)),
    ("latency on a phone, measured p50", "ms", ("latency_ms", "phone_measured", "p50")),
    ("latency on a phone, measured p90", "ms", ("latency_ms", "phone_measured", "p90")),
    ("latency on a phone, measured p95", "ms", ("latency_ms", "phone_measured", "p95")),
    ("latency on a phone, measured mean", "ms", ("latency_ms", "phone_measured", "mean")),
    ("latency in a browser, p50", "ms", ("latency_ms", "browser_wasm", "p50")),
    ("latency on the phone class, estimate", "ms", ("latency_ms", "phone_estimate", "value")),
    ("energy of a run, estimate", "mJ", ("energy_mj_estimate", "value")),
    ("latency on its host, p50", "ms", ("latency_ms", "host", "p50")),
    ("latency on its host, p90", "ms", ("latency_ms", "host", "p90")),
    ("loading on its host", "ms", ("latency_ms", "host", "load")),
    ("peak memory on its host", "bytes", ("peak_memory_bytes",)),
    ("memory for activations", "bytes", ("memory", "arena_bytes")),
    ("memory an app must have free, estimate", "bytes", ("memory", "app_free_bytes_estimate")),
    ("operators run by the delegate", "share", ("delegated_fraction",)),
    ("negative flips against its baseline", "share", ("negative_flips",)),
    ("calibration error", "share", ("calibration_error", "value")),
)
_OF_RECIPE = ("model", "model_float32_sha256", "data", "recipe", "export", "seed", "augment")


def compare(a: Released, b: Released) -> dict[str, Any]:
    """The differences, b against a; what is the same in both is left out where it is long."""
    same = _same_held_out(a, b)
    return {
        "schema_version": SCHEMA_VERSION,
        "a": a.path,
        "b": b.path,
        "verdict": {"a": a.verdict.get("outcome"), "b": b.verdict.get("outcome")},
        "same_held_out": same,
        "metric": _metric(a, b, same),
        "figures": list(_figures(a, b)),
        "classes": list(_classes(a, b)),
        "checks": list(_checks(a, b)),
        "layers": list(_layers(a, b)),
        "settings": [
            {"name": name, "a": before, "b": after}
            for name, before, after in _settings(a, b)
            if before != after
        ],
        "notes": list(_notes(a, b, same)),
    }


def _same_held_out(a: Released, b: Released) -> bool | None:
    """None where a scorecard does not say."""
    found = [_at(each, "held_out", "fingerprint") for each in (a, b)]
    if not all(isinstance(each, str) and ": " in each for each in found):
        return None
    return found[0] == found[1] and _at(a, "metric", "n") == _at(b, "metric", "n")


def _metric(a: Released, b: Released, same: bool | None) -> dict[str, Any] | None:
    names = {_at(each, "metric", "name") for each in (a, b)}
    if len(names) > 1 or None in names:
        return None
    before, after = (_number(each, "metric", "value") for each in (a, b))
    found = {"name": names.pop(), "a": before, "b": after, "n": _at(b, "metric", "n")}
    if not same or before is None or after is None:
        return found
    return {**found, "difference": after - before, **_interval(a, b)}


def _interval(a: Released, b: Released) -> dict[str, Any]:
    """Of the difference, where both tell which examples they have right."""
    packed = [_at(each, "held_out", "right") for each in (a, b)]
    n = _at(b, "held_out", "examples")
    if not all(isinstance(each, str) for each in packed) or type(n) is not int or n < 1:
        return {}
    try:
        pairs = paired.Pairs.count(*(correct_bits.unpack(each, n) for each in packed))
    except ValueError:  # not written by us
        return {}
    low, high = paired.tango_interval(pairs.only_baseline, pairs.only_candidate, pairs.n, 2 * ALPHA)
    return {
        "low": low,
        "high": high,
        "method": f"Tango score interval, paired, {1 - ALPHA:.0%} on each side",
        "only_a_right": pairs.only_baseline,
        "only_b_right": pairs.only_candidate,
    }


def _figures(a: Released, b: Released) -> Iterator[dict[str, Any]]:
    for name, unit, where in _FIGURES:
        before, after = _number(a, *where), _number(b, *where)
        if before is None and after is None:
            continue
        row = {"name": name, "unit": unit, "a": before, "b": after}
        if where[-1] == "value" and "estimate" in name:
            bounds = {}
            for side, each in (("a", a), ("b", b)):
                bounds[f"{side}_low"] = _number(each, *where[:-1], "low")
                bounds[f"{side}_high"] = _number(each, *where[:-1], "high")
            row |= bounds
        yield row


def _classes(a: Released, b: Released) -> Iterator[dict[str, Any]]:
    """Those that both have, the largest loss first."""
    found = [_by_label(each) for each in (a, b)]
    rows = []
    for label in found[0]:
        if label in found[1]:
            (before, _), (after, n) = (each[label] for each in found)
            change = None if before is None or after is None else after - before
            rows.append({"class": label, "a": before, "b": after, "change": change, "n": n})
    yield from sorted(rows, key=lambda row: (row["change"] is None, row["change"] or 0.0))


def _by_label(each: Released) -> dict[str, tuple[float | None, int | None]]:
    rows = each.scorecard.get("per_class") or ()
    return {
        str(row["label"]): (row.get("value"), row.get("n"))
        for row in rows
        if isinstance(row, Mapping) and "label" in row
    }


def _checks(a: Released, b: Released) -> Iterator[dict[str, Any]]:
    """Those with another outcome, or that only one verdict has."""
    before, after = (
        {c["name"]: c["outcome"] for c in each.verdict.get("checks") or ()} for each in (a, b)
    )
    if before and after:
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                yield {"check": name, "a": before.get(name), "b": after.get(name)}


def _layers(a: Released, b: Released) -> Iterator[dict[str, Any]]:
    """Layers whose weights differ in what is told of them."""
    if a.layers is None or b.layers is None:
        return
    pairs = layer_weights.paired(a.layers, b.layers)
    met = {id(before) for before, _ in pairs}
    for before, after in pairs:
        told = None if before is None else _told(before)
        if told != _told(after):
            yield {"layer": layer_weights.short_name(after.name), "a": told, "b": _told(after)}
    for layer in a.layers:
        if id(layer) not in met:
            yield {"layer": layer_weights.short_name(layer.name), "a": _told(layer), "b": None}


def _told(layer: layer_weights.Layer) -> dict[str, Any]:
    found = dataclasses.asdict(layer)
    kept = ("operator", "shape", "bits", "sparsity", "distinct", "entropy_bits", "stored_bytes")
    return {**{name: found[name] for name in kept}, "shape": list(layer.shape)}


def _settings(a: Released, b: Released) -> Iterator[tuple[str, Any, Any]]:
    yield "phone class", a.scorecard.get("profile"), b.scorecard.get("profile")
    before, after = ((each.verdict.get("difference") or {}).get("limit") for each in (a, b))
    yield "accepted difference of the metric", before, after
    if not a.recipe or not b.recipe:
        return
    for name in _OF_RECIPE:
        yield name.replace("_", " "), a.recipe.get(name), b.recipe.get(name)
    yield from _pass_settings(a, b)
    versions = [each.recipe.get("versions") or {} for each in (a, b)]
    for name in dict.fromkeys([*versions[0], *versions[1]]):
        yield f"version of {name}", versions[0].get(name), versions[1].get(name)


def _pass_settings(a: Released, b: Released) -> Iterator[tuple[str, Any, Any]]:
    """Of passes that both recipes have; others show in the recipe's text."""
    before, after = (_passes(each) for each in (a, b))
    for name in before:
        if name in after:
            for setting in dict.fromkeys([*before[name], *after[name]]):
                yield f"{name}: {setting}", before[name].get(setting), after[name].get(setting)


def _passes(each: Released) -> dict[str, Mapping[str, Any]]:
    """Settings by pass; a name that comes again carries its number."""
    found: dict[str, Mapping[str, Any]] = {}
    for made in each.recipe.get("passes") or ():
        name, number = str(made.get("name")), 1
        while name in found:
            number += 1
            name = f"{made.get('name')} {number}"
        found[name] = made.get("settings") or {}
    return found


def _notes(a: Released, b: Released, same: bool | None) -> Iterator[str]:
    for side, each in (("A", a), ("B", b)):
        yield from (f"{side}: {note}" for note in each.notes)
        if each.scorecard.get("failure"):
            yield f"{side} did not run: {_at(each, 'failure', 'detail')}"
    names = [_at(each, "metric", "name") for each in (a, b)]
    if None not in names and names[0] != names[1]:
        yield f"judged by different metrics, {names[0]} and {names[1]}: not compared"
    elif same is None:
        yield "a scorecard does not say which held-out examples it rests on: no difference is told"
    elif not same:
        yield "judged on different held-out examples: what differs may be the examples"
    single = set(_by_label(a)) ^ set(_by_label(b))
    if single:
        count = f"{len(single)} classes are" if len(single) > 1 else "1 class is"
        yield f"{count} judged in one of the two only"
    if a.scorecard.get("profile") != b.scorecard.get("profile"):
        yield "judged for different phone classes: estimates and limits are not of one phone"
    lacking = [side for side, each in (("A", a), ("B", b)) if each.layers is None]
    if lacking:
        yield f"{' and '.join(lacking)} without model.tflite: layers are not compared"


def _at(each: Released, *keys: str) -> Any:
    """What is at the end of these keys of the scorecard; None where the way ends earlier."""
    found: Any = each.scorecard
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _number(each: Released, *keys: str) -> float | None:
    found = _at(each, *keys)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None

"""Where the bytes of the file are, and what became of each layer's weights."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfedge.device.file import layer_weights, overhead
from tfedge.release.report import wording

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Where the bytes are"
PLACE = 90


@dataclasses.dataclass(frozen=True)
class Part:
    """Bytes of one kind, and where they lie on a bar of width 100."""

    kind: str
    size: int
    start: float
    width: float


@dataclasses.dataclass(frozen=True)
class Row:
    """A layer now and before.

    Attributes:
        name: of the Keras layer.
        now, before: its weights in both files; no `before` where the baseline has no such layer.
        sensitivity: what the baseline's outputs owe to it; None where that is not known.
        notes: what passes said of it.
    """

    name: str
    now: layer_weights.Layer
    before: layer_weights.Layer | None
    sensitivity: float | None
    notes: str


@dataclasses.dataclass(frozen=True)
class Layers:
    """Where the bytes are.

    Attributes:
        parts: of the file, the largest first.
        rows: the layers in its order.
        with_sensitivities: whether any layer has one.
        without: (layers, why they have none).
    """

    parts: tuple[Part, ...]
    rows: tuple[Row, ...]
    with_sensitivities: bool
    without: tuple[tuple[str, str], ...]

    @property
    def largest(self) -> Row:
        """Of the layers."""
        return max(self.rows, key=lambda row: row.now.stored_bytes)

    @property
    def weight_bytes(self) -> int:
        """Of all layers."""
        return sum(row.now.stored_bytes for row in self.rows)


def of(facts: "Facts") -> Layers:
    """Every file has bytes."""
    return Layers(
        tuple(_parts(overhead.by_kind(facts.file))),
        tuple(_rows(facts)),
        bool(facts.sensitivities.shares),
        _by_reason(facts.sensitivities.missing),
    )


def _by_reason(missing: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found: dict[str, list[str]] = {}
    for layer, reason in missing.items():
        found.setdefault(reason, []).append(layer)
    return tuple((wording.plain(layers), reason) for reason, layers in found.items())


def _parts(by_kind: Mapping[str, int]) -> Iterator[Part]:
    """Empty kinds are left out."""
    total, start = sum(by_kind.values()), 0.0
    for kind, size in sorted(by_kind.items(), key=lambda item: -item[1]):
        if size > 0:
            yield Part(kind, size, start, 100 * size / total)
            start += 100 * size / total


def _rows(facts: "Facts") -> Iterator[Row]:
    before = layer_weights.read(facts.baseline_file) if facts.baseline_file else ()
    for was, now in layer_weights.paired(before, layer_weights.read(facts.file)):
        name = layer_weights.short_name(now.name)
        yield Row(name, now, was, facts.sensitivities.shares.get(name), notes(facts.reports, name))


def notes(reports: Sequence[Mapping[str, Any]], name: str) -> str:
    """What passes reported of a layer by its name: "sensitivity 0.02, rank 12"."""
    said = {}
    for report in reports:
        for note, values in (report.get("notes") or {}).items():
            value = values.get(name) if isinstance(values, Mapping) else None
            if isinstance(value, int | float | str):
                said[note.replace("_", " ")] = value
    return ", ".join(
        f"{note} {value:.3g}" if isinstance(value, float) else f"{note} {value}"
        for note, value in said.items()
    )

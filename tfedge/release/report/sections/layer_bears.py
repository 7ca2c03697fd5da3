"""What each layer can bear: the table of `tfedge.sensitivity`, where the release encloses one."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "What each layer can bear"
PLACE = 95
FILE = "sensitivity.json"
_DARK = 0.7  # from here on a cell's text is light
_MILD, _GRAVE = 1e-4, 1.0  # harms that are as good as none, and as bad as any


@dataclasses.dataclass(frozen=True)
class Cell:
    """One change of a layer.

    Attributes:
        saved: packed bytes.
        harm: to the answers.
        shade: 0..1, by the logarithm of the harm.
    """

    saved: int
    harm: float
    shade: float

    @property
    def style(self) -> str:
        """Classes for the style sheet."""
        return "miss dark" if self.shade > _DARK else "miss"


@dataclasses.dataclass(frozen=True)
class Grid:
    """One setting of one technique.

    Attributes:
        axis: "prune.final_sparsity".
        values: that were tried.
        rows: (layer, a cell for each value, None where it is not known).
    """

    axis: str
    values: tuple[Any, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


def of(facts: "Facts") -> tuple[Grid, ...] | None:
    """A grid for each setting that was probed."""
    content = facts.enclosed.get(FILE)
    if content is None:
        return None
    cells: dict[str, dict[tuple[str, Any], Cell]] = {}
    for row in json.loads(content)["rows"]:
        if row["difference"] is not None:
            (change,) = row["changes"]
            known = cells.setdefault(f"{change['technique']}.{change['setting']}", {})
            known[row["layer"], change["value"]] = _cell(row["saved_bytes"], row["difference"])
    return tuple(_grid(axis, known) for axis, known in cells.items()) or None


def _grid(axis: str, cells: Mapping[tuple[str, Any], Cell]) -> Grid:
    values = tuple(sorted({value for _, value in cells}))
    layers = dict.fromkeys(layer for layer, _ in cells)
    rows = ((layer, tuple(cells.get((layer, each)) for each in values)) for layer in layers)
    return Grid(axis, values, tuple(rows))


def _cell(saved: int, difference: Mapping[str, Any]) -> Cell:
    harm = difference["harm"]
    place = math.log(max(harm, _MILD) / _MILD) / math.log(_GRAVE / _MILD)
    return Cell(saved, harm, round(min(1.0, place), 3))

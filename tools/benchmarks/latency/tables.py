"""How well latencies are predicted, as a table and as lines of the fitted file."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import table
from tfedge_tools.benchmarks.latency import misses as misses_lib


def figures_table(figures: Mapping[str, Mapping[str, float]]) -> table.Table:
    """A row for each way of leaving out, a column for each figure, in per cent."""
    columns = next(iter(figures.values()))
    shown = table.Table("", *(name.replace("_", " ") for name in columns))
    for name, found in figures.items():
        shown.add_row(name.replace("_", " "), *(f"{100 * v:.1f} %" for v in found.values()))
    return shown


def listed(kinds: Mapping[str, Sequence[misses_lib.Miss[Any]]]) -> list[dict[str, Any]]:
    """Each latency with what is missed of it, by the way of leaving out."""
    return [
        {"row": str(misses[0].row)}
        | {kind: round(m.share, 4) for kind, m in zip(kinds, misses, strict=True)}
        for misses in zip(*kinds.values(), strict=True)
    ]

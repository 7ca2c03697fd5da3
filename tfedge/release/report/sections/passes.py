"""What each compression pass did: layers touched and skipped, its training, what it noted."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfedge.release.report import pass_costs, training_plots

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "What was done"
PLACE = 110


@dataclasses.dataclass(frozen=True)
class Done:
    """One pass.

    Attributes:
        title: the pass as it stands in the recipe.
        seconds: it took.
        taken_over: whether that was in an earlier run.
        cost: on validation, in words; empty where it is not known.
        touched: layers.
        skipped: (layers, reason), so that a reason is said once.
        notes: name -> value, without empty ones.
        plots: of its training.
    """

    title: str
    seconds: float
    taken_over: bool
    cost: str
    touched: Sequence[str]
    skipped: tuple[tuple[str, str], ...]
    notes: Mapping[str, Any]
    plots: tuple[training_plots.Plot, ...]


def of(facts: "Facts") -> tuple[Done, ...] | None:
    """The passes in their order; None where none was run."""
    return tuple(_done(report) for report in facts.reports) or None


def _done(report: Mapping[str, Any]) -> Done:
    notes = report.get("notes") or {}
    return Done(
        title=report["settings"] or report["name"],
        seconds=report["seconds"] or 0,
        taken_over=bool(report.get("taken_over")),
        cost=pass_costs.words(report.get("validation") or {}),
        touched=report["touched"],
        skipped=_grouped(report["skipped"]),
        notes={
            name: value for name, value in notes.items() if value or isinstance(value, int | float)
        },
        plots=training_plots.of(report.get("history", [])),
    )


def _grouped(skipped: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    by_reason: dict[str, list[str]] = {}
    for layer, reason in skipped:
        by_reason.setdefault(reason, []).append(layer)
    return tuple((", ".join(layers), reason) for reason, layers in by_reason.items())

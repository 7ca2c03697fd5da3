"""What is taken for what, as shaded matrices; of very many classes the worst pairs."""

import dataclasses
from typing import TYPE_CHECKING

from tfedge.release.report import answers, heat

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "What is taken for what"
PLACE = 50

Matrix = list[tuple[str, list[heat.Cell]]]


@dataclasses.dataclass(frozen=True)
class Confusion:
    """(title, rows) of each model's matrix; none of very many classes, then `pairs` it is."""

    matrices: tuple[tuple[str, Matrix], ...]
    pairs: tuple[answers.Pair, ...]


def of(facts: "Facts") -> Confusion | None:
    """None where examples have no single class, or nothing is confused."""
    found = answers.of(facts)
    if found is None:
        return None
    both = (("Baseline", found.before), ("This model", found.after))
    matrices = tuple(
        (title, heat.cells(found.labels, counts)) for title, counts in both if counts is not None
    )
    return Confusion(matrices, found.pairs) if matrices or found.pairs else None

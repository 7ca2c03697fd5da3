"""A confusion matrix as shaded cells, and the changes of classes as intervals on one axis."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 100.0
_MOST = 9999  # a longer number has no room in its cell
_DARK = 0.7  # from here on the cell's text is light


@dataclasses.dataclass(frozen=True)
class Cell:
    """One count.

    Attributes:
        text: the count, of very many its share of the row; "" for none.
        shade: 0..1.
        kind: "hit" on the diagonal, else "miss".
        says: the count in words.
    """

    text: str
    shade: float
    kind: str
    says: str

    @property
    def style(self) -> str:
        """Classes for the style sheet."""
        return f"{self.kind} dark" if self.shade > _DARK else self.kind


def cells(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[tuple[str, list[Cell]]]:
    """(label, cells) of each row: hits by their share of the row, misses more strongly."""
    rows, are_shares = [], max(map(sum, counts), default=0) > _MOST
    for row, (label, numbers) in enumerate(zip(labels, counts, strict=True)):
        total = sum(numbers) or 1
        made = []
        for column, count in enumerate(numbers):
            share, hit = count / total, row == column
            shade = 0.85 * share if hit else min(1.0, 1.6 * math.sqrt(share))
            says = f"{label} taken for {labels[column]}: {count:,} of {sum(numbers):,}"
            text = _share(share) if are_shares else str(count)
            made.append(
                Cell(text if count else "", round(shade, 3), "hit" if hit else "miss", says)
            )
        rows.append((label, made))
    return rows


def _share(share: float) -> str:
    return "<1%" if share < 0.005 else f"{share:.0%}"


def axis(groups: Sequence[Mapping[str, Any]]) -> float:
    """Half the length of the axis that holds all intervals, in whole points; 0 without any."""
    ends = max((max(abs(each["low"]), abs(each["high"])) for each in groups), default=0.0)
    return math.ceil(100 * ends) / 100


def interval(group: Mapping[str, Any] | None, half: float) -> dict[str, float] | None:
    """Where a change and its bounds lie on an axis of `WIDTH` with no change in the middle."""
    if not group or not half:
        return None
    change = group["after"] - group["before"]
    found = {"low": group["low"], "high": group["high"], "change": change}
    return {name: round(WIDTH * (value / half + 1) / 2, 2) for name, value in found.items()}

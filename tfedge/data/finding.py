"""What a check of data declares, and what it found."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfedge.data.examined import Examined

_NONE = np.empty(0, np.int64)


@dataclasses.dataclass(frozen=True)
class Example:
    """An example, or some that belong together, for people to look at.

    Args:
        places: (role, index) of each, in the splits.
        name: what it is called, such as its label.
        lines: what is to be said of it.
        note: something smaller.
    """

    places: tuple[tuple[str, int], ...]
    name: str = ""
    lines: tuple[str, ...] = ()
    note: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Finding:
    """What one check saw in data that it did not refuse.

    Args:
        warnings: one line each.
        looked: (what was looked for, what was found), for the report, found or not.
        rows: all that was found, a dict of plain values each; "split" names whose it is.
        examples: the worst first.
        shown_as: what `examples` are, in the report.
        worst: which of them are shown where not all are, as in "the likest {}".
        total: how many held-out examples are concerned.
        without: (m,) held-out indices; the result is judged again without them.
    """

    warnings: tuple[str, ...] = ()
    looked: tuple[tuple[str, str], ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    examples: tuple[Example, ...] = ()
    shown_as: str = ""
    worst: str = "the first {}"
    total: int = 0
    without: np.ndarray = dataclasses.field(default_factory=lambda: _NONE)


@dataclasses.dataclass(frozen=True)
class Check:
    """One check; a file of `hygiene` holds one as CHECK.

    Args:
        place: checks are made in the order of their places: what costs little, and what others
            rely on, first.
        look: refuses with BadInput what cannot be worked with, and says what else it saw.
        title: of a table of its rows; "" where it has none.
        takes_time: whether it is left to those who ask for it.
    """

    place: int
    look: Callable[[Examined], Finding]
    title: str = ""
    takes_time: bool = False

"""What the checks of the data found, for the report: in words, and the worst examples."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data import hygiene
from tfedge.release.report import thumbnails

if TYPE_CHECKING:
    from tfedge.data.finding import Example, Finding
    from tfedge.data.splits import Split
    from tfedge.data.task import Task

_FEW = 8


@dataclasses.dataclass(frozen=True)
class Shown:
    """An example, or some that belong together; pictures are data URIs or ""."""

    pictures: tuple[str, ...]
    name: str
    lines: tuple[str, ...]
    note: str


@dataclasses.dataclass(frozen=True)
class Examples:
    """What one check found, the worst first."""

    title: str
    shown: tuple[Shown, ...]


@dataclasses.dataclass(frozen=True)
class DataFindings:
    """All of it, as plain data.

    Attributes:
        looked_for: (what the data was checked for, what was found), found or not.
        examples: of the checks that have some.
    """

    looked_for: tuple[tuple[str, str], ...]
    examples: tuple[Examples, ...]


def of(task: "Task", findings: hygiene.Findings, most: int = _FEW) -> DataFindings:
    """Findings with examples; the checks that take time are made now.

    Args:
        task: with a held-out split, already examined.
        findings: of `hygiene.examine`.
        most: examples to show of each check; 0 keeps the users' data out.
    """
    closer = hygiene.look_closely(task, ("holdout",))
    found = [*findings.of_checks.values(), *closer.of_checks.values()]
    few = min(most, _FEW)
    return DataFindings(
        tuple(row for each in found for row in each.looked),
        tuple(_examples(task, each, few) for each in found if each.examples and few),
    )


def _examples(task: "Task", found: "Finding", most: int) -> Examples:
    chosen = found.examples[:most]
    title = found.shown_as
    if len(chosen) < found.total:
        title += f", {found.worst.format(len(chosen))}"
    parts = task.splits()
    return Examples(title, tuple(_shown(parts, each) for each in chosen))


def _shown(parts: "dict[str, Split]", example: "Example") -> Shown:
    pictures = tuple(_picture(parts[role], number) for role, number in example.places)
    return Shown(pictures, example.name, example.lines, example.note)


def _picture(split: "Split", number: int) -> str:
    """A data URI, "" for what is no picture."""
    return next(iter(thumbnails.data_uris(split.take(np.array([number])).x)), "")

"""What the checks of the data found, for the report: near duplicates, drift, doubtful labels."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data import batch_split, splits
from tfedge.data.hygiene import label_noise
from tfedge.data.hygiene import thumbnails as grids
from tfedge.release import thumbnails

if TYPE_CHECKING:
    from tfedge.data.hygiene import Findings
    from tfedge.data.hygiene.drift import Drift
    from tfedge.data.task import Task

MOST_BYTES = 2**28  # of inputs that the search for doubtful labels may read once more
_FEW = 8


@dataclasses.dataclass(frozen=True)
class Twin:
    """A held-out image and the nearly same one of another split; pictures are data URIs or ""."""

    number: int
    role: str
    twin: int
    change: str
    picture: str = ""
    twin_picture: str = ""


@dataclasses.dataclass(frozen=True)
class Doubt:
    """A held-out example whose nearest neighbours are labelled otherwise."""

    number: int
    label: str
    looks_like: str
    score: float
    picture: str = ""


@dataclasses.dataclass(frozen=True)
class Difference:
    """How a split differs from the held-out one; see `data.drift.Drift`."""

    role: str
    what: str
    effect: float
    before: float
    after: float
    is_sure: bool
    matters: bool


@dataclasses.dataclass(frozen=True)
class DataFindings:
    """All of it, as plain data.

    Attributes:
        near: held-out images that training nearly saw; `twins` are some of them.
        near_looked: whether they were looked for.
        differences: the largest of each split, of those tested; `tests` is how many were.
        doubted: held-out labels to look at, of `doubts_of` examples; None where nobody looked,
            and then `not_looked` says why.
        doubts: the surest of them.
    """

    near: int
    near_looked: bool
    twins: tuple[Twin, ...]
    differences: tuple[Difference, ...]
    tests: int
    doubted: int | None
    doubts_of: int
    doubts: tuple[Doubt, ...]
    not_looked: str = ""


def of(task: "Task", findings: "Findings", most: int = _FEW) -> DataFindings:
    """Findings with examples.

    Args:
        task: with a held-out split, already examined.
        findings: of `hygiene.examine`.
        most: examples to show of each kind; 0 keeps the users' data out.
    """
    most, held_out = min(most, _FEW), task.splits()["holdout"]
    why = _why_not(task)
    found = None if why else label_noise.by_neighbours(task)
    if found is None and not why:
        why = "examples are neither images nor short rows of numbers with one class each"
    return DataFindings(
        near=len(findings.near_duplicates),
        near_looked=_has_images(held_out),
        twins=_twins(task, findings, most),
        differences=_differences(findings.drifts),
        tests=len(findings.drifts),
        doubted=None if found is None else len(found.indices),
        doubts_of=0 if found is None else found.looked_at,
        doubts=() if found is None else _doubts(task, held_out, found, most),
        not_looked=why,
    )


def _why_not(task: "Task") -> str:
    """Why labels are not looked at; empty where they are. A release must not wait for it."""
    if not task.kind_facts.one_class:
        return f"a {task.kind} task has no single class for each example"
    for split in (task.train, task.splits()["holdout"]):
        if isinstance(split, batch_split.BatchSplit) and split.own_order:
            return "the examples come in an order of their own"
        one = sum(array[0].nbytes for array in splits.named(next(split.batches(1))[0]).values())
        if one * min(len(split), label_noise.MOST_EXAMPLES) > MOST_BYTES:
            return "the examples are large; tools/check_data.py looks at them"
    return ""


def _has_images(split: splits.Split) -> bool:
    """Whether near duplicates could be looked for."""
    if isinstance(split, batch_split.BatchSplit) and split.own_order:
        return False
    inputs = splits.named(next(split.batches(1))[0])
    forms = {name: (array.shape[1:], str(array.dtype)) for name, array in inputs.items()}
    return grids.image_input(forms) is not None


def _twins(task: "Task", findings: "Findings", most: int) -> tuple[Twin, ...]:
    """The likest, each with both pictures."""
    pairs = sorted(findings.pairs, key=lambda pair: -pair.correlation)[:most]
    parts = task.splits()
    ours = _pictures(parts["holdout"], [pair.index for pair in pairs])
    theirs = [_pictures(parts[pair.role], [pair.twin])[0] for pair in pairs]
    return tuple(
        Twin(pair.index, pair.role, pair.twin, pair.change, own, other)
        for pair, own, other in zip(pairs, ours, theirs, strict=True)
    )


def _doubts(
    task: "Task", held_out: splits.Split, found: label_noise.Candidates, most: int
) -> tuple[Doubt, ...]:
    labels = np.asarray(held_out.targets()).reshape(-1)
    chosen = [int(index) for index in found.indices[:most]]
    rows = zip(
        chosen, found.suggested[:most], found.scores, _pictures(held_out, chosen), strict=False
    )
    return tuple(
        Doubt(index, _name(task, labels[index]), _name(task, suggested), float(score), picture)
        for index, suggested, score, picture in rows
    )


def _differences(drifts: "tuple[Drift, ...]") -> tuple[Difference, ...]:
    """The largest of each split."""
    worst: dict[str, Drift] = {}
    for each in drifts:
        worst.setdefault(each.role, each)
    return tuple(
        Difference(
            each.role,
            each.what,
            each.effect,
            each.before,
            each.after,
            bool(each.is_sure),
            bool(each.matters),
        )
        for each in worst.values()
    )


def _pictures(split: "splits.Split", numbers: list[int]) -> list[str]:
    """A data URI each, "" for what is no picture."""
    if not numbers:
        return []
    found = thumbnails.data_uris(split.take(np.array(numbers)).x)
    return list(found) or [""] * len(numbers)


def _name(task: "Task", label: int) -> str:
    return task.labels[int(label)] if int(label) < len(task.labels) else str(int(label))

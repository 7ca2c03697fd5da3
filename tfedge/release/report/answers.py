"""What both models answer on held-out data: which class is taken for which."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

MOST_CLASSES = 30  # of a matrix that can still be read
_MOST_PAIRS = 25


@dataclasses.dataclass(frozen=True)
class Pair:
    """How many examples of one class are taken for another."""

    truth: str
    said: str
    before: int | None
    after: int


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Counts over the held-out split, of examples or of their places.

    Attributes:
        labels: of rows (the truth) and columns (the answer); empty above `MOST_CLASSES`.
        before, after: rows of counts; None above `MOST_CLASSES`, and without a baseline.
        pairs: the classes that are most often taken for one another, the most frequent first.
    """

    labels: tuple[str, ...] = ()
    before: tuple[tuple[int, ...], ...] | None = None
    after: tuple[tuple[int, ...], ...] | None = None
    pairs: tuple[Pair, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Answered:
    """What both models decide, as the kind of the task reads their outputs.

    Attributes:
        labels: of the classes.
        targets: class numbers, (n,) or (n, places...).
        before, after: the baseline's decisions (None without one) and this model's, of the same
            shape; -1 stands for an output that is no number, which is no answer.
    """

    labels: tuple[str, ...]
    targets: np.ndarray
    before: np.ndarray | None
    after: np.ndarray


def answered(facts: "Facts") -> Answered | None:
    """None where targets say no class numbers, or belong to several outputs.

    It takes as long as there are places: `Facts.answered` keeps it.
    """
    kind, scores = facts.task.kind_facts, facts.scorecard
    decide, targets = kind.decide, scores.targets
    if decide is None or kind.classes is None or kind.per_label:
        return None
    outputs = scores.candidate_outputs
    if not isinstance(targets, np.ndarray) or not isinstance(outputs, np.ndarray):
        return None

    def decided(outputs: np.ndarray) -> np.ndarray:
        return np.asarray(decide(outputs, scores.logits)).astype(int, copy=False)

    was = scores.baseline_outputs
    before = decided(was) if isinstance(was, np.ndarray) else None
    given = facts.task.labels
    labels = tuple(given[n] if n < len(given) else str(n) for n in range(facts.task.num_classes))
    return Answered(labels, targets.astype(int, copy=False), before, decided(outputs))


def of(facts: "Facts") -> Confusion | None:
    """The confusion of both models, place by place where there are places; None without classes."""
    found = facts.answered
    if found is None:
        return None
    labels = found.labels
    now = _count(found.targets, found.after, len(labels))
    was = None if found.before is None else _count(found.targets, found.before, len(labels))
    pairs = _pairs(labels, was, now)
    if len(labels) > MOST_CLASSES:
        return Confusion(pairs=pairs)
    return Confusion(labels, None if was is None else _rows(was), _rows(now), pairs)


def mistakes(found: Confusion | None) -> dict[str, str]:
    """What each class is mostly taken for, with how often, before and now."""
    if found is None or found.after is None:
        return {}
    said = {}
    for row, (label, counts) in enumerate(zip(found.labels, found.after, strict=True)):
        wrong = [0 if column == row else count for column, count in enumerate(counts)]
        worst = wrong.index(max(wrong))
        if wrong[worst]:
            was = f" (baseline {found.before[row][worst]:,})" if found.before else ""
            said[label] = f"{found.labels[worst]}: {wrong[worst]:,}{was}"
    return said


def _count(targets: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes), the truth along rows, of those that have an answer."""
    # Places without a class are left out.
    told = (
        (answers >= 0) & (answers < classes) & (targets >= 0)
    )  # values of an ordinal kind may lie outside
    flat = np.bincount(targets[told] * classes + answers[told], minlength=classes**2)
    return flat.reshape(classes, classes)


def _pairs(labels: tuple[str, ...], before: np.ndarray | None, after: np.ndarray) -> tuple:
    wrong = after * (1 - np.eye(len(labels), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    places = [divmod(int(place), len(labels)) for place in order]
    return tuple(
        Pair(
            labels[row],
            labels[column],
            None if before is None else int(before[row, column]),
            int(after[row, column]),
        )
        for row, column in places
        if wrong[row, column]
    )


def _rows(counts: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(map(int, row)) for row in counts)

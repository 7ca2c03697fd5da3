"""What both models answer on held-out data: which class is taken for which."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tfedge.device.scorecard import Scorecard

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
    """Counts over the held-out split.

    Attributes:
        labels: of rows (the truth) and columns (the answer); empty above `MOST_CLASSES`.
        before, after: rows of counts; None above `MOST_CLASSES`, and without a baseline.
        pairs: the classes that are most often taken for one another, the most frequent first.
    """

    labels: tuple[str, ...] = ()
    before: tuple[tuple[int, ...], ...] | None = None
    after: tuple[tuple[int, ...], ...] | None = None
    pairs: tuple[Pair, ...] = ()


def of(scorecard: "Scorecard") -> Confusion | None:
    """The confusion of both models; None where examples have no single class."""
    labels = tuple(each.label for each in scorecard.per_class)
    answers = answered(scorecard)
    if answers is None:
        return None
    targets, before, after = answers
    now = _count(targets, after, len(labels))
    was = None if before is None else _count(targets, before, len(labels))
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


def answered(
    scorecard: "Scorecard",
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray] | None:
    """(targets, the baseline's answers or None, this model's), each (n,) class numbers.

    -1 stands for an output that is no number, which is no answer.
    """
    classes = len(scorecard.per_class)
    targets = np.asarray(scorecard.targets).reshape(-1) if classes else np.zeros(0)
    after = _answers(scorecard.candidate_outputs, scorecard.candidate_correct, targets, classes)
    before = _answers(scorecard.baseline_outputs, scorecard.baseline_correct, targets, classes)
    return None if after is None else (targets.astype(int), before, after)


def _answers(
    outputs: object, correct: np.ndarray | None, targets: np.ndarray, classes: int
) -> np.ndarray | None:
    """The highest output; of a single output, what its being right or wrong tells."""
    if not isinstance(outputs, np.ndarray) or len(outputs) != len(targets):
        return None
    broken = np.isnan(outputs.reshape(len(targets), -1)).any(axis=1)
    if outputs.shape[1:] == (classes,):
        return np.where(broken, -1, outputs.argmax(axis=1))
    if classes == 2 and outputs.size == len(targets) and correct is not None:
        return np.where(broken, -1, np.where(correct, targets, 1 - targets)).astype(int)
    return None


def _count(targets: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes), the truth along rows, of those that have an answer."""
    told = answers >= 0
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

"""What only the baseline had right: the users' view of a small model's price."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfedge.release.report import answers, thumbnails

if TYPE_CHECKING:
    from tfedge.data.task import Task
    from tfedge.device.scorecard import Scorecard
    from tfedge.release.report.facts import Facts

TITLE = "New mistakes"
PLACE = 60

NO_NUMBER = "nothing: NaN"
_MOST_BYTES = 500_000  # of all pictures, so that the page stays small


@dataclasses.dataclass(frozen=True)
class NewMistake:
    """One held-out example that the baseline has right and this model has wrong.

    Attributes:
        number: of the example, in the held-out split's order.
        truth, said: its label, and this model's answer.
        confidence: the probability this model gives its answer, 0..1.
        picture: the example as a data URI; empty where it is no picture.
    """

    number: int
    truth: str
    said: str
    confidence: float
    picture: str = ""


@dataclasses.dataclass(frozen=True)
class NewMistakes:
    """The worst of them, and how many there are: `total` new ones, and `mended` old ones."""

    total: int
    mended: int
    shown: tuple[NewMistake, ...] = ()


def of(facts: "Facts") -> NewMistakes | None:
    """The worst, as many as may be shown."""
    return worst(facts.scorecard, facts.task, facts.report_examples)


def worst(scorecard: "Scorecard", task: "Task", most: int) -> NewMistakes | None:
    """The new mistakes that this model is surest of.

    Args:
        scorecard: with the outputs of both.
        task: its held-out split holds the examples.
        most: how many to show; 0 keeps the users' data out of the report.

    Returns:
        None where there is no baseline, or no class to answer.
    """
    found = answers.answered(scorecard)
    if found is None or found[1] is None:
        return None
    targets, before, after = found
    new = np.flatnonzero((before == targets) & (after != targets))
    mended = int(((before != targets) & (after == targets)).sum())
    sure = _confidence(np.asarray(scorecard.candidate_outputs)[new], after[new])
    order = np.argsort(-sure, kind="stable")[:most]
    labels = [each.label for each in scorecard.per_class]
    pictures = _pictures(task, new[order])
    shown = tuple(
        NewMistake(
            number=int(new[each]),
            truth=labels[targets[new[each]]],
            said=labels[after[new[each]]] if after[new[each]] >= 0 else NO_NUMBER,
            confidence=float(sure[each]),
            picture=picture,
        )
        for each, picture in zip(order, pictures, strict=True)
    )
    return NewMistakes(len(new), mended, shown)


def _confidence(outputs: np.ndarray, said: np.ndarray) -> np.ndarray:
    """(m,) probability of the answer, 0 where there is none."""
    sure, told = np.zeros(len(said)), said >= 0
    if told.any():
        sure[told] = _probability(outputs[told], said[told])
    return sure


def _probability(outputs: np.ndarray, said: np.ndarray) -> np.ndarray:
    """(m,) of the answer; logits are squashed first."""
    if outputs.size == len(outputs):
        yes = outputs.reshape(-1).astype(np.float64)
        if yes.min() < 0 or yes.max() > 1:
            yes = 1 / (1 + np.exp(-yes))
        return np.where(said == 1, yes, 1 - yes)
    values = outputs.astype(np.float64)
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1, atol=0.05):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        values = powers / powers.sum(axis=1, keepdims=True)
    return values[np.arange(len(said)), said]


def _pictures(task: "Task", numbers: np.ndarray) -> list[str]:
    """A data URI an example, "" for what is no picture or would make the page too large."""
    if task.holdout is None or not len(numbers):
        return [""] * len(numbers)
    found = thumbnails.data_uris(task.holdout.take(numbers).x) or ("",) * len(numbers)
    sizes = np.cumsum([len(each) for each in found])
    return [each if size <= _MOST_BYTES else "" for each, size in zip(found, sizes, strict=True)]

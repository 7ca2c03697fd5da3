"""What only the baseline had right: the users' view of a small model's price."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data import answers as lib
from tfedge.data.answers import Answers
from tfedge.release.report import previews

if TYPE_CHECKING:
    from tfedge.data.kind import Kind
    from tfedge.release.report.facts import Facts

TITLE = "New mistakes"
PLACE = 60

NO_NUMBER = "nothing: NaN"


@dataclasses.dataclass(frozen=True)
class NewMistake:
    """One held-out example that the baseline has right and this model has wrong.

    Attributes:
        number: of the example, in the held-out split's order.
        truth, said: its label, and this model's answer.
        confidence: the probability this model gives its answer, 0..1; None where it gives none.
        shown: the example.
    """

    number: int
    truth: str
    said: str
    confidence: float | None
    shown: previews.Preview


@dataclasses.dataclass(frozen=True)
class NewMistakes:
    """The worst of them, and how many there are: `total` new ones, and `mended` old ones."""

    total: int
    mended: int
    shown: tuple[NewMistake, ...] = ()


def of(facts: "Facts") -> NewMistakes | None:
    """The new mistakes that this model is surest of, as many as may be shown.

    Returns:
        None where there is no baseline, or an example has no class of its own.
    """
    found = facts.answered
    if found is None or found.before is None or not facts.task.kind_facts.one_class:
        return None
    targets, before, after = found.targets, found.before, found.after
    new = np.flatnonzero((before == targets) & (after != targets))
    mended = int(((before != targets) & (after == targets)).sum())
    sure = _confidence(facts, new, after[new])
    order = np.argsort(-sure, kind="stable")[: facts.report_examples]
    shown = previews.of(facts.task.holdout, new[order])
    mistakes = (
        NewMistake(
            number=int(new[each]),
            truth=found.labels[targets[new[each]]],
            said=_said(found.labels, int(after[new[each]])),
            confidence=None if np.isnan(sure[each]) else float(sure[each]),
            shown=preview,
        )
        for each, preview in zip(order, shown, strict=True)
    )
    return NewMistakes(len(new), mended, tuple(mistakes))


def _said(labels: tuple[str, ...], answer: int) -> str:
    if answer < 0:
        return NO_NUMBER
    return labels[answer] if answer < len(labels) else str(answer)


def _confidence(facts: "Facts", new: np.ndarray, said: np.ndarray) -> np.ndarray:
    """(m,) probability of each answer: 0 where there is none, NaN where outputs are none."""
    outputs = np.asarray(facts.scorecard.candidate_outputs)[new]
    sure, told = np.zeros(len(new)), said >= 0
    if told.any():
        kind, logits = facts.task.kind_facts, facts.scorecard.logits
        sure[told] = _probability(kind, outputs[told], said[told], logits)
    return sure


def _probability(kind: "Kind", outputs: np.ndarray, said: np.ndarray, logits: bool) -> np.ndarray:
    if not kind.answers.are_scores:
        return np.full(len(said), np.nan)
    means = Answers.ONE_OF_MANY if lib.width(outputs) > 1 else Answers.YES_OR_NO
    values = outputs.astype(np.float64)
    if logits:
        values = lib.probabilities(values, means)
    if means is Answers.ONE_OF_MANY:
        return values[np.arange(len(said)), said]
    yes = values.reshape(len(said))
    return np.where(said == 1, yes, 1 - yes)

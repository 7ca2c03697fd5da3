"""The pictures whose masks got worse most: the picture, the truth, and what both models answer."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tfedge.release.report import answers, masks, previews

if TYPE_CHECKING:
    from tfedge.release.report.facts import Facts

TITLE = "Masks that got worse"
PLACE = 61
_MOST_IN_LEGEND = 20


@dataclasses.dataclass(frozen=True)
class Mask:
    """One held-out example.

    Attributes:
        number: of the example, in the held-out split's order.
        before, after: shares of its places that are right, 0..1.
        picture: the example as a data URI; empty where it is no picture.
        masks: (whose, data URI) of the truth, the baseline and this model.
    """

    number: int
    before: float
    after: float
    picture: str
    masks: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Masks:
    """How many got worse and better, of how many; the worst; and (colour, class) of the legend."""

    worse: int
    better: int
    total: int
    shown: tuple[Mask, ...]
    legend: tuple[tuple[str, str], ...]


def of(facts: "Facts") -> Masks | None:
    """None where there is no baseline, or targets are no pictures of classes."""
    found = facts.answered
    if found is None or found.before is None or found.targets.ndim != 3:
        return None
    was, now = (_right(each, found.targets) for each in (found.before, found.after))
    worse = np.flatnonzero(now < was)
    chosen = worse[np.argsort(now[worse] - was[worse], kind="stable")][: facts.report_examples]
    pictures = previews.of(facts.task.holdout, chosen)
    shown = (
        Mask(int(n), float(was[n]), float(now[n]), preview.picture, _masks(found, int(n)))
        for n, preview in zip(chosen, pictures, strict=True)
    )
    legend = [(masks.colour(n), label) for n, label in enumerate(found.labels[:_MOST_IN_LEGEND])]
    better = int((now > was).sum())
    return Masks(len(worse), better, len(now), tuple(shown), tuple(legend))


def _masks(found: answers.Answered, number: int) -> tuple[tuple[str, str], ...]:
    assert found.before is not None
    each = {"true": found.targets, "baseline": found.before, "this model": found.after}
    return tuple((whose, masks.data_uri(of_all[number])) for whose, of_all in each.items())


def _right(decided: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(n,) share of the places that are right."""
    return (decided == targets).reshape(len(targets), -1).mean(axis=1)

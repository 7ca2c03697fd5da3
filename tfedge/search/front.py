"""Which recipes nothing beats, how much of the plane they cover, and which one to release."""

import math
from collections.abc import Iterable, Sequence

from tfedge.search.trial import Trial

Dot = tuple[float, float]  # (cost, merit): less of the first and more of the second is better


def best(dots: Iterable[Dot]) -> list[Dot]:
    """The dots that no other beats in both, cheapest first; of equal ones the first."""
    found: list[Dot] = []
    for cost, merit in sorted(dots, key=lambda dot: (dot[0], -dot[1])):
        if not found or merit > found[-1][1]:
            found.append((cost, merit))
    return found


def hypervolume(dots: Iterable[Dot], corner: Dot) -> float:
    """The area between the dots and a corner that all of them should beat."""
    area, (dearest, worst) = 0.0, corner
    before = worst
    for cost, merit in best(dot for dot in dots if dot[0] < dearest and dot[1] > worst):
        area += (dearest - cost) * (merit - before)
        before = merit
    return area


def of(trials: Sequence[Trial], goal: str) -> list[Trial]:
    """The trials that none beats in both the figure and the slack, smallest figure first."""
    dots: dict[Dot, Trial] = {}
    for trial in measured(trials, goal):
        dots.setdefault((_figure(trial, goal), trial.slack), trial)
    return [dots[dot] for dot in best(dots)]


def measured(trials: Iterable[Trial], goal: str) -> list[Trial]:
    """Those with a file whose answers and whose figure are known."""
    return [each for each in trials if each.is_measured and each.figures.get(goal) is not None]


def winner(trials: Sequence[Trial], goal: str) -> Trial | None:
    """The one to release: the smallest figure of those that the gate would pass on validation.

    Of those with something to spare, where there are any. None where it would pass none.
    """
    fine = [each for each in measured(trials, goal) if each.is_feasible]
    safe = [each for each in fine if each.is_safe] or fine
    return min(safe, key=lambda each: (_figure(each, goal), -each.slack), default=None)


def nearest_miss(trials: Sequence[Trial], goal: str) -> Trial | None:
    """The one that would fail by the least; None where nothing was measured."""
    return max(measured(trials, goal), key=_shortfall, default=None)


def _shortfall(trial: Trial) -> float:
    """0 where everything is kept, and the less the more of a limit is exceeded."""
    over = [math.log(value / limit) for value, limit in trial.limits.values()]
    return min(0.0, trial.slack) - sum(max(0.0, each) for each in over)


def _figure(trial: Trial, goal: str) -> float:
    found = trial.figures[goal]
    assert found is not None
    return found

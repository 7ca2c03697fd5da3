"""Why the winner won, and what a smaller and a better one would cost, in sentences."""

from collections.abc import Sequence

from tfedge.release.gate import check
from tfedge.search import front, goals
from tfedge.search.trial import RESERVE, Trial


def sentences(trials: Sequence[Trial], goal: str, winner: Trial | None) -> list[str]:
    """Three where there is a winner; else what stands in the way of one."""
    if winner is None:
        return [nearest(trials, goal)]
    on_front = front.of(trials, goal)
    place = next(
        (number for number, each in enumerate(on_front) if each.recipe == winner.recipe), None
    )
    safe = [each for each in trials if each.is_safe]
    kept = len(safe) or sum(each.is_feasible for each in trials)
    spare = f" with {RESERVE:.0%} of the margin to spare" if safe else ""
    found = [
        f"{winner.recipe or 'nothing but the export'} has the smallest {goal}, "
        f"{amount(winner, goal)}, of the {kept} that would pass on validation{spare}: "
        f"{check.in_words(winner.measure)} {winner.metric:.4g}, input model {winner.baseline:.4g}."
    ]
    smaller = on_front[place - 1] if place else None
    better = on_front[place + 1] if place is not None and place + 1 < len(on_front) else None
    found.append(_beside("next smaller", smaller, winner, goal))
    found.append(_beside("next better", better, winner, goal))
    return found


def nearest(trials: Sequence[Trial], goal: str) -> str:
    """Which limit no recipe keeps, and the one that comes nearest."""
    miss = front.nearest_miss(trials, goal)
    if miss is None:
        failed = next((each.failure for each in trials if each.failure), "none was tried")
        return f"No recipe gave a file whose answers could be compared: {failed}"
    everywhere = set.intersection(
        *(set(each.obstacles) for each in front.measured(trials, goal))
    ) or set(miss.obstacles)
    names = ", ".join(sorted(name.replace("_", " ") for name in everywhere))
    reason = next(iter(miss.obstacles.values()), "")
    return (
        f"None of {len(trials)} recipes keeps all limits (not kept: {names}). The nearest is "
        f"{miss.recipe or 'nothing but the export'} with {goal} {amount(miss, goal)}: {reason}"
    )


def amount(trial: Trial, goal: str) -> str:
    """Its figure, with the unit."""
    return f"{trial.figures[goal]:,.6g} {goals.GOALS[goal].unit}"


def _beside(which: str, other: Trial | None, winner: Trial, goal: str) -> str:
    if other is None:
        return f"Nothing that was tried is the {which}."
    before, after = winner.figures[goal], other.figures[goal]
    assert before and after
    change = after / before - 1
    lost = (other.metric or 0) - (winner.metric or 0)
    kept = "it would pass, too" if other.is_feasible else "it would not pass"
    return (
        f"The {which}, {other.recipe or 'nothing but the export'}, has {change:+.0%} {goal} "
        f"and {lost:+.4g} {check.in_words(winner.measure)} on validation; {kept}."
    )

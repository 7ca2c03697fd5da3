"""The rows of the verdict that say how its held-out set was used before."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfedge.release.gate.check import PASS, REPORTED, Check, in_words
from tfedge.release.statistics import paired

if TYPE_CHECKING:
    from tfedge.release.gate.holdout_uses import Use, Widened

NAME = "held_out_uses"


def check(use: "Use", pairs: paired.Pairs | None, margin: float, alpha: float) -> Iterator[Check]:
    """Reported, never judged: what was tried elsewhere is not known.

    Args:
        use: which judgement this is.
        pairs: of right answers, where the metric counts them: the test is then repeated with its
            error shared out among all judgements so far (Bonferroni).
        margin: the accepted loss of that metric.
        alpha: one-sided error of a single test.
    """
    yield Check(NAME, use.number, None, REPORTED, _uses(use, pairs, margin, alpha))
    yield from map(_widened, use.widened)


def _widened(margin: "Widened") -> Check:
    named, of = (
        (f": {margin.metric}", f" of {in_words(margin.metric)}") if margin.metric else ("", "")
    )
    flag = f"--margin={margin.metric}=" if margin.metric else "--margin="
    reason = (
        f"{flag}{margin.now:g} now; an earlier verdict on this held-out set or on this model "
        f"had {flag}{margin.before:g}. A margin that is widened once a verdict is "
        "known shows less than one that was chosen before."
    )
    note = f"the margin{of} was {margin.before:g} in an earlier verdict and is {margin.now:g} now"
    heading = f"margin{of}"
    return Check(
        f"margin{named}", margin.now, margin.before, REPORTED, reason, note, heading=heading
    )


def _uses(use: "Use", pairs: paired.Pairs | None, margin: float, alpha: float) -> str:
    if use.number == 1:
        return "The first look at this held-out set, as far as this computer knows."
    luck = 1 - (1 - alpha) ** use.number
    several = f"{use.candidates} candidates" if use.candidates > 1 else "1 candidate"
    reason = (
        f"The {ordinal(use.number)} look at this held-out set on this computer, with {several}: "
        "the chance that one of them passes by luck grows, "
        f"from {alpha:.0%} to as much as {luck:.0%}."
    )
    if pairs is not None and pairs.n:
        strict = paired.decide(pairs, margin, alpha / use.number) == PASS
        verb = "passes" if strict else "does not pass"
        reason += f" With the error shared out among all {use.number}, this one {verb}."
    return reason + " A fresh held-out set makes a verdict that stands alone."


def ordinal(number: int) -> str:
    """Such as "7th"."""
    last = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number:,}{last or 'th'}"

"""The row of the verdict that says how often its held-out set was used."""

from typing import TYPE_CHECKING

from tfedge.release import statistics
from tfedge.release.check import PASS, REPORTED, Check

if TYPE_CHECKING:
    from tfedge.release.holdout_uses import Use

NAME = "held_out_uses"


def check(use: "Use", pairs: statistics.Pairs | None, margin: float, alpha: float) -> Check:
    """Reported, never judged: what was tried elsewhere is not known.

    Args:
        use: which candidate this is.
        pairs: of right answers, where the metric counts them: the test is then repeated with its
            error shared out among all candidates so far (Bonferroni).
        margin: the accepted loss.
        alpha: one-sided error of a single test.
    """
    if use.number == 1:
        reason = "The first candidate judged on this held-out set, as far as this computer knows."
        return Check(NAME, 1, None, REPORTED, reason)
    luck = 1 - (1 - alpha) ** use.number
    reason = (
        f"The {ordinal(use.number)} candidate judged on this held-out set on this computer: the "
        f"chance that one of them passes by luck grows, from {alpha:.0%} to as much as {luck:.0%}."
    )
    if pairs is not None and pairs.n:
        strict = statistics.decide(pairs, margin, alpha / use.number) == PASS
        verb = "passes" if strict else "does not pass"
        reason += f" With the error shared out among all {use.number}, this one {verb}."
    reason += " A fresh held-out set makes a verdict that stands alone."
    return Check(NAME, use.number, None, REPORTED, reason)


def ordinal(number: int) -> str:
    """Such as "7th"."""
    last = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number:,}{last or 'th'}"

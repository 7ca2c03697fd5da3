"""What a held-out set of this size can show, said before hours of training are spent on it."""

import dataclasses

from tfedge.release.statistics import paired

EXPECTED_DISCORDANT = 0.03  # what pruning and int8 leave on networks that lose nothing
_ENOUGH = 0.5


@dataclasses.dataclass(frozen=True)
class Foresight:
    """`words` is one line; `is_enough` says whether a PASS is likelier than not."""

    words: str
    power: float

    @property
    def is_enough(self) -> bool:
        """Whether a candidate as good as the baseline would rather pass than not."""
        return self.power >= _ENOUGH


def of(n: int, margin: float, alpha: float = 0.05) -> Foresight:
    """The power of the paired test on n examples, for a candidate that loses nothing.

    Args:
        n: held-out examples.
        margin: the accepted loss, a share.
        alpha: one-sided error.
    """
    share = EXPECTED_DISCORDANT
    found = paired.power(n, share, margin, alpha)
    words = (
        f"{n:,} held-out examples: a compressed model as good as the baseline passes a margin of "
        f"{100 * margin:.3g} point{'' if margin == 0.01 else 's'} with a probability of {found:.0%}"
    )
    words += f", if {share:.0%} of the answers are right from only one of the two"
    if found < _ENOUGH:
        needed = paired.examples_needed(share, margin, alpha)
        words += (
            f"; {needed:,} would pass it with {paired.POWER:.0%}"
            if needed != float("inf")
            else "; no number of examples shows that nothing at all is lost"
        )
    return Foresight(words, found)

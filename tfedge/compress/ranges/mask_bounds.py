"""How far below the scores a mask must lie, so that softmax cannot tell it from minus infinity.

Attention masks are sums with, or choices of, -1e9 and the like. An integer's scale covers the
range of what it holds, and one such number leaves nothing of it for the scores. What is `MARGIN`
below the least score weighs e^-16 = 1e-7 at most, which no softmax of 8 or 16 bits shows. So a
mask gets a bound at softmax, and each operator on the way there says what its operands need.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

MARGIN = 16.0
_HUGE = 500.0  # no score is as far from 0, every mask is


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a tensor held.

    Attributes:
        low: the least value that is no mask.
        high: the largest.
        below: the masking value nearest to 0 on the negative side, None without one.
        above: on the positive side, such as 1e9 before it is subtracted.
    """

    low: float = np.inf
    high: float = -np.inf
    below: float | None = None
    above: float | None = None

    def __or__(self, other: "Seen") -> "Seen":
        """What either held."""
        return Seen(
            min(self.low, other.low),
            max(self.high, other.high),
            max((x for x in (self.below, other.below) if x is not None), default=None),
            min((x for x in (self.above, other.above) if x is not None), default=None),
        )

    @property
    def masks(self) -> bool:
        """Whether any of it is a mask."""
        return self.below is not None or self.above is not None

    def mask(self, sign: float) -> float | None:
        """`below` for a negative sign, else `above`."""
        return self.below if sign < 0 else self.above

    def plain(self) -> tuple[float, float]:
        """`low` and `high`, or zeros where it was all masks."""
        return (self.low, self.high) if self.low <= self.high else (0.0, 0.0)


def seen(values: np.ndarray) -> Seen:
    """Of the numbers themselves; what is not a number counts for nothing."""
    plain = values[np.abs(values) < _HUGE]
    below, above = values[values <= -_HUGE], values[values >= _HUGE]
    return Seen(
        float(np.min(plain, initial=np.inf)),
        float(np.max(plain, initial=-np.inf)),
        float(below.max()) if below.size else None,
        float(above.min()) if above.size else None,
    )


def floor(scores: Seen) -> float | None:
    """The bound of what enters softmax, None where nothing is masked."""
    return None if scores.below is None else min(scores.plain()[0], 0.0) - MARGIN


def clip(values: np.ndarray, bound: float) -> np.ndarray:
    """Masks as far as the bound: from below for a negative one, else from above."""
    return np.maximum(values, bound) if bound < 0 else np.minimum(values, bound)


def further(one: float | None, other: float) -> float:
    """The bound that serves two readers of a tensor."""
    return other if one is None or abs(other) > abs(one) else one


def of_operands(
    rule: "Rule", bound: float, output: Seen, operands: Sequence[Seen]
) -> list[float | None]:
    """What each operand needs so that the output's masks reach `bound`; None: it has no mask."""
    found = rule(bound, output, operands)
    return [
        wanted if wanted is not None and operand.mask(wanted) is not None else None
        for wanted, operand in zip(found, operands, strict=True)
    ]


Rule = Callable[[float, Seen, Sequence[Seen]], Sequence[float | None]]


def same(bound: float, output: Seen, operands: Sequence[Seen]) -> Sequence[float | None]:
    """Operators that choose, move or repeat values."""
    del output
    return [bound] * len(operands)


def negative(bound: float, output: Seen, operands: Sequence[Seen]) -> Sequence[float | None]:
    """-x."""
    del output, operands
    return [-bound]


def add(bound: float, output: Seen, operands: Sequence[Seen]) -> Sequence[float | None]:
    """A mask has to pull down the largest score that it meets; masks that cancel shrink alike."""
    if _cancel(operands[0].mask(-bound), operands[1].mask(bound)):
        return _shrunk(bound, output, operands)
    first, second = (each.plain()[bound < 0] for each in operands)
    return [bound - second, bound - first]


def subtract(bound: float, output: Seen, operands: Sequence[Seen]) -> Sequence[float | None]:
    """As `add`, and what is subtracted masks from above."""
    if _cancel(operands[0].mask(-bound), operands[1].mask(-bound)):
        return _shrunk(bound, output, operands)
    first = operands[0].plain()[bound < 0]
    second = operands[1].plain()[bound > 0]
    return [bound + second, first - bound]


def multiply(bound: float, output: Seen, operands: Sequence[Seen]) -> Sequence[float | None]:
    """The operand with the huge number shrinks as much as the product does."""
    if sum(each.masks for each in operands) != 1:
        return [None] * len(operands)
    return _shrunk(bound, output, operands)


def _cancel(one: float | None, other: float | None) -> bool:
    """Such as 1e9 * m - 1e9."""
    return one is not None and other is not None


def _shrunk(bound: float, output: Seen, operands: Sequence[Seen]) -> list[float | None]:
    now = output.mask(bound)
    if now is None or not np.isfinite(now):
        return [None] * len(operands)
    masks = [each.below if each.below is not None else each.above for each in operands]
    return [None if each is None else each * (bound / now) for each in masks]

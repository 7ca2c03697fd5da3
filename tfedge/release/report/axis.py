"""Round numbers along an axis, and what is written beside them."""

import itertools
import math
from collections.abc import Sequence

_STEPS = (1, 2, 5, 10)


def ticks(low: float, high: float, most: int = 6) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten from `low` to `high`, `most` at most.

    >>> ticks(-3.2, 0.9)
    (-3.0, -2.0, -1.0, 0.0)
    """
    if not low < high:
        return (low,)
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (power * each for each in (*_STEPS, 10 * _STEPS[1])):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            break
    return tuple(round(number * step, 12) + 0.0 for number in range(first, last + 1))


def labels(numbers: Sequence[float], signed: bool = False) -> tuple[str, ...]:
    """The numbers with as many decimals as tell them apart, the same for all.

    Args:
        numbers: ticks of one axis.
        signed: whether those above 0 have a plus.
    """
    if len(numbers) < 2:
        return tuple(f"{number:.3g}" for number in numbers)
    gap = min(b - a for a, b in itertools.pairwise(numbers))
    decimals = max(0, -math.floor(math.log10(gap) + 1e-9))
    return tuple(
        f"{number:+.{decimals}f}" if signed and number else f"{number:.{decimals}f}"
        for number in numbers
    )

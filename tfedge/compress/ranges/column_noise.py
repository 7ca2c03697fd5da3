"""Whether rounding uneven columns to the steps of one integer scale shows behind a kernel."""

from collections.abc import Callable

import numpy as np

from tfedge.compress.ranges import uneven_inputs

STEPS = 255
_MOST = (1 / uneven_inputs.FEWEST_STEPS) ** 2 / 12  # in power, of what columns tell
_GAIN = 4.0  # less noise than this does not pay for float operators


def step(low: np.ndarray, high: np.ndarray) -> float:
    """Of the range of a whole tensor, times what makes its square the power of rounding."""
    return float(max(high.max(), 0.0) - min(low.min(), 0.0)) / STEPS / np.sqrt(12)


def shows(
    power: Callable[[np.ndarray], np.ndarray],
    spread: np.ndarray,
    rounding: np.ndarray,
    at_one_scale: np.ndarray,
) -> bool:
    """Whether an output has too much noise, and less so when columns are at one scale.

    Args:
        power: of each output, where independent input channels of given sizes come in.
        spread: (channels,) of what comes in; 0 of those whose rounding moves nothing.
        rounding: (channels,) its size as they are.
        at_one_scale: (channels,) its size when each has been divided by its deviation.
    """
    varies = spread > 0
    told, rounded, better = (power(size * varies) for size in (spread, rounding, at_one_scale))
    return bool(np.any((rounded > _MOST * told) & (rounded > _GAIN * better)))


def small_as_a_whole(lost: tuple[int, ...], low: np.ndarray, high: np.ndarray) -> tuple[int, ...]:
    """Of the lost columns those not only rarely large, as pixels at a border are."""
    whole = max(high.max(), 0.0) - min(low.min(), 0.0)
    few = 2 * uneven_inputs.REACH * uneven_inputs.FEWEST_STEPS / STEPS * whole
    return tuple(column for column in lost if 0 < high[column] - low[column] < few)

"""Inputs that nobody recorded: drawn between the extremes of the calibration split."""

import math

import numpy as np

from tfedge.data import splits

_SEED = 0
_BATCH = 100


def split(calibration: splits.Split, count: int) -> splits.ArraySplit:
    """`count` examples of the same shapes and types, each value drawn evenly.

    Args:
        calibration: raw inputs; the least and the largest value of each input are all that is
            told of them.
        count: how many.
    """
    one = calibration.take(np.arange(1)).x
    least, most = (dict.fromkeys(splits.named(one), end) for end in (math.inf, -math.inf))
    for x, _ in calibration.batches(_BATCH):
        for name, array in splits.named(x).items():
            least[name] = min(least[name], array.min().item())
            most[name] = max(most[name], array.max().item())
    draw = np.random.default_rng(_SEED)
    drawn = {
        name: _drawn(draw, array, (count, *array.shape[1:]), least[name], most[name])
        for name, array in splits.named(one).items()
    }
    x = drawn if isinstance(one, dict) else drawn[""]
    return splits.ArraySplit(x, np.zeros(count, np.float32))


def _drawn(
    draw: np.random.Generator, like: np.ndarray, shape: tuple[int, ...], least: float, most: float
) -> np.ndarray:
    if like.dtype.kind == "f":
        return draw.uniform(least, most, shape).astype(like.dtype)
    return draw.integers(int(least), int(most) + 1, shape).astype(like.dtype)

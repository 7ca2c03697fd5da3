"""Inputs that nobody recorded: drawn between the extremes of the calibration split."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from tfedge.data import splits

_SEED = 0
_BATCH = 100


@dataclasses.dataclass(frozen=True)
class Range:
    """What is told of one raw input.

    Attributes:
        dtype: numpy's name of its type.
        shape: of one example.
        least, most: the extremes of its values.
    """

    dtype: str
    shape: tuple[int, ...]
    least: float
    most: float


def split(calibration: splits.Split, count: int) -> splits.ArraySplit:
    """`count` examples of the same shapes and types, each value drawn evenly.

    Args:
        calibration: raw inputs; see `ranges`.
        count: how many.
    """
    return drawn(ranges(calibration), count)


def ranges(calibration: splits.Split) -> dict[str, Range]:
    """Of each input, by name; of the only one without a name under "".

    Args:
        calibration: raw inputs; the least and the largest value of each input are all that is
            told of them.
    """
    one = splits.named(calibration.take(np.arange(1)).x)
    least, most = (dict.fromkeys(one, end) for end in (math.inf, -math.inf))
    for x, _ in calibration.batches(_BATCH):
        for name, array in splits.named(x).items():
            least[name] = min(least[name], array.min().item())
            most[name] = max(most[name], array.max().item())
    return {
        name: Range(array.dtype.name, array.shape[1:], least[name], most[name])
        for name, array in one.items()
    }


def drawn(found: Mapping[str, Range], count: int) -> splits.ArraySplit:
    """`count` examples within these ranges; the same ones every time."""
    draw = np.random.default_rng(_SEED)
    x = {name: _drawn(draw, each, count) for name, each in found.items()}
    return splits.ArraySplit(x[""] if list(x) == [""] else x, np.zeros(count, np.float32))


def _drawn(draw: np.random.Generator, within: Range, count: int) -> np.ndarray:
    shape, dtype = (count, *within.shape), np.dtype(within.dtype)
    if dtype.kind == "f":
        return draw.uniform(within.least, within.most, shape).astype(dtype)
    return draw.integers(int(within.least), int(within.most) + 1, shape).astype(dtype)

"""What a recipe is expected to improve, as it is foreseen: see `proposing`."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from tfedge.search import front


def expected_excess(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """E[max(0, X)] of normal X."""
    ratio = mean / sd
    return mean * special.ndtr(ratio) + sd * np.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)


def area_gained(
    cost: np.ndarray,
    merit: np.ndarray,
    sd: np.ndarray,
    dots: Sequence[front.Dot],
    corner: front.Dot,
) -> np.ndarray:
    """What each would add to the area under the front; its cost is taken as known."""
    dearest, worst = corner
    steps = [dot for dot in front.best(dots) if dot[0] < dearest and dot[1] > worst]
    edges = np.array([-math.inf, *(step[0] for step in steps), dearest])
    heights = [worst, *(step[1] for step in steps)]
    total = np.zeros_like(cost)
    for left, right, height in zip(edges, edges[1:], heights, strict=False):
        width = np.clip(right - np.maximum(left, cost), 0, None)
        total += width * expected_excess(merit - height, sd)
    return total

"""One-dimensional clustering of a kernel's scale-normalised weights into integer levels."""

import numpy as np

from tfedge.compress.integers.codes import INT8_MAX

INITIALIZATIONS = ("kmeans++", "linear", "random", "density_based")


def initial(weights: np.ndarray, count: int, initialization: str, seed: int) -> np.ndarray:
    """`count` first centroids, one of them 0, sorted.

    Args:
        weights: (n,) in units of the int8 scale.
        count: including the zero.
        initialization: one of INITIALIZATIONS, as TFMOT's CentroidInitialization: spaced evenly
            over the range, drawn from it, at even steps of the distribution, or k-means++
            (Arthur & Vassilvitskii 2007).
        seed: of what is drawn.

    Returns:
        Fewer where values coincide; the zero alone for a channel without weights.
    """
    if not weights.size:
        return np.zeros(1)
    generator = np.random.default_rng(seed)
    low, high = float(weights.min(initial=0)), float(weights.max(initial=0))
    wanted = count - 1
    if initialization == "linear":
        found = np.linspace(low, high, wanted)
    elif initialization == "random":
        found = generator.uniform(low, high, wanted)
    elif initialization == "density_based":
        found = np.quantile(weights, (np.arange(wanted) + 0.5) / wanted)
    else:
        found = _plus_plus(weights, wanted, generator)
    return np.unique(np.append(found, 0.0))


def refit(weights: np.ndarray, levels: np.ndarray, rounds: int = 20) -> np.ndarray:
    """Lloyd's algorithm from `levels`; the zero stays where it is. Sorted.

    Works on a histogram of the weights in sixteenths of a code: levels end as whole codes, and
    a round costs the same for millions of weights.
    """
    levels = np.sort(np.asarray(levels, np.float64))
    values, sizes = _histogram(weights)
    for _ in range(rounds):
        nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2, values)
        counts = np.bincount(nearest, sizes, minlength=len(levels))
        sums = np.bincount(nearest, sizes * values, minlength=len(levels))
        moved = np.where(counts > 0, sums / np.maximum(counts, 1), levels)
        moved[levels == 0] = 0.0
        if np.allclose(moved, levels, atol=1e-3):
            break
        levels = np.sort(moved)
    return levels


def whole(levels: np.ndarray, count: int) -> np.ndarray:
    """Levels as int8 codes, sorted, distinct, padded with zeros to `count`."""
    codes = np.unique(np.clip(np.round(levels), -INT8_MAX, INT8_MAX).astype(np.int32))
    return np.pad(codes, (0, count - len(codes)))


def _histogram(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean, number) of the weights in each sixteenth that has any, ascending."""
    bins = np.round(weights * 16).astype(np.int64)
    bins -= bins.min(initial=0)
    sizes, sums = np.bincount(bins), np.bincount(bins, weights)
    used = sizes > 0
    return sums[used] / sizes[used], sizes[used]


def _plus_plus(weights: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Starts at zero, which is a centroid already; farther weights are likelier to be next."""
    distance = np.square(weights)
    found: list[float] = []
    for _ in range(count):
        total = distance.sum()
        if total <= 0:
            break
        found.append(float(generator.choice(weights, p=distance / total)))
        distance = np.minimum(distance, np.square(weights - found[-1]))
    return np.asarray(found)

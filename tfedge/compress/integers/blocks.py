"""Scales of blocks: so many weights of a row of a dense layer share one, as LiteRT has it.

LiteRT stores them in half precision, and its kernels keep 7 bits of the mantissa: scales are
rounded so before anything is trained on them.
"""

import numpy as np

from tfedge.compress.integers import step_sizes

_LEAST = 2.0**-14  # the smallest normal number in half precision
_MANTISSA = 8  # bits, with the one that is not stored


def least_squares(kernel: np.ndarray, size: int, top: int) -> np.ndarray:
    """(inputs / size, outputs) scales of least squared error for codes of -top..top.

    Args:
        kernel: (inputs, outputs) of a dense layer.
        size: inputs that share a scale; divides them.
        top: largest code.
    """
    inputs, outputs = kernel.shape
    rows = np.moveaxis(kernel.reshape(inputs // size, size, outputs), 1, 0).reshape(size, -1)
    found = step_sizes.least_squares(rows, "Dense", top).reshape(-1, outputs)
    return _storable(found)


def spread(scales: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Scales, keepdims or one for each block along an axis, as an array that broadcasts.

    >>> spread(np.array([[1.0], [2.0]]), (4, 3)).tolist()
    [[1.0], [1.0], [2.0], [2.0]]
    """
    for axis, (given, size) in enumerate(zip(scales.shape, shape, strict=True)):
        if given not in (1, size):
            scales = np.repeat(scales, size // given, axis)
    return scales


def are(scales: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a kernel of this shape has several scales along a row."""
    return any(given not in (1, size) for given, size in zip(scales.shape, shape, strict=True))


def _storable(scales: np.ndarray) -> np.ndarray:
    """The nearest that LiteRT computes with."""
    fraction, exponent = np.frexp(scales.astype(np.float64))
    rounded = np.ldexp(np.round(fraction * 2**_MANTISSA) / 2**_MANTISSA, exponent)
    return np.maximum(rounded, _LEAST).astype(np.float32)

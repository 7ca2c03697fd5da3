"""What the kernels of a candidate take in a packed file, as integers; nothing is exported."""

import numpy as np

from tfedge.compress.candidate import Candidate
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.compress.layers import kernels
from tfedge.packing import account

_BIAS_BYTES = 3  # of a channel: about what its packed bias and its scale take


def of(candidate: Candidate) -> dict[str, int]:
    """Layer -> packed bytes of its kernel and biases: by the integers that are promised, or int8.

    Args:
        candidate: with plain layers.
    """
    promised = candidate.codes()
    return {
        kernel.layer: _channels(kernel) * _BIAS_BYTES
        + account.of_kernel(
            promised[kernel.layer].codes if kernel.layer in promised else _int8(kernel)
        )
        for kernel in kernels.find(candidate.model)
    }


def _channels(kernel: kernels.Kernel) -> int:
    axes = kernels.scale_axes(kernel.layer_class, INT8_MAX)
    return int(np.prod([kernel.shape[axis] for axis in axes]))


def _int8(kernel: kernels.Kernel) -> np.ndarray:
    """The codes that a converter gives it: a scale for each channel, by its largest weight."""
    value = kernel.numpy()
    axes = kernels.per_channel(kernel.layer_class, value.ndim)
    largest = np.abs(value).max(axis=axes, keepdims=True)
    codes = np.round(value / np.where(largest > 0, largest, 1.0) * INT8_MAX)
    return kernels.deployed(kernel.layer_class, codes).astype(np.int8)

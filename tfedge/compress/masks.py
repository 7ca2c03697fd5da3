"""Which weights of a kernel to keep: masks of 0 and 1 in Keras' shape, by magnitude."""

import math

import numpy as np

from tfedge.compress.layers import kernels


def unstructured(weights: np.ndarray, sparsity: float) -> np.ndarray:
    """Zero the share `sparsity` of smallest weights; as many as TFMOT's, ties by position.

    One weight always stays.
    """
    # In float32 as TFMOT does: halves are rounded the same way.
    keep = max(1, int(np.round(np.float32(weights.size) * (1 - np.float32(sparsity)))))
    mask = np.zeros(weights.size, np.float32)
    order = np.argsort(-np.abs(weights), axis=None, kind="stable")
    mask[order[:keep]] = 1.0
    return mask.reshape(weights.shape)


def block(
    weights: np.ndarray, sparsity: float, block_size: tuple[int, int], pooling: str
) -> np.ndarray:
    """Zero whole blocks of the (inputs, outputs) matrix, by mean ("AVG") or "MAX" magnitude."""
    matrix = np.abs(weights.reshape(-1, weights.shape[-1]))
    rows, columns = (math.ceil(n / size) for n, size in zip(matrix.shape, block_size, strict=True))
    padded = np.full((rows * block_size[0], columns * block_size[1]), np.nan)
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    blocks = padded.reshape(rows, block_size[0], columns, block_size[1])
    pooled = (np.nanmean if pooling == "AVG" else np.nanmax)(blocks, axis=(1, 3))
    mask = np.kron(unstructured(pooled, sparsity), np.ones(block_size, np.float32))
    return mask[: matrix.shape[0], : matrix.shape[1]].reshape(weights.shape)


def m_by_n(weights: np.ndarray, layer_class: str, m: int, n: int) -> np.ndarray:
    """Zero the `m` smallest of every `n` weights along the input channels.

    They follow each other in the .tflite file. Of a depthwise kernel, which has one input channel,
    the groups run over each channel's window. A row whose length is no multiple of `n` ends in a
    shorter group; as in TFMOT it keeps `n - m` weights like the others.
    """
    # The index of every weight, laid out as the file has it, tells where each mask value goes.
    index = kernels.deployed(layer_class, np.arange(weights.size).reshape(weights.shape))
    if kernels.axes(layer_class).is_depthwise:
        index = np.moveaxis(index, -1, 0).reshape(index.shape[-1], -1)
    rows = index.reshape(-1, index.shape[-1])
    mask = np.ones(weights.size, np.float32)
    magnitude = np.abs(weights).reshape(-1)
    for start in range(0, rows.shape[1], n):
        group = rows[:, start : start + n]
        count = max(0, group.shape[1] - (n - m))
        smallest = np.argsort(magnitude[group], axis=1, kind="stable")[:, :count]
        mask[np.take_along_axis(group, smallest, axis=1)] = 0.0
    return mask.reshape(weights.shape)


def lamp_scores(weights: np.ndarray) -> np.ndarray:
    """Layer-adaptive scores: comparable across kernels, so one threshold serves all.

    score(w) = w^2 / (sum of squares of all weights of the kernel not smaller than w);
    Lee et al. 2021, arXiv:2010.07611.
    """
    squares = np.square(weights.reshape(-1).astype(np.float64))
    order = np.argsort(squares, kind="stable")
    ascending = squares[order]
    not_smaller = np.cumsum(ascending[::-1])[::-1]
    scores = np.empty_like(squares)
    scores[order] = ascending / np.maximum(not_smaller, np.finfo(np.float64).tiny)
    return scores.reshape(weights.shape)

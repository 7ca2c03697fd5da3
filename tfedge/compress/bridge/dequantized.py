"""The float weights of a layer that Keras 3 has quantized by `model.quantize("int8")`.

Keras keeps codes and scales and rounds what comes in anew for each example, of which a .tflite
can do neither. The weights as they act are what can go on: tfedge quantizes them itself.
"""

from typing import Any

import numpy as np

MODES = ("int8", "int4", "float8")


def mode(layer: Any) -> str | None:
    """How Keras has quantized a layer of its own, None where it has not."""
    return getattr(layer, "quantization_mode", None)


def weights(layer: Any) -> list[np.ndarray]:
    """What the layer's weights were before, but for rounding, in the order of a float layer.

    Args:
        layer: a Keras 3 Dense, EinsumDense or Embedding in one of `MODES`.
    """
    if type(layer).__name__ == "Embedding":
        return [_embeddings(layer)]
    return [_kernel(layer), *([] if layer.bias is None else [np.asarray(layer.bias)])]


def _embeddings(layer: Any) -> np.ndarray:
    codes, scale = np.asarray(layer.embeddings, np.float32), np.asarray(layer.embeddings_scale)
    if _has_groups(layer):  # of columns
        group = np.asarray(layer.g_idx).astype(int)
        zero = np.asarray(layer.embeddings_zero, np.float32)
        return (codes - zero[:, group]) * scale[:, group]
    return codes / scale.reshape(-1, 1)


def _kernel(layer: Any) -> np.ndarray:
    codes = np.asarray(layer.kernel, np.float32)
    if mode(layer) == "float8":  # rounds as it computes; what it keeps is float
        return codes
    scale = np.asarray(layer.kernel_scale)
    if _has_groups(layer):  # of rows
        group = np.asarray(layer.g_idx).astype(int)
        zero = np.asarray(layer.kernel_zero, np.float32)
        rows = codes.reshape(len(group), -1)
        return ((rows - zero[group]) * scale[group]).reshape(codes.shape)
    if type(layer).__name__ == "EinsumDense":
        scale = np.asarray(layer._adjust_scale_for_dequant(layer.kernel_scale))
    return codes / scale


def _has_groups(layer: Any) -> bool:
    """Whether several scales and zero points follow each other along a row or column."""
    return mode(layer) == "int4" and layer._int4_block_size not in (None, -1)

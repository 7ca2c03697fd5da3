"""Writes the promised integers of kernels into the file, exactly.

The converter derives its own: a channel's largest weight becomes 127, whatever grid the weights
were trained on, and zeros and clusters that were promised per integer come out as others. Here
codes and scales of the candidate replace them, and biases are restated to match.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge.export import biases, flatbuffer, lineage, operators

_UNFOLDED = 0.02  # a factor this near to 1 in all channels is rounding, not a folded layer


def restate(data: bytes, promised: Mapping[str, Any]) -> bytes:
    """The file with the promised codes and scales.

    Args:
        data: a .tflite whose kernels bear the names of their layers.
        promised: layer -> `candidate.Codes`. Where the converter folded a BatchNormalization
            into a kernel, codes stay (with the sign of the factor) and scales take the factor.

    Raises:
        ValueError: a kernel in the file is no multiple of the promised one.
    """
    model = flatbuffer.unpack(data)
    before = biases.take(model)
    done: set[int] = set()
    for operator in operators.weighted(model):
        tensor = operator.graph.tensors[operator.kernel]
        name = (tensor.name or b"").decode()
        if name in promised and operators.type_name(tensor) == "INT8" and id(tensor) not in done:
            _restate_kernel(model, tensor, operator.channel_axis, name, promised[name])
            done.add(id(tensor))
    if not done:
        return data
    biases.restate(model, before)
    return flatbuffer.pack(model)


def _restate_kernel(model: Any, tensor: Any, axis: int, name: str, promised: Any) -> None:
    found = lineage.rows(operators.real_values(model, tensor), axis)
    codes = np.asarray(promised.codes, np.int8)
    # Both layouts order the weights of a channel alike; only axes of length 1 may differ.
    codes = codes if tuple(codes.shape) == tuple(tensor.shape) else codes.reshape(tensor.shape)
    rows = lineage.rows(codes.astype(np.float64), axis)
    scales = np.asarray(promised.scales, np.float64)
    factors = lineage.factors(found, rows * scales[:, None])
    used = rows.any(axis=1)
    if np.all(np.abs(factors[used] - 1) < _UNFOLDED):
        factors = np.ones_like(factors)
    meant = rows * (scales * factors)[:, None]
    if np.linalg.norm(found - meant) > 0.1 * np.linalg.norm(found):
        raise ValueError(f"kernel {name!r} in the file is not the one whose integers are promised")
    signs = np.where(factors < 0, -1, 1)
    shape = [1] * codes.ndim
    shape[axis] = -1
    operators.set_values(model, tensor, codes * signs.reshape(shape))
    quantization = tensor.quantization
    old = np.broadcast_to(quantization.scale, scales.shape)
    quantization.scale = np.where(used, np.abs(factors) * scales, old).astype(np.float32)
    quantization.zeroPoint = np.zeros(len(scales), np.int64)
    quantization.quantizedDimension = axis

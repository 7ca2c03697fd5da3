"""Writes the promised integers of kernels into the file, exactly.

The converter derives its own: a channel's largest weight becomes 127, whatever grid the weights
were trained on, and zeros and clusters that were promised per integer come out as others. Here
codes and scales of the candidate replace them, and biases follow.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.device.file import operands
from tfedge.export.edits import biases, int4_kernels, lineage
from tfedge.export.tree import operators

_UNFOLDED = 0.02  # a factor this near to 1 in all channels is rounding, not a folded layer
_SAME = 0.1  # largest relative distance of a kernel to its rounded self
_TELLING_CODE = 16  # a row of smaller integers is too coarse to read a factor from
_NEXT_TO_NOTHING = 1e-6  # a scale must be positive


def write_codes(tree: Any, promised: Mapping[str, Any]) -> None:
    """Gives kernels the promised codes and scales.

    Args:
        tree: whose kernels bear the names of their layers.
        promised: layer -> `candidate.Codes`. Where the converter folded a BatchNormalization
            into a kernel, codes stay (with the sign of the factor) and scales take the factor.
            A kernel of small integers stays INT4 where it is, and takes scales of blocks; else it
            comes out as INT8, and the route int4 packs it.

    Raises:
        ValueError: a kernel in the file is no multiple of the promised one.
    """
    before = biases.take(tree)
    done: set[int] = set()
    for operator in operators.weighted(tree):
        tensor = operator.graph.tensors[operator.kernel]
        name = (tensor.name or b"").decode()
        stored = operators.type_name(tensor)
        if name in promised and stored in ("INT8", "INT4") and id(tensor) not in done:
            is_table = operator.kind in operands.CHOOSING
            axis, codes = operator.channel_axis, promised[name]
            _write_kernel(tree, tensor, axis, name, codes, is_table=is_table)
            done.add(id(tensor))
    if done:
        biases.requantize_biases(tree, before)


def _write_kernel(
    model: Any, tensor: Any, axis: int, name: str, promised: Any, *, is_table: bool
) -> None:
    codes = np.asarray(promised.codes, np.int8)
    if promised.scales.ndim > 1:
        _write_blocks(model, tensor, codes, promised.scales)
        return
    # Both layouts order the weights of a channel alike; only axes of length 1 may differ.
    codes = codes if tuple(codes.shape) == tuple(tensor.shape) else codes.reshape(tensor.shape)
    scales = np.asarray(promised.scales, np.float64)
    factors = np.ones(tensor.shape[axis])
    if not is_table:  # nothing is folded into one, and rows that are large may have been clipped
        stored = lineage.rows(operators.values(model, tensor), axis)
        parts = _parts(stored, tensor.quantization, lineage.rows(codes, axis), scales)
        factors = _factors(parts, name)
    scales = np.abs(factors) * scales if np.any(factors != 1) else scales

    signs = np.where(factors < 0, -1, 1).astype(np.int8)
    shape = [1] * codes.ndim
    shape[axis] = -1
    is_small = np.abs(codes).max(initial=0) <= int4_kernels.LARGEST
    if operators.type_name(tensor) != "INT4" or not is_small:
        tensor.type = schema.TensorType.INT8
    operators.set_values(model, tensor, codes * signs.reshape(shape))
    tensor.quantization.scale = scales.astype(np.float32)
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    tensor.quantization.quantizedDimension = axis if len(scales) > 1 else 0


def _write_blocks(model: Any, tensor: Any, codes: np.ndarray, scales: np.ndarray) -> None:
    """A matrix in 4 bits with (rows, blocks) scales, which are a tensor of their own."""
    graph = next(each for each in model.subgraphs if any(t is tensor for t in each.tensors))
    tensor.type = schema.TensorType.INT4
    operators.set_values(model, tensor, codes)
    held = schema.TensorT(
        name=tensor.name + b"_scales",
        shape=np.array(scales.shape, np.int32),
        type=schema.TensorType.FLOAT16,
    )
    operators.set_values(model, held, scales.astype(np.float16))
    graph.tensors.append(held)
    details = schema.BlockwiseQuantizationT(
        scales=len(graph.tensors) - 1,
        zeroPoints=-1,
        blockSize=codes.shape[1] // scales.shape[1],
    )
    kind = schema.QuantizationDetails.BlockwiseQuantization
    tensor.quantization = schema.QuantizationParametersT(details=details, detailsType=kind)


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """Some channels of a kernel, one a row.

    Attributes:
        found: rows in the file.
        meant: rows that were promised.
        steps: scales in the file, per row. The converter makes them far too large where next to
            nothing comes in, so that the bias fits; such rows say nothing.
    """

    found: np.ndarray
    meant: np.ndarray
    steps: np.ndarray


def _parts(stored: np.ndarray, said: Any, codes: np.ndarray, scales: np.ndarray) -> Iterator[_Part]:
    """Real numbers of so few channels at a time that they take no memory beside the integers."""
    steps = np.broadcast_to(said.scale.astype(np.float64), len(codes))
    none = said.zeroPoint is None or not len(said.zeroPoint)
    zeros = np.broadcast_to(0 if none else said.zeroPoint, len(codes))
    meant = np.broadcast_to(scales, len(codes))
    for some in lineage.blocks(codes):
        yield _Part(
            (stored[some].astype(np.float64) - zeros[some, None]) * steps[some, None],
            codes[some] * meant[some, None],
            steps[some],
        )


def _factors(parts: Iterable[_Part], name: str) -> np.ndarray:
    """(channels,) by which the converter has multiplied a kernel; 1 where it has not."""
    found = [_factors_of(part) for part in parts]
    told, dead, factors, off, size = (np.concatenate(each) for each in zip(*found, strict=True))
    if np.linalg.norm(off[told]) > _SAME * np.linalg.norm(size[told]):
        raise ValueError(f"kernel {name!r} in the file is not the one whose integers are promised")
    if np.all(np.abs(factors[told] - 1) < _UNFOLDED):
        return np.ones_like(factors)
    return np.where(told, factors, np.where(dead, 1.0, np.maximum(factors, _NEXT_TO_NOTHING)))


def _factors_of(part: _Part) -> tuple[Any, ...]:
    """By row: whether it tells its factor, is all zeros, the factor, its misfit, its length."""
    dead = ~part.meant.any(axis=1)
    told = (np.abs(part.found).max(axis=1) >= _TELLING_CODE * part.steps) & ~dead
    factors = lineage.factors(part.found, part.meant)
    misfit = np.linalg.norm(part.found - factors[:, None] * part.meant, axis=1)
    return told, dead, factors, misfit, np.linalg.norm(part.found, axis=1)

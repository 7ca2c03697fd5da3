"""GPTQ: rounds a kernel weight by weight, later weights making up for the error of earlier ones.

The error that counts is the output's, so it is weighed with the second moments of what comes in:
H = E[x x^T], of dense layers over examples, of convolutions over examples and places. With U the
upper Cholesky factor of H^-1, the error e of column i is spread as W[:, j] -= e U[i, j] / U[i, i].
Weights that are zero stay zero. Frantar et al. 2022, arXiv:2210.17323.

Written here because AI Edge Quantizer 0.10 has it for dense layers only, inverts H without the
Cholesky factor, and left the first dense layer of two of three networks in float bytes.
"""

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import scipy.linalg
from ai_edge_litert import schema_py_generated as schema

from tfedge.export import calibration
from tfedge.export.post_training import ranges
from tfedge.export.tree import operators

KINDS = ("FULLY_CONNECTED", "CONV_2D")
LARGEST = 4096  # weights of an output channel; the moments are a square of that
_DAMPING = 0.01  # of the mean diagonal, as in the paper
_PLACES = 64  # of a feature map that are looked at per example
_LARGEST_CODE = {"INT8": 127, "INT4": 7}

Moments = Mapping[str, np.ndarray]  # kernel name -> (weights of a channel, the same)


def knows(kind: str, kernel_shape: tuple[int, ...]) -> bool:
    """Whether a kernel is one that this can round."""
    return kind in KINDS and 0 < int(np.prod(kernel_shape[1:])) <= LARGEST


def moments(tree: Any, examples: calibration.Examples) -> dict[str, np.ndarray]:
    """Sums x x^T over all examples, for each kernel of a float file with unique names.

    Grouped convolutions, whose channels see different inputs, are left out.
    """
    readers = list(_readers(tree))
    found: dict[str, np.ndarray] = {}
    for activations in ranges.values(tree, examples, {reader.source for reader in readers}):
        for reader in readers:
            rows = reader.rows(activations[reader.source]).astype(np.float64)
            found[reader.kernel] = found.get(reader.kernel, 0.0) + rows.T @ rows
    return found


def round_again(tree: Any, names: Collection[str], floats: Any, found: Moments) -> None:
    """Chooses the integers of some kernels anew, for the scales they have.

    Args:
        tree: of a quantized file, kernels named as in `floats`; edited.
        names: of the kernels to round.
        floats: the tree of the float file it was made from.
        found: their moments.
    """
    weights = _float_kernels(floats, names)
    done: set[int] = set()
    for operator in operators.weighted(tree):
        tensor = operator.graph.tensors[operator.kernel]
        name, kind = tensor.name.decode(), operators.type_name(tensor)
        if (
            name not in weights
            or name not in found
            or kind not in _LARGEST_CODE
            or id(tensor) in done
        ):
            continue
        done.add(id(tensor))
        rows = weights[name].reshape(len(weights[name]), -1)
        scales = np.broadcast_to(tensor.quantization.scale, len(rows)).astype(np.float64)
        codes = rounded(rows, scales, found[name], _LARGEST_CODE[kind])
        operators.set_values(tree, tensor, codes.reshape(tensor.shape))


def rounded(
    weights: np.ndarray, scales: np.ndarray, squares: np.ndarray, largest: int
) -> np.ndarray:
    """Integer codes of a kernel.

    Args:
        weights: (channels, n).
        scales: (channels,).
        squares: (n, n), proportional to E[x x^T].
        largest: code; the smallest is its negative.

    Returns:
        (channels, n) int8.
    """
    left, spread = weights.astype(np.float64), _spread(squares)
    codes = np.zeros(weights.shape, np.int8)
    for column in range(weights.shape[1]):
        code = np.clip(np.round(left[:, column] / scales), -largest, largest)
        code = np.where(weights[:, column] == 0, 0, code)
        codes[:, column] = code
        error = (left[:, column] - code * scales) / spread[column, column]
        left[:, column + 1 :] -= np.outer(error, spread[column, column + 1 :])
    return codes


def _spread(squares: np.ndarray) -> np.ndarray:
    """The upper Cholesky factor of the inverse of the damped moments."""
    diagonal = np.diag(squares)
    damped = squares + np.diag(
        np.where(diagonal > 0, 0.0, 1.0) + _DAMPING * max(float(diagonal.mean()), 1e-12)
    )
    inverse = scipy.linalg.cho_solve(scipy.linalg.cho_factor(damped), np.eye(len(damped)))
    return scipy.linalg.cholesky(inverse, lower=False)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Takes what meets a kernel out of an activation.

    Attributes:
        kernel, source: names of tensors.
        window: (height, width) of a convolution's kernel, () of a dense layer.
        strides, dilations: (height, width).
        is_same: padded so that every place counts.
    """

    kernel: str
    source: str
    columns: int
    window: tuple[int, ...] = ()
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    is_same: bool = False

    def rows(self, value: np.ndarray) -> np.ndarray:
        """(places, weights of a channel), at most `_PLACES`, spread evenly."""
        if not self.window:
            return value.reshape(-1, self.columns)
        reach = [(n - 1) * d + 1 for n, d in zip(self.window, self.dilations, strict=True)]
        if self.is_same:
            value = np.pad(
                value, [(0, 0), *map(self._padding, value.shape[1:3], reach, (0, 1)), (0, 0)]
            )
        views = np.lib.stride_tricks.sliding_window_view(value, reach, axis=(1, 2))
        views = views[
            :, :: self.strides[0], :: self.strides[1], :, :: self.dilations[0], :: self.dilations[1]
        ]
        places = views.transpose(0, 1, 2, 4, 5, 3).reshape(-1, *self.window, value.shape[-1])
        step = -(-len(places) // _PLACES)
        return places[::step].reshape(-1, self.columns)

    def _padding(self, size: int, reach: int, axis: int) -> tuple[int, int]:
        stride = self.strides[axis]
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        return total // 2, total - total // 2


def _readers(tree: Any) -> Iterator[_Reader]:
    for operator in operators.weighted(tree):
        tensors = operator.graph.tensors
        kernel, source = tensors[operator.kernel], tensors[operator.input]
        shape = tuple(int(size) for size in kernel.shape)
        names = {"kernel": kernel.name.decode(), "source": source.name.decode()}
        columns = int(np.prod(shape[1:]))
        if not knows(operator.kind, shape):
            continue
        if operator.kind == "FULLY_CONNECTED":
            yield _Reader(**names, columns=columns)
        elif shape[3] == int(source.shape[3]):
            given = operator.operator.builtinOptions
            yield _Reader(
                **names,
                columns=columns,
                window=shape[1:3],
                strides=(given.strideH, given.strideW),
                dilations=(given.dilationHFactor, given.dilationWFactor),
                is_same=given.padding == schema.Padding.SAME,
            )


def _float_kernels(tree: Any, names: Collection[str]) -> dict[str, Any]:
    tensors = {
        operator.graph.tensors[operator.kernel].name.decode(): operator.graph.tensors[
            operator.kernel
        ]
        for operator in operators.weighted(tree)
    }
    return {name: operators.values(tree, tensors[name]) for name in names if name in tensors}

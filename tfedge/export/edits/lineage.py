"""Which kernel in the file is which Keras layer's: found by content, written down as its name.

The converter's own names say how a constant came to be ("model/bn/FusedBatchNormV3;model/dw/...")
and cannot be relied on. Content can: a kernel in the file is the Keras kernel, rounded to 8 or 16
bits and, where the converter folded a BatchNormalization into it, times one factor per channel.
"""

import copy
import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, kernels
from tfedge.export.tree import operators

_SAME = 0.1  # largest relative distance of a kernel to its rounded self
_NO_DISTANCE = 1e-6  # float rounding
_BLOCK = 1 << 16  # numbers
_CLEARLY_NEARER = 0.5  # the nearest must be at most this times as far as the next


@dataclasses.dataclass(frozen=True, eq=False)
class KerasKernel:
    """A Keras kernel as rows, one per output channel, in the order of the file's layout."""

    layer: str
    rows: np.ndarray


def keras_kernels(model: Any) -> tuple[KerasKernel, ...]:
    """Kernels of all layers of a tf_keras model, also of nested models and wrapped layers."""
    found = {}
    for layer in model._flatten_layers(include_self=False, recursive=True):
        for layout, variable in _variables(layer):
            array = kernels.deployed(layout, values(variable))
            axis = kernels.deployed_channel_axis(layout)
            found[id(variable)] = KerasKernel(layer.name, rows(array, axis))
    return tuple(found.values())


def values(variable: Any) -> np.ndarray:
    """Of a variable of either Keras, in float32, without a copy where it has that."""
    return np.asarray(memoryview(tf.cast(tf.convert_to_tensor(variable), tf.float32)))


def _variables(layer: Any) -> Iterator[tuple[str, Any]]:
    known = facts.of(layer)
    for step, attribute in known.steps:
        yield step, getattr(layer, attribute)
    if known.is_compressed:
        yield type(layer).__name__, kernels.variable(layer)


def name_kernels(tree: Any, known: Sequence[KerasKernel]) -> frozenset[str]:
    """Names each kernel tensor in the file after the Keras layer it came from.

    Args:
        tree: of a file that was just converted; where layers with equal kernels share a tensor in
            it, each gets one of its own, of the same values. A table that is a matrix, too, is tied
            and stays one.
        known: the kernels of the model it was made from.

    Returns:
        The names that were given. A kernel that fits none, or two different ones equally
        well, and that the converter's own name does not tell, is left as it is; that is logged.
    """
    named: dict[int, tuple[KerasKernel, str]] = {}
    nameless: list[str] = []
    unused = list(known)
    for operator in (*operators.weighted(tree), *operators.tables(tree)):
        tensor = operator.graph.tensors[operator.kernel]
        if id(tensor) in named:
            kernel, kind = named[id(tensor)]
            twin = _equal(kernel, unused) if kind == operator.kind else None
            if twin is not None:
                unused.remove(twin)
                named[id(_of_its_own(operator, twin.layer))] = twin, kind
            continue
        found = rows(operators.real_values(tree, tensor, np.float32), operator.channel_axis)
        match = (
            _nearest(found, unused)
            or _nearest(found, known)
            or _by_name(tensor.name.decode(), found, known)
        )
        if match is None:
            nameless.append(f"{operator.kind} {list(tensor.shape)}")
            continue
        if match in unused:
            unused.remove(match)
        named[id(tensor)] = match, operator.kind
        tensor.name = match.layer.encode()
    if nameless:
        logging.debug(
            "weights that no one layer of the model has, which keep the converter's names: %s",
            ", ".join(nameless),
        )
    return frozenset(kernel.layer for kernel, _ in named.values())


def _equal(kernel: KerasKernel, known: Sequence[KerasKernel]) -> KerasKernel | None:
    """The kernel of another layer with the same values: the converter stores them once."""
    return next((each for each in known if np.array_equal(each.rows, kernel.rows)), None)


def _of_its_own(found: operators.Weighted, name: str) -> Any:
    """A second tensor of the same buffer, which the operator takes from now on."""
    graph, shared = found.graph, found.kernel
    own = _copied(graph, shared)
    made = graph.tensors[own]
    made.name = name.encode()
    while shared not in found.operator.inputs:  # a float16 kernel is unpacked before
        at, unpacking = next(
            (at, each) for at, each in enumerate(graph.operators) if shared in each.inputs
        )
        again, shared = copy.copy(unpacking), int(unpacking.outputs[0])
        again.inputs, own = [own], _copied(graph, shared)
        again.outputs = [own]
        graph.operators.insert(at, again)
    inputs = list(found.operator.inputs)
    inputs[inputs.index(shared)] = own
    found.operator.inputs = inputs
    return made


def _copied(graph: Any, tensor: int) -> int:
    """The index of another tensor like it."""
    graph.tensors.append(copy.deepcopy(graph.tensors[tensor]))
    return len(graph.tensors) - 1


def rows(array: np.ndarray, channel_axis: int) -> np.ndarray:
    """(channels, weights of one) whatever the layout; the order within a row is the file's."""
    return np.moveaxis(array, channel_axis, 0).reshape(array.shape[channel_axis], -1)


def blocks(found: np.ndarray) -> Iterator[slice]:
    """Slices of rows, as many at a time as fit into a processor's cache."""
    step = max(1, _BLOCK // max(1, found.shape[1]))
    for start in range(0, len(found), step):
        yield slice(start, start + step)


def factors(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(channels,) by which `wanted` is to be multiplied to come nearest to `found` (rows)."""
    power = np.sum(wanted * wanted, axis=1)
    return np.sum(found * wanted, axis=1) / np.where(power > 0, power, 1.0)


def _nearest(found: np.ndarray, known: Sequence[KerasKernel]) -> KerasKernel | None:
    """The kernel that `found` was made from, if it can only be one (or one of several equal)."""
    fitting = [kernel for kernel in known if kernel.rows.shape == found.shape]
    for distance in (_distance, _distance_per_channel):
        ranked = sorted(
            ((distance(found, kernel.rows), index) for index, kernel in enumerate(fitting)),
        )
        if not ranked or ranked[0][0] > _SAME:
            continue
        best = fitting[ranked[0][1]]
        rivals = [
            far for far, index in ranked[1:] if not np.array_equal(fitting[index].rows, best.rows)
        ]
        if not rivals or max(ranked[0][0], _NO_DISTANCE) <= _CLEARLY_NEARER * rivals[0]:
            return best
    return None


def _by_name(name: str, found: np.ndarray, known: Sequence[KerasKernel]) -> KerasKernel | None:
    """The kernel whose layer the converter's name has in it: for those it has rounded to nothing.

    It enlarges a kernel's scale where its input is next to zero, so that the bias fits.
    """
    words = re.split("[/;:]", name)
    fitting = [kernel for kernel in known if kernel.rows.shape == found.shape]
    named = [kernel for kernel in fitting if kernel.layer in words]
    return named[0] if len(named) == 1 else None


def _distance(found: np.ndarray, wanted: np.ndarray) -> float:
    return _relative((part - other, part) for part, other in _together(found, wanted))


def _distance_per_channel(found: np.ndarray, wanted: np.ndarray) -> float:
    """The same, with a free factor per channel: BatchNormalization folded by the converter."""
    if found.shape[1] == 1:
        return np.inf  # any row of one weight is any other's multiple

    def of_units(part: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        unit = part / np.where(lengths > 0, lengths, 1.0)
        return unit - factors(unit, other)[:, None] * other, unit

    return _relative(of_units(part, other) for part, other in _together(found, wanted))


def _together(found: np.ndarray, wanted: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for some in blocks(found):
        yield found[some].astype(np.float64), wanted[some].astype(np.float64)


def _relative(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """The length of the differences, as a share of that of the wholes; both come in parts."""
    squares = [[np.einsum("ij,ij->", each, each) for each in part] for part in parts]
    difference, size = np.sqrt(np.sum(squares, axis=0)).tolist() if squares else (0.0, 0.0)
    return difference / size if size else float(difference > 0)

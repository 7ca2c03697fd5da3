"""Which tensor of the .tflite holds what a layer of the Keras model computes.

Kernels carry their layer's name (`lineage`), so the operator that reads one is known; a ReLU,
BatchNormalization or fake quantization that the converter fused into it ends in the same tensor.
Layers without a kernel are found in graph order: among what is computed from the tensors their
inputs were found in, before the next kernel. Where that leaves several, the nearest is it.
"""

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, operations
from tfedge.device.file import graph, operands, tflite
from tfedge.export.parity import snr

_RANGE = "QuantizeLayer"  # of TFMOT: a range of what it is behind, and no operator
_FURTHEST = 24  # operators that one layer may become
_MOVED_DB = 10.0  # moving values costs nothing; a sum of several ranges may cost a bit
_NO_WORSE_DB = 3.0  # the first tensor of these is taken: later layers compute similar things


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """A tensor that both sides compute.

    Attributes:
        layers: names of the Keras layers that end in it, in order; the first is the one to blame.
        key: of the last one's output among the Keras values.
        operator: the operator that computes it; None for an input.
        tensor: its index in the file.
        inputs: the indices of the tensors, among those paired, that the first layer reads.
    """

    layers: tuple[str, ...]
    key: int
    operator: graph.Operator | None
    tensor: int
    inputs: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Pairing:
    """All pairs in the order of the Keras model, and (layer, reason) where there is none."""

    pairs: tuple[Pair, ...]
    skipped: tuple[tuple[str, str], ...]


def nodes(model: Any) -> list[Any]:
    """Uses of the layers of a flat tf_keras model, each after all that it reads."""
    by_depth = model._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def pair(
    model: Any,
    file: tflite.TfliteFile,
    in_keras: Mapping[int, np.ndarray],
    in_file: Mapping[int, np.ndarray],
) -> Pairing:
    """Pairs the tensors of a flat model with those of the file.

    Args:
        model: flat tf_keras model.
        file: whose kernels carry the names of the model's layers.
        in_keras: id of a symbolic tensor of the model -> its values, (n, ...).
        in_file: tensor index -> real values of the same examples, (n, ...).
    """
    return _Walk(model, file, in_keras, in_file).run()


class _Walk:
    def __init__(self, model: Any, file: tflite.TfliteFile, in_keras: Mapping, in_file: Mapping):
        self._model, self._file = model, file
        self._in_keras, self._in_file = in_keras, in_file
        self._readers: dict[int, list[graph.Operator]] = collections.defaultdict(list)
        self._anchors: dict[str, list[graph.Operator]] = collections.defaultdict(list)
        names = {layer.name for layer in model.layers}
        stored = {k.operator.index: k.tensor.name for k in file.kernels()}
        behind = {t.index: t.name for t in file.tensors if t.is_constant and t.name in names}
        for operator in file.operators:
            if operator.subgraph:
                continue
            for index in operator.inputs:
                self._readers[index].append(operator)
            read = [behind[i] for i in operator.inputs if i in behind]
            name = read[0] if read else stored.get(operator.index, "")
            if name in names and operator.kind not in operands.UNPACKING:
                self._anchors[name].append(operator)
        self._anchored = {o.index for found in self._anchors.values() for o in found}
        self._place: dict[int, int] = {}  # id of a Keras tensor -> index in the file
        self._pairs: dict[int, Pair] = {}
        self._skipped: list[tuple[str, str]] = []

    def run(self) -> Pairing:
        for node in nodes(self._model):
            for output in tf.nest.flatten(node.outputs):
                if id(output) in self._in_keras:
                    self._put(node, id(output))
        return Pairing(tuple(self._pairs.values()), tuple(self._skipped))

    def _put(self, node: Any, key: int) -> None:
        layer = node.layer
        if node.is_input:
            index = self._input(layer.name)
            self._record(layer.name, key, index, ())
            return
        read = [id(tensor) for tensor in tf.nest.flatten(node.keras_inputs)]
        read = [each for each in read if each in self._place]
        sources = tuple(self._place[each] for each in read)
        if self._anchors[layer.name]:
            operator = self._anchors[layer.name].pop(0)
            self._record(layer.name, key, self._ends(operator, key), sources)
            return
        if not sources:
            self._skip(layer, "what it reads was not found in the file")
            return
        found = self._nearest(layer, key, sources)
        if found is not None and operations.moves(layer) and self._is_moved(read[0], key, found):
            self._place[key] = sources[0]
            self._skip(layer, "it moves values as a later layer does: one operator does both")
        elif found is None:
            self._skip(layer, "no tensor of its own in the file")
        else:
            self._record(layer.name, key, found, sources)

    def _input(self, name: str) -> int:
        ends = self._file.named_inputs
        return (ends[name] if name in ends else next(iter(ends.values()))).index

    def _ends(self, operator: graph.Operator, key: int) -> int:
        """The output of a kernel's operator, or what a bias added apart or a reshape make of it."""
        first = operator.outputs[0]
        candidates = [first, *self._computed_from((first,), _BESIDE_A_KERNEL)]
        return self._best(key, candidates) or first

    def _nearest(self, layer: Any, key: int, sources: tuple[int, ...]) -> int | None:
        is_range = type(layer).__name__ == _RANGE
        may_vanish = is_range or facts.of(layer).may_vanish
        fused = sources[:1] if may_vanish else ()
        computed = [] if is_range else list(self._computed_from(sources))
        requantized = list(self._computed_from(sources, ("QUANTIZE", "DEQUANTIZE")))
        return self._best(key, [*fused, *computed, *requantized])

    def _is_moved(self, read: int, key: int, index: int) -> bool:
        """Whether a tensor has the values that it should, but elsewhere.

        It is further from them than what is read is, and near them where both are sorted. Values
        around a common mean are alike wherever they stand.
        """
        wanted, found = self._in_keras[key], self._in_file[index]
        given = snr.decibels(self._in_keras[read], self._in_file[self._place[read]])
        near = snr.decibels(wanted, found)
        if given - near < _MOVED_DB:
            return False
        return (
            snr.decibels(np.sort(wanted, axis=None), np.sort(found, axis=None)) - near > _MOVED_DB
        )

    def _computed_from(self, sources: Sequence[int], kinds: tuple[str, ...] = ()) -> Iterator[int]:
        """Tensors computed from these, without a kernel's operator in between, nearest first."""
        waiting, seen = list(sources), set(sources)
        for _ in range(_FURTHEST):
            if not waiting:
                return
            for operator in self._readers[waiting.pop(0)]:
                allowed = operator.kind in kinds if kinds else operator.index not in self._anchored
                for output in operator.outputs if allowed else ():
                    if output not in seen:
                        seen.add(output)
                        waiting.append(output)
                        yield output

    def _best(self, key: int, candidates: Sequence[int]) -> int | None:
        """The first that is about as near to the Keras values as any."""
        wanted = self._in_keras[key]
        fitting = [
            index
            for index in candidates
            if index in self._in_file and self._in_file[index].size == wanted.size
        ]
        if not fitting:
            return None
        near = [snr.decibels(wanted, self._in_file[index]) for index in fitting]
        return next(
            i for i, db in zip(fitting, near, strict=True) if db >= max(near) - _NO_WORSE_DB
        )

    def _record(self, name: str, key: int, index: int, sources: tuple[int, ...]) -> None:
        self._place[key] = index
        known = self._pairs.get(index)
        if known is not None:  # one more layer that ends in this tensor
            self._pairs[index] = dataclasses.replace(known, layers=(*known.layers, name), key=key)
            return
        producer = self._file.producers.get(index)
        self._pairs[index] = Pair((name,), key, producer, index, sources)

    def _skip(self, layer: Any, reason: str) -> None:
        self._skipped.append((layer.name, reason))


_BESIDE_A_KERNEL = ("ADD", "RESHAPE", "SLICE", "SQUEEZE", "QUANTIZE", "DEQUANTIZE")

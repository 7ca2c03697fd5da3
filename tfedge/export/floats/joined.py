"""Two files as one: the first computes what the second is given.

So a part of a model stays float, whatever a converter or a quantizer does with the rest: they never
see it, and cannot fold it into the integers of its neighbours.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfedge.export.tree import flatbuffer


def join(first: Any, second: Any, inputs: Sequence[str], outputs: Sequence[str] = ()) -> Any:
    """The tree that computes `second` on what `first` puts out; both are left alone.

    Args:
        first: of one graph; outputs of it have names of inputs of `second`.
        second: a tree; the inputs that `first` does not put out are those of the result too.
        inputs: the order of the result's inputs, by name.
        outputs: likewise of its outputs, some of which `first` puts out; those of `second` if it
            is not given.
    """
    front, back = flatbuffer.copied(first), flatbuffer.copied(second)
    graph, (signature,) = back.subgraphs[0], back.signatureDefs
    (asked,) = front.signatureDefs
    moved = _bring_in(front, back)
    given = {entry.name: moved[int(entry.tensorIndex)] for entry in asked.outputs}
    taken = {
        int(entry.tensorIndex): given[entry.name]
        for entry in signature.inputs
        if entry.name in given
    }
    for operator in graph.operators:
        operator.inputs = _redirected(operator.inputs, taken)
    graph.outputs = _redirected(graph.outputs, taken)
    for entry in signature.outputs:
        entry.tensorIndex = taken.get(int(entry.tensorIndex), int(entry.tensorIndex))
    graph.operators = [*_operators(front, back, moved), *graph.operators]
    for entry in asked.inputs:
        entry.tensorIndex = moved[int(entry.tensorIndex)]
    ends = {entry.name: entry for entry in signature.inputs if entry.name not in given}
    ends |= {entry.name: entry for entry in asked.inputs}
    signature.inputs = [ends[name.encode()] for name in inputs if name.encode() in ends]
    graph.inputs = np.array([int(entry.tensorIndex) for entry in signature.inputs], np.int32)
    if outputs:
        _put_out(graph, signature, asked, moved, outputs)
    return back


def _put_out(
    graph: Any, signature: Any, asked: Any, moved: dict[int, int], outputs: Sequence[str]
) -> None:
    """Makes outputs of either graph the result's, in order."""
    ends = {entry.name: entry for entry in signature.outputs}
    for entry in asked.outputs:
        entry.tensorIndex = moved[int(entry.tensorIndex)]
        ends.setdefault(entry.name, entry)
    signature.outputs = [ends[name.encode()] for name in outputs]
    graph.outputs = np.array([int(entry.tensorIndex) for entry in signature.outputs], np.int32)


def _bring_in(front: Any, back: Any) -> dict[int, int]:
    """Copies the tensors of the first graph with their buffers; old index -> new one."""
    graph, moved = back.subgraphs[0], {-1: -1}
    for index, tensor in enumerate(front.subgraphs[0].tensors):
        twin = copy.copy(tensor)
        back.buffers.append(front.buffers[tensor.buffer])
        twin.buffer = len(back.buffers) - 1
        moved[index] = len(graph.tensors)
        graph.tensors.append(twin)
    return moved


def _operators(front: Any, back: Any, moved: dict[int, int]) -> list[Any]:
    first = len(back.operatorCodes)
    back.operatorCodes = [*back.operatorCodes, *front.operatorCodes]
    found = front.subgraphs[0].operators
    for operator in found:
        operator.opcodeIndex += first
        operator.inputs = _redirected(operator.inputs, moved)
        operator.outputs = _redirected(operator.outputs, moved)
    return found


def _redirected(indices: Any, places: dict[int, int]) -> np.ndarray:
    return np.array([places.get(int(index), int(index)) for index in indices], np.int32)

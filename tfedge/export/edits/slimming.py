"""Drops from a .tflite what neither the interpreter nor an app reads; outputs stay the same.

Gone are tensor names (but those asked for), descriptions, the converter's metadata, the ranges
that quantization was made from, and buffers, tensors and operator codes that nothing uses.
Signatures, and metadata of any other name, stay.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.edits import few_bit_versions
from tfedge.export.tree import large_vectors, operators

_CONVERTER_METADATA = (b"min_runtime_version", b"CONVERSION_METADATA")


def slim(tree: Any, keep_names: Collection[str] = ()) -> None:
    """Leaves the same model, which takes fewer bytes.

    Args:
        tree: of any file.
        keep_names: tensor names that stay.
    """
    tree.description = tree.metadataBuffer = None
    tree.metadata = [
        entry for entry in tree.metadata or [] if entry.name not in _CONVERTER_METADATA
    ] or None
    kept = {name.encode() for name in keep_names}
    for number, graph in enumerate(tree.subgraphs):
        graph.name = None
        for tensor in graph.tensors:
            _slim_tensor(tensor, kept)
        for operator in graph.operators:
            operator.debugMetadataIndex = -1
        _order_tensors(tree, graph, number)
    _drop_unused_codes(tree)
    _share_buffers(tree)


def _slim_tensor(tensor: Any, kept: Collection[bytes]) -> None:
    if tensor.name not in kept:
        tensor.name = None
    if tensor.shape is not None and len(tensor.shape):
        tensor.hasRank = False  # says only that an empty shape is a scalar's
    quantization = tensor.quantization
    if quantization is None:
        return
    quantization.min = quantization.max = None
    if quantization.scale is None and quantization.details is None:
        tensor.quantization = None


def _order_tensors(model: Any, graph: Any, number: int) -> None:
    """Keeps the tensors in use: weights, then integer constants, then activations.

    Neighbours that look alike deflate better.
    """
    signatures = [s for s in model.signatureDefs or [] if s.subgraphIndex == number]
    maps = [entry for s in signatures for entry in [*(s.inputs or []), *(s.outputs or [])]]
    used = {int(index) for index in [*graph.inputs, *graph.outputs]}
    used |= {int(entry.tensorIndex) for entry in maps}
    for operator in graph.operators:
        used |= {int(index) for index in _operands(operator)}
    blocks = [t.quantization.details for t in graph.tensors if few_bit_versions.is_in_blocks(t)]
    used |= {
        int(graph.tensors[i].quantization.details.scales)
        for i in used - {-1}
        if few_bit_versions.is_in_blocks(graph.tensors[i])
    }
    order = sorted(used - {-1}, key=lambda index: (_role(model, graph.tensors[index]), index))
    place = {old: new for new, old in enumerate(order)} | {-1: -1}

    for details in blocks:
        details.scales = place.get(details.scales, -1)
    graph.tensors = [graph.tensors[index] for index in order]
    graph.inputs, graph.outputs = _moved(graph.inputs, place), _moved(graph.outputs, place)
    for operator in graph.operators:
        operator.inputs = _moved(operator.inputs, place)
        operator.outputs = _moved(operator.outputs, place)
        if operator.intermediates is not None:
            operator.intermediates = _moved(operator.intermediates, place)
    for entry in maps:
        entry.tensorIndex = place[int(entry.tensorIndex)]


def _operands(operator: Any) -> list[int]:
    groups = (operator.inputs, operator.outputs, operator.intermediates)
    return [index for group in groups if group is not None for index in group]


def _role(model: Any, tensor: Any) -> int:
    if not operators.is_constant(model, tensor):
        return 2
    return 1 if operators.type_name(tensor) in ("INT32", "INT64") else 0


def _moved(indices: Any, place: dict[int, int]) -> np.ndarray:
    return np.array([place[int(index)] for index in indices], np.int32)


def _drop_unused_codes(model: Any) -> None:
    everything = [operator for graph in model.subgraphs for operator in graph.operators]
    used = sorted({operator.opcodeIndex for operator in everything})
    model.operatorCodes = [model.operatorCodes[index] for index in used]
    for operator in everything:
        operator.opcodeIndex = used.index(operator.opcodeIndex)


def _share_buffers(model: Any) -> None:
    """One buffer per distinct content, in order of use; buffer 0 is the empty one."""
    buffers = [schema.BufferT()]
    places: dict[bytes, int] = {}

    def shared(index: int) -> int:
        data = model.buffers[index].data
        if data is None or not len(data):
            return 0
        content = large_vectors.content(data)
        if content not in places:
            places[content] = len(buffers)
            buffers.append(schema.BufferT(data=data))
        return places[content]

    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = shared(tensor.buffer)
    for entry in model.metadata or []:
        entry.buffer = shared(entry.buffer)
    model.buffers = buffers

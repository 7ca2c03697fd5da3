"""What edits have in common: they change a tree, and nothing that a copy shares with it."""

import numpy as np
import pytest
import running

from tfedge.compress.candidate import Codes
from tfedge.data.task import Normalization
from tfedge.export.edits import (
    biases,
    int4_kernels,
    interface,
    lineage,
    own_inputs,
    raw_input,
    slimming,
    unsigned,
    write_codes,
)
from tfedge.export.tree import flatbuffer, operators


def _requantize(tree):
    taken = biases.take(tree)
    for operator in operators.weighted(tree):
        tensor = operator.graph.tensors[operator.kernel]
        tensor.quantization.scale = tensor.quantization.scale * np.float32(2)
    biases.requantize_biases(tree, taken)


def _write_codes(tree):
    head = list(operators.weighted(tree))[-1]
    tensor = head.graph.tensors[head.kernel]
    codes, scales = operators.values(tree, tensor), tensor.quantization.scale
    moved = np.where(codes == 127, 126, codes)
    write_codes.write_codes(tree, {"head": Codes(scales, moved)})


def _pack_kernels(tree):
    for operator in operators.weighted(tree):
        tensor = operator.graph.tensors[operator.kernel]
        operators.set_values(tree, tensor, operators.values(tree, tensor) // 19)
    int4_kernels.pack(tree)


EDITS = {
    "attach": lambda tree: interface.attach(tree, {"tfedge.input": {"raw": True}}),
    "name": lambda tree: interface.name(tree, [], ["other"]),
    "name_kernels": lambda tree: lineage.name_kernels(
        tree, [lineage.KerasKernel("another", operators.real_values(tree, _head(tree)))]
    ),
    "own_inputs": lambda tree: own_inputs.restore(tree, {"image": "uint8"}),
    "pack_kernels": _pack_kernels,
    "raw_input": lambda tree: raw_input.accept(tree, "uint8", Normalization(1 / 255)),
    "requantize_biases": _requantize,
    "slim": slimming.slim,
    "unsigned": lambda tree: unsigned.make_unsigned(_with_bytes(tree), False, True),
    "write_codes": _write_codes,
}


def _head(tree):
    head = list(operators.weighted(tree))[-1]
    return head.graph.tensors[head.kernel]


def _with_bytes(tree):
    """The tree without the DEQUANTIZE at its end."""
    graph = tree.subgraphs[0]
    *graph.operators, last = graph.operators
    graph.outputs = last.inputs
    tree.signatureDefs[0].outputs[0].tensorIndex = int(last.inputs[0])
    return tree


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_a_copy_leaves_the_tree_as_it_was(converted, name):
    tree = flatbuffer.unpack(converted["int8"])
    before = flatbuffer.pack(tree)
    copy = flatbuffer.copied(tree)
    EDITS[name](copy)
    assert flatbuffer.pack(tree) == before
    assert flatbuffer.pack(copy) != before


@pytest.mark.parametrize("name", [name for name in EDITS if name != "name"])
def test_what_is_edited_and_packed_runs(converted, name):
    data = running.edited(converted["int8"], EDITS[name])
    dtype = np.uint8 if name in ("raw_input", "own_inputs") else np.float32
    (found,) = running.run(data, {"image": np.zeros((1, 6, 6, 1), dtype)}).values()
    assert found.shape == (1, 3)

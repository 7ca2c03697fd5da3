import pathlib

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.device.file import tflite
from tfedge.export.tree import flatbuffer, operators
from tfedge.targets import plain_tree

_FILES = pathlib.Path(__file__).parents[1] / "device" / "files"


def _content(name="image_int8"):
    return (_FILES / f"{name}.tflite").read_bytes()


def test_tensors_are_called_after_layers_and_ends_as_in_the_signature():
    named = flatbuffer.unpack(_content())
    for number, each in enumerate(operators.weighted(named)):
        each.graph.tensors[each.kernel].name = f"layer_{number}".encode()
    tree = plain_tree.of(flatbuffer.pack(named))
    (graph,) = tree.subgraphs
    names = [tensor.name.decode() for tensor in graph.tensors]
    assert len(set(names)) == len(names) and graph.name
    kernels = [graph.tensors[each.kernel].name for each in operators.weighted(tree)]
    assert kernels == [f"layer_{number}/kernel".encode() for number in range(len(kernels))]
    for each in operators.weighted(tree):
        layer = graph.tensors[each.kernel].name.decode().removesuffix("/kernel")
        assert graph.tensors[each.output].name.decode() == f"{layer}/{each.kind.lower()}"
        assert graph.tensors[each.bias].name.decode() == f"{layer}/bias"
    read = tflite.read(flatbuffer.pack(tree))
    assert [tensor.name for tensor in read.inputs] == list(read.signature.inputs)
    assert [tensor.name for tensor in read.outputs] == list(read.signature.outputs)


def test_the_path_of_a_converter_is_no_name():
    graph = plain_tree.of(_content()).subgraphs[0]
    assert not any(set(";:") & set(tensor.name.decode()) for tensor in graph.tensors)


def test_operators_are_stated_in_both_numbers():
    tree = flatbuffer.unpack(_content())
    for code in tree.operatorCodes:
        code.deprecatedBuiltinCode = 0
    wanted = [code.builtinCode for code in tree.operatorCodes]
    found = plain_tree.of(flatbuffer.pack(tree)).operatorCodes
    assert [code.builtinCode for code in found] == wanted
    assert [code.deprecatedBuiltinCode for code in found] == [min(code, 127) for code in wanted]
    assert max(wanted) < 127 or 127 in [code.deprecatedBuiltinCode for code in found]


def test_weights_of_four_bits_are_the_same_numbers_in_eight():
    tree = flatbuffer.unpack(_content())
    (first, *_) = operators.weighted(tree)
    kernel = first.graph.tensors[first.kernel]
    numbers = np.clip(operators.values(tree, kernel), -8, 7)
    kernel.type = schema.TensorType.INT4
    operators.set_values(tree, kernel, numbers)
    widened = plain_tree.of(flatbuffer.pack(tree))
    (found, *_) = operators.weighted(widened)
    tensor = found.graph.tensors[found.kernel]
    assert operators.type_name(tensor) == "INT8"
    np.testing.assert_array_equal(operators.values(widened, tensor), numbers)


def test_a_scale_has_a_zero_point_also_where_the_file_leaves_it_out():
    tree = flatbuffer.unpack(_content())
    (first, *_) = operators.weighted(tree)
    tensor = first.graph.tensors[first.kernel]
    tensor.quantization.zeroPoint = None
    plain_tree._complete(tensor)
    zeros = np.zeros(len(tensor.quantization.scale))
    np.testing.assert_array_equal(tensor.quantization.zeroPoint, zeros)
    tensor.quantization.scale = None
    plain_tree._complete(tensor)
    assert tensor.quantization is None


def test_a_lookup_of_rows_is_a_gather_of_the_same_rows():
    tree = flatbuffer.unpack(_content("image_float"))
    (first, *_) = operators.weighted(tree)
    numbers, table = 5, 6
    first.operator.inputs = np.array([numbers, table], np.int32)
    first.operator.opcodeIndex = len(tree.operatorCodes)
    lookup = schema.BuiltinOperator.EMBEDDING_LOOKUP
    tree.operatorCodes.append(
        schema.OperatorCodeT(deprecatedBuiltinCode=lookup, builtinCode=lookup)
    )
    first.operator.builtinOptionsType, first.operator.builtinOptions = 0, None
    plain_tree._as_gather(tree, first.operator)
    assert operators.kind(tree, first.operator) == "GATHER"
    assert list(first.operator.inputs) == [table, numbers]
    assert first.operator.builtinOptions.axis == 0

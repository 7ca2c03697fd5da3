"""By which names a user may speak of an operator, and which files are refused."""

import pathlib

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfedge import errors
from tfedge.export.post_training import float_model
from tfedge.export.tree import flatbuffer

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"


def _tree(name):
    return flatbuffer.unpack((FILES / f"{name}.tflite").read_bytes())


@pytest.mark.parametrize(
    ("own", "output", "known", "expected"),
    [
        (["conv"], "net/conv/Conv2D;net/relu/Relu", ("relu", "conv"), ("conv", "relu")),
        (["other"], "net/conv_2/Conv2D", ("conv", "conv_2"), ("conv_2",)),
        ([], "net/Conv2D", ("conv",), ()),
        (["w"], "a;b", (), ("w", "a;b", "a", "b")),
        ([""], "a", (), ("a",)),
    ],
)
def test_names_of_an_operator(own, output, known, expected):
    assert float_model._layers(own, output, known) == expected


def test_a_channel_of_zeros_is_silent():
    kernel = np.ones((2, 3, 4))
    assert not float_model._has_silent_channel(kernel, 2)
    kernel[:, :, 1] = 0
    assert float_model._has_silent_channel(kernel, 2)
    assert not float_model._has_silent_channel(kernel, 0)
    assert not float_model._has_silent_channel(kernel, 1)


def test_each_tensor_gets_a_name_of_its_own_and_the_old_ones_are_kept():
    tree = _tree("loop_float")
    before = [[tensor.name for tensor in graph.tensors] for graph in tree.subgraphs]
    found = float_model._name_tensors(tree)
    names = [[tensor.name.decode() for tensor in graph.tensors] for graph in tree.subgraphs]
    assert names[0][:2] == ["tensor_0", "tensor_1"] and names[1][0] == "tensor_1_0"
    everything = [name for each in names for name in each]
    assert len(set(everything)) == len(everything)
    assert found[names[1][0]] == before[1][0].decode() and len(found) == len(everything)


def test_operators_know_their_kernels_and_inputs_their_names():
    model = float_model.prepare(_tree("image_float"), "image")
    kinds = [each.kind for each in model.operators]
    kernels = {each.kind: each.kernel_shape for each in model.operators if each.kernel}
    assert kinds[0] == "CONV_2D" and kernels["CONV_2D"] == (4, 3, 3, 1)
    assert all(bool(each.kernel) == bool(each.kernel_shape) for each in model.operators)
    convolution = model.operators[0]
    assert convolution.code == schema.BuiltinOperator.CONV_2D
    assert model.kernels_named([model.real_names[convolution.kernel]]) == {convolution.kernel}
    assert model.kernels_named(["nothing"]) == frozenset()
    (signature,) = model.tree.signatureDefs
    assert model.inputs == (signature.inputs[0].name.decode(),)
    assert convolution.layers[0] in model.layers


def test_a_file_without_a_signature_gets_one():
    tree = _tree("image_float")
    graph = tree.subgraphs[0]
    tree.signatureDefs = None
    graph.tensors[graph.inputs[0]].name = b"image"
    graph.tensors[graph.outputs[0]].name = b""
    assert float_model._one_signature(tree) == ("image",)
    (signature,) = tree.signatureDefs
    (output,) = signature.outputs
    assert output.name == f"tensor_{graph.outputs[0]}".encode()
    assert output.tensorIndex == graph.outputs[0] and signature.subgraphIndex == 0


def test_what_cannot_be_quantized_is_refused():
    with pytest.raises(errors.BadInput, match="its kernels are INT8 already"):
        float_model.prepare(_tree("image_int8"), "image")
    open_tree = _tree("image_float")
    graph = open_tree.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = np.array([-1, 8, -1, 1], np.int32)
    with pytest.raises(errors.BadInput, match=r"\[-1, 8, -1, 1\] is open beyond the batch"):
        float_model.prepare(open_tree, "image")
    custom = _tree("image_float")
    custom.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    custom.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    custom.operatorCodes[0].customCode = b"Mystery"
    with pytest.raises(errors.BadInput, match="the operator Mystery is not one"):
        float_model.prepare(custom, "image")
    assert float_model._code(custom, custom.subgraphs[0].operators[0]) == -1


def test_an_open_batch_is_closed():
    tree = _tree("image_float")
    graph = tree.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = np.array([-1, 8, 8, 1], np.int32)
    float_model.prepare(tree, "image")
    assert all(tensor.shapeSignature is None for tensor in graph.tensors)

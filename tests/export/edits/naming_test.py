from ai_edge_quantizer import quantizer, recipe

import tfedge
from tfedge.device.file import tflite
from tfedge.export.edits import naming
from tfedge.export.tree import flatbuffer, operators


def test_tensors_are_called_after_layers_operators_and_ends(converted):
    tree = flatbuffer.unpack(converted["float32"])
    kernels = [each.graph.tensors[each.kernel].name.decode() for each in operators.weighted(tree)]
    names = naming.name_all(tree, kernels)
    (graph,) = tree.subgraphs
    assert len(names) == len(graph.tensors)
    assert {"stem", "stem/bias", "stem/conv_2d", "head", "mean", "mean/constant"} <= names
    signature = tree.signatureDefs[0]
    for entry in (*signature.inputs, *signature.outputs):
        assert graph.tensors[entry.tensorIndex].name == entry.name


def test_no_name_is_there_twice_and_kernels_keep_theirs(converted):
    tree = flatbuffer.unpack(converted["float32"])
    (graph,) = tree.subgraphs
    (first, second, *_) = operators.weighted(tree)
    graph.tensors[first.kernel].name = tree.signatureDefs[0].inputs[0].name
    graph.tensors[second.kernel].name = None
    reserved = [graph.tensors[first.kernel].name.decode()]
    names = naming.name_all(tree, reserved)
    assert len(names) == len(graph.tensors)
    assert graph.tensors[first.kernel].name.decode() == reserved[0]
    assert graph.tensors[tree.signatureDefs[0].inputs[0].tensorIndex].name.decode() == (
        f"{reserved[0]}_1"
    )
    assert graph.tensors[second.kernel].name == b"depthwise_conv_2d/constant"


def test_ai_edge_quantizer_reads_a_file_with_names(model):
    data = tfedge.to_tflite(model, "float32(names=True)")
    names = [tensor.name for tensor in tflite.read(data).tensors]
    assert len(set(names)) == len(names) and {"stem", "stem/conv_2d", "image"} <= set(names)
    job = quantizer.Quantizer(bytearray(data), recipe.dynamic_wi8_afp32())
    made = tflite.read(bytes(job.quantize().quantized_model))
    assert {kernel.tensor.dtype for kernel in made.kernels()} == {"INT8"}

import numpy as np
import pytest
import running
from ai_edge_litert import schema_py_generated as schema

from tfedge.export import routes
from tfedge.export.edits import slimming
from tfedge.export.tree import flatbuffer, operators


def _slim(data, *names):
    return running.edited(data, slimming.slim, *names)


@pytest.mark.parametrize("route", routes.names())
@pytest.mark.parametrize("resolver", [running.WITH_XNNPACK, running.WITHOUT_XNNPACK])
def test_outputs_stay_the_same_to_the_bit(converted, task, route, resolver):
    x = task.normalization(task.train.x[:16])
    slim = _slim(converted[route])
    before = running.images(converted[route], x, resolver)
    assert np.array_equal(before, running.images(slim, x, resolver))
    assert len(slim) < 0.85 * len(converted[route])


def test_names_go_but_for_signature_and_kernels(converted):
    slim = flatbuffer.unpack(_slim(converted["int8"], running.LAYERS))
    names = [t.name.decode() for t in slim.subgraphs[0].tensors if t.name is not None]
    assert sorted(names) == sorted(running.LAYERS)
    (signature,) = slim.signatureDefs
    assert signature.signatureKey == b"serving_default"
    assert [entry.name for entry in signature.inputs] == [b"image"]
    assert [entry.name for entry in signature.outputs] == [b"probabilities"]
    assert slim.description is None
    assert slim.metadata is None


def test_it_is_done_at_once(converted):
    slim = _slim(converted["int8"], running.LAYERS)
    assert _slim(slim, running.LAYERS) == slim


def test_unused_tensors_buffers_and_codes_go(converted):
    model = flatbuffer.unpack(converted["float32"])
    graph = model.subgraphs[0]
    graph.tensors = [graph.tensors[0], *graph.tensors]  # 0 is nobody's now
    for operator in graph.operators:
        operator.inputs = np.where(operator.inputs < 0, -1, operator.inputs + 1).astype(np.int32)
        operator.outputs = (operator.outputs + 1).astype(np.int32)
        operator.opcodeIndex += 1
    graph.inputs, graph.outputs = graph.inputs + 1, graph.outputs + 1
    for entry in [*model.signatureDefs[0].inputs, *model.signatureDefs[0].outputs]:
        entry.tensorIndex += 1
    model.operatorCodes = [model.operatorCodes[0], *model.operatorCodes]
    model.buffers.append(model.buffers[-1])
    assert _slim(flatbuffer.pack(model)) == _slim(converted["float32"])


def test_scales_that_lie_in_a_tensor_of_their_own_stay(converted):
    """Blockwise kernels name theirs; no operator reads it."""
    model = flatbuffer.unpack(converted["float32"])
    graph = model.subgraphs[0]
    kernel = list(operators.weighted(model))[-1]
    scales = np.array([0.5, 0.25, 2.0], np.float16)
    model.buffers.append(schema.BufferT(data=scales.view(np.uint8)))
    graph.tensors.insert(
        0, schema.TensorT(shape=[3], type=schema.TensorType.FLOAT16, buffer=len(model.buffers) - 1)
    )
    for operator in graph.operators:
        operator.inputs = np.where(operator.inputs < 0, -1, operator.inputs + 1).astype(np.int32)
        operator.outputs = (operator.outputs + 1).astype(np.int32)
    graph.inputs, graph.outputs = graph.inputs + 1, graph.outputs + 1
    for entry in [*model.signatureDefs[0].inputs, *model.signatureDefs[0].outputs]:
        entry.tensorIndex += 1
    graph.tensors[kernel.kernel + 1].quantization = schema.QuantizationParametersT(
        detailsType=schema.QuantizationDetails.BlockwiseQuantization,
        details=schema.BlockwiseQuantizationT(scales=0, zeroPoints=-1, blockSize=16),
    )
    slim = flatbuffer.unpack(_slim(flatbuffer.pack(model)))
    (details,) = [
        each.quantization.details
        for each in slim.subgraphs[0].tensors
        if each.quantization is not None and each.quantization.details is not None
    ]
    kept = slim.subgraphs[0].tensors[details.scales]
    found = np.asarray(slim.buffers[kept.buffer].data, np.uint8).view(np.float16)
    assert found.tolist() == scales.tolist()

import numpy as np
import pytest
import running

from tfedge.data.task import Normalization
from tfedge.errors import BadInput
from tfedge.export.edits import raw_input, slimming
from tfedge.export.tree import flatbuffer, operators


def _kinds(data):
    model = flatbuffer.unpack(data)
    return [operators.kind(model, operator) for operator in model.subgraphs[0].operators]


def _accepting(data, dtype, normalization):
    return running.edited(data, raw_input.accept, dtype, normalization)


def _int8_input(data):
    """The file without the QUANTIZE it begins with."""
    model = flatbuffer.unpack(data)
    graph = model.subgraphs[0]
    first, *graph.operators = graph.operators
    assert operators.kind(model, first) == "QUANTIZE"
    graph.inputs = first.outputs
    model.signatureDefs[0].inputs[0].tensorIndex = int(first.outputs[0])
    return flatbuffer.pack(model)


@pytest.mark.parametrize(
    ("normalization", "front"),
    [
        (Normalization(1 / 255), ["DEQUANTIZE"]),
        (Normalization(1 / 128, -1.0), ["DEQUANTIZE"]),
        (Normalization(1 / 127.5, -1.0), ["DEQUANTIZE", "MUL", "ADD"]),
        (Normalization((1 / 255,), (-0.3,)), ["DEQUANTIZE", "MUL", "ADD"]),
    ],
)
def test_float_model_takes_bytes(converted, task, normalization, front):
    raw = _accepting(converted["float32"], "uint8", normalization)
    assert _kinds(raw) == front + _kinds(converted["float32"])
    x = task.train.x[:10]
    expected = running.images(converted["float32"], normalization(x))
    np.testing.assert_allclose(running.images(raw, x), expected, rtol=0, atol=1e-6)
    assert running.run(raw, {"image": x[:1]})["probabilities"].shape == (1, 3)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_int8_model_takes_bytes_with_no_operator_but_its_quantize(converted, task, dtype):
    int8 = _int8_input(converted["int8"])
    raw = running.edited(_accepting(int8, dtype, Normalization(1 / 255)), slimming.slim)
    assert len(_kinds(raw)) <= len(_kinds(converted["int8"]))
    x = task.train.x[:40]
    fed = x if dtype == "uint8" else (x.astype(int) - 128).astype(np.int8)
    expected = running.images(converted["int8"], task.normalization(x))
    assert np.array_equal(running.images(raw, fed), expected)


def test_int8_input_on_the_grid_of_bytes_gets_nothing_in_front(converted):
    model = flatbuffer.unpack(_int8_input(converted["int8"]))
    quantization = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].quantization
    quantization.scale = np.array([1 / 255], np.float32)
    data = flatbuffer.pack(model)
    assert _accepting(data, "int8", Normalization(1 / 255)) == data


def test_half_a_step_beside_a_whole_zero_point_passes_for_int8_only(converted):
    """(byte - 127.5) / 127.5 on an int8 input of that step: no one can see half a step."""
    model = flatbuffer.unpack(_int8_input(converted["int8"]))
    quantization = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].quantization
    quantization.scale = np.array([1 / 127.5], np.float32)
    data = _accepting(flatbuffer.pack(model), "uint8", Normalization(1 / 127.5, -1.0))
    assert _kinds(data)[:2] == ["QUANTIZE", "CONV_2D"]


def test_floats_before_normalisation(converted, task):
    raw = _accepting(converted["int8"], "float32", Normalization(1 / 255))
    x = task.train.x[:10]
    expected = running.images(converted["int8"], task.normalization(x))
    assert np.array_equal(running.images(raw, x.astype(np.float32)), expected)
    assert _accepting(raw, "float32", Normalization()) == flatbuffer.pack(flatbuffer.unpack(raw))


def test_channels_that_do_not_fit(converted):
    with pytest.raises(BadInput, match=r"3 channels.*\(1, 6, 6, 1\)"):
        _accepting(converted["float32"], "uint8", Normalization((1.0, 1.0, 1.0)))

import numpy as np
import pytest
import running
import tensorflow as tf

from tfedge import export
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import ArraySplit, Task
from tfedge.errors import BadInput
from tfedge.export.tree import flatbuffer, operators


def _kinds(data):
    model = flatbuffer.unpack(data)
    return [operators.kind(model, operator) for operator in model.subgraphs[0].operators]


def _model(layer, shape=(3, 2)):
    given = k.tf_keras.layers.Input(shape, name="given")
    return k.tf_keras.Model(given, layer(given))


def _task(shape=(3, 2)):
    x = np.random.default_rng(0).normal(size=(100, *shape)).astype(np.float32)
    split = ArraySplit(x, np.zeros(100, np.float32))
    return Task("sequences", "regression", split, split, split)


def test_operator_without_a_place_is_refused_by_name_and_layer():
    model = _model(k.tf_keras.layers.Lambda(tf.linalg.det, name="my_det"), (3, 3))
    with pytest.raises(BadInput, match=r"layer 'my_det'.*MatrixDeterminant.*allow_flex=True"):
        export.to_tflite(model)
    assert "FlexMatrixDeterminant" in _kinds(export.to_tflite(model, "float32(allow_flex=True)"))


def test_lstm_is_one_fused_operator():
    model = _model(k.tf_keras.layers.LSTM(3))
    data = export.to_tflite(model, "int8", _task())
    fused = ["UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE"]
    assert _kinds(data) == ["QUANTIZE", *fused, "DEQUANTIZE"]
    x = _task().train.x[:1]
    (found,) = running.run(data, {"given": x}).values()
    np.testing.assert_allclose(found, model(x), atol=0.05)


def test_lstm_stays_float_under_ranges_of_training():
    """The converter fails on the fused operator here: it wants to quantize it, without ranges."""
    given = k.tf_keras.layers.Input((3, 2), name="given")
    dense, lstm = k.tf_keras.layers.Dense(2, name="dense"), k.tf_keras.layers.LSTM(3, name="lstm")
    model = k.tf_keras.Model(given, lstm(dense(given)))
    task = _task()
    quantization = Quantization(fake_quantization.calibrate(model, task), {"lstm": "a reason"})
    data = export.to_tflite(Candidate(model, quantization=quantization), "int8")
    kernels = {
        o.graph.tensors[o.kernel].name: o for o in operators.weighted(flatbuffer.unpack(data))
    }
    dense_kernel = kernels[b"dense"].graph.tensors[kernels[b"dense"].kernel]
    assert operators.type_name(dense_kernel) == "INT8"
    x = task.train.x[:1]
    (found,) = running.run(data, {"given": x}).values()
    np.testing.assert_allclose(found, model(x), atol=0.05)


def test_gru_whose_loop_would_crash_the_converter_is_unrolled_in_int8():
    model = _model(k.tf_keras.layers.GRU(3))
    data = export.to_tflite(model, "int8", _task())
    assert "WHILE" not in _kinds(data)
    x = _task().train.x[:1]
    (found,) = running.run(data, {"given": x}).values()
    np.testing.assert_allclose(found, model(x), atol=0.1)


def test_what_the_converter_says_stays_off_the_terminal(capfd):
    export.to_tflite(_model(k.tf_keras.layers.Dense(2)))
    assert capfd.readouterr() == ("", "")


def test_several_inputs_and_outputs_by_name_and_in_order():
    layers = k.tf_keras.layers
    image, ids = layers.Input((3,), name="zebra"), layers.Input((2,), dtype="int32", name="ids")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(5, 3)(ids))
    joined = layers.Add(name="sum")([image, words])
    model = k.tf_keras.Model([image, ids], [layers.Dense(2, name="z")(joined), joined])
    x = np.random.default_rng(0).random((100, 3), np.float32)
    given = {"zebra": x, "ids": np.arange(200, dtype=np.int32).reshape(100, 2) % 5}
    split = ArraySplit(given, np.zeros(100, np.float32))
    data = export.to_tflite(
        model, 'int8(input="int8")', Task("two", "regression", split, split, split)
    )
    read = flatbuffer.unpack(data)
    (signature,) = read.signatureDefs
    assert [entry.name for entry in signature.inputs] == [b"zebra", b"ids"]
    assert [entry.name for entry in signature.outputs] == [b"z", b"sum"]
    types = [operators.type_name(read.subgraphs[0].tensors[i]) for i in read.subgraphs[0].inputs]
    assert types == ["INT8", "INT32"]  # token ids stay integers

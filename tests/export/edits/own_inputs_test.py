"""Models whose own inputs are whole numbers: pixels as the camera gives them."""

import numpy as np
import pytest
import running
import tensorflow as tf

import tfedge
from tfedge import errors
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes.quantize import Quantize
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

layers = k.tf_keras.layers
_MOST = {"uint8": 255, "int32": 255, "bool": 1}


def _pixels(dtype):
    return np.random.default_rng(5).integers(0, _MOST[dtype] + 1, (120, 6, 6, 1)).astype(dtype)


def _task(x):
    split = ArraySplit(x, np.arange(len(x)) % 3)
    return Task("pixels", "classification", split, split, split)


def _model(dtype, with_function=False):
    k.tf_keras.utils.set_random_seed(3)
    image = k.tf_keras.Input((6, 6, 1), dtype=dtype, name="image")
    x = layers.ZeroPadding2D(1)(image)
    if with_function:
        x = tf.cast(x, "float32") / _MOST[dtype]
    else:
        x = layers.Rescaling(1 / _MOST[dtype])(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="stem")(x)
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="head")(layers.Flatten()(x)))


def _check(content, model, x, dtype):
    (found,) = tflite.read(content).named_inputs.values()
    assert found.dtype == dtype.upper()
    answers = [running.run(content, {"image": each[None]})["head"][0] for each in x[:8]]
    np.testing.assert_allclose(answers, model(x[:8]), atol=0.02)


@pytest.mark.parametrize("route", ["float32", "dynamic", "int8", "int16x8"])
@pytest.mark.parametrize(
    ("dtype", "with_function"), [("uint8", False), ("uint8", True), ("int32", False), ("bool", 0)]
)
def test_every_route_takes_the_models_own_numbers(dtype, with_function, route):
    model, x = _model(dtype, with_function), _pixels(dtype)
    _check(tfedge.to_tflite(model, route, _task(x)), model, x, dtype)


def test_int8_computes_all_of_it_in_integers():
    x = _pixels("uint8")
    candidate = Quantize(epochs=1)(Candidate(_model("uint8")), _task(x))
    for source in (_model("uint8"), candidate):
        file = tflite.read(tfedge.to_tflite(source, "int8", _task(x)))
        kinds = {operator.kind for operator in file.operators}
        assert "CAST" not in kinds and file.operators[0].kind == "QUANTIZE"
        floats = [
            t for o in file.operators for t in o.outputs if file.tensors[t].dtype == "FLOAT32"
        ]
        assert floats == [file.operators[-1].outputs[0]]  # what the app reads
    assert candidate.to_keras3().inputs[0].dtype == "uint8"
    _check(tfedge.to_tflite(candidate, "int8", _task(x)), candidate.model, x, "uint8")


@pytest.mark.parametrize(
    ("export", "dtype", "scale"),
    [
        ('int8(input="uint8", raw_input=True)', "UINT8", 1.0),
        ('float32(input="uint8", raw_input=True)', "UINT8", 1.0),
        ('int8(input="int8")', "INT8", 1.0),
        ('int8(algorithm="gptq")', "UINT8", 1.0),
    ],
)
def test_what_is_asked_for_comes_first(export, dtype, scale):
    x = _pixels("uint8")
    (found,) = tflite.read(
        tfedge.to_tflite(_model("uint8"), export, _task(x))
    ).named_inputs.values()
    assert found.dtype == dtype
    assert found.scales.tolist() == [pytest.approx(scale, rel=0.01)]


def test_a_saved_model_that_hides_what_becomes_of_its_bytes(tmp_path):
    module = tf.Module()
    spec = tf.TensorSpec((1, 6, 6, 1), tf.uint8, name="image")
    scale = tf.function(lambda image: tf.cast(image, "float32") / 255, input_signature=[spec])
    tf.saved_model.save(module, str(tmp_path), signatures=scale)
    source = tfedge.load_model(tmp_path)
    (found,) = tflite.read(tfedge.to_tflite(source, "float32", None)).named_inputs.values()
    assert found.dtype == "UINT8"
    with pytest.raises(errors.BadInput, match=r"input 'image' takes uint8.*Rescaling right behind"):
        tfedge.to_tflite(source, "int8", _task(_pixels("uint8")))


def test_one_input_of_several():
    k.tf_keras.utils.set_random_seed(3)
    image = k.tf_keras.Input((6, 6, 1), dtype="uint8", name="image")
    table = k.tf_keras.Input((4,), name="table")
    ids = k.tf_keras.Input((2,), dtype="int32", name="ids")
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(image))
    words = layers.Flatten()(layers.Embedding(9, 3)(ids))
    x = layers.Concatenate()([layers.Flatten()(x), layers.Dense(4)(table), words])
    model = k.tf_keras.Model([image, table, ids], layers.Dense(3, "softmax", name="head")(x))
    rng = np.random.default_rng(1)
    inputs = {
        "image": _pixels("uint8"),
        "table": rng.normal(size=(120, 4)).astype(np.float32),
        "ids": rng.integers(0, 9, (120, 2)).astype(np.int32),
    }
    content = tfedge.to_tflite(model, "int8", _task_of(inputs))
    types = {name: t.dtype for name, t in tflite.read(content).named_inputs.items()}
    assert types == {"image": "UINT8", "table": "FLOAT32", "ids": "INT32"}
    one = {name: array[:1] for name, array in inputs.items()}
    expected = model([one["image"], one["table"], one["ids"]])
    np.testing.assert_allclose(running.run(content, one)["head"], expected, atol=0.02)


def _task_of(inputs):
    split = ArraySplit(inputs, np.arange(120) % 3)
    return Task("several", "classification", split, split, split)

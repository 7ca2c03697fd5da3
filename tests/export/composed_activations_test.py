"""Activations that LiteRT composes of exponentials keep what they tell among integers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfedge import Task, to_tflite
from tfedge.compress import keras as k
from tfedge.compress import loading
from tfedge.data.task import ArraySplit
from tfedge.device.file import tflite
from tfedge.export.tree import exponentials, flatbuffer, operators

X = 2 * np.random.default_rng(0).normal(size=(128, 6)).astype(np.float32)
FUNCTIONS = ("selu", "mish", "softplus", "log_sigmoid")


def _model(function):
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="x")
    hidden = keras.layers.Dense(32, activation=function)(x)
    hidden = keras.layers.Dense(32, activation=function)(hidden * 2.5)
    return keras.Model(x, keras.layers.Dense(3)(hidden))


def _task(model):
    split = ArraySplit(X, np.asarray(model(X)))
    return Task("composed", "regression", split, split, split, split)


def _decibels(content, wanted):
    run = tflite.interpreter(content, 1).get_signature_runner()
    found = np.concatenate([next(iter(run(x=row[None]).values())) for row in X])
    return 10 * np.log10((wanted**2).mean() / ((found - wanted) ** 2).mean())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_int8_it_is_as_good_as_a_relu(name):
    model = _model(name)
    task = _task(model)
    assert _decibels(to_tflite(model, "int8", task), task.train.y) > 27


@pytest.mark.parametrize("export", ["int8(algorithm='mse')", "int16x8", "int4"])
def test_on_other_integer_routes_too(export):
    model = _model("selu")
    task = _task(model)
    assert _decibels(to_tflite(model, export, task), task.train.y) > (
        10 if export == "int4" else 27
    )


def test_a_saved_model_and_a_float_file_have_it_too(tmp_path):
    model = _model("selu")
    task = _task(model)
    model.export(str(tmp_path / "saved"), verbose=False)
    saved = loading.load_model(tmp_path / "saved")
    (tmp_path / "float.tflite").write_bytes(to_tflite(model, "float32", None))
    for source in (saved, loading.load_model(tmp_path / "float.tflite")):
        assert _decibels(to_tflite(source, "int8", task), task.train.y) > 27


def _found(function):
    x = k.tf_keras.Input((6,))
    made = k.tf_keras.Model(x, function(k.tf_keras.layers.Dense(4)(x)))
    tree = flatbuffer.unpack(to_tflite(made, "float32", None))
    found = exponentials.find(tree, tree.subgraphs[0])
    return [[operators.kind(tree, each) for each in together] for together in found]


def test_what_is_found_ends_where_it_is_narrow():
    assert _found(tf.nn.selu) == [["EXP", "SUB", "MUL", "SELECT"]]
    assert _found(tf.math.softplus) == [["EXP", "ADD", "LOG"]]
    assert _found(lambda x: 1.0 / (1.0 + tf.exp(x * 2.0))) == [["EXP", "ADD", "DIV"]]


def test_an_exponential_that_stays_one_is_left_to_the_route():
    assert _found(lambda x: tf.exp(x) + 1.0) == []
    assert _found(lambda x: tf.exp(x) * x) == []

import numpy as np
import pytest

from tfedge import to_tflite
from tfedge.compress import folding
from tfedge.compress import keras as k
from tfedge.compress.ranges import uneven_inputs
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

layers = k.tf_keras.layers
SPREADS = np.array([1, 1000, 0.1], np.float32)


def _columns(spreads):
    x = np.random.default_rng(0).normal(size=(128, 3)).astype(np.float32) * spreads
    columns = layers.Input((3,), name="columns")
    normalized = layers.Normalization(mean=x.mean(axis=0), variance=x.var(axis=0), name="n")
    k.tf_keras.utils.set_random_seed(0)
    model = k.tf_keras.Model(columns, layers.Dense(2)(normalized(columns)))
    split = ArraySplit(x, model(x).numpy())
    return model, Task("columns", "regression", split, split, split)


def test_columns_of_one_scale_are_even():
    assert not uneven_inputs.find(_columns(1)[0])
    assert uneven_inputs.find(_columns(SPREADS)[0]).columns == {"columns": (0, 2)}


def test_how_wide_a_column_is_measured_before_it_is_scaled():
    columns = layers.Input((2,), name="columns")
    norm = layers.BatchNormalization()
    model = k.tf_keras.Model(columns, layers.Dense(1)(norm(columns)))
    norm.set_weights([np.array([1e-4, 1e4]), np.ones(2), np.ones(2), np.ones(2)])
    assert not uneven_inputs.find(model)


def test_of_two_readers_the_one_that_tells_most_counts():
    columns = layers.Input((3,), name="columns")
    both = [
        layers.Rescaling(1e-3)(columns),
        layers.Normalization(mean=[0] * 3, variance=SPREADS**2)(columns),
    ]
    model = k.tf_keras.Model(columns, layers.Dense(1)(layers.Concatenate()(both)))
    assert uneven_inputs.find(model).columns == {"columns": (0, 2)}


def test_a_constant_column_needs_no_steps():
    assert uneven_inputs.lost(np.array([0, 1e6]), np.array([1, 0])) == ()
    assert uneven_inputs.lost(np.array([0, 1e6]), np.array([1, 1])) == (0, 1)


def test_batch_normalization_of_uneven_columns_is_not_folded():
    columns = layers.Input((3,), name="columns")
    norm = layers.BatchNormalization()
    model = k.tf_keras.Model(columns, layers.Dense(1)(norm(columns)))
    assert folding.fold(model)[1] == (norm.name,)
    norm.set_weights([np.ones(3), np.zeros(3), np.zeros(3), SPREADS**2])
    assert folding.fold(model)[1] == ()


@pytest.mark.parametrize(("export", "near"), [("int8", 0.1), ('int8(input="int8")', 3.0)])
def test_columns_of_many_scales_are_normalized_in_float(export, near):
    model, task = _columns(SPREADS)
    candidate = Recipe.parse("quantize(epochs=0)").apply(model, task)
    assert candidate.reports[-1].notes["inputs_normalized_in_float"] == ("columns",)
    data = to_tflite(candidate, export, task)
    interpreter = tflite.interpreter(data, 1)
    interpreter.allocate_tensors()
    given, told = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    x, wanted = task.train.x[:1], task.train.y[:1]
    scale, zero = given["quantization"]
    x = np.clip(np.round(x / scale) + zero, -128, 127).astype(np.int8) if scale else x
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    np.testing.assert_allclose(interpreter.get_tensor(told["index"]), wanted, atol=near)

"""Layers whose kernels are equal: the converter stores them once, each keeps its own name."""

import numpy as np
import pytest
import running

from tfedge import Task, to_tflite
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit
from tfedge.device.file import tflite
from tfedge.export import routes

KERNEL = np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32) / 4
X = np.random.default_rng(1).normal(size=(32, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    inputs = k.tf_keras.Input((16,))
    hidden = k.tf_keras.layers.Dense(16, name="first", activation="relu", use_bias=False)(inputs)
    hidden = k.tf_keras.layers.Dense(16, name="second", activation="relu", use_bias=False)(hidden)
    made = k.tf_keras.Model(inputs, hidden)
    made.set_weights([KERNEL, KERNEL])
    return made


@pytest.mark.parametrize("route", routes.names())
def test_layers_with_equal_kernels_are_both_found_in_the_file(model, route):
    split = ArraySplit(X, np.arange(32) % 2)
    data = to_tflite(model, route, Task("made-up", "classification", split, split, split, split))
    kernels = {each.tensor.name: each for each in tflite.read(data).kernels()}
    assert set(kernels) == {"first", "second"}
    first, second = (kernels[name].values() for name in ("first", "second"))
    np.testing.assert_array_equal(first, second)
    wanted = np.maximum(np.maximum(X @ KERNEL, 0) @ KERNEL, 0)
    found = running.images(data, X)
    assert np.abs(found - wanted).max() < 0.25 * np.abs(wanted).max()

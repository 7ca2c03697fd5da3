"""Statistics of activations, computed by hand from a layer that only multiplies."""

import dataclasses

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.training import activation_statistics
from tfedge.data.task import ArraySplit, Normalization, Task

layers = k.tf_keras.layers
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)  # batches of 32 and 8
KERNEL = np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]], np.float32)
BIAS = np.array([0.25, -1.0], np.float32)
LINEAR = X @ KERNEL + BIAS


@pytest.fixture
def task():
    split = ArraySplit(X, np.zeros(40, int))
    return Task("toy", "classification", split, split, split)


def _model(activation="relu", use_bias=True, twice=False):
    """`dense`, on the inputs and, where it is used twice, on twice the inputs."""
    inputs = k.tf_keras.Input((3,))
    dense = layers.Dense(2, activation, use_bias=use_bias, name="dense")
    outputs = dense(inputs)
    if twice:
        outputs = layers.Add()([outputs, dense(layers.Rescaling(2.0)(inputs))])
    model = k.tf_keras.Model(inputs, outputs)
    model.get_layer("dense").set_weights([KERNEL, BIAS] if use_bias else [KERNEL])
    return model


def test_the_largest_magnitude_of_each_channel(task):
    found = activation_statistics.highest(_model("linear"), task, ["dense"])
    np.testing.assert_allclose(found["dense"], np.abs(LINEAR).max(axis=0), rtol=1e-5)
    scaled = dataclasses.replace(task, normalization=Normalization(3.0))
    found = activation_statistics.highest(_model("linear"), scaled, ["dense"])
    np.testing.assert_allclose(found["dense"], np.abs(3 * X @ KERNEL + BIAS).max(axis=0), rtol=1e-5)
    found = activation_statistics.highest(_model("linear", twice=True), task, ["dense"])
    both = np.concatenate([LINEAR, 2 * X @ KERNEL + BIAS])
    np.testing.assert_allclose(found["dense"], np.abs(both).max(axis=0), rtol=1e-5)
    assert activation_statistics.highest(_model(), task, []) == {}


def test_means_are_of_examples_not_of_batches(task):
    model = _model()
    measure = activation_statistics.means(model, ["dense"])
    np.testing.assert_allclose(measure(task)["dense"], np.maximum(LINEAR, 0).mean(0), rtol=1e-5)
    model.get_layer("dense").set_weights([2 * KERNEL, 2 * BIAS])  # the weights it has when called
    np.testing.assert_allclose(measure(task)["dense"], np.maximum(2 * LINEAR, 0).mean(0), rtol=1e-5)


def test_covariances_are_of_what_the_kernel_alone_gives(task):
    whole = dataclasses.replace(task, calibration=task.calibration.take(np.arange(32)))
    products = X[:32] @ KERNEL
    for model in (_model(), _model(use_bias=False)):
        found = activation_statistics.covariances(model, whole, ["dense"])["dense"]
        np.testing.assert_allclose(found, products.T @ products / 32, rtol=1e-4)
    assert activation_statistics.covariances(_model(), task, []) == {}


def test_an_activation_goes_into_a_layer_of_its_own():
    model = _model()
    apart = activation_statistics.without_activations(model)
    np.testing.assert_allclose(apart(X), model(X))
    linear = k.tf_keras.Model(apart.inputs, apart.get_layer("dense").output)
    np.testing.assert_allclose(linear(X), LINEAR, rtol=1e-5, atol=1e-6)

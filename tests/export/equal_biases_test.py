"""A bias of one number, as a head has that starts at the odds of a rare class."""

import numpy as np
import pytest
import running

from tfedge import Recipe, Task, to_tflite
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit

X = np.random.default_rng(0).normal(size=(128, 6)).astype(np.float32)


@pytest.mark.parametrize("recipe", ["quantize(epochs=0)", "quantize(bits=4, epochs=0)"])
def test_every_channel_keeps_it(recipe):
    k.tf_keras.utils.set_random_seed(0)
    x = k.tf_keras.Input((6,), name="x")
    head = k.tf_keras.layers.Dense(20, bias_initializer=k.tf_keras.initializers.Constant(-4.0))
    model = k.tf_keras.Model(x, head(k.tf_keras.layers.Dense(16, activation="relu")(x)))
    split = ArraySplit(X, np.asarray(model(X)))
    task = Task("rare", "regression", split, split, split, split)
    made = Recipe.parse(recipe).apply(model, task)
    found = running.images(to_tflite(made, "int4" if "bits" in recipe else "int8", task), X)
    moved = (found - np.asarray(made.model(X))).mean(axis=0)
    assert np.abs(moved).max() < 0.05
    assert np.all(head.get_weights()[1] == -4)

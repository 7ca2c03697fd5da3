"""A softmax that a user has written as an exponential over its sum."""

import keras
import numpy as np
import pytest

from tfedge import Recipe, Task, to_tflite
from tfedge.data.task import ArraySplit
from tfedge.device.file import tflite

X = np.random.default_rng(0).normal(size=(128, 6)).astype(np.float32)


def _softmax(x):
    powers = keras.ops.exp(x - keras.ops.max(x, -1, keepdims=True))
    return powers / keras.ops.sum(powers, -1, keepdims=True)


@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_a_file_with_a_written_softmax_runs(recipe):
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="x")
    shares = _softmax(keras.layers.Dense(8, name="scores")(x))
    model = keras.Model(x, keras.layers.Dense(3, name="head")(shares))
    split = ArraySplit(X, model.predict(X, verbose=0))
    task = Task("shares", "regression", split, split, split, split)
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    content = to_tflite(made, "int8", task)
    assert "SOFTMAX" in [each.kind for each in tflite.read(content).operators]
    run = tflite.interpreter(content, 1).get_signature_runner()
    found = np.concatenate([next(iter(run(x=row[None]).values())) for row in X])
    assert np.abs(found - split.y).max() < 0.1 * np.abs(split.y).max()

"""Values around a common mean are alike wherever they stand; they are still told apart."""

import keras
import numpy as np
import pytest

import tfedge
from tfedge.compress import bridge, folding
from tfedge.data.task import ArraySplit, Task
from tfedge.export import parity


@pytest.mark.parametrize("route", ["float32", "int8"])
def test_one_operator_that_does_two_moves_is_paired_with_the_second(route):
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 8), name="x")
    attention = keras.layers.MultiHeadAttention(2, 4, name="attention")
    pooled = keras.layers.GlobalAveragePooling1D()(attention(x, x))
    model = keras.Model(x, keras.layers.Dense(3, name="scores")(pooled))
    attention._key_dense.bias.assign(np.full((2, 4), 4.0))
    inputs = np.random.default_rng(0).normal(size=(16, 6, 8)).astype(np.float32)
    split = ArraySplit(inputs, np.zeros(16, int))
    task = Task("own", "classification", split, split, split, split, batch_size=4)
    flat = folding.flatten(bridge.to_tf_keras(model))
    found = parity.compare(flat, tfedge.to_tflite(flat, route, task), task)
    assert found.first_divergence is None
    assert [layer for layer, _ in found.skipped] == ["attention.key_by_head"]
    kinds = {each.layer: each.operator for each in found.layers}
    assert kinds["attention.key_by_column"] == "TRANSPOSE"
    assert kinds["attention.query_by_head"] == "TRANSPOSE"

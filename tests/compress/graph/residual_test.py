"""Residual branches, as layers and as operations between layers write them."""

import numpy as np

from tfedge.compress import bridge, folding, keras
from tfedge.compress.graph import residual

L = keras.tf_keras.layers
k3 = keras.keras3()


def test_a_tied_table_is_in_two_places():
    numbers = k3.Input((3,), dtype="int32")
    table = k3.layers.ReversibleEmbedding(5, 4, tie_weights=False, name="table")
    x = table(numbers)
    x = k3.layers.Add(name="sum")([x, k3.layers.Dense(4, name="branch")(x)])
    model = k3.Model(numbers, table(k3.layers.RMSNormalization()(x), reverse=True))
    assert residual.branches(bridge.to_tf_keras(model)) == {"sum": "table"}


def test_a_sum_between_layers_is_one_and_a_row_for_all_is_none():
    @k3.saving.register_keras_serializable("residual_test")
    class Block(k3.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.branch = k3.layers.Dense(4, name="branch")

        def call(self, x):
            x = x + k3.ops.mean(x, axis=1, keepdims=True)
            return k3.ops.relu(x + self.branch(x))

    x = k3.Input((3, 4))
    flat = folding.flatten(bridge.to_tf_keras(k3.Model(x, Block(name="block")(x))))
    assert residual.branches(flat) == {"block.add_1": "block.add"}
    data = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    left = residual.without(flat, ["block.add_1"])
    wanted = np.maximum(data + data.mean(axis=1, keepdims=True), 0)
    np.testing.assert_allclose(left(data), wanted, atol=1e-6)

"""A normalization in the form that fake quantization sees: one layer for each operator."""

import numpy as np
import pytest

from tfedge.compress import folding, graph
from tfedge.compress import keras as k
from tfedge.compress.bridge import rms_normalization
from tfedge.compress.composites import mask_layers, normalization
from tfedge.compress.ranges import fake_quantization

layers = k.tf_keras.layers
X = np.array([[[1.0, 3.0], [5.0, 5.0]]], np.float32)


def _model(*made, shape=(2, 2)):
    x = first = k.tf_keras.Input(shape, name="x")
    for layer in made:
        x = layer(x)
    return k.tf_keras.Model(first, x)


def _in_parts(model):
    return fake_quantization.one_operator_each(model, "int8")


def _with(layer, *weights):
    model = _model(layer)
    layer.set_weights([np.array(each, np.float32) for each in weights])
    return model


def test_deviations_are_one_and_gains_follow():
    made = _with(layers.LayerNormalization(name="norm", epsilon=1e-9), [2.0, 3.0], [0.5, -1.0])
    parts = _in_parts(made)
    assert [layer.name for layer in parts.layers if layer.name.startswith("norm")] == [
        *("norm.mean", "norm.squares", "norm.mean_of_squares", "norm.variance", "norm.centered"),
        *("norm.inverse", "norm.normalized", "norm.gains", "norm.scaled", "norm"),
    ]
    # 1 and 3 are one deviation from 2; two 5s are none, and the offset is left.
    np.testing.assert_allclose(parts(X), [[[-1.5, 2.0], [0.5, -1.0]]], atol=1e-5)


def test_a_root_mean_square_has_no_mean_taken_off():
    layer = rms_normalization.RMSNormalization(epsilon=1e-9, name="norm")
    parts = _in_parts(_with(layer, [1.0, 10.0]))
    assert "norm.centered" not in {each.name for each in parts.layers}
    root = 5**0.5  # of the mean of 1 and 9
    np.testing.assert_allclose(parts(X), [[[1 / root, 30 / root], [1.0, 10.0]]], rtol=1e-5)


@pytest.mark.parametrize(
    "settings", [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}]
)
def test_it_computes_what_the_layer_does_on_whatever_calls_it_has(settings, randomised):
    norm = layers.LayerNormalization(name="norm", **settings)
    model = randomised(_model(norm, layers.Dense(3, name="dense"), shape=(4, 3)))
    shared = randomised(_model(norm, layers.Dense(3, name="other"), norm, shape=(4, 3)))
    x = np.random.default_rng(0).normal(2, 3, (5, 4, 3)).astype(np.float32)
    for each in (model, shared):
        parts = _in_parts(each)
        assert not any(type(layer) is layers.LayerNormalization for layer in parts.layers)
        np.testing.assert_allclose(parts(x), each(x), atol=1e-5)
        assert _in_parts(parts).layers[-1].name == parts.layers[-1].name  # nothing is left to do


def test_a_mask_goes_on():
    ids = k.tf_keras.Input((3,), dtype="int32", name="ids")
    x = layers.LayerNormalization(name="norm")(layers.Embedding(4, 2, mask_zero=True)(ids))
    model = k.tf_keras.Model(ids, mask_layers.MaskOf(name="mask")(x))
    parts = _in_parts(folding.flatten(model))
    np.testing.assert_array_equal(parts(np.array([[2, 1, 0]])), [[True, True, False]])


def test_another_axis_than_that_of_channels_stays_one_layer_with_the_reason():
    model = _model(layers.LayerNormalization(axis=1, name="norm"))
    assert [layer.name for layer in _in_parts(model).layers] == ["x", "norm"]
    assert "no int8 form" in fake_quantization.float_layers(model, "int8")["norm"]
    usual = _model(layers.LayerNormalization(name="norm"))
    assert fake_quantization.float_layers(usual, "int8") == {}
    assert "norm" in fake_quantization.float_layers(usual)


def test_training_takes_a_variance_that_is_rounded_to_nothing_for_the_smallest_there_is():
    inverse = normalization.InverseRoot(1e-6)
    x = k.tf.Variable([0.0, 4.0, 0.25])
    with k.tf.GradientTape() as tape:
        y = inverse(x, training=True)
    np.testing.assert_allclose(y, [2.0, 0.5, 2.0])
    assert np.isfinite(tape.gradient(y, x)).all()
    assert np.isinf(inverse(x)[0])
    np.testing.assert_allclose(inverse(k.tf.zeros(2), training=True), [1e3, 1e3], rtol=1e-5)


def test_the_parts_are_made_again_from_their_settings():
    parts = _in_parts(_with(layers.LayerNormalization(name="norm"), [2.0, 3.0], [0.5, -1.0]))
    np.testing.assert_array_equal(graph.rebuild(parts)(X), parts(X))
    quantized = k.tf_keras.models.model_from_json(parts.to_json())
    assert [layer.name for layer in quantized.layers] == [layer.name for layer in parts.layers]
    np.testing.assert_array_equal(
        fake_quantization.weights_of(parts, "norm"), [[2.0, 3.0], [0.5, -1.0]]
    )

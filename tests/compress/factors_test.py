"""Kernels as products, and layers as chains that compute the same."""

import numpy as np
import pytest

from tfedge.compress import factors, graph
from tfedge.compress import keras as k
from tfedge.compress.factors import chains, ranks
from tfedge.compress.layers import multiply_adds

layers = k.tf_keras.layers
WAYS = {way.name: way for way in factors.ALL}


def _kernel(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(3, 2, 4, 5), (1, 1, 4, 6), (5, 1, 3, 2), (3, 4, 5), (4, 7)])
def test_full_ranks_lose_nothing(shape):
    kernel = _kernel(*shape)
    for way in factors.ALL:
        if way.fits(shape):
            full = way.full(shape)
            found = way.factors(kernel, full)
            assert tuple(factor.shape for factor in found) == way.shapes(shape, full)
            assert factors.error(kernel, way.product(found)) < 1e-5


def test_a_matrix_of_rank_one_needs_rank_one():
    kernel = np.outer([1.0, 2.0, 3.0], [4.0, 5.0]).astype(np.float32)
    first, last = WAYS["svd"].factors(kernel, (1,))
    np.testing.assert_allclose(first @ last, kernel, rtol=1e-5)
    assert np.linalg.norm(first) == pytest.approx(np.linalg.norm(last), rel=1e-5)


def test_responses_keep_the_directions_that_outputs_take():
    kernel, inputs = _kernel(5, 4), np.array([[1.0, 0, 0, 0, 0], [2.0, 0, 0, 0, 0]])
    outputs = inputs @ kernel
    way = factors.Responses(outputs.T @ outputs / 2)
    first, last = way.factors(kernel, (1,))
    np.testing.assert_allclose(inputs @ first @ last, outputs, atol=1e-5)
    assert factors.error(kernel, way.product(way.factors(kernel, (4,)))) < 1e-5


@pytest.mark.parametrize("way", factors.ALL, ids=lambda way: way.name)
def test_what_is_kept_is_at_least_what_the_spectra_say(way):
    kernel, places = _kernel(3, 3, 4, 6), multiply_adds.Positions(1, 1, 1)
    for option in ranks.options(kernel, places, [way]):
        product = way.product(way.factors(kernel, option.ranks))
        assert factors.error(kernel, product) ** 2 <= 1 - option.kept + 1e-6


@pytest.mark.parametrize("way", factors.ALL, ids=lambda way: way.name)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(7, 8), (8, 9)], ids=str)
@pytest.mark.parametrize(
    ("strides", "dilation"),
    [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 1)), ((1, 1), (2, 3))],
)
def test_a_convolution_of_full_rank_computes_the_same(way, padding, size, strides, dilation):
    image = k.tf_keras.Input((*size, 3))
    convolution = layers.Conv2D(
        *(5, (3, 2), strides, padding), dilation_rate=dilation, activation="relu", name="conv"
    )
    model = k.tf_keras.Model(image, convolution(image))
    _computes_the_same(model, "conv", way)


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((4,), layers.Dense(3, "tanh", name="layer")),
        ((5, 4), layers.Dense(3, use_bias=False, name="layer")),
        ((9, 4), layers.Conv1D(5, 3, padding="causal", dilation_rate=2, name="layer")),
        ((9, 4), layers.Conv1D(5, 3, strides=2, padding="same", name="layer")),
        ((7, 8, 4), layers.Conv2D(5, 1, strides=(2, 3), padding="same", name="layer")),
    ],
)
def test_other_layers_of_full_rank_compute_the_same(shape, layer):
    image = k.tf_keras.Input(shape)
    _computes_the_same(k.tf_keras.Model(image, layer(image)), "layer", WAYS["svd"])


def _computes_the_same(model, name, way):
    layer = model.get_layer(name)
    layer.set_weights([_kernel(*weight.shape) for weight in layer.get_weights()])
    kernel = layer.get_weights()[0]
    found = way.factors(kernel, way.full(kernel.shape))
    names = [f"{name}_{number}" for number in range(len(found) - 1)]
    split = graph.rebuild(model, {name: chains.chain(layer, found, names)})
    assert split.layers[-1].name == name
    x = _kernel(2, *model.input_shape[1:])
    np.testing.assert_allclose(split(x), model(x), atol=1e-4)
    places = multiply_adds.positions(layer)
    option = ranks.option(kernel, places, way, way.full(kernel.shape))
    assert sum(multiply_adds.of(split).values()) == option.multiply_adds

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.channels import kernel_rows

layers = k.tf_keras.layers


def _outputs(layer, x, place=(0.0, 0.0)):
    """(examples, positions, channels) from rows times kernel, and those of the layer."""
    whole = layer(x).numpy()
    rows = kernel_rows.read(layer, k.tf.constant(x), place)
    found = rows @ layer.kernel.numpy().reshape(-1, whole.shape[-1])
    return found.numpy(), whole.reshape(len(x), -1, whole.shape[-1])


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (3, 1), (1, 2)])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 3)])
def test_rows_of_an_image_times_the_kernel_are_the_outputs(padding, strides, dilation, size):
    settings = {"padding": padding, "strides": strides, "dilation_rate": dilation}
    layer = layers.Conv2D(4, size, use_bias=False, **settings)
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(*_outputs(layer, x), atol=1e-5)


@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (1, 3)])
def test_rows_of_a_series_times_the_kernel_are_the_outputs(padding, strides, dilation):
    settings = {"padding": padding, "strides": strides, "dilation_rate": dilation}
    layer = layers.Conv1D(4, 3, use_bias=False, **settings)
    x = np.random.default_rng(0).normal(size=(2, 20, 3)).astype(np.float32)
    np.testing.assert_allclose(*_outputs(layer, x), atol=1e-5)


def test_rows_of_a_dense_layer_are_its_inputs_at_each_step():
    layer = layers.Dense(4, use_bias=False)
    x = np.random.default_rng(0).normal(size=(2, 5, 3, 6)).astype(np.float32)
    np.testing.assert_allclose(*_outputs(layer, x), atol=1e-5)
    np.testing.assert_allclose(*_outputs(layers.Dense(4, use_bias=False), x[:, 0, 0]), atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False), (48, 60, 3)),
        (layers.Conv1D(4, 3, use_bias=False), (500, 3)),
        (layers.Dense(4, use_bias=False), (500, 3)),
    ],
)
def test_of_many_positions_a_grid_is_read_that_begins_where_it_is_asked_to(layer, shape):
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    seen = set()
    for place in ((0.0, 0.0), (0.99, 0.99)):
        found, whole = _outputs(layer, x, place)
        assert 40 <= found.shape[1] <= 64
        near = np.abs(found[:, :, None] - whole[:, None]).max(axis=-1)
        np.testing.assert_allclose(near.min(axis=-1), 0, atol=1e-5)
        seen.add(tuple(near[0].argmin(axis=-1)))
    assert len(seen) == 2


def test_layers_whose_outputs_read_other_inputs_each_are_told():
    x = np.zeros((1, 6, 6, 4), np.float32)
    for layer, reason in (
        (layers.DepthwiseConv2D(3), "do not all read"),
        (layers.Conv2DTranspose(4, 3), "do not all read"),
        (layers.Conv2D(4, 3, groups=2), "in groups"),
        (layers.Conv2D(4, 3), ""),
    ):
        layer.build(x.shape)
        found = kernel_rows.unread(layer)
        assert reason in found and bool(found) == bool(reason)

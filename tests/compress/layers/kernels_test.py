import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.layers import kernels

layers = k.tf_keras.layers


def test_find_names_every_kernel_in_order(network):
    found = kernels.find(network)
    assert [kernel.layer for kernel in found] == ["stem", "depthwise", "pointwise", "classes"]
    assert [kernel.layer_class for kernel in found] == [
        "Conv2D",
        "DepthwiseConv2D",
        "Conv2D",
        "Dense",
    ]
    assert [kernel.is_depthwise for kernel in found] == [False, True, False, False]
    assert found[0].variable is network.get_layer("stem").kernel


def test_a_shared_kernel_is_found_once():
    shared = layers.Dense(4, name="shared")
    left, right = k.tf_keras.Input((4,)), k.tf_keras.Input((4,))
    model = k.tf_keras.Model([left, right], shared(shared(left) + right))
    assert [kernel.layer for kernel in kernels.find(model)] == ["shared"]


def test_numpy_is_a_copy(network):
    kernel = kernels.find(network)[0]
    kernel.numpy()[...] = 9.0
    assert not np.any(kernel.numpy() == 9.0)


@pytest.mark.parametrize(
    ("kind", "shape", "deployed", "channel_axis"),
    [
        ("Conv1D", (3, 2, 5), (5, 1, 3, 2), 0),
        ("Conv1DTranspose", (3, 5, 2), (5, 1, 3, 2), 0),
        ("Conv2D", (3, 4, 2, 5), (5, 3, 4, 2), 0),
        ("Conv2DTranspose", (3, 4, 5, 2), (5, 3, 4, 2), 0),
        ("DepthwiseConv1D", (3, 2, 5), (1, 1, 3, 10), 3),
        ("DepthwiseConv2D", (3, 4, 2, 5), (1, 3, 4, 10), 3),
        ("Dense", (2, 5), (5, 2), 0),
    ],
)
def test_deployed_layout(kind, shape, deployed, channel_axis):
    array = np.arange(np.prod(shape)).reshape(shape)
    laid_out = kernels.deployed(kind, array)
    assert laid_out.shape == deployed
    assert kernels.deployed_channel_axis(kind) == channel_axis
    # What Keras calls one output channel is one slice along the file's channel axis.
    per_channel = array.max(axis=kernels.per_channel(kind, array.ndim)).reshape(-1)
    others = tuple(axis for axis in range(laid_out.ndim) if axis != channel_axis)
    np.testing.assert_array_equal(laid_out.max(axis=others), per_channel)


def test_a_table_lies_as_it_is_with_a_scale_a_row_in_few_bits_and_one_for_all_in_8():
    table = np.array([[1.0, -7.0, 2.0], [0.5, 0.0, 0.25]])
    np.testing.assert_array_equal(kernels.deployed("Embedding", table), table)
    assert kernels.deployed_channel_axis("Embedding") == 0
    assert kernels.per_channel("Embedding", 2, 7) == (1,)
    assert kernels.per_channel("Embedding", 2, 8) == kernels.per_channel("Embedding", 2) == (0, 1)
    assert kernels.axes("Embedding").outputs == (1,)


def test_unknown_weight_matrices_are_named_with_the_reason():
    tokens = k.tf_keras.Input((5,), dtype="int32")
    x = layers.LSTM(2, name="memory")(layers.Embedding(7, 3, name="words")(tokens))
    model = k.tf_keras.Model(tokens, layers.Dense(2, name="out")(x))
    assert kernels.unknown(model) == {
        "memory": "weights of LSTM are not compressed",
    }

"""Which kernels can be scaled against each other, and why others cannot."""

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.graph import scale_pairs
from tfedge.compress.layers import kernels

layers = k.tf_keras.layers


def _model():
    """A chain, a residual, an activation that does not scale, a cap."""
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(image)
    x = layers.ReLU(6.0, name="cap")(layers.DepthwiseConv2D(3, depth_multiplier=2, name="b")(x))
    x = skip = layers.Conv2D(8, 1, name="c")(layers.MaxPooling2D()(x))
    x = layers.Conv2D(8, 1, activation="swish", name="d")(x)
    x = layers.Conv2D(8, 1, name="e")(x)
    x = layers.PReLU(name="prelu")(layers.Conv2D(5, 1, name="f")(layers.Add(name="add")([x, skip])))
    x = layers.Flatten()(layers.Dropout(0.1)(x))
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))


def test_links_and_reasons():
    found, reasons = scale_pairs.find(_model())
    assert [(link.first, link.second, link.between, link.cap) for link in found] == [
        ("a", "b", "a", None),
        ("b", "c", "cap", 6.0),
        ("f", "classes", "f", None),
    ]
    assert reasons == {
        "c": "2 layers read its channels (a branch or a residual)",
        "d": "d: swish does not scale with its input",
        "e": "add, a Add, reads its channels",
        "classes": "classes: softmax does not scale with its input",
    }


def test_factors_lie_where_channels_are_made_and_read():
    known = {kernel.layer: kernel for kernel in kernels.find(_model())}
    pair = np.array([2.0, 3.0])
    dense = k.tf_keras.Sequential([k.tf_keras.Input((4,)), layers.Dense(2, name="dense")])
    after_flatten = kernels.find(dense)[0]
    np.testing.assert_array_equal(scale_pairs.incoming(after_flatten, pair).ravel(), [2, 3, 2, 3])
    assert scale_pairs.outgoing(after_flatten, pair).shape == (1, 2)
    assert scale_pairs.outgoing(known["b"], np.arange(8)).shape == (1, 1, 4, 2)
    assert scale_pairs.incoming(known["b"], np.arange(4)).shape == (1, 1, 4, 1)
    kernel = np.array([[1, -5], [2, 0], [-3, 1], [0, 4]], np.float32)
    np.testing.assert_array_equal(scale_pairs.made(after_flatten, kernel), [3, 5])
    np.testing.assert_array_equal(scale_pairs.read(after_flatten, kernel, 2), [5, 4])


def test_a_layer_used_twice_makes_no_link():
    image, shared = k.tf_keras.Input((4,)), layers.Dense(4, name="shared")
    x = shared(layers.Dense(4, name="first")(image))
    model = k.tf_keras.Model(image, layers.Dense(2, name="last")(shared(x)))
    found, reasons = scale_pairs.find(model)
    assert found == ()
    assert reasons["first"] == "shared, which reads its channels, is used more than once"
    assert reasons["shared"] == "shared is used more than once"


def test_a_kernel_whose_result_is_also_an_output_is_not_scaled():
    image = k.tf_keras.Input((4,))
    x = layers.Dense(4, activation="relu", name="first")(image)
    model = k.tf_keras.Model(image, [x, layers.Dense(2, name="last")(x)])
    found, reasons = scale_pairs.find(model)
    assert found == ()
    assert reasons["first"] == "its channels are an output of the model"

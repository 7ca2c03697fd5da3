"""A network of the kernel kinds that matter, data for it, and its file on every route."""

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.export import options, routes


@pytest.fixture(scope="session")
def model():
    """6x6x1 bytes / 255 -> 3 classes; BatchNormalization with statistics that matter."""
    layers = k.tf_keras.layers
    k.tf_keras.utils.set_random_seed(1)
    image = layers.Input((6, 6, 1), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(image)
    x = layers.ReLU()(layers.BatchNormalization(name="stem_bn")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="depthwise_bn")(x))
    x = layers.Conv2D(16, 1, activation="relu", name="pointwise")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(3, name="head")(x)
    model = k.tf_keras.Model(image, layers.Softmax(name="probabilities")(x), name="tiny")
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = (np.ones_like(w) for w in layer.get_weights())
            gamma = gamma * rng.uniform(0.5, 2, len(gamma)) * rng.choice([-1, 1], len(gamma))
            beta = beta * rng.normal(0.3, 0.3, len(beta))
            layer.set_weights([gamma, beta, mean * 0.1, variance * 0.5])
    return model


@pytest.fixture(scope="session")
def task():
    """120 byte images; calibration has all of them."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 256, (120, 6, 6, 1), dtype=np.uint8)
    x[0, 0, 0], x[0, 0, 1] = 0, 255
    split = ArraySplit(x, rng.integers(0, 3, 120))
    return Task(
        "bytes", "classification", split, split, split, labels=("ant", "bee", "cat"),
        normalization=Normalization(1 / 255),
    )  # fmt: skip


@pytest.fixture(scope="session")
def converted(model, task):
    """route -> the converter's file, inputs and kernels named, nothing else done to it."""
    from tfedge.export import from_model
    from tfedge.export.edits import lineage
    from tfedge.export.tree import flatbuffer

    found = {}
    for route in routes.names():
        tree = from_model.convert(model, None, options.Export(route), task)
        lineage.name_kernels(tree, lineage.keras_kernels(model))
        found[route] = flatbuffer.pack(tree)
    return found

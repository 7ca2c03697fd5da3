"""A tiny network, probed once."""

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task
from tfedge.probing import sensitivity

layers = k.tf_keras.layers


def _split(n, seed):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, n)
    x = generator.normal(size=(n, 6, 6, 1)) + 1.5 * y.reshape(-1, 1, 1, 1)
    return ArraySplit(x.astype(np.float32), y)


@pytest.fixture(scope="session")
def task():
    train, validation = _split(32, 0), _split(40, 1)
    return Task("made_up", "classification", train, train, validation, batch_size=16)


@pytest.fixture(scope="session")
def network():
    """A convolution with batch normalization, one by itself, a dense layer."""
    k.tf_keras.utils.set_random_seed(3)
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(16, 3, use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.Conv2D(16, 1, name="pointwise")(x)
    x = layers.Flatten(name="flatten")(x)
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x), name="tiny")


@pytest.fixture(scope="session")
def table(network, task):
    techniques = ("prune", "cluster", "slim")
    return sensitivity.sensitivity(network, task, techniques, values=2, examples=20)

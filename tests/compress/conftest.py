"""Tiny networks and tasks for the compression core."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers


def _split(n: int, shape: tuple[int, ...], seed: int) -> ArraySplit:
    """Examples of 3 classes whose mean is their class: easy to learn."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, n)
    x = generator.normal(size=(n, *shape)) + 1.5 * y.reshape(-1, *[1] * len(shape))
    return ArraySplit(x.astype(np.float32), y)


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """A task of made-up data, 4 steps an epoch; keywords are fields of Task."""

    def make(shape: tuple[int, ...] = (6, 6, 1), n: int = 64, **fields: Any) -> Task:
        train, validation = _split(n, shape, 0), _split(32, shape, 1)
        given = {
            **{"kind": "classification", "train": train, "calibration": validation},
            **{"validation": validation, "batch_size": 16},
            **fields,
        }
        return Task("made_up", **given)

    return make


@pytest.fixture
def task(make_task: Callable[..., Task]) -> Task:
    """The task for `network`."""
    return make_task()


@pytest.fixture
def network() -> Any:
    """One of every kernel: conv-BN-ReLU, depthwise-BN-ReLU6, 1x1 conv, dense softmax."""
    k.tf_keras.utils.set_random_seed(3)
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(4, 3, use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(momentum=0.7, name="stem_bn")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.BatchNormalization(momentum=0.7, name="depthwise_bn")(x)
    x = layers.ReLU(6.0, name="depthwise_relu")(x)
    x = layers.Conv2D(8, 1, name="pointwise")(x)
    x = layers.Flatten(name="flatten")(x)
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x), name="tiny")


@pytest.fixture
def randomised() -> Callable[[Any], Any]:
    """Gives a model random weights, BatchNormalization statistics too; variances positive."""

    def randomise(model: Any) -> Any:
        generator = np.random.default_rng(7)
        for variable in model.variables:
            values = generator.normal(size=variable.shape)
            if variable.dtype.is_floating:
                positive = "variance" in variable.name
                variable.assign(np.abs(values) + 0.5 if positive else 0.5 * values)
        return model

    return randomise

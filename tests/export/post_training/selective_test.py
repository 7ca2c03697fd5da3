"""A network that int8 breaks: three channels a thousand times larger than the others."""

import numpy as np
import pytest

from tfedge import export
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.export.post_training.loss import Judge

layers = k.tf_keras.layers


@pytest.fixture(scope="module")
def collapsed():
    """(model, task); scaling channels up and what reads them down changes no float output."""
    k.tf_keras.utils.set_random_seed(0)
    image = layers.Input((6, 6, 2), name="image")
    x = layers.Conv2D(12, 3, activation="relu", name="first")(image)
    x = layers.Conv2D(12, 1, activation="relu", name="second")(x)
    x = layers.Conv2D(12, 3, activation="relu", name="third")(x)
    outputs = layers.Dense(4, name="classes")(layers.Flatten(name="flat")(x))
    model = k.tf_keras.Model(image, outputs)
    rng = np.random.default_rng(0)
    given = rng.normal(size=(400, 6, 6, 2)).astype(np.float32)
    loud, quiet = model.get_layer("first"), model.get_layer("second")
    (kernel, bias), (reading, rest) = loud.get_weights(), quiet.get_weights()
    loud.set_weights([kernel * ([1000] * 3 + [1] * 9), bias])
    quiet.set_weights([reading / np.array([1000] * 3 + [1] * 9)[:, None], rest])
    head = model.get_layer("classes")
    centred = model(given).numpy().mean(axis=0)
    head.set_weights([head.get_weights()[0], -centred])
    labels = model(given).numpy().argmax(axis=-1)
    part = [ArraySplit(given[i : i + 200], labels[i : i + 200]) for i in (0, 200)]
    return model, Task("loud", "classification", part[0], part[0], part[1])


def test_it_is_brought_back_within_a_point(collapsed):
    model, task = collapsed
    judge = Judge(export.to_tflite(model), task)
    broken = judge.loss(export.to_tflite(model, "int8", task))
    assert broken.points > 0.1
    data = export.to_tflite(model, 'int8(precision="auto")', task)
    assert judge.loss(data).points <= 0.01
    types = {each.tensor.name: each.tensor.dtype for each in tflite.read(data).kernels()}
    assert "INT8" in types.values()


def test_what_int8_does_not_break_stays_int8(collapsed):
    model, task = collapsed
    data = export.to_tflite(model, 'int8(precision="auto", tolerance=0.9)', task)
    assert {each.tensor.dtype for each in tflite.read(data).kernels()} == {"INT8"}


def test_four_bits_give_way_to_eight_where_they_must(model, task):
    data = export.to_tflite(model, 'int4(precision="auto", tolerance=0.3)', task)
    assert {each.tensor.dtype for each in tflite.read(data).kernels()} == {"INT4", "INT8"}


def test_four_bits_nowhere_are_refused(collapsed):
    model, task = collapsed
    with pytest.raises(BadInput, match="no kernel can have 4 bits within a tolerance"):
        export.to_tflite(model, 'int4(precision="auto", tolerance=0.001)', task)


def test_it_needs_a_task(collapsed):
    with pytest.raises(BadInput, match="no data"):
        export.to_tflite(collapsed[0], 'int8(precision="auto")')

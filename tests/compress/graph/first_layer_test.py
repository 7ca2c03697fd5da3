import numpy as np
import pytest

import tfedge
from tfedge.compress import keras
from tfedge.compress.graph import first_layer, model_ends
from tfedge.data import task as data_task
from tfedge.making import data_match

KERAS_3 = keras.keras3()
LIBRARIES = pytest.mark.parametrize("library", [KERAS_3, keras.tf_keras], ids=["3", "2"])


def _model(library, first, shape=(8, 8, 3)):
    layers = library.layers
    image = layers.Input(shape, name="image")
    x = layers.Flatten()(first(image))
    return library.Model(image, layers.Dense(2, activation="softmax")(x))


def _task(scale=1.0):
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype(np.uint8)
    split = data_task.ArraySplit(images, np.arange(64) % 2)
    normalization = data_task.Normalization(scale=scale)
    return data_task.Task(
        "t", "classification", split, split, split, split, normalization=normalization
    )


@LIBRARIES
def test_a_rescaling_was_made_for_bytes(library):
    model = _model(library, library.layers.Rescaling(1 / 127.5, offset=-1.0))
    assert first_layer.trained_range(model) == (0.0, 255.0)
    data_match.check(model, _task())
    with pytest.raises(tfedge.BadInput, match="trained on values from 0 to 255"):
        data_match.check(model, _task(1 / 255))
    data_match.check(model, _task(1 / 10))  # dark images, or masks of few values


@LIBRARIES
def test_a_batch_normalization_holds_the_moments_of_its_input(library):
    norm = library.layers.BatchNormalization()
    model = _model(library, norm)
    data_match.check(model, _task())  # untrained: nothing is known
    norm.set_weights([np.ones(3), np.zeros(3), np.full(3, 127.0), np.full(3, 74.0**2)])
    ((name, means, variances),) = first_layer.moments(model)
    assert name == "image" and means.tolist() == [127] * 3 and variances.tolist() == [5476] * 3
    data_match.check(model, _task())
    with pytest.raises(tfedge.BadInput, match="trained on values around 127"):
        data_match.check(model, _task(1 / 255))


@LIBRARIES
def test_a_normalization_that_was_adapted(library):
    norm = library.layers.Normalization(mean=[127.0] * 3, variance=[74.0**2] * 3)
    model = _model(library, norm)
    assert len(list(first_layer.moments(model))) == 1
    with pytest.raises(tfedge.BadInput, match="standard deviation"):
        data_match.check(model, _task(1 / 255))


@LIBRARIES
def test_a_later_layer_says_nothing_of_the_input(library):
    layers = library.layers
    image = layers.Input((8, 8, 3), name="image")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(image))
    model = library.Model(image, layers.Rescaling(1 / 255)(x))
    assert first_layer.trained_range(model) is None and not list(first_layer.moments(model))


@LIBRARIES
def test_inputs_go_by_their_names(library):
    model = _model(library, library.layers.Conv2D(2, 3))
    assert model_ends.input_names(model) == ["image"]
    data_match.check(model, _task())
    with pytest.raises(tfedge.BadInput, match="expects"):
        data_match.check(_model(library, library.layers.Conv2D(2, 3), (9, 8, 3)), _task())

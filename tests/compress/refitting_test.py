import dataclasses

import numpy as np
import pytest

from tfedge.compress import channels
from tfedge.compress import keras as k
from tfedge.compress.channels import refitting, surgery
from tfedge.data.task import ArraySplit

layers = k.tf_keras.layers


def _cut(model, source, gone):
    """(the model without these outputs of a layer, what was cut)."""
    found = channels.analyse(model)
    alive = np.ones(found.count, bool)
    alive[found.sources[source][list(gone)]] = False
    return surgery.cut(model, found, alive)


def _refit(model, task, source, gone, held=()):
    smaller, cuts = _cut(model, source, gone)
    return refitting.refit(model, smaller, cuts, task, held), smaller


def _weights(model, **values):
    """Write into the first weights of layers, along their last axis: name -> function of them."""
    for name, change in values.items():
        layer = model.get_layer(name)
        layer.set_weights([change(weight) for weight in layer.get_weights()])


def _copied(weight):
    """The second half of the channels is the first."""
    half = weight.shape[-1] // 2
    return np.concatenate([weight[..., :half]] * 2, axis=-1)


@pytest.fixture
def image_task(make_task):
    return make_task((6, 6, 1))


def _assert_same(one, other, task, atol=2e-4):
    x = task.train.x
    np.testing.assert_allclose(one(x), other(x), atol=atol)


def test_copies_of_channels_go_at_no_loss(image_task):
    k.tf_keras.utils.set_random_seed(0)
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.Conv2D(8, 3, activation="relu", name="copied")(image)
    x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="reader")(x)
    model = k.tf_keras.Model(image, layers.Dense(3, name="out")(layers.Flatten()(x)))
    _weights(model, copied=_copied)
    found, smaller = _refit(model, image_task, "copied", range(4, 8))
    assert found.model.get_layer("reader").kernel.shape[2] == 4
    _assert_same(found.model, model, image_task)
    assert np.abs(smaller(image_task.train.x) - model(image_task.train.x)).max() > 0.1
    before, after = found.shares["reader"]
    assert before > 0.05 and after < 1e-6
    assert found.shares.keys() | found.left.keys() == {"reader", "out"}


def test_what_the_others_tell_of_a_channel_in_sum_is_taken_from_them(make_task):
    """A linear network of 4 inputs needs 4 of its 8 channels, whichever."""
    k.tf_keras.utils.set_random_seed(0)
    table = k.tf_keras.Input((4,))
    x = layers.Dense(8, name="mixed")(table)
    model = k.tf_keras.Model(table, layers.Dense(3, name="out")(x))
    task = make_task((4,))
    found, _ = _refit(model, task, "mixed", (0, 2, 3, 7))
    _assert_same(found.model, model, task)


def test_steps_of_a_sequence_count_as_rows(make_task):
    k.tf_keras.utils.set_random_seed(0)
    steps = k.tf_keras.Input((10, 2))
    x = layers.Conv1D(8, 3, padding="causal", activation="relu", name="copied")(steps)
    x = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="reader")(x)
    model = k.tf_keras.Model(steps, layers.Dense(3, name="out")(x))
    _weights(model, copied=_copied)
    task = make_task((10, 2))
    found, _ = _refit(model, task, "copied", range(4, 8))
    _assert_same(found.model, model, task)


def test_what_normalization_follows_without_a_bias_is_shifted_by_its_means(image_task):
    """A channel that is always 1 was a bias of the kernel that read it."""
    k.tf_keras.utils.set_random_seed(0)
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.Conv2D(4, 3, name="made")(image)
    x = layers.Conv2D(4, 1, use_bias=False, name="reader")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    model = k.tf_keras.Model(image, layers.GlobalAveragePooling2D()(x))
    _weights(model, made=lambda w: w * [1, 1, 1, 0] + (w.ndim == 1) * np.array([0, 0, 0, 1.0]))
    found, smaller = _refit(model, image_task, "made", [3])
    _assert_same(found.model, model, image_task)
    weights, as_cut = found.model.get_layer("reader"), smaller.get_layer("reader")
    np.testing.assert_allclose(weights.kernel, as_cut.kernel, atol=1e-3)
    moved = found.model.get_layer("norm").moving_mean - smaller.get_layer("norm").moving_mean
    np.testing.assert_allclose(moved, -model.get_layer("reader").kernel[0, 0, 3], atol=1e-3)


def test_each_layer_mends_what_those_before_it_could_not(make_task):
    """The first reader is held; the next one sees its wrong outputs, and makes them right."""
    k.tf_keras.utils.set_random_seed(0)
    table = k.tf_keras.Input((4,))
    x = layers.Dense(6, name="reader")(layers.Dense(5, name="mixed")(table))
    model = k.tf_keras.Model(table, layers.Dense(3, name="out")(x))
    task = make_task((4,))
    found, smaller = _refit(model, task, "mixed", [0], held={"reader"})
    kept, as_cut = found.model.get_layer("reader"), smaller.get_layer("reader")
    np.testing.assert_array_equal(kept.kernel, as_cut.kernel)
    assert np.abs(kept.bias - as_cut.bias).max() > 0.05
    _assert_same(found.model, model, task)


def test_a_head_of_fewer_channels_aims_at_what_is_left_of_its_own(make_task):
    """Cut where it reads and where it makes: outputs 0 and 2 of the whole."""
    k.tf_keras.utils.set_random_seed(0)
    table = k.tf_keras.Input((3,))
    x = layers.Dense(4, activation="relu", name="both")(layers.Dense(6, name="mixed")(table))
    model = k.tf_keras.Model(table, layers.Dense(2, name="out")(x))
    _weights(model, both=_copied)
    found = channels.analyse(model)
    alive = np.ones(found.count, bool)
    alive[found.sources["mixed"][[1, 2, 4]]] = alive[found.sources["both"][[1, 3]]] = False
    smaller, cuts = surgery.cut(model, found, alive)
    task = make_task((3,))
    refitted = refitting.refit(model, smaller, cuts, task)
    parts = [
        k.tf_keras.Model(m.inputs, m.get_layer("both").output) for m in (model, refitted.model)
    ]
    whole, left = (part(task.train.x).numpy() for part in parts)
    np.testing.assert_allclose(left, whole[:, [0, 2]], atol=5e-3)


def test_a_layer_in_front_of_the_cut_and_the_given_model_stay(make_task):
    k.tf_keras.utils.set_random_seed(0)
    table = k.tf_keras.Input((4,))
    x = layers.Dense(8, activation="relu", name="second")(layers.Dense(8, name="first")(table))
    model = k.tf_keras.Model(table, layers.Dense(3, name="out")(x))
    smaller, cuts = _cut(model, "second", range(4))
    given = smaller.get_weights()
    found = refitting.refit(model, smaller, cuts, make_task((4,)))
    assert found.shares.keys() == {"out"} and not found.left
    for one, other in zip(given, smaller.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        found.model.get_layer("second").kernel, smaller.get_layer("second").kernel
    )


def test_what_stays_as_it_was_cut_is_told_with_the_reason(image_task, monkeypatch):
    k.tf_keras.utils.set_random_seed(0)
    image = k.tf_keras.Input((6, 6, 1))
    x = layers.Conv2D(8, 3, padding="same", name="made")(image)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Conv2D(4, 1, name="wide")(x)
    twice = layers.Dense(4, name="twice")
    x = layers.Flatten()(twice(twice(x)))
    model = k.tf_keras.Model(image, layers.Dense(3, name="out")(x))
    monkeypatch.setattr(refitting, "_WIDEST", 6)
    smaller, cuts = _cut(model, "made", [0])
    found = refitting.refit(model, smaller, cuts, image_task)
    assert not found.shares and found.left == {
        "depthwise": "its outputs do not all read a row of the same inputs",
        "wide": "an output reads 7 values, more than 6",
        "twice": "it is used several times",
        "out": "an output reads 144 values, more than 6",
    }
    split = ArraySplit(image_task.calibration.x[:31], image_task.calibration.y[:31])
    few = dataclasses.replace(image_task, calibration=split)
    reasons = set(refitting.refit(model, smaller, cuts, few).left.values())
    assert reasons == {"fewer than 32 calibration examples"}


def test_a_fit_that_does_harm_elsewhere_is_not_made(make_task):
    """Examples that are kept back, every fourth, go the other way: nothing to learn holds there."""
    table = k.tf_keras.Input((2,))
    x = layers.Dense(2, use_bias=False, name="same")(table)
    model = k.tf_keras.Model(table, layers.Dense(1, use_bias=False, name="sum")(x))
    _weights(model, same=lambda w: np.eye(2), sum=lambda w: np.ones((2, 1)))
    x = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    x[:, 1] = x[:, 0] * np.where(np.arange(64) % 4 == 3, -1, 1)
    split = ArraySplit(x, np.zeros(64, int))
    task = dataclasses.replace(make_task((2,)), calibration=split)
    found, smaller = _refit(model, task, "same", [1])
    assert found.left == {"sum": "a fit does harm on examples that it has not seen"}
    np.testing.assert_array_equal(smaller.get_layer("sum").kernel, [[1]])
    np.testing.assert_array_equal(found.model.get_layer("sum").kernel, [[1]])

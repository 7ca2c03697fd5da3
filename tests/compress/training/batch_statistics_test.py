import keras as keras3
import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.training import batch_statistics, finetune

BATCHES = [np.array([[0.0], [4.0]], np.float32), np.array([[10.0], [10.0]], np.float32)]


def _normalizing(keras, **fields):
    """A BatchNormalization of one number."""
    image = keras.Input((1,))
    layer = keras.layers.BatchNormalization(**fields)
    return keras.Model(image, layer(image)), layer


@pytest.mark.parametrize("keras", [k.tf_keras, keras3])
def test_averages_that_lag_become_those_of_all_batches_together(keras):
    model, layer = _normalizing(keras)
    assert batch_statistics.Settler(model).settle(BATCHES)
    # Means 2 and 10, variances 4 and 0: within 2, between 16.
    assert np.array(layer.moving_mean) == pytest.approx([6], abs=1e-4)
    assert np.array(layer.moving_variance) == pytest.approx([18], rel=1e-4)


def test_averages_that_have_converged_stay_as_they_are():
    model, layer = _normalizing(k.tf_keras)
    layer.moving_mean.assign([6.1])
    layer.moving_variance.assign([18.5])
    assert not batch_statistics.Settler(model).settle(BATCHES)
    assert layer.moving_mean.numpy().tolist() == [np.float32(6.1)]
    assert layer.moving_variance.numpy().tolist() == [18.5]


def test_a_variance_alone_may_lag():
    model, layer = _normalizing(k.tf_keras)
    layer.moving_mean.assign([6.0])
    layer.moving_variance.assign([14.0])
    assert batch_statistics.Settler(model).settle(BATCHES)


def test_frozen_averages_are_left_alone():
    assert not batch_statistics.Settler(_normalizing(k.tf_keras, trainable=False)[0])
    assert not batch_statistics.Settler(_normalizing(k.tf_keras, momentum=1.0)[0])


def test_full_batches_of_about_two_thousand_examples_are_looked_at():
    assert len(batch_statistics.some(np.arange(5000), 100)) == 2000
    assert len(batch_statistics.some(np.arange(5000), 4000)) == 4000
    assert len(batch_statistics.some(np.arange(60), 20)) == 60


def test_a_short_training_ends_with_averages_of_its_own_data(make_task):
    task = make_task((2,))
    image = k.tf_keras.Input((2,))
    x = k.tf_keras.layers.BatchNormalization(name="norm")(image)
    model = k.tf_keras.Model(image, k.tf_keras.layers.Dense(3, "softmax")(x))
    tuned, _ = finetune.finetune(Candidate(model), task, finetune.Plan(1, 1e-3), "0-test")
    mean, variance = tuned.model.get_layer("norm").get_weights()[2:]
    assert mean == pytest.approx(task.train.x.mean(axis=0), abs=1e-4)
    assert variance == pytest.approx(task.train.x.var(axis=0), rel=1e-4)

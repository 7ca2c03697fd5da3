"""What differs from fine-tuning: smoothed targets, a cosine to zero, decay of kernels alone."""

import dataclasses

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.training import batches, from_scratch, optimizers

layers = k.tf_keras.layers
SCHEDULE = from_scratch.Schedule(epochs=2, learning_rate=0.5, weight_decay=0.1)


def _smoothed(task, share, targets):
    feed = from_scratch.Smoothed(None, task, share=share)
    made = feed._smoothed(batches.Batch(None, k.tf.constant(targets)))
    return np.asarray(made.targets)


def test_a_share_of_each_target_is_spread_over_all_classes(make_task):
    task = make_task()
    assert task.num_classes == 3
    found = _smoothed(task, 0.3, np.array([2, 0]))
    np.testing.assert_allclose(found, [[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], rtol=1e-6)
    mixed = np.array([[0.5, 0.5, 0.0]], np.float32)  # shares already
    np.testing.assert_allclose(_smoothed(task, 0.3, mixed), [[0.45, 0.45, 0.1]], rtol=1e-6)


def test_without_smoothing_targets_stay_class_numbers(make_task):
    inputs = k.tf_keras.Input((6, 6, 1))
    model = k.tf_keras.Model(inputs, layers.Flatten()(inputs))
    for share, rank in ((0.0, 1), (0.2, 2)):
        feed = from_scratch.Smoothed(model, make_task(), share=share)
        assert {batch.targets.shape.rank for batch in feed.epoch(0)} == {rank}


def test_the_later_of_equal_epochs_is_the_one_kept():
    values = (0.5, 0.9, 0.9, 0.1)
    history = [{"epoch": n + 1, "validation_accuracy": v} for n, v in enumerate(values)]
    assert from_scratch._best(history) == 3


def test_kernels_decay_and_nothing_else_under_a_cosine_to_zero():
    made = from_scratch._optimizer(SCHEDULE, 8)
    rates = made.get_config()["learning_rate"]["config"]
    assert (rates["initial_learning_rate"], rates["decay_steps"], rates["alpha"]) == (0.5, 8, 0.0)
    layer = layers.Dense(1)
    layer.build((None, 2))
    layer.set_weights([np.ones((2, 1)), np.ones(1)])
    zeros = [k.tf.zeros_like(weight) for weight in layer.weights]
    made.apply_gradients(zip(zeros, layer.weights, strict=True))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(kernel, 1 - 0.5 * 0.1, rtol=1e-6)
    assert bias.tolist() == [1.0]


def test_a_network_is_trained_for_the_epochs_asked_for(make_task):
    import keras

    inputs = keras.Input((6, 6, 1))
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(inputs))
    network = keras.Model(inputs, outputs)
    schedule = dataclasses.replace(SCHEDULE, learning_rate=0.02, batch_size=500)  # of 64 examples
    before = [np.array(each) for each in network.get_weights()]
    trained, epoch = from_scratch.train(network, make_task(), schedule)
    assert epoch in (1, 2) and isinstance(trained, keras.Model)
    assert all(np.array_equal(*pair) for pair in zip(before, network.get_weights(), strict=True))
    assert not np.array_equal(before[0], trained.get_weights()[0])


def test_the_tasks_own_optimizer_goes_first_else_adam_under_a_cosine(make_task):
    task = make_task()
    made = optimizers.of(task, 0.25, 40).get_config()
    rates = made["learning_rate"]["config"]
    assert made["name"] == "Adam"
    assert (rates["initial_learning_rate"], rates["decay_steps"], rates["alpha"]) == (
        0.25,
        40,
        0.01,
    )
    rates = optimizers.of(task, 0.25, 0).get_config()["learning_rate"]["config"]
    assert rates["decay_steps"] == 1  # no step at all
    own = object()
    assert optimizers.of(make_task(optimizer=lambda: own), 0.25, 40) is own

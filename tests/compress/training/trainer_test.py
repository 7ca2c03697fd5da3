"""What comes next to training is an addition of a part: shown by adding some here."""

import contextlib
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfedge import cache
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.training import finetune, step, trainer, training_state

PLAN = finetune.Plan(epochs=3, learning_rate=1e-2)
MASK = (np.arange(32).reshape(1, 1, 4, 8) % 3 > 0).astype(np.float32)
HELD = (holds.Zeros("pointwise", "Conv2D", MASK),)


def _run(parts, candidate):
    history = trainer.run(parts, PLAN.epochs, PLAN.patience, "0-test")
    return finetune.tuned(candidate, parts), history


def _weights(candidate):
    return candidate.model.get_weights()


class Averaged:
    """An exponential moving average of the weights, which is what is judged and kept.

    Of a held kernel the latent is averaged: the average of projected kernels keeps no promise.
    """

    def __init__(self, parts, momentum):
        self._parts, self._momentum = parts, momentum
        self._trained = [*parts.model.weights, *parts.projection.latents]
        self.averages = [tf.Variable(each) for each in self._trained]

    def step(self, batch):
        loss = self._parts.step(batch)
        for average, weight in zip(self.averages, self._trained, strict=True):
            average.assign(self._momentum * average + (1 - self._momentum) * weight)
        return loss

    def judge(self, steps):
        own = [each.numpy() for each in self._trained]
        self._set(self.averages)
        self._parts.projection.project()
        value = self._parts.judge(steps)
        self._set(own)
        return value

    def _set(self, values):
        for weight, value in zip(self._trained, values, strict=True):
            weight.assign(value)


def _averaged(candidate, task, momentum):
    parts = finetune.assemble(candidate, task, PLAN)
    added = Averaged(parts, momentum)
    variables = (*parts.variables, *added.averages)
    return dataclasses.replace(parts, step=added.step, judge=added.judge, variables=variables)


def test_weights_can_be_averaged(network, task):
    candidate = Candidate(network, HELD)
    plain, _ = finetune.finetune(candidate, task, PLAN, "0-test")
    same, _ = _run(_averaged(candidate, task, momentum=0.0), candidate)
    for one, other in zip(_weights(same), _weights(plain), strict=True):
        np.testing.assert_array_equal(one, other)
    slow, _ = _run(_averaged(candidate, task, momentum=1.0), candidate)
    start, _ = finetune.finetune(candidate, task, finetune.Plan(0, 0.1), "0-test")
    for one, other in zip(_weights(slow), _weights(start), strict=True):
        np.testing.assert_array_equal(one, other)
    between, _ = _run(_averaged(candidate, task, momentum=0.9), candidate)
    assert holds.broken(between.model, HELD) == ()
    assert np.any(_weights(between)[0] != _weights(plain)[0])


def test_averages_go_on_after_a_kill(network, task, tmp_path, monkeypatch, caplog):
    candidate = Candidate(network, HELD)
    whole, history = _run(_averaged(candidate, task, 0.9), candidate)
    save = training_state.save

    def killed(label, state):
        save(label, state)
        raise KeyboardInterrupt

    with training_state.resumable(cache.open_at(tmp_path), "0" * 16):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(training_state, "save", killed)
            _run(_averaged(candidate, task, 0.9), candidate)
        with caplog.at_level("INFO", logger="absl"):
            resumed, again = _run(_averaged(candidate, task, 0.9), candidate)
    assert "test: goes on after epoch 1 of an earlier run" in caplog.text
    assert again == history
    for one, other in zip(_weights(resumed), _weights(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def _clipped(most, noise=0.0):
    """Gradients of single examples, none longer than `most`, with noise: DP-SGD.

    Abadi et al. 2016, arXiv:1607.00133.
    """

    def gradients(objective, batch, variables):
        size = batch.targets.shape[0]
        losses, total = [], [tf.zeros_like(variable) for variable in variables]
        for number in range(size):
            one = tf.nest.map_structure(lambda t, n=number: t[n : n + 1], batch)
            loss, found = step.of_batch(objective, one, variables)
            found, _ = tf.clip_by_global_norm(found, most)
            total = [a + b for a, b in zip(total, found, strict=True)]
            losses.append(loss)
        drawn = [each + noise * most * tf.random.normal(each.shape) for each in total]
        return tf.add_n(losses) / size, [each / size for each in drawn]

    return gradients


def _private(candidate, task, gradients):
    parts = finetune.assemble(candidate, task, PLAN)
    private = dataclasses.replace(parts.step, gradients=gradients)
    return dataclasses.replace(parts, step=private)


@pytest.fixture
def dense():
    """No BatchNormalization: a batch is as good as its examples one by one."""
    k.tf_keras.utils.set_random_seed(1)
    image = k.tf_keras.Input((6, 6, 1))
    x = k.tf_keras.layers.Flatten()(image)
    return Candidate(k.tf_keras.Model(image, k.tf_keras.layers.Dense(3, "softmax", name="d")(x)))


def test_gradients_can_be_those_of_single_examples_clipped_and_noisy(dense, make_task):
    task = make_task(optimizer=lambda: k.tf_keras.optimizers.SGD(0.1))
    plain, history = finetune.finetune(dense, task, PLAN, "0-test")
    unbounded, same = _run(_private(dense, task, _clipped(1e6)), dense)
    np.testing.assert_allclose(_weights(unbounded)[0], _weights(plain)[0], atol=1e-5)
    assert same[-1]["loss"] == pytest.approx(history[-1]["loss"], rel=1e-4)
    clipped, _ = _run(_private(dense, task, _clipped(1e-3)), dense)
    moved = [new - old for new, old in zip(_weights(clipped), _weights(dense), strict=True)]
    length = np.sqrt(sum(np.sum(each**2) for each in moved))
    assert 0 < length <= 12 * 0.1 * 1e-3 * 1.001  # twelve steps
    noisy, _ = _run(_private(dense, task, _clipped(1e-3, noise=100.0)), dense)
    assert np.abs(_weights(noisy)[0] - _weights(clipped)[0]).max() > 1e-3


def _doubled(objective, batch, variables):
    loss, found = step.of_batch(objective, batch, variables)
    return loss, [2 * each for each in found]


def test_a_held_kernel_is_projected_however_gradients_are_made(network, task):
    candidate = Candidate(network, HELD)
    tuned, _ = _run(_private(candidate, task, _doubled), candidate)
    assert holds.broken(tuned.model, HELD) == ()
    before, after = (each.get_layer("pointwise").kernel for each in (network, tuned.model))
    assert np.any(before.numpy() != after.numpy())


def test_the_learning_rate_can_fall_otherwise(dense, make_task):
    """No rate after the first epoch of four steps: nothing moves any more."""
    rates = k.tf_keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.1, 0.0])
    task = make_task(optimizer=lambda: k.tf_keras.optimizers.SGD(rates))
    _, history = finetune.finetune(dense, task, PLAN, "0-test")
    first, *rest = [each["validation_accuracy"] for each in history]
    losses = [each["loss"] for each in history]
    assert losses[1] == pytest.approx(losses[2], rel=1e-5) and losses[0] > losses[1]
    assert rest == [first, first]


@pytest.mark.parametrize("has_averages", [True, False])
def test_the_end_of_an_epoch_counts_as_the_steps_that_take_as_long(
    has_averages, network, dense, task, monkeypatch
):
    told = []

    @contextlib.contextmanager
    def bar(label, total):
        told.append(total)
        yield told.append

    monkeypatch.setattr(trainer.progress, "bar", bar)
    candidate = Candidate(network) if has_averages else dense
    finetune.finetune(candidate, task, finetune.Plan(2, 1e-2), "0-test")
    examples = len(task.validation) + len(task.train) * has_averages
    an_epoch = [1] * (len(task.train) // task.batch_size)
    an_epoch.append(round(examples / 3 / task.batch_size))
    assert told == [2 * sum(an_epoch), 0, *an_epoch, *an_epoch]


def test_who_waits_sees_each_epoch(network, task, monkeypatch):
    seen = []
    monkeypatch.setattr(trainer.progress, "note", seen.append)
    _, history = finetune.finetune(Candidate(network), task, PLAN, "0-test")
    assert len(seen) == len(history)
    last = history[-1]
    value, loss = f"{last['validation_accuracy']:.4g}", f"{last['loss']:.4g}"
    epochs = len(history)
    assert seen[-1] == f"epoch {epochs} of {epochs}: validation accuracy {value}, loss {loss}"

import dataclasses
import importlib.util
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from tfedge import cache, errors
from tfedge.compress import graph, holds, recipe
from tfedge.compress import keras as k
from tfedge.compress.bridge import op_layer
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.training import finetune, training_state
from tfedge.data import metrics
from tfedge.data.task import ArraySplit

layers = k.tf_keras.layers
PLAN = finetune.Plan(epochs=2, learning_rate=1e-2)


def _train(candidate, task, plan=PLAN, update=None):
    return finetune.finetune(candidate, task, plan, "0-test", update)


def _weights(candidate):
    return b"".join(weight.tobytes() for weight in candidate.model.get_weights())


def _sequential(*chain):
    k.tf_keras.utils.set_random_seed(2)
    return k.tf_keras.Sequential([k.tf_keras.Input(chain[0]), *chain[1:]])


@dataclasses.dataclass
class Masks:
    """Prunes `layer` more at each step until `settled`."""

    layer: str
    settled: int

    def fires(self, step):
        return step <= self.settled

    def __call__(self, step, latents, current):
        order = np.argsort(np.abs(latents[self.layer]), axis=None)
        mask = np.ones(order.size, np.float32)
        mask[order[: order.size * (step + 1) // 10]] = 0
        return (holds.Zeros(self.layer, "Conv2D", mask.reshape(latents[self.layer].shape)),)


def _scripted(*values, higher_is_better=True):
    """A metric that is these values, one an epoch."""
    left = iter(values)
    return metrics.Metric("scripted", higher_is_better, lambda outputs, y: next(left))


@pytest.fixture
def saved(monkeypatch):
    """The states after each epoch."""
    states = []
    monkeypatch.setattr(training_state, "save", lambda label, state: states.append(state))
    return states


def test_it_learns_and_leaves_its_argument_alone(network, task):
    before = _weights(Candidate(network))
    tuned, history = _train(Candidate(network), task, finetune.Plan(4, 2e-2))
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert max(entry["validation_accuracy"] for entry in history) > 0.8
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4]
    assert _weights(Candidate(network)) == before != _weights(tuned)


def test_holds_are_kept_while_everything_else_learns(network, task):
    kernel = kernels.find(network)[2].numpy()
    mask = (np.abs(kernel) > np.median(np.abs(kernel))).astype(np.float32)
    scales = (np.abs(kernel).max(axis=(0, 1, 2), keepdims=True) / 127).astype(np.float32)
    promised = (
        holds.Zeros("pointwise", "Conv2D", mask),
        holds.Levels("pointwise", "Conv2D", scales, np.array([[-90, -40, 0, 40, 90]]), 5),
        holds.Grid("pointwise", "Conv2D", frozen=scales),
        holds.Grid("depthwise", "DepthwiseConv2D"),
    )
    tuned, _ = _train(Candidate(network, promised), task, finetune.Plan(2, 5e-2))
    assert holds.broken(tuned.model, promised) == ()
    start = holds.project(kernel, promised[:3])
    found = tuned.model.get_layer("pointwise").kernel.numpy()
    assert np.any(found != start), "no weight has crossed to another level"
    assert np.any(tuned.model.get_layer("stem").kernel != network.get_layer("stem").kernel)
    assert np.any(tuned.model.get_layer("stem_bn").moving_mean.numpy() != 0)


def test_without_epochs_it_only_projects(network, task):
    mask = np.zeros((1, 1, 4, 8), np.float32)
    tuned, history = _train(
        Candidate(network, (holds.Zeros("pointwise", "Conv2D", mask),)), task, finetune.Plan(0, 0.1)
    )
    assert history == ()
    assert not np.any(tuned.model.get_layer("pointwise").kernel)
    np.testing.assert_array_equal(
        tuned.model.get_layer("stem").kernel, network.get_layer("stem").kernel
    )


def _with_dropout():
    return _sequential((6, 6, 1), layers.Flatten(), layers.Dropout(0.5), layers.Dense(3, "softmax"))


def _with_words():
    chain = [layers.Embedding(9, 4), layers.LSTM(4, dropout=0.2), layers.Dense(3, "softmax")]
    return _sequential((5,), *chain)


@pytest.mark.parametrize("make", [_with_dropout, _with_words])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(make, make_task):
    task = make_task()
    if make is _with_words:
        ids = np.random.default_rng(0).integers(0, 9, (64, 5)).astype(np.int32)
        task = make_task(
            train=ArraySplit(ids, ids[:, 0] % 3), validation=ArraySplit(ids, ids[:, 0] % 3)
        )
    model = make()
    first = _weights(_train(Candidate(model), task)[0])
    k.tf.random.uniform((3,))  # what happens in between plays no part
    assert _weights(_train(Candidate(model), task)[0]) == first
    other = dataclasses.replace(task, seed=1)
    assert _weights(_train(Candidate(model), other)[0]) != first


def test_killed_after_an_epoch_it_ends_as_if_it_had_not_been(tmp_path):
    script = pathlib.Path(__file__).parent / "training_child.py"
    child = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    spec = importlib.util.spec_from_file_location("training_child", script)
    training_child = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(training_child)
    with training_state.resumable(cache.open_at(tmp_path), "0" * 16):
        assert len(training_state.latest("0-train").history) == 1
        resumed = training_child.digest(training_child.train())
    uninterrupted = training_child.digest(training_child.train())
    assert resumed == uninterrupted
    assert child.stdout.decode() == uninterrupted, "two processes differ"


def test_a_resumed_training_keeps_the_best_epoch_and_the_history(network, make_task, tmp_path):
    plan, values = finetune.Plan(3, 1e-2), (0.9, 0.5, 0.6)
    whole, history = _train(Candidate(network), make_task(metric=_scripted(*values)), plan)
    with training_state.resumable(cache.open_at(tmp_path), "0" * 16):
        with pytest.raises(StopIteration):  # the script ends after two epochs
            _train(Candidate(network), make_task(metric=_scripted(*values[:2])), plan)
        again, resumed = _train(Candidate(network), make_task(metric=_scripted(0.6)), plan)
    assert resumed == history
    assert _weights(again) == _weights(whole)


def test_a_training_that_had_stopped_early_stays_stopped(network, make_task, tmp_path):
    plan = finetune.Plan(6, 1e-2, patience=1)
    with training_state.resumable(cache.open_at(tmp_path), "0" * 16):
        first, history = _train(Candidate(network), make_task(metric=_scripted(0.9, 0.5)), plan)
        again, resumed = _train(Candidate(network), make_task(metric=_scripted()), plan)
    assert len(history) == 2 and resumed == history
    assert _weights(again) == _weights(first)


@pytest.mark.parametrize(
    ("values", "higher_is_better", "best"),
    [((0.1, 0.9, 0.5), True, 1), ((0.1, 0.9, 0.5), False, 0), ((0.5, 0.5, 0.2), True, 1)],
)
def test_the_best_epoch_is_kept_the_later_of_equals(
    network, make_task, saved, values, higher_is_better, best
):
    metric = _scripted(*values, higher_is_better=higher_is_better)
    tuned, _ = _train(Candidate(network), make_task(metric=metric), finetune.Plan(3, 1e-2))
    expected = b"".join(weight.tobytes() for weight in saved[best].weights)
    assert _weights(tuned) == expected


def test_the_best_epoch_comes_after_the_holds_have_settled(network, make_task, saved):
    # Four steps an epoch: masks change until step 5, so the first epoch that counts is the second.
    task = make_task(metric=_scripted(0.9, 0.3, 0.4, 0.2))
    update = Masks("pointwise", settled=5)
    tuned, _ = _train(Candidate(network), task, finetune.Plan(4, 1e-2), update)
    assert _weights(tuned) == b"".join(weight.tobytes() for weight in saved[2].weights)
    assert np.mean(tuned.holds[0].mask == 0) == pytest.approx(0.6, abs=0.05)
    assert holds.broken(tuned.model, tuned.holds) == ()


@pytest.mark.parametrize(
    ("values", "settled", "epochs"),
    [
        ((0.5, 0.6, 0.6, 0.5), None, 4),  # an equal value is not a better one
        ((0.9, 0.8, 0.5, 0.6, 0.6, 0.6), 9, 6),  # what came before the holds settled is no measure
        ((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), None, 7),
    ],
)
def test_it_stops_early(network, make_task, values, settled, epochs):
    update = None if settled is None else Masks("pointwise", settled)
    task = make_task(metric=_scripted(*values), n=64)
    _, history = _train(Candidate(network), task, finetune.Plan(7, 1e-2, patience=2), update)
    assert len(history) == epochs


def test_a_loss_that_is_no_number_is_refused(network, make_task):
    x = np.ones((64, 6, 6, 1), np.float32)
    x[5, 0, 0, 0] = np.nan
    with pytest.raises(errors.BadInput, match=r"epoch 1: the loss became nan.*learning_rate"):
        _train(Candidate(network), make_task(train=ArraySplit(x, np.arange(64) % 3)))


def test_weights_that_the_last_step_makes_no_numbers_are_refused(make_task):
    """A square root is infinitely steep at the 0 that rounding makes of a small number."""
    x = k.tf_keras.Input((2,))
    hidden = layers.Dense(2, kernel_initializer="ones", name="first")(x)
    absolute = op_layer.Op("absolute", [{"tensor": 0}], name="absolute")(hidden)
    root = op_layer.Op("power", [{"tensor": 0}, 0.5], name="root")(absolute)
    model = k.tf_keras.Model(x, layers.Dense(3, name="head")(root))
    values = np.ones((8, 2), np.float32)
    values[3] = 1e-4
    split = ArraySplit(values, np.arange(8) % 3)
    task = make_task(train=split, validation=split, calibration=split)
    start = recipe.Recipe.parse("quantize(epochs=0)").apply(model, task)
    with pytest.raises(
        errors.BadInput, match=r"weights of first .*What root takes.*leave quantize"
    ):
        _train(start, task)


def test_a_split_smaller_than_a_batch_is_one_batch(network, make_task):
    task = make_task(n=5)
    assert finetune.steps_per_epoch(task) == 1
    assert len(_train(Candidate(network), task)[1]) == 2


def test_frozen_layers_are_told(network, task, caplog):
    network.get_layer("stem").trainable = False
    with caplog.at_level("WARNING", logger="absl"):
        tuned, _ = _train(Candidate(network), task)
    assert "frozen layers do not train: stem" in caplog.text
    np.testing.assert_array_equal(
        tuned.model.get_layer("stem").kernel, network.get_layer("stem").kernel
    )


def test_the_tasks_own_optimizer_is_used(network, make_task):
    made = []

    def optimizer():
        made.append(k.tf_keras.optimizers.SGD(0.0))
        return made[-1]

    tuned, _ = _train(Candidate(network), make_task(optimizer=optimizer))
    assert len(made) == 1
    np.testing.assert_array_equal(
        tuned.model.get_layer("classes").kernel, network.get_layer("classes").kernel
    )


def _regression():
    x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    return x, x[:, 0] - x[:, 1], layers.Dense(1)


def _binary():
    x, y, _ = _regression()
    return x, (y > 0).astype(int), layers.Dense(1, "sigmoid")


def _multilabel():
    x = _regression()[0]
    return x, (x > 0).astype(int), layers.Dense(4)


def _segmentation():
    x = np.random.default_rng(0).normal(size=(64, 4, 4, 1)).astype(np.float32)
    return x, (x[..., 0] > 0).astype(int), layers.Conv2D(2, 1, activation="softmax")


@pytest.mark.parametrize("make", [_regression, _binary, _multilabel, _segmentation])
def test_every_kind_of_task_learns(make, make_task):
    x, y, head = make()
    split, model = ArraySplit(x, y), _sequential(x.shape[1:], layers.Dense(8, "relu"), head)
    task = make_task(kind=make.__name__[1:], train=split, validation=split, calibration=split)
    _, history = _train(Candidate(model), task, finetune.Plan(8, 3e-2))
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]


@pytest.mark.parametrize("structure", [list, dict])
def test_several_inputs_and_outputs_learn(make_task, structure):
    k.tf_keras.utils.set_random_seed(2)
    generator = np.random.default_rng(0)
    x = {name: generator.normal(size=(64, 4)).astype(np.float32) for name in ("one", "two")}
    y = {"left": (x["one"][:, 0] > 0).astype(int), "right": (x["two"][:, 0] > 0).astype(int)}
    inputs = {name: k.tf_keras.Input((4,), name=name) for name in ("two", "one")}
    heads = {
        "right": layers.Dense(2, "softmax", name="right")(inputs["two"]),
        "left": layers.Dense(2, name="left")(inputs["one"]),
    }
    if structure is list:
        model = k.tf_keras.Model(list(inputs.values()), list(heads.values()))
    else:
        model = k.tf_keras.Model(inputs, heads)
    split = ArraySplit(x, y)
    task = make_task(train=split, validation=split, calibration=split)
    tuned, history = _train(Candidate(graph.rebuild(model)), task, finetune.Plan(24, 5e-2))
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[-1]["validation_accuracy"] > 0.85
    assert tuned.model.output_names == model.output_names

"""Techniques in any order: every promise holds in the candidate and in the int8 file."""

import functools
import itertools

import numpy as np
import pytest

from tfedge import evaluate, to_tflite
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import cluster, prune, quantize
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import ArraySplit, Task

SHORT = {"epochs": 1, "learning_rate": 1e-2}
PASSES = {
    # Depthwise and 1x1 kernels too; N:M and blocks where a rule says so.
    "prune": prune.Prune(
        final_sparsity=0.6,
        rules={
            "depthwise": {"final_sparsity": 0.5},
            "pointwise": {"sparsity_m_by_n": (2, 4)},
            "classes": {"block_size": (4, 1)},
        },
        **SHORT,
    ),
    # Six values for all channels of a kernel together, or four for each channel.
    "cluster": cluster.Cluster(
        number_of_clusters=6,
        rules={"pointwise|stem": {"number_of_clusters": 4, "cluster_per_channel": True}},
        **SHORT,
    ),
    "quantize": quantize.Quantize(**SHORT),
}


@functools.cache
def _task():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 48)
    x = (generator.normal(size=(48, 6, 6, 1)) + 1.5 * y.reshape(-1, 1, 1, 1)).astype(np.float32)
    split = ArraySplit(x, y)
    return Task("made_up", "classification", split, split, split, split, batch_size=24)


@functools.cache
def _model():
    k.tf_keras.utils.set_random_seed(6)
    layers = k.tf_keras.layers
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(4, 3, use_bias=False, name="stem")(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.7)(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.7)(x))
    x = layers.Conv2D(8, 1, activation="relu", name="mix")(x)
    x = layers.Conv2D(8, 1, use_bias=False, name="pointwise")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.7)(x))
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(layers.Flatten()(x)))


@functools.cache
def _after(order):
    """The candidate after these passes; orders that begin alike share the work."""
    if not order:
        return Candidate(_model())
    return PASSES[order[-1]](_after(order[:-1]), _task())


def _accuracy(candidate):
    """Of the model as it was trained: on the grid of its kernels, with fake quantization."""
    outputs = fake_quantization.insert(candidate.model, candidate.quantization)(_task().train.x)
    return np.mean(np.argmax(outputs, axis=1) == _task().train.y)


@pytest.mark.parametrize("order", itertools.permutations(PASSES), ids="-".join)
def test_every_promise_is_in_the_candidate_and_in_the_file(order):
    candidate = _after(order)
    assert holds.broken(candidate.model, candidate.holds) == ()
    layers = [kernel.layer for kernel in kernels.find(candidate.model)]
    promised = {(hold.kind, hold.layer) for hold in candidate.holds}
    assert promised == set(itertools.product(("zeros", "levels", "bits"), layers))
    scorecard = evaluate(to_tflite(candidate, "int8", _task()), _task(), holds=candidate.holds)
    assert {(hold["kind"], hold["tensor"]) for hold in scorecard.holds} == promised
    assert all(hold["kept"] for hold in scorecard.holds), scorecard.holds
    assert scorecard.metric.value == pytest.approx(_accuracy(candidate), abs=2.1 / 48)


@pytest.mark.parametrize("order", [("prune", "cluster"), ("cluster", "prune")], ids="-".join)
def test_without_quantize_post_training_int8_keeps_them_too(order):
    candidate = _after(order)
    scorecard = evaluate(to_tflite(candidate, "int8", _task()), _task(), holds=candidate.holds)
    assert _promised(scorecard) == _promises(candidate)
    assert all(hold["kept"] for hold in scorecard.holds), scorecard.holds


def _promised(scorecard):
    return {(hold["kind"], hold["tensor"]) for hold in scorecard.holds}


def _promises(candidate):
    layers = [kernel.layer for kernel in kernels.find(candidate.model)]
    return set(itertools.product(("zeros", "levels"), layers))


def test_the_float_file_keeps_zeros_and_few_values():
    candidate = _after(("prune", "cluster"))
    scorecard = evaluate(to_tflite(candidate, "float32"), _task(), holds=candidate.holds)
    assert _promised(scorecard) == _promises(candidate)
    assert all(hold["kept"] for hold in scorecard.holds), scorecard.holds

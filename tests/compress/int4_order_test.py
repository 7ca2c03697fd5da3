"""Pruning and clustering before and after 4-bit training: every promise is in the INT4 file."""

import functools

import numpy as np
import pytest

from tfedge import to_tflite
from tfedge.compress import holds
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import cluster, prune, quantize
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

SHORT = {"epochs": 1, "learning_rate": 1e-2}
PASSES = {
    "prune": prune.Prune(final_sparsity=0.5, **SHORT),
    "cluster": cluster.Cluster(
        number_of_clusters=6,
        rules={"mix": {"number_of_clusters": 4, "cluster_per_channel": True}},
        **SHORT,
    ),
    "quantize": quantize.Quantize(bits=4, **SHORT),
}
ORDERS = (
    *(("prune", "quantize"), ("quantize", "prune"), ("cluster", "quantize")),
    *(("quantize", "cluster"), ("prune", "cluster", "quantize"), ("quantize", "prune", "cluster")),
)


@functools.cache
def _task():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 32)
    x = (generator.normal(size=(32, 6, 6, 1)) + 1.5 * y.reshape(-1, 1, 1, 1)).astype(np.float32)
    split = ArraySplit(x, y)
    return Task("made_up", "classification", split, split, split, split, batch_size=16)


@functools.cache
def _model():
    k.tf_keras.utils.set_random_seed(6)
    layers = k.tf_keras.layers
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(8, 3, use_bias=False, name="stem")(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.7)(x))
    x = layers.DepthwiseConv2D(3, activation="relu", name="depthwise")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="mix")(x)
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(layers.Flatten()(x)))


@functools.cache
def _after(order):
    return PASSES[order[-1]](_after(order[:-1]), _task()) if order else Candidate(_model())


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_every_promise_is_in_the_candidate_and_in_the_int4_file(order):
    candidate = _after(order)
    assert holds.broken(candidate.model, candidate.holds) == ()
    assert len({hold.kind for hold in candidate.holds}) == len(order)
    file = tflite.read(to_tflite(candidate, "int4", _task()))
    stored = {kernel.tensor.name: kernel for kernel in file.kernels()}
    assert {kernel.tensor.dtype for kernel in stored.values()} == {"INT4"}
    for hold in candidate.holds:
        tensor, axis = stored[hold.layer].tensor, stored[hold.layer].channel_axis
        found = hold.read(tensor.values(), axis, tensor.scales)
        assert found[2], (hold.kind, hold.layer, found)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_later_training_starts_where_this_one_has_ended(order):
    candidate = _after(order)
    for kernel in kernels.find(candidate.model):
        value = kernel.numpy()
        again = holds.project(value, holds.on(candidate.holds, kernel.layer))
        np.testing.assert_allclose(again, value, rtol=1e-5, err_msg=kernel.layer)

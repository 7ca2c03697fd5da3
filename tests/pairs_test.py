"""Every technique after every other: promises are kept, in the candidate and in the file, or the
second refuses with the reason. Runs whatever files it finds in tfedge/compress/passes."""

import functools
import itertools
import pathlib

import numpy as np
import pytest

from tfedge import errors, to_tflite
from tfedge.compress import graph, holds, recipe
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

PASSES = pathlib.Path(base.__file__).parent
NAMES = sorted(path.stem for path in PASSES.glob("*.py") if path.stem not in ("__init__", "base"))
ROUTES = ("int8", "int4", "float32")
# What cannot be: fewer bits than were promised, zeros beside signs, a new network or other ranges
# after a promise, and a dense layer that is too sparse or too uniform to be worth splitting.
# A new technique need not be named here.
KNOWN = {
    *("binary", "cluster", "correct_bias", "distill", "equalize", "fixed_point", "low_rank"),
    *("prune", "quantize", "slim", "ternary", "transfer"),
}
REFUSED = {
    *itertools.product(("binary", "ternary"), ("cluster", "transfer")),
    *(("binary", "prune"), ("binary", "ternary"), ("prune", "binary")),
    *itertools.product(("cluster", "prune"), ("low_rank", "transfer")),
    *itertools.product(
        ("fixed_point", "quantize"), ("correct_bias", "equalize", "low_rank", "transfer")
    ),
}


@functools.cache
def _task():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 32)
    x = generator.normal(size=(32, 6, 6, 1)) + 1.5 * y.reshape(-1, 1, 1, 1)
    split = ArraySplit(x.astype(np.float32), y)
    return Task("made_up", "classification", split, split, split, None, batch_size=16, seed=3)


@functools.cache
def _model():
    """A residual block, a depthwise convolution and a dense layer, wide enough to be cut."""
    k.tf_keras.utils.set_random_seed(4)
    layers = k.tf_keras.layers
    image = k.tf_keras.Input((6, 6, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(image)
    x = shortcut = layers.ReLU()(layers.BatchNormalization(name="stem_bn")(x))
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="block")(x)
    x = layers.Add()([shortcut, layers.Conv2D(16, 1, name="mix")(x)])
    x = layers.DepthwiseConv2D(3, activation="relu", name="depthwise")(x)
    x = layers.Conv2D(24, 1, activation="relu", name="widen")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return k.tf_keras.Model(image, layers.Dense(3, "softmax", name="classes")(x))


def _made(name):
    """The pass with its defaults and no training: only what it does to the model is looked at."""
    kind = recipe.available()[name]
    return recipe.make(name, {"epochs": 0} if "epochs" in kind.__dataclass_fields__ else {})


@functools.cache
def _after(name):
    return _made(name)(Candidate(graph.rebuild(_model())), _task())


def _file(candidate, *names):
    """The file on the first route that all the passes prepare for."""
    for route in ROUTES:
        try:
            recipe.Recipe(tuple(map(_made, names))).check_export(route)
            return tflite.read(to_tflite(candidate, route, _task()))
        except errors.BadInput:
            if route == ROUTES[-1]:
                raise
    raise AssertionError


@pytest.mark.parametrize("pair", itertools.product(NAMES, NAMES), ids="-".join)
def test_the_second_keeps_what_the_first_promised_or_says_why_not(pair):
    first, second = pair
    before = _after(first)
    try:
        candidate = _made(second)(before, _task())
    except errors.BadInput as refusal:
        assert second in refusal.where and len(refusal.cause) > 20 and refusal.remedy
        assert pair in REFUSED or not set(pair) <= KNOWN, refusal
        return
    assert pair not in REFUSED
    assert holds.broken(candidate.model, candidate.holds) == ()
    assert candidate.reports[: len(before.reports)] == before.reports
    assert np.all(np.isfinite(candidate.model(_task().train.x)))
    if not candidate.holds:  # files of such passes are looked at in contract_test
        return
    file = _file(candidate, first, second)
    by_name = {kernel.tensor.name: kernel for kernel in file.kernels()}
    for hold in candidate.holds:
        kernel = by_name[hold.layer]
        found = hold.read(kernel.tensor.values(), kernel.channel_axis)
        assert found[2], f"{hold.kind} of {hold.layer}: {found}"

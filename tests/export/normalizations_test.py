"""Normalization of each example stays float in an int8 file, whoever makes it."""

import collections
import functools

import numpy as np
import pytest

from tfedge import to_tflite
from tfedge.compress import keras as k
from tfedge.compress.recipe import Recipe
from tfedge.data import task as task_lib
from tfedge.device.file import tflite
from tfedge.export import parity
from tfedge.export.tree import flatbuffer, normalizations, operators

layers = k.tf_keras.layers
LAYER_NORMALIZATION = (
    *("MEAN", "SQUARED_DIFFERENCE", "MEAN", "ADD", "RSQRT"),
    *("MUL", "MUL", "MUL", "SUB", "ADD"),
)


@functools.cache
def _task():
    generator = np.random.default_rng(0)
    split = task_lib.ArraySplit(
        generator.normal(2, 3, size=(48, 6, 8)).astype(np.float32), generator.integers(0, 3, 48)
    )
    return task_lib.Task("steps", "classification", split, split, split, split)


@functools.cache
def _network():
    k.tf_keras.utils.set_random_seed(0)
    steps = k.tf_keras.Input((6, 8), name="steps")
    x = layers.Dense(8, name="first")(steps)
    normed = layers.LayerNormalization(
        name="before",
        epsilon=1e-6,
        beta_initializer="random_normal",
        gamma_initializer="random_normal",
    )(x)
    attention = layers.MultiHeadAttention(
        2, 4, kernel_initializer="random_normal", name="attention"
    )
    mixed = layers.Rescaling(400.0, name="larger")(attention(normed, normed))
    x = layers.Add(name="sum")([x, mixed])
    x = layers.LayerNormalization(name="behind", beta_initializer="random_normal")(x)
    x = layers.Dense(12, "gelu", name="wide")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return k.tf_keras.Model(steps, layers.Dense(3, name="classes")(x))


@functools.cache
def _candidate():
    return Recipe.parse("quantize(epochs=0)").apply(_network(), _task())


@functools.cache
def _file(export="int8", is_trained=False):
    return to_tflite(_candidate() if is_trained else _network(), export, _task())


def _types(data):
    """Kind of an operator -> how often it puts out each type."""
    found, file = collections.defaultdict(collections.Counter), tflite.read(data)
    for each in file.operators:
        found[each.kind][file.tensors[each.outputs[0]].dtype] += 1
    return found


def test_the_operators_of_a_normalization_are_found_and_no_others():
    tree = flatbuffer.unpack(_file("float32"))
    first, second = normalizations.find(tree, tree.subgraphs[0])
    assert tuple(operators.kind(tree, each) for each in first) == LAYER_NORMALIZATION
    # At its usual epsilon Keras computes by another function, which takes channels to the front.
    behind = [operators.kind(tree, each) for each in second[-3:]]
    assert behind == ["TRANSPOSE", "RESHAPE", "ADD"]
    for together in (first, second):
        made = {int(each.outputs[0]) for each in together}
        others = [each for each in tree.subgraphs[0].operators if each not in together]
        assert len(made & {int(i) for each in others for i in each.inputs}) == 1  # what leaves it


@pytest.mark.parametrize("is_trained", [False, True])
def test_they_are_float_and_everything_else_is_integers(is_trained):
    found = _types(_file(is_trained=is_trained))
    for kind in ("SQUARED_DIFFERENCE", "RSQRT", "SUB"):
        assert set(found[kind]) == {"FLOAT32"}, kind
    assert found["MEAN"] == {"FLOAT32": 4, "INT8": 1}  # the last pools
    for kind in ("FULLY_CONNECTED", "BATCH_MATMUL", "SOFTMAX", "GELU"):
        assert set(found[kind]) == {"INT8"}, kind
    assert found["QUANTIZE"]["INT8"] == 3 and found["DEQUANTIZE"]["FLOAT32"] == 3
    assert found["ADD"]["INT8"] >= 1


def test_a_rule_takes_them_back_to_integers():
    found = _types(_file('int8(precision={".*": "int8"})'))
    assert set(found["RSQRT"]) == set(found["MEAN"]) == {"INT8"}
    one = _types(_file('int8(precision={"before": "int8"})'))
    assert one["RSQRT"] == {"INT8": 1, "FLOAT32": 1}


def test_the_file_computes_what_training_did_layer_by_layer():
    found = parity.compare(_candidate(), _file(is_trained=True), _task(), 16)
    assert found.first_divergence is None
    by_name = {each.layer: each for each in found.layers}
    for name in ("before", "behind", "sum", "wide_activation", "attention.softmax"):
        assert by_name[name].snr_db > 30, name
    normed = by_name["before"]
    assert normed.input_snr_db - normed.snr_db < 1  # 2.8 where the mean is rounded, too


def test_a_layer_that_moves_values_is_not_blamed_where_a_later_one_moves_them_on():
    found = parity.compare(_candidate(), _file(is_trained=True), _task(), 16)
    reasons = dict(found.skipped)
    assert "one operator does both" in reasons["attention.key_by_head"]
    assert "attention.key_by_column" in {each.layer for each in found.layers}

"""Normalizations in fewer operators: the same answers to rounding, and nothing else is touched."""

import numpy as np
import pytest
import running

from tfedge.compress import keras as k
from tfedge.device.file import tflite
from tfedge.export import options
from tfedge.export.converter import conversion, model_writer
from tfedge.export.edits import normalized
from tfedge.export.tree import flatbuffer, operators

L = k.tf_keras.layers
_X = np.random.default_rng(0).normal(3, 2, (4, 5, 8)).astype(np.float32)


def _file(*layers):
    read = x = k.tf_keras.Input((5, 8))
    for each in layers:
        x = each(x)
    model = k.tf_keras.Model(read, x)
    weights = np.random.default_rng(1)
    model.set_weights([weights.normal(1, 0.5, each.shape) for each in model.get_weights()])
    writer = model_writer.of(model, "float32")
    return flatbuffer.pack(conversion.convert_to_float(writer, options.Export()))


def _kinds(data):
    tree = flatbuffer.unpack(data)
    return [operators.kind(tree, each) for each in tree.subgraphs[0].operators]


@pytest.mark.parametrize(
    ("settings", "end", "fewer"),
    [
        ({}, ["SUB", "MUL", "ADD"], 1),
        ({"center": False}, ["SUB", "MUL"], 2),
        ({"center": False, "scale": False}, ["SUB", "MUL"], 2),
    ],
)
def test_the_mean_is_taken_off_first(settings, end, fewer):
    before = _file(L.LayerNormalization(epsilon=1e-6, **settings))
    after = running.edited(before, normalized.take_off_means_first)
    assert _kinds(after)[-len(end) :] == end
    assert len(_kinds(after)) == len(_kinds(before)) - fewer
    assert not {"NEG"} & set(_kinds(after))
    found = running.images(after, _X, running.WITHOUT_XNNPACK)
    np.testing.assert_allclose(
        found, running.images(before, _X, running.WITHOUT_XNNPACK), rtol=1e-5, atol=2e-5
    )


def test_two_in_a_row():
    norms = [L.LayerNormalization(epsilon=1e-6), L.LayerNormalization(epsilon=1e-6)]
    after = running.edited(_file(*norms), normalized.take_off_means_first)
    assert _kinds(after).count("SUB") == 2 and len(tflite.read(after).operators) == 18


def test_other_sums_stay_as_they_are():
    read = k.tf_keras.Input((5, 8))
    gate = L.Dense(8)(read)
    other = L.Subtract()([read, L.Multiply()([read, gate])])
    model = k.tf_keras.Model(read, L.Add()([L.Multiply()([gate, gate]), other]))
    writer = model_writer.of(model, "float32")
    before = flatbuffer.pack(conversion.convert_to_float(writer, options.Export()))
    after = running.edited(before, normalized.take_off_means_first)
    np.testing.assert_allclose(
        running.images(after, _X, running.WITHOUT_XNNPACK),
        running.images(before, _X, running.WITHOUT_XNNPACK),
        rtol=1e-5,
        atol=1e-4,
    )

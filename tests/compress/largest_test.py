import types

import keras
import numpy as np
import pytest

import tfedge
from tfedge.compress import loading
from tfedge.data.task import ArraySplit, Task
from tfedge.errors import BadInput

_SPLIT = ArraySplit(np.zeros((4, 3), np.float32), np.zeros(4, int))
_TASK = Task("rows", "classification", _SPLIT, _SPLIT, _SPLIT)


def test_two_gigabytes_of_weights_less_what_else_a_file_has_are_the_most():
    loading.check_size([types.SimpleNamespace(shape=(2**15, 2**14 - 2**7))], "model")
    rows = [types.SimpleNamespace(shape=(2**15, 2**14 - 2**7)), types.SimpleNamespace(shape=(1,))]
    with pytest.raises(BadInput, match=r"2\.13 GB as float32.* at most 2\.13 GB.*split it"):
        loading.check_size(rows, "model")


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(loading, "_LARGEST_BYTES", 31)
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


def test_every_way_in_refuses_it(large, tmp_path):
    large.save(tmp_path / "large.keras")
    for work in (
        lambda: tfedge.load_model(tmp_path / "large.keras"),
        lambda: tfedge.Recipe.parse("prune").apply(large, _TASK),
        lambda: tfedge.to_tflite(large, "float32"),
    ):
        with pytest.raises(BadInput, match=r"model 'sequential.*': its weights take 0\.00 GB"):
            work()


def test_passes_refuse_a_model_without_layers_in_a_line(tmp_path):
    model = loading.SavedModel(tmp_path, is_own=True)
    with pytest.raises(BadInput, match="a SavedModel has no layers"):
        tfedge.Recipe.parse("prune").apply(model, _TASK)
    model = loading.SavedModel(tmp_path, is_own=True, reason="layer 'x' (X): no twin")
    with pytest.raises(
        BadInput, match=r"^model: layer 'x' \(X\): no twin; prune, quantize cannot touch it"
    ):
        tfedge.Recipe.parse("prune, quantize").apply(model, _TASK)


def test_a_model_with_a_layer_without_twin_is_exported_as_it_is():
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return keras.ops.deg2rad(inputs)

    given = keras.Input((3,), name="given")
    model = keras.Model(given, Doubled()(keras.layers.Dense(2)(given)))
    assert tfedge.to_tflite(model, "float32")[4:8] == b"TFL3"
    with pytest.raises(BadInput, match=r"in its call, .*deg2rad has no counterpart"):
        tfedge.Recipe.parse("prune").apply(model, _TASK)

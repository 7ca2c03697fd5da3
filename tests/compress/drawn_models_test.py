"""Subclassed models of Keras 3: what their calls are made of is compressed."""

import json

import numpy as np
import pytest
import randomised

import tfedge
from tfedge.compress import bridge, keras, loading
from tfedge.compress.layers import kernels
from tfedge.compress.loading import drawn_models
from tfedge.data.task import ArraySplit, Task

k3 = keras.keras3()
L, ops = k3.layers, k3.ops
register = k3.saving.register_keras_serializable("drawn_test")


@register
class Block(L.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = L.LayerNormalization(epsilon=1e-6, name="norm")
        self.attention = L.MultiHeadAttention(2, 4, name="attention")
        self.dropout = L.Dropout(0.1)

    def call(self, x, training=None):
        y = self.norm(x)
        return x + self.dropout(self.attention(y, y), training=training)


@register
class Classifier(k3.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = L.Embedding(20, 8, name="table")
        self.blocks = [Block(name=f"block{number}") for number in range(2)]
        self.head = L.Dense(3, name="head")

    def call(self, numbers, training=None):
        x = self.table(numbers)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(ops.mean(x, axis=1))


@register
class Weighed(k3.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = L.Dense(4, name="first"), L.Dense(2, name="second")

    def call(self, given):
        hidden = self.first(given["values"]) * given["weight"]
        return {"answer": self.second(hidden), "hidden": hidden}


@register
class Mixed(k3.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.head = L.Dense(2)

    def call(self, x):
        return self.head(keras.tf.nn.l2_normalize(x, 1))


def _task(x, y, kind="classification"):
    split = ArraySplit(x, y)
    return Task("own", kind, split, split, split, split, batch_size=4)


def _tokens():
    numbers = np.random.default_rng(0).integers(0, 20, (8, 6)).astype("int32")
    model = Classifier(name="classifier")
    model(numbers)
    randomised.randomise(model)
    return model, _task(numbers, np.arange(8) % 3), numbers


def test_a_subclassed_model_is_its_layers():
    model, task, numbers = _tokens()
    made = drawn_models.of(model, task)
    assert bridge.is_functional(made) and made.name == "classifier"
    assert [tensor.dtype.name for tensor in made.inputs] == ["int32"]
    assert made.input_names == ["numbers"]
    assert randomised.apart(model(numbers), made(numbers)) == 0
    candidate = tfedge.Recipe.parse("prune(epochs=0), quantize(epochs=0)").apply(model, task)
    found = [kernel.layer for kernel in kernels.find(candidate.model)]
    assert found[:2] == ["table", "block0.attention.key"] and "head" in found and len(found) == 10
    assert len(tfedge.to_tflite(candidate, "int8", task)) > 1000


def test_one_of_a_file_is_released_as_any(tmp_path):
    model, _, _ = _tokens()
    random = np.random.default_rng(1)
    x = random.integers(0, 20, (60, 6)).astype("int32")
    kernel, _ = model.head.get_weights()
    model.head.set_weights([kernel, -np.asarray(model(x)).mean(0)])  # each class is an answer
    y = np.argmax(model(x), axis=1)
    splits = [ArraySplit(x[n::3], y[n::3]) for n in range(3)]
    task = Task("own", "classification", splits[0], *splits)
    loading.save_model(model, tmp_path / "model.keras")
    made = tfedge.make_release(
        tmp_path / "model.keras",
        task,
        "low_rank(epochs=0)",
        "float32",
        output_dir=tmp_path / "out",
        margin=0.9,
    )
    assert made.verdict.outcome == "PASS"
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text())
    assert [each["name"] for each in recipe["passes"]] == ["low_rank"]


def test_inputs_and_outputs_by_name():
    x = {"values": np.ones((8, 5), "float32"), "weight": np.full((8, 1), 2, "float32")}
    model = Weighed()
    model(x)
    y = {"answer": np.zeros((8, 2), "float32"), "hidden": np.zeros((8, 4), "float32")}
    made = drawn_models.of(model, _task(x, y, "regression"))
    assert sorted(made.input_names) == ["values", "weight"]
    for name, each in made(x).items():
        assert randomised.apart(model(x)[name], each) == 0


def test_what_cannot_be_followed_says_what_to_write():
    model = Mixed(name="mixed")
    model(np.ones((2, 3), "float32"))
    task = _task(np.ones((8, 3), "float32"), np.arange(8) % 2)
    with pytest.raises(bridge.MissingTwin, match=r"'mixed' \(Mixed\).*functional API"):
        tfedge.Recipe.parse("prune").apply(model, task)
    assert len(tfedge.to_tflite(model, "float32", task)) > 500


def test_others_stay_as_they_are():
    task = _task(np.ones((8, 3), "float32"), np.arange(8) % 2)
    never_called = Mixed()
    assert drawn_models.of(never_called, task) is never_called
    x = k3.Input((3,))
    functional = k3.Model(x, L.Dense(2)(x))
    assert drawn_models.of(functional, task) is functional

"""Factors in front of promised kernels, and of tied tables, which a converter folds into them."""

import keras
import numpy as np
import pytest
from keras import layers

from tfedge import Recipe, Task, evaluate, to_tflite
from tfedge.data.task import ArraySplit
from tfedge.device.file import tflite

GAINS = np.linspace(0.2, 4, 16).astype(np.float32)
X = np.random.default_rng(0).normal(size=(64, 4, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def task():
    split = ArraySplit(X, np.arange(64) % 2)
    return Task("made-up", "classification", split, split, split, split, batch_size=16)


def _model(norm):
    """Two dense layers read what a normalization has multiplied."""
    keras.utils.set_random_seed(1)
    x = keras.Input((4, 16), name="x")
    y = norm(x)
    y = layers.Dense(32, activation="relu", name="one")(y) * layers.Dense(32, name="other")(y)
    model = keras.Model(x, layers.Dense(2, name="scores")(layers.Flatten()(y)))
    norm.set_weights([GAINS, *[each * 0 + 0.5 for each in norm.get_weights()[1:]]])
    return model


def _ran(content, x):
    interpreter = tflite.interpreter(content, 1)
    run, found = interpreter.get_signature_runner(), []
    (name,) = run.get_input_details()
    for row in x:
        found.append(next(iter(run(**{name: row[None]}).values()))[0])
    return np.stack(found)


@pytest.mark.parametrize("kind", [layers.RMSNormalization, layers.LayerNormalization])
@pytest.mark.parametrize(
    ("recipe", "export"),
    [
        ('quantize(epochs=0, activations="float")', "dynamic"),
        (
            'quantize(bits=4, epochs=0, activations="float", block_size=0)',
            'int4(activations="float")',
        ),
        ("cluster(number_of_clusters=4, epochs=0)", "int8"),
        ("cluster(number_of_clusters=4, epochs=0)", "float32"),
    ],
)
def test_promised_kernels_have_their_own_values_and_the_file_answers_alike(
    task, kind, recipe, export
):
    candidate = Recipe.parse(recipe).apply(_model(kind(epsilon=1e-6, name="norm")), task)
    content = to_tflite(candidate, export, task)
    assert all(hold["kept"] for hold in evaluate(content, task, holds=candidate.holds).holds)
    wanted, found = candidate.model(X).numpy(), _ran(content, X)
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
    file = tflite.read(content)
    dense = [o for o in file.operators if o.kind == "FULLY_CONNECTED"]
    assert dense[0].inputs[0] == dense[1].inputs[0]  # the factors are multiplied by once


def test_without_a_promise_the_converter_may_fold(task):
    content = to_tflite(_model(layers.RMSNormalization(name="norm")), "float32", task)
    kinds = [operator.kind for operator in tflite.read(content).operators]
    assert kinds.count("MUL") == 2  # by the root mean square, and the two layers


@pytest.fixture(scope="module")
def tied():
    """A table of 40 rows of 16 that is also the last matrix, behind a normalization's factors."""
    keras.utils.set_random_seed(1)
    words = keras.Input((4,), dtype="int32", name="words")
    table = layers.ReversibleEmbedding(40, 16, name="table")
    norm = layers.RMSNormalization(name="norm")
    x = norm(layers.Dense(16, activation="relu", name="hidden")(table(words)))
    model = keras.Model(words, table(x, reverse=True))
    norm.set_weights([GAINS])
    return model


@pytest.mark.parametrize("export", ["float32", "float16", "dynamic", "int8", "int16x8", "int4"])
def test_a_tied_table_behind_factors_is_stored_once(tied, export):
    x = np.random.default_rng(0).integers(0, 40, (96, 4)).astype(np.int32)
    split = ArraySplit(x, (x + 1) % 40)
    task = Task("words", "tokens", split, split, split, split, batch_size=16)
    content = to_tflite(tied, export, task)
    tables = [t for t in tflite.read(content).tensors if t.is_constant and t.shape == (40, 16)]
    assert len({t.buffer for t in tables}) == 1 and {t.name for t in tables} == {"table"}
    wanted, found = np.asarray(tied(x)), _ran(content, x)
    share = {"float32": 1e-5, "float16": 1e-2, "int4": 0.4}.get(export, 0.1)
    assert np.abs(found - wanted).max() < share * np.abs(wanted).max()


@keras.saving.register_keras_serializable("gains_test")
class Words(layers.Layer):
    """A table of plain weights, and its transpose."""

    def build(self, shape):
        self.table = self.add_weight(shape=(40, 16), name="table")

    def call(self, words):
        x = keras.ops.take(self.table, words, axis=0)
        return keras.ops.matmul(keras.ops.relu(x), keras.ops.transpose(self.table))


@pytest.mark.parametrize("export", ["dynamic", "int8"])
def test_a_table_of_plain_weights_is_stored_once(export):
    words = keras.Input((4,), dtype="int32", name="words")
    model = keras.Model(words, Words(name="both")(words))
    x = np.random.default_rng(0).integers(0, 40, (96, 4)).astype(np.int32)
    split = ArraySplit(x, (x + 1) % 40)
    task = Task("words", "tokens", split, split, split, split, batch_size=16)
    content = to_tflite(model, export, task)
    tables = [t for t in tflite.read(content).tensors if t.is_constant and t.shape == (40, 16)]
    assert len({t.buffer for t in tables}) == 1
    wanted = np.asarray(model(x))
    assert np.abs(_ran(content, x) - wanted).max() < 0.05 * np.abs(wanted).max()

"""Tables of rows on the routes: bytes, types, promises, answers."""

import keras as k3
import numpy as np
import pytest

from tfedge import evaluate, to_tflite
from tfedge.compress import bridge
from tfedge.compress import keras as k
from tfedge.compress.bridge import reversible_embedding
from tfedge.compress.layers import kernels
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Task
from tfedge.device import compatibility
from tfedge.device.file import tflite
from tfedge.export import parity

layers = k.tf_keras.layers
_FLOAT = 'int4(activations="float")'
_BLOCKS = 'int4(activations="float", block_size=32)'


def _task(x):
    split = ArraySplit(x, (x == 1).any(axis=1).astype(int))
    return Task("words", "classification", split, split, split, split, batch_size=16, seed=1)


@pytest.fixture(scope="module")
def words_task():
    """Rows of four word numbers below 40; the class is whether 1 is among them."""
    return _task(np.random.default_rng(0).integers(0, 40, (96, 4)).astype(np.int32))


def _reader(width, rows=40):
    """A table of 40 rows, a hidden layer, two classes."""
    k.tf_keras.utils.set_random_seed(2)
    words = k.tf_keras.Input((4,), dtype="int32", name="words")
    x = layers.Embedding(rows, width, name="table")(words)
    x = layers.Dense(8, activation="relu", name="hidden")(layers.Flatten()(x))
    model = k.tf_keras.Model(words, layers.Dense(2, "softmax", name="classes")(x))
    table = np.random.default_rng(3).normal(size=(rows, width)).astype(np.float32)
    table[1] *= 3
    model.get_layer("table").set_weights([table])
    return model


@pytest.fixture(scope="module")
def readers():
    return {width: _reader(width) for width in (32, 5)}


def _of(content):
    """(type of the table, the operator that reads it)."""
    (found,) = [each for each in tflite.read(content).kernels() if each.tensor.name == "table"]
    return found.tensor.dtype, found.operator.kind


@pytest.mark.parametrize(
    ("export", "width", "kind", "operator"),
    [
        ("dynamic", 32, "INT8", "GATHER"),
        ("int8", 32, "INT8", "GATHER"),
        ("int16x8", 32, "INT8", "EMBEDDING_LOOKUP"),
        ('dynamic(algorithm="octav")', 32, "INT8", "EMBEDDING_LOOKUP"),
        ("int4", 32, "INT4", "EMBEDDING_LOOKUP"),
        ("int4", 5, "INT4", "EMBEDDING_LOOKUP"),
        (_FLOAT, 5, "INT4", "EMBEDDING_LOOKUP"),
        (_BLOCKS, 32, "INT4", "EMBEDDING_LOOKUP"),
        ('int4(activations="float", precision={"table": "int8"})', 32, "INT8", "EMBEDDING_LOOKUP"),
    ],
)
def test_after_training(readers, words_task, export, width, kind, operator):
    content = to_tflite(readers[width], export, words_task)
    assert _of(content) == (kind, operator)
    found = parity.compare(readers[width], content, words_task)
    (table,) = [layer for layer in found.layers if layer.layer == "table"]
    assert table.snr_db > (15 if kind == "INT4" else 30)


def test_blocks_are_smaller_than_dynamic():
    model, task = _reader(64, 400), _task(np.arange(400, dtype=np.int32).reshape(100, 4))
    blocks, dynamic = (len(to_tflite(model, text, task)) for text in (_BLOCKS, "dynamic"))
    assert blocks < dynamic - 400 * 64 * 0.4


@pytest.mark.parametrize(
    ("recipe", "width", "export", "kind"),
    [
        ("quantize(epochs=0)", 32, "int8", "INT8"),
        ("quantize(bits=4, epochs=0)", 32, "int4", "INT4"),
        ("quantize(bits=4, epochs=0)", 5, "int4", "INT4"),
        ("quantize(bits=4, epochs=0, rules={'table': {'bits': 2}})", 32, "int4", "INT2"),
        ("quantize(bits=4, epochs=0, rules={'table': {'bits': 8}})", 32, "int4", "INT8"),
        ("quantize(epochs=0, rules={'table': {'bits': 4}})", 5, "int8", "INT8"),
        ("fixed_point(epochs=0)", 5, "int8", "INT8"),
        (
            "prune(final_sparsity=0.5, epochs=0), cluster(number_of_clusters=6, epochs=0),"
            " quantize(bits=4, epochs=0)",
            5,
            "int4",
            "INT4",
        ),
        ("prune(final_sparsity=0.5, epochs=0)", 32, "int8", "INT8"),
        ("prune(final_sparsity=0.5, epochs=0)", 5, _FLOAT, "INT4"),
        ("cluster(number_of_clusters=6, epochs=0)", 32, "dynamic", "INT8"),
        ("ternary(rules={'table': {}}, epochs=0)", 32, "int4", "INT2"),
        ("quantize(bits=4, epochs=0, activations='float')", 32, _BLOCKS, "INT4"),
        ("quantize(bits=4, epochs=0, activations='float', block_size=0)", 5, _FLOAT, "INT4"),
        ("quantize(epochs=0, activations='float')", 32, "dynamic", "INT8"),
    ],
)
def test_what_is_promised_of_it_is_in_the_file(readers, words_task, recipe, width, export, kind):
    candidate = Recipe.parse(recipe).apply(readers[width], words_task)
    content = to_tflite(candidate, export, words_task)
    assert _of(content) == (kind, "EMBEDDING_LOOKUP")
    found = parity.compare(candidate, content, words_task)
    (table,) = [layer for layer in found.layers if layer.layer == "table"]
    assert table.snr_db > (35 if candidate.quantization else 15)
    scorecard = evaluate(content, words_task, holds=candidate.holds)
    assert [hold for hold in scorecard.holds if not hold["kept"]] == []
    assert scorecard.metric is not None


def test_a_table_of_places_is_no_kernel():
    words = k3.Input((4,), dtype="int32", name="words")
    places = k3.ops.cumsum(k3.ops.ones_like(words), axis=1) - 1
    x = k3.layers.Embedding(9, 4, name="table")(words)
    x = x + k3.layers.Embedding(4, 4, name="places")(places)
    answer = k3.layers.Dense(2, name="answer")(k3.layers.Flatten()(x))
    model = bridge.to_tf_keras(k3.Model(words, answer))
    assert [kernel.layer for kernel in kernels.find(model)] == ["table", "answer"]
    assert kernels.unknown(model) == {
        "places": "it takes the same rows for every input: the file has what comes out, not the "
        "table"
    }


@pytest.fixture(scope="module")
def tied():
    """A table of 40 rows of 32 that is also the last matrix, as a language model's."""
    k.tf_keras.utils.set_random_seed(3)
    words = k.tf_keras.Input((4,), dtype="int32", name="words")
    table = reversible_embedding.ReversibleEmbedding(40, 32, name="table")
    x = layers.Dense(32, activation="relu", name="hidden")(table(words))
    return k.tf_keras.Model(words, layers.Softmax(name="next")(table(x, reverse=True)))


@pytest.mark.parametrize(
    ("recipe", "export", "kind"),
    [
        ("", "dynamic", "INT8"),
        ("", "int8", "INT8"),
        ("", 'dynamic(algorithm="octav")', "INT8"),
        ("", _BLOCKS, "INT4"),
        ("quantize(epochs=0)", "int8", "INT8"),
        ("quantize(bits=4, epochs=0, activations='float')", _BLOCKS, "INT4"),
    ],
)
def test_a_tied_table_is_stored_once(tied, recipe, export, kind):
    x = np.random.default_rng(0).integers(0, 40, (96, 4)).astype(np.int32)
    split = ArraySplit(x, (x + 1) % 40)
    task = Task("words", "segmentation", split, split, split, split, batch_size=16, seed=1)
    candidate = Recipe.parse(recipe).apply(tied, task) if recipe else tied
    content = to_tflite(candidate, export, task)
    file = tflite.read(content)
    read = [
        o.inputs[1] for o in file.operators if o.kind in ("EMBEDDING_LOOKUP", "FULLY_CONNECTED")
    ]
    found = [file.tensors[index] for index in read if file.tensors[index].shape == (40, 32)]
    assert [tensor.dtype for tensor in found] == [kind, kind]
    assert len({tensor.buffer for tensor in found}) == 1
    assert {tensor.name for tensor in found} == {"table"}
    if kind == "INT8":  # with one scale, which every runtime knows
        assert compatibility.needed_runtime(file) is None
        assert {len(tensor.scales) for tensor in found} == {1}

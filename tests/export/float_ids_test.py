"""Ids that come in as floats: the same answers as from an int32 input, or a refusal."""

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

from tfedge import BadInput, Recipe, Task, to_tflite
from tfedge.compress import bridge, folding
from tfedge.compress.layers import operations
from tfedge.compress.ranges import id_inputs
from tfedge.data.task import ArraySplit
from tfedge.device.file import id_tables, tflite
from tfedge.making import preparing, reading
from tfedge.making.order import Order

ROWS = 400  # more than an int8 has steps


def _head(x):
    return layers.Dense(2, name="scores")(layers.Dense(8, activation="relu", name="hidden")(x))


def _table(ids):
    return layers.Embedding(ROWS, 8, name="table")(ids)


def _as_they_come(x):
    return _head(layers.Flatten()(_table(x)))


def _cast(x):
    return _head(layers.Flatten()(_table(ops.cast(x, "int32"))))


def _cut(x):
    return _head(layers.Flatten()(_table(layers.Reshape((2, 2))(x)[:, 0])))


def _padded(x):
    seen = ops.cast(ops.not_equal(x, 0), "float32")
    return _head(layers.Flatten()(_table(x) * seen[..., None]))


def _masked(x):
    table = layers.Embedding(ROWS, 8, mask_zero=True, name="table")
    return _head(layers.GlobalAveragePooling1D()(table(x)))


def _tied(x):
    table = layers.ReversibleEmbedding(ROWS, 8, name="table")
    return table(layers.Dense(8, activation="relu", name="hidden")(table(x)), reverse=True)


NETWORKS = {f.__name__[1:]: f for f in (_as_they_come, _cast, _cut, _padded, _masked, _tied)}
_ALL = [
    ("", "int8"),
    ("", "int4"),
    ("prune(final_sparsity=0.5, epochs=0), cluster(number_of_clusters=16, epochs=0)", "dynamic"),
    ("quantize(epochs=0)", "int8"),
    ("quantize(bits=4, epochs=0)", "int4"),
]
CASES = [
    *(("as_they_come", *each) for each in _ALL),
    *((name, "quantize(epochs=0)", "int8") for name in ("cast", "cut", "masked", "tied")),
    ("padded", "", "int4"),
    ("padded", "quantize(epochs=0)", "int8"),
    ("tied", "", "dynamic"),
]


def _weighted(model):
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    return model


@functools.cache
def _model(name, dtype):
    ids = keras.Input((4,), dtype=dtype, name="ids")
    return _weighted(keras.Model(ids, NETWORKS[name](ids)))


@functools.cache
def _ids():
    found = np.random.default_rng(0).integers(0, ROWS, (64, 4))
    found[:, 3] = 0
    return found


def _task(x, name=""):
    y, kind = np.arange(len(_ids())) % 2, "classification"
    if name == "tied":
        y, kind = (_ids() + 1) % ROWS, "tokens"
    split = ArraySplit(x, y)
    return Task("made-up", kind, split, split, split, split, batch_size=16)


def _file(model, recipe, export, task):
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    return to_tflite(made, export, task)


def _answers(content, **inputs):
    interpreter = tflite.interpreter(content, 1)
    run = interpreter.get_signature_runner()
    types = {name: each["dtype"] for name, each in run.get_input_details().items()}
    found = []
    for row in range(len(_ids())):
        given = {name: x[row : row + 1].astype(types[name]) for name, x in inputs.items()}
        found.append(next(iter(run(**given).values())))
    return np.concatenate(found)


@pytest.mark.parametrize(("name", "recipe", "export"), CASES)
def test_answers_are_those_from_whole_numbers(name, recipe, export):
    whole, floats = (
        _file(_model(name, dtype), recipe, export, _task(_ids().astype(dtype), name))
        for dtype in ("int32", "float32")
    )
    assert tflite.read(floats).named_inputs["ids"].dtype == "FLOAT32"
    wanted, found = (_answers(each, ids=_ids()) for each in (whole, floats))
    np.testing.assert_allclose(found, wanted, atol=1e-6 * np.abs(wanted).max())


def _rows():
    numbers = np.random.default_rng(2).normal(size=(len(_ids()), 3)).astype(np.float32)
    return np.concatenate([_ids()[:, :1], numbers], axis=1).astype(np.float32)


def _with_numbers(id, numbers):
    table = layers.Flatten()(layers.Embedding(ROWS, 8, name="table")(id))
    return _head(layers.Concatenate()([table, numbers]))


@functools.cache
def _of_columns():
    """A table's id in the first of four columns; and the same network with two inputs."""
    row = keras.Input((4,), name="row")
    id, numbers = keras.Input((1,), dtype="int32", name="id"), keras.Input((3,), name="numbers")
    one = keras.Model(row, _with_numbers(row[:, :1], row[:, 1:]))
    return _weighted(one), _weighted(keras.Model([id, numbers], _with_numbers(id, numbers)))


@pytest.mark.parametrize(
    ("recipe", "export"),
    [("", "int8"), ("", "int4"), ("quantize(epochs=0)", "int8"), ("fixed_point(epochs=0)", "int8")],
)
def test_an_id_among_columns_of_numbers_stays_what_it_is(recipe, export):
    one, two = _of_columns()
    x = _rows()
    inputs = {"id": x[:, :1].astype(np.int32), "numbers": x[:, 1:]}
    apart = _file(two, recipe, export, _task(inputs))
    wanted, found = _answers(apart, **inputs), _answers(_file(one, recipe, export, _task(x)), row=x)
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
@pytest.mark.parametrize(("name", "model"), [("ids", 0), ("row", 1)])
def test_ids_as_codes_of_an_input_are_refused(recipe, name, model):
    model = (_model("as_they_come", "float32"), _of_columns()[0])[model]
    x = _rows() if name == "row" else _ids().astype(np.float32)
    with pytest.raises(BadInput, match=f"input '{name}' holds ids.* as codes of uint8") as caught:
        _file(model, recipe, 'int8(input="uint8")', _task(x))
    assert "\n" not in str(caught.value)


def test_ids_that_are_computed_from_integers_are_refused():
    """A number is cut off and then chooses a row: nothing takes it for ids before it is."""
    row = keras.Input((4,), name="row")
    clipped = ops.minimum(ops.abs(row[:, :1]), ROWS - 1.0)
    model = _weighted(keras.Model(row, _with_numbers(clipped, row[:, 1:])))
    task = _task(_rows())
    assert to_tflite(model, "dynamic", task)
    for recipe in ("", "quantize(epochs=0)"):
        with pytest.raises(BadInput, match="'table' come in among numbers that became INT8"):
            _file(model, recipe, "int8", task)


def test_the_plain_form_has_a_cast_behind_the_input_and_the_same_answers():
    for name, count in (("as_they_come", 1), ("cast", 0), ("padded", 1), ("cut", 1)):
        model = bridge.to_tf_keras(_model(name, "float32"))
        flat = folding.flatten(model)
        new = {layer.name for layer in flat.layers} - {layer.name for layer in model.layers}
        assert len([each for each in new if operations.is_cast(flat.get_layer(each))]) == count
        assert id_inputs.find(flat) == {"ids": False}
        assert folding.flatten(flat).get_config() == flat.get_config()
        x = _ids().astype(np.float32)
        np.testing.assert_array_equal(flat(x), model(x))
    assert id_inputs.find(folding.flatten(bridge.to_tf_keras(_of_columns()[0]))) == {"row": True}


def test_a_float_vector_that_a_tied_table_multiplies_is_no_id():
    x = keras.Input((4, 8), name="x")
    table = layers.ReversibleEmbedding(ROWS, 8, name="table")
    ids = keras.Input((4,), dtype="int32", name="ids")
    model = keras.Model([ids, x], table(x + table(ids), reverse=True))
    assert not id_inputs.find(folding.flatten(bridge.to_tf_keras(model)))


def _in_parts(x):
    parts = (ArraySplit(x[at], at % 2) for at in np.split(np.arange(len(x)), 4))
    return Task("made-up", "classification", *parts, batch_size=16)


@pytest.mark.parametrize("wrong", [float(ROWS), -1.0, 2.5])
def test_what_is_no_row_of_the_table_is_refused_before_anything_is_trained(wrong):
    x = _ids().astype(np.float32)
    x[3, 1] = wrong
    order = Order(_model("cast", "float32"), _in_parts(x), "quantize(epochs=0)", "int8")
    with pytest.raises(BadInput, match=rf"tokens of 0..399.* got {wrong} in example train:3"):
        preparing.prepare(reading.read(order))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_tells_how_many_rows_ids_have(name):
    content = to_tflite(_model(name, "float32"), "float32", _task(_ids(), name))
    known = {} if name == "cut" else {"ids": ROWS}
    assert id_tables.of(tflite.read(content)) == known

"""Attention whose padding is masked by huge numbers, in integers."""

import keras
import numpy as np
import pytest
import running

from tfedge import export
from tfedge.compress import keras as k
from tfedge.compress.graph import canonical
from tfedge.compress.ranges import softmax_masks
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Task
from tfedge.export.tree import flatbuffer, masked

_STEPS = 6


def _multiplied(scores, padding):
    return scores + padding * -1e9


def _chosen(scores, padding):
    return k.tf.where(padding > 0.5, k.tf.constant(-np.inf), scores)


def _subtracted(scores, padding):
    return scores - 3.4e38 * padding


def _cancelling(scores, padding):
    return scores * (1.0 - padding) + ((1.0 - padding) * 1e9 - 1e9)


def _chosen_last(scores, padding):
    return k.tf.where(padding < 0.5, scores, -1e9)


def _causal_too(scores, padding):
    causal = np.where(np.arange(_STEPS) < 4, 0.0, -1e9).astype("float32")
    return scores + causal + padding * -1e4


def _model(mask):
    """Rows of ten numbers each, a row of zeros is padding -> the weighted mean of the rows."""
    k.tf_keras.utils.set_random_seed(4)
    rows = k.tf_keras.Input((_STEPS, 10), name="rows")
    scores = k.tf_keras.layers.Dense(1, kernel_initializer="glorot_normal", name="score")(rows)
    filled = k.tf.reduce_max(k.tf.abs(rows), axis=-1)
    padding = k.tf.cast(k.tf.equal(filled, 0.0), "float32")
    weights = k.tf.nn.softmax(mask(scores[..., 0], padding))
    mean = k.tf.reduce_sum(rows * weights[..., None], axis=1)
    return canonical.tidy(k.tf_keras.Model(rows, k.tf_keras.layers.Dense(2, name="head")(mean)))


@pytest.fixture(scope="module")
def padded():
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (60, _STEPS, 10)).astype("float32")
    for row, length in zip(x, rng.integers(1, _STEPS + 1, 60), strict=True):
        row[length:] = 0
    split = ArraySplit(x, rng.normal(size=(60, 2)).astype("float32"))
    return Task("rows", "regression", split, split, split)


_MASKS = [_multiplied, _chosen, _chosen_last, _subtracted, _cancelling, _causal_too]


@pytest.mark.parametrize("mask", _MASKS)
@pytest.mark.parametrize(("route", "share"), [("int8", 0.06), ("int16x8", 0.03)])
def test_integers_look_where_the_model_looks(mask, route, share, padded):
    model, x = _model(mask), padded.train.x
    expected = model(x).numpy()
    found = running.images(export.to_tflite(model, route, padded), x)
    assert np.sqrt(np.mean((found - expected) ** 2)) < share * expected.std()


def test_float_files_keep_the_constant(padded):
    model = _model(_multiplied)
    assert masked.is_masked(flatbuffer.unpack(export.to_tflite(model, "float32", padded)))


@pytest.mark.parametrize("mask", _MASKS)
def test_training_sees_masks_that_an_integer_can_hold(mask, padded):
    model, x = _model(mask), padded.train.x
    bounded = softmax_masks.bound(model, padded)
    np.testing.assert_allclose(bounded(x), model(x), atol=1e-5)
    assert not masked.is_masked(flatbuffer.unpack(export.to_tflite(bounded, "float32", padded)))


def test_a_row_of_padding_alone_is_no_nan(padded):
    data = export.to_tflite(_model(_multiplied), "int8", padded)
    assert np.isfinite(running.images(data, np.zeros((1, _STEPS, 10), "float32"))).all()


def test_a_model_without_masks_stays_itself(padded):
    model = _model(lambda scores, padding: scores - padding)
    assert softmax_masks.bound(model, padded) is model


def _added(scores, keep):
    return scores + (1.0 - keep) * -1e9


def _as_it_is(scores, bias):
    return scores + bias


def _chosen_by(scores, keep):
    return keras.ops.where(keep, scores, -1e9)


def _given(mask, dtype, softmax=keras.ops.softmax):
    """As `_model`, with the mask as an input of its own."""
    keras.utils.set_random_seed(4)
    rows = keras.Input((_STEPS, 10), name="rows")
    given = keras.Input((_STEPS,), dtype=dtype, name="given")
    scores = keras.layers.Dense(1, name="score")(rows)
    weights = softmax(mask(scores[..., 0], given))
    mean = keras.ops.sum(rows * weights[..., None], axis=1)
    return keras.Model([rows, given], keras.layers.Dense(2, name="head")(mean))


def _error(data, model, x):
    """Root mean square, over that of the answers."""
    expected = np.asarray(model([x[each.name.split(":")[0]] for each in model.inputs]))
    found = [
        running.run(data, {name: array[row : row + 1] for name, array in x.items()})
        for row in range(len(expected))
    ]
    answers = np.concatenate([next(iter(each.values())) for each in found])
    return np.sqrt(np.mean((answers - expected) ** 2)) / expected.std()


def _task_of(padded, given):
    split = ArraySplit({"rows": padded.train.x, "given": given}, padded.train.y)
    return Task("rows", "regression", split, split, split)


def _is_kept(padded):
    return np.abs(padded.train.x).max(axis=-1) > 0


@pytest.mark.parametrize(
    ("mask", "dtype"),
    [(_added, "float32"), (_as_it_is, "float32"), (_chosen_by, "bool")],
)
def test_masks_that_the_app_gives(mask, dtype, padded):
    keep = _is_kept(padded)
    given = np.where(keep, 0, -1e9) if mask is _as_it_is else keep
    task = _task_of(padded, given.astype(dtype))
    model = _given(mask, dtype)
    assert _error(export.to_tflite(model, "int8", task), model, task.train.x) < 0.08


def test_whole_numbers_that_become_a_mask(padded):
    task = _task_of(padded, _is_kept(padded).astype("int32"))
    model = _given(lambda s, m: _added(s, keras.ops.cast(m, "float32")), "int32")
    assert _error(export.to_tflite(model, "int8", task), model, task.train.x) < 0.08


def test_masks_in_front_of_a_logarithm(padded):
    task = _task_of(padded, _is_kept(padded).astype("float32"))
    model = _given(_added, "float32", lambda s: keras.ops.exp(keras.ops.log_softmax(s)))
    assert _error(export.to_tflite(model, "int8", task), model, task.train.x) < 0.08


@pytest.mark.parametrize("recipe", ["quantize(epochs=1)", "fixed_point(epochs=1)"])
def test_training_with_a_choice_by_the_app(recipe, padded):
    task = _task_of(padded, _is_kept(padded))
    made = Recipe.parse(recipe).apply(_given(_chosen_by, "bool"), task)
    assert _error(export.to_tflite(made, "int8", task), made.model, task.train.x) < 0.15


def test_training_with_a_bias_that_the_app_gives(padded):
    task = _task_of(padded, np.where(_is_kept(padded), 0, -1e9).astype("float32"))
    made = Recipe.parse("quantize(epochs=1)").apply(_given(_as_it_is, "float32"), task)
    assert _error(export.to_tflite(made, "int8", task), made.model, task.train.x) < 0.15

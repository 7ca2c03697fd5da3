import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.ranges import raw_columns, uneven_inputs
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers


@pytest.fixture(autouse=True)
def _seeded():
    k.tf_keras.utils.set_random_seed(0)


MEAN = np.array([1000, 0, 5e4], np.float32)
WIDE = np.array([8, 0.01, 9e3], np.float32)


def _task(x):
    y = np.zeros((len(x), 1), np.float32)
    split = ArraySplit(x.astype(np.float32), y)
    return Task("raw", "regression", split, split, split)


def _columns(*shape):
    return np.random.default_rng(0).normal(size=(96, *shape, 3)) * WIDE + MEAN


def _uses_all(layer):
    """Each column counts as much as any other."""
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel / WIDE.reshape(3, 1), *bias])


def _scaled(model):
    return [layer for layer in model.layers if type(layer).__name__ == "Normalization"]


def _same(model, made, x):
    np.testing.assert_allclose(made(x), model(x), rtol=1e-3, atol=0.02)


@pytest.mark.parametrize("use_bias", [True, False])
def test_the_first_kernel_takes_the_scale_back(use_bias):
    x = layers.Input((3,), name="x")
    dense = layers.Dense(2, use_bias=use_bias)
    model = k.tf_keras.Model(x, dense(layers.Dropout(0.5)(x)))
    _uses_all(dense)
    data = _columns()
    made = raw_columns.to_one_scale(model, _task(data))
    assert uneven_inputs.find(made).columns == {"x": (0, 1)}
    (scaled,) = _scaled(made)
    np.testing.assert_allclose(np.ravel(scaled.mean), data.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.ravel(scaled.variance), data.var(axis=0), rtol=1e-4)
    _same(model, made, data.astype(np.float32))


@pytest.mark.parametrize(("padding", "is_centred"), [("valid", True), ("same", False)])
def test_zeros_that_are_padded_in_stay_zeros(padding, is_centred):
    x = layers.Input((4, 4, 3), name="x")
    convolution = layers.Conv2D(2, 3, padding=padding)
    model = k.tf_keras.Model(x, convolution(x))
    _uses_all(convolution)
    data = _columns(4, 4)
    made = raw_columns.to_one_scale(model, _task(data))
    (scaled,) = _scaled(made)
    assert np.any(scaled.mean) == is_centred
    _same(model, made, data.astype(np.float32))


def test_columns_beside_others_in_one_kernel():
    x, other = layers.Input((3,), name="x"), layers.Input((2,), name="other")
    dense = layers.Dense(2)
    beside = layers.Dense(2, activation="relu")(other)
    model = k.tf_keras.Model([x, other], dense(layers.Concatenate()([beside, x])))
    kernel, bias = dense.get_weights()
    kernel[2:] /= WIDE[:, None]
    dense.set_weights([kernel, bias])
    data = {"x": _columns(), "other": np.random.default_rng(1).normal(size=(96, 2))}
    split = ArraySplit(data, np.zeros((96, 1), np.float32))
    made = raw_columns.to_one_scale(model, Task("two", "regression", split, split, split))
    assert len(_scaled(made)) == 1
    arrays = [data[name].astype(np.float32) for name in ("x", "other")]
    _same(model, made, arrays)


def test_small_columns_that_count_for_little_stay():
    x = layers.Input((3,), name="x")
    model = k.tf_keras.Model(x, layers.Dense(2, kernel_initializer="ones")(x))
    assert raw_columns.to_one_scale(model, _task(_columns())) is model


def test_pixels_that_are_rarely_lit_stay():
    x = layers.Input((64,), name="x")
    model = k.tf_keras.Model(x, layers.Dense(8, kernel_initializer="ones")(x))
    generator = np.random.default_rng(0)
    lit = generator.random((256, 64)) < np.linspace(0.002, 0.5, 64)
    task = _task(lit * generator.random((256, 64)))
    assert raw_columns.to_one_scale(model, task) is model


def test_a_column_that_never_varied_keeps_its_steps():
    x = layers.Input((3,), name="x")
    dense = layers.Dense(2)
    model = k.tf_keras.Model(x, dense(x))
    _uses_all(dense)
    data = _columns()
    data[:, 1] = 0
    made = raw_columns.to_one_scale(model, _task(data))
    (scaled,) = _scaled(made)
    variance = np.ravel(scaled.variance)
    assert variance[1] == variance[2] > variance[0]


def test_what_no_kernel_takes_back_is_warned_of(caplog):
    x = layers.Input((3,), name="x")
    model = k.tf_keras.Model(x, layers.Dense(2)(layers.LayerNormalization()(x)))
    assert raw_columns.to_one_scale(model, _task(_columns())) is model
    assert "x: columns 0, 1: too small" in caplog.text


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_layers_take_scales_back(kind, use_bias):
    k.tf_keras.utils.set_random_seed(1)
    wide, mean = np.array([200, 1, 0.05], np.float32), np.array([500, 2, 0], np.float32)
    x = np.random.default_rng(0).normal(size=(64, 4, 3)).astype(np.float32) * wide + mean
    series = k.tf_keras.layers.Input((4, 3), name="x")
    layer = getattr(k.tf_keras.layers, kind)(2, use_bias=use_bias)
    model = k.tf_keras.Model(series, layer(series))
    kernel, *rest = layer.get_weights()
    layer.set_weights([kernel / wide[:, None], *rest])
    split = ArraySplit(x, np.zeros((64, 2), np.float32))
    made = raw_columns.to_one_scale(model, Task("t", "regression", split, split, split))
    assert [type(each).__name__ for each in made.layers][1:] == ["Normalization", kind]
    np.testing.assert_allclose(made(x), model(x), atol=1e-4)

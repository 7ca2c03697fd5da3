import numpy as np
import pytest

from tfedge.compress import keras as k
from tfedge.compress.ranges import output_columns
from tfedge.data.task import ArraySplit, Task

layers = k.tf_keras.layers
UNITS = np.array([1000, 1, 0.1], np.float32)


@pytest.fixture(autouse=True)
def _seeded():
    k.tf_keras.utils.set_random_seed(1)


def _task(*shape, kind="regression"):
    x = np.random.default_rng(0).normal(size=(64, *shape)).astype(np.float32)
    y = np.zeros(len(x), np.int32) if kind == "classification" else np.zeros((64, 3), np.float32)
    split = ArraySplit(x, y)
    return Task("units", kind, split, split, split)


def _in_units(model, units=UNITS):
    """The kernels make their columns in these."""
    for layer in model.layers:
        if layer.get_weights():
            kernel, *bias = layer.get_weights()
            layer.set_weights([kernel * units, *(each + 0.2 * units for each in bias)])
    return model


def _model(end, shape=(5,), units=UNITS):
    x = layers.Input(shape, name="x")
    return _in_units(k.tf_keras.Model(x, end(x)), units)


def _factors(model):
    return [layer.scale for layer in model.layers if type(layer).__name__ == "Rescaling"]


ENDS = {
    "dense": (layers.Dense(3), (5,)),
    "no_bias": (layers.Dense(3, use_bias=False), (5,)),
    "relu": (layers.Dense(3, activation="relu"), (5,)),
    "relu_behind": (lambda x: layers.ReLU()(layers.Dense(3)(x)), (5,)),
    "convolution": (layers.Conv2D(3, 2, padding="same"), (4, 4, 2)),
    "transposed": (layers.Conv1DTranspose(3, 2), (4, 2)),
    "reshaped": (lambda x: layers.Reshape((3, 1))(layers.Dense(3)(x)), (5,)),
}


def _is_same(model, made, task):
    x = task.train.x
    np.testing.assert_allclose(made(x), model(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", list(ENDS))
def test_a_kernel_divides_its_columns_and_the_answers_stay(name):
    end, shape = ENDS[name]
    units = UNITS.reshape(3, 1) if name == "transposed" else UNITS
    x = layers.Input(shape, name="x")
    model = k.tf_keras.Model(x, end(x))
    kernel = next(layer for layer in model.layers if layer.get_weights())
    weights, *bias = kernel.get_weights()
    kernel.set_weights([weights * units, *(each + 0.2 * UNITS for each in bias)])
    task = _task(*shape)
    made = output_columns.to_one_scale(model, task)
    (factors,) = _factors(made)
    assert factors[0] == 1 and factors[2] < factors[1] < 1 / 64
    assert made.output_names == model.output_names
    _is_same(model, made, task)
    inner = k.tf_keras.Model(made.inputs, made.get_layer(kernel.name).output)(task.train.x)
    reach = np.abs(inner).reshape(-1, 3).max(axis=0)
    assert reach.max() < 3 * reach.min()
    assert output_columns.to_one_scale(made, task) is made


def test_one_kernel_for_several_maps():
    x = layers.Input((6, 2), name="x")
    head = layers.Dense(3)
    joined = layers.Concatenate(axis=1)([head(x[:, :2]), head(x[:, 2:])])
    model = _in_units(k.tf_keras.Model(x, joined))
    task = _task(6, 2)
    made = output_columns.to_one_scale(model, task)
    assert len(_factors(made)) == 1
    _is_same(model, made, task)


def _kept(end, caplog, units=UNITS, kind="regression"):
    model = _model(end, units=units)
    return output_columns.to_one_scale(model, _task(5, kind=kind)) is model, caplog.text


def test_what_one_scale_serves_stays(caplog):
    assert _kept(layers.Dense(3), caplog, np.array([3, 1.5, 1], np.float32)) == (True, "")
    assert _kept(layers.Dense(3), caplog, kind="classification") == (True, "")
    assert _kept(layers.Dense(3, activation="sigmoid"), caplog) == (True, "")


def _with_another_reader(x):
    middle = layers.Dense(3)(x)
    return [middle, layers.LayerNormalization(scale=False, center=False)(middle)]


def _put_out_itself(x):
    middle = layers.Dense(3)(x)
    return [middle, layers.ReLU()(middle)]


@pytest.mark.parametrize(
    "end", [layers.Dense(3, activation="elu"), _with_another_reader, _put_out_itself]
)
def test_what_cannot_take_it_back_is_warned_of(end, caplog):
    kept, text = _kept(end, caplog)
    assert kept
    assert "column 0 reaches" in text and "column 2 reaches" in text
    assert "(0 of 255 steps)" in text


FAR = {
    "dense": (layers.Dense(1), (5,)),
    "no_bias": (layers.Dense(1, use_bias=False), (5,)),
    "convolution": (layers.Conv1D(1, 2, padding="same"), (4, 2)),
}


@pytest.mark.parametrize("name", list(FAR))
def test_what_is_far_from_zero_is_moved_there_by_the_bias(name):
    end, shape = FAR[name]
    x = layers.Input(shape, name="x")
    model = k.tf_keras.Model(x, end(layers.Rescaling(1.0, 0.0)(x)))
    kernel = model.layers[-1]
    weights, *bias = kernel.get_weights()
    kernel.set_weights([weights, *(each + 300 for each in bias)])
    task = _task(*shape)
    if name == "no_bias":  # as of an input that is always 1000
        task.train.x[:, 0] = 1000
        kernel.set_weights([np.array([[0.3], [0.4], [-0.5], [0.2], [0.1]])])
    made = output_columns.to_one_scale(model, task)
    (behind,) = [each for each in made.layers if each.name == f"{kernel.name}_units"]
    assert behind.scale == [1.0] and behind.offset[0] % 1 == 0 and 290 < behind.offset[0] < 310
    np.testing.assert_allclose(made(task.train.x), model(task.train.x), atol=1e-4)
    inner = k.tf_keras.Model(made.inputs, made.get_layer(kernel.name).output)(task.train.x)
    assert np.min(inner) < 0 < np.max(inner)
    assert output_columns.to_one_scale(made, task) is made


def test_a_rectifier_cannot_be_moved_and_that_is_said(caplog):
    model = _model(layers.Dense(1, activation="relu"), units=np.ones(1))
    kernel, _ = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, np.array([300.0])])
    assert output_columns.to_one_scale(model, _task(5)) is model
    assert "which holds the zero" in caplog.text


def test_a_column_that_is_near_zero_stays_where_it_is():
    model = _model(layers.Dense(1), units=np.ones(1))
    kernel, _ = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, np.array([3.0])])
    assert output_columns.to_one_scale(model, _task(5)) is model

import pathlib

import numpy as np
import pytest
import running

from tfedge import to_tflite
from tfedge.compress import keras as k
from tfedge.compress import loading
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite
from tfedge.errors import BadInput

layers = k.tf_keras.layers
MEAN = np.array([1000, 0, 5e4], np.float32)
WIDE = np.array([8, 0.01, 9e3], np.float32)
X = np.random.default_rng(0).normal(size=(128, 3)).astype(np.float32) * WIDE + MEAN


def _sliced(x):
    parts = [(x[:, i : i + 1] - MEAN[i]) / WIDE[i] for i in range(3)]
    return layers.Concatenate()(parts)


SPELLINGS = {
    "normalization": layers.Normalization(mean=MEAN, variance=WIDE**2),  # stays in the file
    "operators": lambda x: (x - MEAN) / WIDE,  # of which the converter folds the division
    "slices": _sliced,
}


def _task(answers, x=X):
    split = ArraySplit(x, answers)
    return Task("columns", "regression", split, split, split)


def _file(front, shape=(3,), behind=None):
    k.tf_keras.utils.set_random_seed(1)
    x = layers.Input(shape, name="x")
    model = k.tf_keras.Model(x, (behind or layers.Dense(2))(front(x)))
    data = to_tflite(model, "float32", None)
    return model, loading.TfliteModel(pathlib.Path("model.tflite"), data)


def _noise(data, answers, x=X):
    found = running.images(data, x)
    return np.sqrt(np.mean((found - answers) ** 2)) / answers.std()


@pytest.mark.parametrize("name", list(SPELLINGS))
def test_what_brings_columns_to_one_scale_stays_float(name):
    model, file = _file(SPELLINGS[name])
    answers = model(X).numpy()
    assert _noise(to_tflite(file, "int8", _task(answers)), answers) < 0.03


@pytest.mark.parametrize(("export", "most"), [("int16x8", 0.01), ("int4", 0.15)])
def test_so_it_does_on_other_routes(export, most):
    model, file = _file(SPELLINGS["operators"])
    answers = model(X).numpy()
    assert _noise(to_tflite(file, export, _task(answers)), answers) < most


def test_columns_that_a_convolution_takes_raw():
    wide = np.array([200, 1, 0.05], np.float32)
    x = np.random.default_rng(0).normal(size=(64, 6, 3)).astype(np.float32) * wide
    behind = layers.Conv1D(4, 3, padding="same", use_bias=False)
    model, file = _file(lambda x: x / wide, (6, 3), behind)
    answers = model(x).numpy()
    assert _noise(to_tflite(file, "int8", _task(answers, x)), answers, x) < 0.03


def test_a_model_without_layers_that_can_be_read():
    class Subclassed(k.tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense((x - MEAN) / WIDE)

    k.tf_keras.utils.set_random_seed(1)
    model = Subclassed()
    answers = model(X).numpy()
    assert _noise(to_tflite(model, "int8", _task(answers)), answers) < 0.03


def test_the_remedy_of_an_integer_input_that_does_not_run(caplog):
    model, file = _file(lambda x: (x - MEAN) / WIDE, behind=_two_layers)
    task = _task(model(X).numpy())
    with pytest.raises(BadInput, match=r'Leave input out: input="float32"'):
        to_tflite(file, 'int8(input="int8")', task)
    assert "input x: columns 0, 1: fewer than 8 steps" in caplog.text
    assert tflite.read(to_tflite(file, "int8", task)).inputs[0].dtype == "FLOAT32"


def _two_layers(x):
    return layers.Dense(2)(layers.Dense(8, activation="relu")(x))


def test_columns_that_other_operators_read_are_named(caplog):
    model, file = _file(layers.Activation("tanh"))
    to_tflite(file, "int8", _task(model(X).numpy()))
    assert "x: columns 0, 1: too small beside the others" in caplog.text


def test_even_columns_are_quantized_with_the_rest():
    z = (X - MEAN) / WIDE
    model, file = _file(lambda x: x * 0.5)
    data = to_tflite(file, "int8", _task(model(z).numpy(), z))
    assert tflite.read(data).operators[0].kind == "QUANTIZE"

import numpy as np
import pytest
import running

from tfedge import export
from tfedge.compress import keras as k
from tfedge.compress.graph import canonical
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

_STEPS = 5


def _mean_of_words():
    k.tf_keras.utils.set_random_seed(3)
    words = k.tf_keras.Input((_STEPS,), dtype="int32", name="words")
    rows = k.tf_keras.layers.Embedding(9, 6, "normal", mask_zero=True)(words)
    mean = k.tf_keras.layers.GlobalAveragePooling1D()(rows)
    return canonical.tidy(k.tf_keras.Model(words, k.tf_keras.layers.Dense(3)(mean)))


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(5)
    x = rng.integers(1, 9, (120, _STEPS)).astype("int32")
    for row, length in zip(x, rng.integers(1, _STEPS + 1, 120), strict=True):
        row[length:] = 0
    split = ArraySplit(x, rng.normal(size=(120, 3)).astype("float32"))
    return Task("words", "regression", split, split, split)


@pytest.mark.parametrize("route", ["int8", 'int8(algorithm="mse")', "int16x8"])
def test_a_row_of_padding_alone_does_not_stop_the_file(route, task):
    model, x = _mean_of_words(), task.train.x
    data = export.to_tflite(model, route, task)
    assert np.isfinite(running.images(data, np.zeros((1, _STEPS), "int32"))).all()
    expected = model(x).numpy()
    error = running.images(data, x) - expected
    assert np.sqrt(np.mean(error**2)) < 0.06 * expected.std()


def test_a_division_by_a_constant_stays_in_integers(task):
    inputs = k.tf_keras.Input((4,), name="x")
    model = k.tf_keras.Model(inputs, k.tf_keras.layers.Dense(2)(inputs) / np.float32(3))
    x = np.random.default_rng(1).normal(size=(120, 4)).astype("float32")
    split = ArraySplit(x, x[:, :2])
    data = export.to_tflite(model, "int8", Task("x", "regression", split, split, split))
    kinds = [each.kind for each in tflite.read(data).operators]
    assert kinds.count("DEQUANTIZE") == 1

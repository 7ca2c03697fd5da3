import keras as k3
import numpy as np
import pytest

from tfedge import to_tflite
from tfedge.compress import keras as k
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite
from tfedge.errors import BadInput

layers = k.tf_keras.layers
MEAN = np.array([1000, 0, 5e4], np.float32)
WIDE = np.array([8, 0.01, 9e3], np.float32)


def _normalized(x):
    return (x - MEAN) / WIDE


def _batch_norm(x):
    norm = layers.BatchNormalization(epsilon=1e-9)
    made = norm(x)
    norm.set_weights([np.array([1, -1, 1]), np.zeros(3), MEAN, WIDE**2])
    return made


SPELLINGS = {
    "operators": _normalized,
    "batch_norm": _batch_norm,
    "reshaped": lambda x: layers.Flatten()(_normalized(layers.Reshape((1, 3))(x))),
    "two_readers": lambda x: layers.Concatenate()([_normalized(x), layers.Rescaling(1e-5)(x)]),
    "branches": lambda x: layers.Add()(
        [layers.Dense(3)(_normalized(x)), layers.Dense(3)(layers.Rescaling(1e-5)(x))]
    ),
}


def _model(spelling):
    k.tf_keras.utils.set_random_seed(1)
    z = np.random.default_rng(0).normal(size=(128, 3)).astype(np.float32)
    x = layers.Input((3,), name="x")
    model = k.tf_keras.Model(x, layers.Dense(2)(spelling(x)))
    split = ArraySplit(z * WIDE + MEAN, model(z * WIDE + MEAN).numpy())
    return model, Task("columns", "regression", split, split, split)


def _noise(data, task):
    """Error over spread of the answers."""
    interpreter = tflite.interpreter(data, 1)
    interpreter.allocate_tensors()
    (given,), (told,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for row in task.train.x:
        scale, zero = given["quantization"]
        codes = np.clip(np.round(row / scale) + zero, -128, 127) if scale else row
        interpreter.set_tensor(given["index"], codes[None].astype(given["dtype"]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(told["index"])[0])
    return np.sqrt(np.mean((np.array(found) - task.train.y) ** 2)) / task.train.y.std()


@pytest.mark.parametrize("name", list(SPELLINGS))
@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_columns_of_many_scales_keep_what_they_tell(name, recipe):
    model, task = _model(SPELLINGS[name])
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    assert _noise(to_tflite(made, "int8", task), task) < 0.12


@pytest.mark.parametrize(
    ("export", "most"),
    [("int16x8", 0.02), ("int4", 0.25), ("dynamic", 0.05), ('int8(algorithm="gptq")', 0.05)],
)
def test_so_they_do_on_every_route(export, most):
    model, task = _model(_normalized)
    assert _noise(to_tflite(model, export, task), task) < most


@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_columns_that_a_kernel_takes_raw(recipe):
    model, task = _model(lambda x: x)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel / WIDE[:, None], bias - MEAN / WIDE @ kernel])
    answers = ArraySplit(task.train.x, model(task.train.x).numpy())
    task = Task("raw", "regression", answers, answers, answers)
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    assert _noise(to_tflite(made, "int8", task), task) < 0.12


def test_an_integer_input_is_warned_of(caplog):
    model, task = _model(lambda x: (x - MEAN) / [50000, 500, 9000])
    data = to_tflite(model, 'int8(input="int8")', task)
    assert "input x: columns 1, 2: fewer than 8 steps" in caplog.text
    assert tflite.read(data).inputs[0].dtype == "INT8"


def test_even_columns_are_quantized_with_the_rest():
    x = layers.Input((3,), name="x")
    model = k.tf_keras.Model(x, layers.Dense(2)(layers.Rescaling(1 / 255, -0.5)(x)))
    pixels = np.random.default_rng(0).uniform(0, 255, (128, 3)).astype(np.float32)
    split = ArraySplit(pixels, model(pixels).numpy())
    task = Task("pixels", "regression", split, split, split)
    first = tflite.read(to_tflite(model, "int8", task)).operators[0]
    assert first.kind == "QUANTIZE"


def test_each_of_several_inputs_is_judged_alone():
    k.tf_keras.utils.set_random_seed(1)
    z = np.random.default_rng(0).normal(size=(128, 2)).astype(np.float32)
    a, b = layers.Input((1,), name="a"), layers.Input((1,), name="b")
    both = layers.Concatenate()([(a - 1000.0) / 8.0, b])
    model = k.tf_keras.Model({"a": a, "b": b}, layers.Dense(2)(both))
    x = {"a": z[:, :1] * 8 + 1000, "b": z[:, 1:]}
    split = ArraySplit(x, model(x).numpy())
    data = to_tflite(model, "int8", Task("inputs", "regression", split, split, split))
    file = tflite.read(data)
    assert list(file.named_inputs) == ["a", "b"]
    runner = tflite.interpreter(data, 1).get_signature_runner()
    found = [
        next(iter(runner(a=x["a"][i : i + 1], b=x["b"][i : i + 1]).values()))[0] for i in range(32)
    ]
    assert np.abs(found - split.y[:32]).max() < 0.1


def test_a_rule_may_name_a_layer_in_front():
    norm = layers.Normalization(mean=MEAN, variance=WIDE**2, name="norm")
    model, task = _model(norm)
    data = to_tflite(model, 'int8(precision={"norm": "float32"})', task)
    assert [each.kind for each in tflite.read(data).operators][-2:] == [
        "FULLY_CONNECTED",
        "DEQUANTIZE",
    ]
    with pytest.raises(BadInput, match="'nor': matches no layer"):
        to_tflite(model, 'int8(precision={"nor": "float32"})', task)


@pytest.mark.parametrize("recipe", ["", "quantize(epochs=1)"])
def test_logarithms_and_what_brings_them_to_one_scale_stay_float(recipe):
    k.tf_keras.utils.set_random_seed(2)
    z = np.random.default_rng(0).normal(size=(128, 3)).astype(np.float32)
    values = np.exp(z + np.array([0, 9, -7], np.float32))
    x = k3.Input((3,), name="x")
    logs = k3.ops.log(k3.ops.maximum(x[:, :2], 1e-6) + 1e-6)
    columns = k3.layers.Concatenate()([logs, x[:, 2:]])
    scaled = (columns - np.array([0, 9, 1e-3], np.float32)) / np.array([1, 1, 1e-3], np.float32)
    model = k3.Model(x, k3.layers.Dense(2)(k3.layers.Dense(8, activation="tanh")(scaled)))
    split = ArraySplit(values, np.asarray(model(values)))
    task = Task("columns", "regression", split, split, split)
    source = Recipe.parse(recipe).apply(model, task) if recipe else model
    wanted = source.model(values) if recipe else model(values)
    split = ArraySplit(values, np.asarray(wanted))
    data = to_tflite(source, "int8", task)
    assert _noise(data, Task("columns", "regression", split, split, split)) < 0.05
    file = tflite.read(data)
    assert all(kernel.tensor.dtype == "INT8" for kernel in file.kernels())

import re

import numpy as np
import pytest

from tfedge import Recipe, to_tflite
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite

layers = k.tf_keras.layers
ANCHORS = np.arange(32, dtype=np.float32).reshape(1, 16, 2)
UNITS = np.array([160, 160, 160, 160, 1, 1, 1], np.float32)


def _boxes(x):
    return layers.Rescaling(160.0)(layers.Dense(4, activation="sigmoid")(x))


def _scores(x):
    return layers.Dense(3, activation="sigmoid")(x)


def _share(x):
    return layers.Dense(4, activation="softmax")(x)


def _joined(x):
    return layers.Concatenate()([_boxes(x), _scores(x)])


def _anchored(x):
    corners = (layers.Dense(2)(x) + ANCHORS) * 8.0
    return layers.Concatenate()([corners, layers.Dense(2)(x) * 8.0, _scores(x)])


def _three(x):
    far = (layers.Dense(1, activation="tanh")(x) + 1.0) * 4000.0
    return layers.Concatenate()([_boxes(x), _scores(x), far])


# what makes (16, n) of (16, 5), and the axis that the columns are along
SPELLINGS = {
    "concatenate": (_joined, -1),
    "one_product": (lambda x: layers.Dense(7, activation="sigmoid")(x) * UNITS, -1),
    "anchors": (_anchored, -1),
    "permuted": (lambda x: layers.Permute((2, 1))(_joined(x)), 1),
    "reshaped": (lambda x: layers.Reshape((4, 4, 7))(_joined(x)), -1),
    "three_groups": (_three, -1),
    "clipped": (lambda x: k.tf.clip_by_value(_anchored(x) - 0.1, 0.0, 400.0), -1),
    "evened_out": (lambda x: _joined(x) / UNITS, -1),
}


def _model(spelling):
    k.tf_keras.utils.set_random_seed(1)
    x = layers.Input((16, 5), name="x")
    return k.tf_keras.Model(x, spelling(layers.Dense(8, activation="relu")(x)))


def _task(model):
    x = np.random.default_rng(0).normal(size=(128, 16, 5)).astype(np.float32)
    y = model.predict(x, verbose=0)
    y = dict(zip(model.output_names, y, strict=True)) if isinstance(y, list) else y
    split = ArraySplit(x, y)
    return Task("boxes", "regression", split, split, split)


def _answers(data, task, count=32):
    run = tflite.interpreter(data, 1).get_signature_runner()
    found = [run(x=row[None]) for row in task.train.x[:count]]
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def _noise(found, wanted, axis=-1):
    """Of the worst column: error over spread."""
    found, wanted = (np.moveaxis(each, axis, -1).reshape(-1, each.shape[axis])
                     for each in (found, wanted))  # fmt: skip
    return (np.sqrt(((found - wanted) ** 2).mean(axis=0)) / wanted.std(axis=0)).max()


@pytest.mark.parametrize("name", list(SPELLINGS))
@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_columns_of_many_scales_in_one_output_keep_what_they_tell(name, recipe):
    spelling, axis = SPELLINGS[name]
    model = _model(spelling)
    task = _task(model)
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    data = to_tflite(made, "int8", task)
    (found,) = _answers(data, task).values()
    assert _noise(found, task.train.y[:32], axis) < 0.1
    assert {each.tensor.dtype for each in tflite.read(data).kernels()} == {"INT8"}


@pytest.mark.parametrize(
    "export", ["int4", 'int8(algorithm="gptq")', 'int8(precision="auto", tolerance=0.2)']
)
def test_so_they_do_on_every_route(export):
    model = _model(_joined)
    task = _task(model)
    (found,) = _answers(to_tflite(model, export, task), task).values()
    assert _noise(found, task.train.y[:32]) < (0.6 if export == "int4" else 0.1)


def test_a_rule_on_a_layer_that_is_float_by_now_is_kept():
    model = _model(_joined)
    name = model.layers[-1].name
    data = to_tflite(model, f'int8(precision={{"{name}": "float32"}})', _task(model))
    assert {each.tensor.dtype for each in tflite.read(data).kernels()} == {"INT8"}


def test_it_is_said_in_columns(caplog):
    model = _model(_joined)
    model.output_names = ["detections"]
    with caplog.at_level("INFO", logger="absl"):
        to_tflite(model, "int8", _task(model))
    found = re.search(
        r"output detections: columns 0-3 reach 1\d\d\.?\d*, columns 4-6 reach 0\.[7-9]\d* "
        r"\(2 of 255 steps\)",
        caplog.text,
    )
    assert found, caplog.text


@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_an_integer_output_is_warned_of(recipe, caplog):
    model = _model(_joined)
    task = _task(model)
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    data = to_tflite(made, 'int8(output="int8")', task)
    assert "(2 of 255 steps) of the one integer scale" in caplog.text
    assert tflite.read(data).outputs[0].dtype == "INT8"


def test_another_output_keeps_its_place_and_its_integers():
    k.tf_keras.utils.set_random_seed(1)
    x = layers.Input((16, 5), name="x")
    mean = layers.GlobalAveragePooling1D()(x)
    model = k.tf_keras.Model(x, [layers.Dense(2)(mean), _joined(x), layers.Dense(3)(mean)])
    model.output_names = ["first", "detections", "last"]
    task = _task(model)
    data = to_tflite(model, "int8", task)
    assert list(tflite.read(data).named_outputs) == ["first", "detections", "last"]
    for name, found in _answers(data, task).items():
        assert _noise(found, task.train.y[name][:32]) < 0.1


ORDINARY = {
    "softmax": layers.Dense(4, activation="softmax"),
    "map": lambda x: layers.Reshape((4, 4, 3))(layers.Dense(3, activation="relu6")(x)),
    "shares": lambda x: layers.Concatenate()([_share(x), 1.0 - _share(x)]),
}


@pytest.mark.parametrize("name", list(ORDINARY))
def test_columns_that_one_scale_serves_are_integers_to_the_end(name):
    model = _model(ORDINARY[name])
    kinds = [each.kind for each in tflite.read(to_tflite(model, "int8", _task(model))).operators]
    assert kinds.index("DEQUANTIZE") == len(kinds) - 1


def _in_units(end, shape, units):
    k.tf_keras.utils.set_random_seed(1)
    x = layers.Input(shape, name="x")
    kernel = layers.Dense(8, activation="relu")
    model = k.tf_keras.Model(x, end(kernel(x)))
    last = [layer for layer in model.layers if layer.get_weights()][-1]
    weights, bias = last.get_weights()
    last.set_weights([weights * units, bias])
    return model


def _head(x):
    return layers.Reshape((16, 7))(layers.Conv2D(7, 3, padding="same")(x))


ONE_KERNEL = {
    "dense": (layers.Dense(3), (5,), np.array([1000, 1, 0.1])),
    "convolution": (_head, (4, 4, 5), UNITS),
}


def _task_of(model):
    x = np.random.default_rng(0).normal(size=(128, *model.input_shape[1:])).astype(np.float32)
    split = ArraySplit(x, model.predict(x, verbose=0))
    return Task("units", "regression", split, split, split)


@pytest.mark.parametrize("name", list(ONE_KERNEL))
@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_columns_of_one_kernel_keep_what_they_tell(name, recipe):
    model = _in_units(*ONE_KERNEL[name])
    task = _task_of(model)
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    data = to_tflite(made, "int8", task)
    (found,) = _answers(data, task).values()
    assert _noise(found, task.train.y[:32]) < 0.1
    assert {each.tensor.dtype for each in tflite.read(data).kernels()} == {"INT8"}
    if recipe:
        keras3 = np.asarray(made.to_keras3()(task.train.x))
        np.testing.assert_allclose(keras3, made.model(task.train.x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_columns_of_one_kernel_are_warned_of_as_integers(recipe, caplog):
    model = _in_units(*ONE_KERNEL["dense"])
    task = _task_of(model)
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    data = to_tflite(made, 'int8(output="int8")', task)
    assert "(0 of 255 steps) of the one integer scale" in caplog.text
    assert tflite.read(data).outputs[0].dtype == "INT8"


def _odds(x):
    return layers.Dense(1, activation="sigmoid", name="p")(x)


def _counts(x):
    return layers.Dense(1, activation="exponential", name="rate")(x)


def _apart(x):
    return layers.Activation("sigmoid")(layers.Dense(1, name="logit")(x))


def _spread(x):
    return layers.Concatenate()([layers.Dense(1)(x), layers.Dense(1, activation="softplus")(x)])


SQUEEZED = {f.__name__[1:]: f for f in (_odds, _counts, _apart, _spread)}


@pytest.mark.parametrize("name", list(SQUEEZED))
@pytest.mark.parametrize("recipe", ["", "quantize(epochs=0)"])
def test_small_probabilities_counts_and_spreads_are_not_0(name, recipe):
    k.tf_keras.utils.set_random_seed(1)
    x = layers.Input((5,), name="x")
    model = k.tf_keras.Model(x, SQUEEZED[name](layers.Dense(8, activation="relu")(x)))
    last = [layer for layer in model.layers if layer.get_weights()][-1]
    last.set_weights([2 * last.get_weights()[0], np.array([-4.0])])
    task = _task_of(model)
    made = Recipe.parse(recipe).apply(model, task) if recipe else model
    (found,) = _answers(to_tflite(made, "int8", task), task, 128).values()
    wanted = task.train.y[:, -1:]
    small = wanted < 0.01
    assert 0.1 < small.mean() < 1
    assert np.median(abs(found[:, -1:] - wanted)[small] / wanted[small]) < 0.1
    if recipe:
        keras3 = np.asarray(made.to_keras3()(task.train.x))
        np.testing.assert_allclose(keras3, made.model(task.train.x), rtol=1e-4, atol=1e-4)


def test_an_app_that_asks_for_integers_gets_a_probability_as_one(caplog):
    x = layers.Input((5,), name="x")
    model = k.tf_keras.Model(x, _odds(layers.Dense(8, activation="relu")(x)))
    with caplog.at_level("INFO", logger="absl"):
        file = tflite.read(to_tflite(model, 'int8(output="int8")', _task_of(model)))
    said = 'among integers p_activation makes 0 of what is small; output="float32" keeps it'
    assert said in caplog.text
    assert file.operators[-1].kind == "LOGISTIC" and file.outputs[0].dtype == "INT8"

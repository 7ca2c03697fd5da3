import functools

import numpy as np
import pytest
import randomised

from tfedge.compress import bridge, keras
from tfedge.compress.bridge import op_functions, op_layer
from tfedge.errors import BadInput

k3, tf_keras, tf = keras.keras3(), keras.tf_keras, keras.tf
ops = k3.ops
LINE = np.linspace(-1, 1, 6, dtype="float32")

# Each gets x and y of shape (4, 6), n (4,) of integers, and image (8, 8, 4).
OPERATIONS = {
    "x + y": lambda t: t["x"] + t["y"],
    "x + 1.5": lambda t: t["x"] + 1.5,
    "x + array": lambda t: t["x"] + LINE,
    "2 - x": lambda t: 2 - t["x"],
    "x * x": lambda t: t["x"] * t["x"],
    "x / y": lambda t: t["x"] / t["y"],
    "3 / x": lambda t: 3 / t["x"],
    "x // 0.5": lambda t: t["x"] // 0.5,
    "x % 0.7": lambda t: t["x"] % 0.7,
    "x ** 2": lambda t: t["x"] ** 2,
    "-abs(x)": lambda t: -abs(t["x"]),
    "x > 0": lambda t: t["x"] > 0,
    "n * 0.5": lambda t: t["n"] * 0.5,
    "n / 2": lambda t: t["n"] / 2,
    "unlike ranks": lambda t: t["x"] + ops.mean(t["x"], axis=(0, 1)),
    "x[:, 1:]": lambda t: t["x"][:, 1:],
    "x[..., 0]": lambda t: t["x"][..., 0],
    "x[:, None, ::-1]": lambda t: t["x"][:, None, ::-1],
    "where": lambda t: ops.where(t["x"] > 0, t["x"], 0.0),
    "maximum": lambda t: ops.maximum(t["x"], t["y"]),
    "clip": lambda t: ops.clip(t["x"], -0.3, 0.4),
    "sqrt": lambda t: ops.sqrt(ops.abs(t["x"])),
    "power": lambda t: ops.power(ops.abs(t["x"]), 1.7),
    "round": lambda t: ops.round(t["x"], 2),
    "cast": lambda t: ops.cast(t["x"] * 5, "int32"),
    "mean": lambda t: ops.mean(t["x"], axis=(1, 2), keepdims=True),
    "mean of integers": lambda t: ops.mean(t["n"], axis=-1),
    "max": lambda t: ops.max(t["x"], axis=1, initial=0.5),
    "var": lambda t: ops.var(t["x"], axis=-1),
    "any": lambda t: ops.any(t["x"] > 0, axis=1),
    "argmin": lambda t: ops.argmin(t["x"], axis=1, keepdims=True),
    "top_k": lambda t: ops.top_k(t["x"], 2),
    "reshape": lambda t: ops.reshape(t["x"], (-1, 24)),
    "transpose": lambda t: ops.transpose(t["x"], (0, 2, 1)),
    "moveaxis": lambda t: ops.moveaxis(t["image"], -1, 1),
    "expand_dims": lambda t: ops.expand_dims(t["x"], (1, -1)),
    "squeeze": lambda t: ops.squeeze(t["x"][:, :1], axis=1),
    "concatenate": lambda t: ops.concatenate([t["x"], t["y"]], axis=-1),
    "stack": lambda t: ops.stack([t["x"], t["y"]], axis=1),
    "split": lambda t: ops.split(t["x"], [1, 4], axis=-1),
    "pad": lambda t: ops.pad(t["x"], ((0, 0), (1, 2), (0, 0)), constant_values=2.0),
    "flip": lambda t: ops.flip(t["x"], axis=1),
    "take": lambda t: ops.take(t["x"], [0, -1], axis=1),
    "one_hot": lambda t: ops.one_hot(t["n"], 5),
    "resize": lambda t: ops.image.resize(t["image"], (5, 6)),
    "depth_to_space": lambda t: ops.depth_to_space(t["image"], 2),
    "matmul": lambda t: ops.matmul(t["x"], ops.transpose(t["y"], (0, 2, 1))),
    "matmul by array": lambda t: ops.matmul(t["x"], LINE),
    "einsum": lambda t: ops.einsum("bij,bkj->bik", t["x"], t["y"]),
    "normalize": lambda t: ops.normalize(t["x"]),
    "average_pool": lambda t: ops.average_pool(t["image"], 2, strides=1, padding="same"),
    "softmax": lambda t: ops.softmax(t["x"], axis=1),
    "relu6": lambda t: ops.relu6(t["x"] * 9),
    "hard_silu": lambda t: ops.hard_silu(t["x"]),
    "gelu": lambda t: ops.gelu(t["x"]),
    "leaky_relu": lambda t: ops.leaky_relu(t["x"], 0.1),
}


def _inputs():
    rng = np.random.default_rng(0)
    shapes = {"x": (4, 6), "y": (4, 6), "image": (8, 8, 4)}
    arrays = {name: rng.normal(size=(3, *shape)) for name, shape in shapes.items()}
    return {
        **{name: value.astype("float32") for name, value in arrays.items()},
        "n": rng.integers(0, 5, (3, 4)).astype("int32"),
    }


@pytest.fixture(scope="module")
def everything():
    """One model with every operation as an output, and its data."""
    data = _inputs()
    tensors = {name: k3.Input(v.shape[1:], dtype=v.dtype, name=name) for name, v in data.items()}
    outputs = {name: build(tensors) for name, build in OPERATIONS.items()}
    model = k3.Model(tensors, outputs)
    twin = bridge.to_tf_keras(model)
    return model, twin, bridge.to_keras3(twin), data


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_gives_the_same_both_ways(everything, name):
    model, twin, back, data = everything
    expected = [np.asarray(value) for value in randomised.flat(model(data)[name])]
    for other in (twin, back):
        found = [np.asarray(value) for value in randomised.flat(other(data)[name])]
        for a, b in zip(expected, found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_operations_survive_saving(everything, tmp_path):
    _, twin, _, data = everything
    twin.save(tmp_path / "ops.keras")
    again = tf_keras.models.load_model(tmp_path / "ops.keras")
    expected, found = twin(data), again(data)
    for name in OPERATIONS:
        assert randomised.apart(expected[name], found[name]) == 0, name


def test_two_tensors_become_a_merge_layer_unless_it_would_compute_otherwise(everything):
    twin = everything[1]
    kinds = [type(layer).__name__ for layer in twin.layers]
    assert {"Add", "Multiply", "Maximum", "Concatenate"} <= set(kinds)
    unlike_ranks = k3.Input((4, 6)) + k3.Input(())
    model = bridge.to_tf_keras(k3.Model(unlike_ranks._keras_history.operation.input, unlike_ranks))
    assert isinstance(model.layers[-1], op_layer.Op)


def test_every_function_is_one_of_keras_ops():
    for name in set(op_functions.FUNCTIONS) - {"get_item"}:
        assert callable(functools.reduce(getattr, name.split("."), ops)), name


def test_an_operation_without_counterpart_is_refused_by_name():
    x = k3.Input((4,))
    model = k3.Model(x, ops.fft((x, x))[0])
    with pytest.raises(BadInput, match=r"keras\.ops\.fft"):
        bridge.to_tf_keras(model)


TF_FUNCTIONS = {
    "x + y": lambda x, y: x + y,
    "x * 2": lambda x, y: x * 2,
    "2 - x": lambda x, y: 2.0 - x,
    "x[:, 1:]": lambda x, y: x[:, 1:, ..., None],
    "x > y": lambda x, y: x > y,
    "relu6": lambda x, y: tf.nn.relu6(x),
    "sigmoid": lambda x, y: tf.sigmoid(x),
    "softmax": lambda x, y: tf.nn.softmax(x),
    "leaky_relu": lambda x, y: tf.nn.leaky_relu(x, 0.3),
    "reduce_mean": lambda x, y: tf.reduce_mean(x, [1, 2], keepdims=True),
    "reshape": lambda x, y: tf.reshape(x, [-1, 12]),
    "concat": lambda x, y: tf.concat([x, y], -1),
    "split": lambda x, y: tf.split(x, [1, 2, 1], -1),
    "transpose": lambda x, y: tf.transpose(x, [0, 2, 1]),
    "squeeze": lambda x, y: tf.squeeze(x[:, :1], 1),
    "pad": lambda x, y: tf.pad(x, [[0, 0], [1, 1], [0, 0]], "REFLECT"),
    "cast": lambda x, y: tf.cast(x, tf.int32),
    "einsum": lambda x, y: tf.einsum("bij,bkj->bik", x, y),
    "l2_normalize": lambda x, y: tf.math.l2_normalize(x, -1),
    "gather": lambda x, y: tf.gather(x, [0, 2], axis=-1),
}


@pytest.mark.parametrize("name", TF_FUNCTIONS)
def test_a_tensorflow_function_in_a_tf_keras_model_goes_to_keras3(name):
    x, y = tf_keras.Input((3, 4)), tf_keras.Input((3, 4))
    model = tf_keras.Model([x, y], TF_FUNCTIONS[name](x, y))
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(2, 3, 4)).astype("float32") for _ in range(2)]
    back = bridge.to_keras3(model)
    pairs = zip(randomised.flat(model(data)), randomised.flat(back(data)), strict=True)
    for expected, found in pairs:
        np.testing.assert_allclose(np.asarray(expected), np.asarray(found), rtol=1e-6)


def test_a_tensorflow_function_without_counterpart_is_refused_by_name():
    x = tf_keras.Input((4,))
    with pytest.raises(BadInput, match=r"tf\.math\.lgamma"):
        bridge.to_keras3(tf_keras.Model(x, tf.math.lgamma(x)))

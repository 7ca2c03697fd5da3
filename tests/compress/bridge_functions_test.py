"""Every function of op_functions computes what `keras.ops` does, called as Keras 3 calls it."""

import functools

import numpy as np
import pytest
import randomised

from tfedge.compress import bridge, keras
from tfedge.compress.bridge import op_functions, tf_symbols

k3, tf_keras, tf = keras.keras3(), keras.tf_keras, keras.tf
RANDOM = np.random.default_rng(0)
X, Y = (RANDOM.normal(size=(3, 4, 6)).astype("float32") for _ in "xy")
P = np.abs(X) + np.float32(0.1)
N = RANDOM.integers(1, 5, (3, 4)).astype("int32")
IMAGE = RANDOM.normal(size=(2, 8, 8, 4)).astype("float32")
YES = X > 0
LINE = X[0, 0]

_TWO = ("add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "mod", "maximum")
_TWO += ("minimum", "equal", "not_equal", "greater", "greater_equal", "less", "less_equal")
_ONE = ("negative", "abs", "absolute", "sign", "square", "sin", "cos", "sinh", "cosh", "arctan")
_ONE += ("erf", "floor", "ceil", "exp", "expm1", "stop_gradient", "ravel", "reciprocal")
_POSITIVE = ("sqrt", "rsqrt", "log", "log1p", "log2", "log10")
_OF_INTEGERS = ("sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "sinh")
_OF_INTEGERS += ("cosh", "arctan", "floor", "ceil", "mean", "var", "std", "tanh")
_REDUCING = ("mean", "var", "std", "sum", "prod", "max", "min", "amax", "amin", "logsumexp")
_BENT = ("relu", "relu6", "sigmoid", "tanh", "silu", "gelu", "selu", "softplus", "softsign", "elu")
_BENT += ("leaky_relu", "hard_sigmoid", "softmax", "log_softmax", "normalize")

# name -> ways to call it: (arguments, settings)
CALLS = {
    **{name: [((X, Y), {}), ((N, N.T[:1].T), {}), ((X, 0.5), {})] for name in _TWO},
    **{name: [((X,), {})] for name in _ONE},
    **{name: [((P,), {})] for name in _POSITIVE},
    **{name: [((3 * X,), {})] for name in _BENT},
    "power": [((P, 1.7), {}), ((X, 2), {})],
    "logical_and": [((YES, Y > 0), {}), ((N, N - 1), {})],
    "logical_or": [((YES, Y > 0), {}), ((N - 1, N - 1), {})],
    "logical_not": [((YES,), {}), ((N - 1,), {})],
    "where": [((YES, X, 0.0), {}), ((N - 1, N, 0.5), {})],
    "clip": [((X, -0.3, 0.4), {}), ((N, 2, 3), {})],
    "round": [((X,), {}), ((X,), {"decimals": 2})],
    "cast": [((3 * X, "int32"), {})],
    "any": [((YES,), {}), ((N - 1,), {"axis": 1, "keepdims": True})],
    "all": [((YES,), {}), ((N - 1,), {"axis": 1})],
    "argmax": [((X,), {}), ((X,), {"axis": 1}), ((X,), {"axis": -1, "keepdims": True})],
    "argmin": [((X,), {}), ((X,), {"axis": 2}), ((X,), {"axis": -1, "keepdims": True})],
    "cumsum": [((X,), {"axis": 1})],
    "sort": [((X,), {}), ((X,), {"axis": 1})],
    "argsort": [((X,), {}), ((X,), {"axis": 1})],
    "top_k": [((X, 2), {})],
    "reshape": [((X, (-1, 24)), {})],
    "transpose": [((X,), {}), ((X, (0, 2, 1)), {})],
    "swapaxes": [((X, 0, 2), {}), ((X, -1, 1), {})],
    "moveaxis": [((IMAGE, -1, 1), {}), ((IMAGE, (0, 1), (2, 0)), {})],
    "expand_dims": [((X, 1), {}), ((X, (1, -1)), {}), ((X, (3, 0)), {})],
    "squeeze": [((X[:1],), {}), ((X[:, :1], 1), {})],
    "concatenate": [(([X, Y],), {}), (([X, N[..., None]],), {"axis": -1})],
    "stack": [(([X, Y],), {}), (([X, Y],), {"axis": 2})],
    "split": [((X, 3), {}), ((X, [1, 4]), {"axis": -1})],
    "unstack": [((X,), {}), ((X,), {"axis": 1})],
    "repeat": [((X, 2), {"axis": 1}), ((X, 2), {})],
    "tile": [((X, (1, 2, 1)), {})],
    "flip": [((X,), {}), ((X,), {"axis": 1}), ((X,), {"axis": (0, 2)})],
    "roll": [((X, 2), {"axis": 1})],
    "pad": [
        ((LINE, 2), {}),
        ((X, ((0, 0), (1, 2), (0, 0))), {"constant_values": 2.0}),
        ((X, ((0, 0), (1, 2), (0, 1))), {"mode": "reflect"}),
    ],
    "broadcast_to": [((LINE, (2, 6)), {})],
    "take": [((X, [0, -1]), {"axis": 1}), ((X, [5, -2]), {})],
    "ones_like": [((N,), {}), ((N,), {"dtype": "float32"})],
    "zeros_like": [((X,), {}), ((X,), {"dtype": "int32"})],
    "full_like": [((X, 2.5), {}), ((X, 2), {"dtype": "int32"})],
    "one_hot": [((N, 5), {}), ((N, 5), {"axis": 1, "dtype": "int32"})],
    "depth_to_space": [((IMAGE, 2), {})],
    "space_to_depth": [((IMAGE, 2), {})],
    "image.resize": [((IMAGE, (5, 6)), {}), ((IMAGE, (5, 6)), {"interpolation": "nearest"})],
    "matmul": [
        ((X, Y.swapaxes(1, 2)), {}), ((X, LINE), {}), ((LINE, Y.swapaxes(1, 2)[0]), {}),
        ((LINE, Y.swapaxes(1, 2)), {}), ((X, Y[0].T), {}), ((LINE, LINE), {}), ((N[:, :3], N), {}),
    ],
    "dot": [((X, Y[0].T), {}), ((X, LINE), {}), ((X, 2.0), {}), ((Y[0], X.swapaxes(1, 2)), {})],
    "tensordot": [((X, Y.transpose(1, 2, 0)), {}), ((X, Y), {"axes": [[0, 1], [0, 1]]})],
    "einsum": [(("bij,bkj->bik", X, Y), {})],
    "threshold": [((X, 0.2, -1.0), {})],
    "max_pool": [((IMAGE, 2), {}), ((IMAGE, 3), {"strides": 1, "padding": "same"})],
    "average_pool": [((IMAGE, 2), {}), ((IMAGE, 3), {"strides": 2, "padding": "same"})],
}  # fmt: skip
for _name in _REDUCING:
    CALLS[_name] = [((X,), {}), ((X,), {"axis": 1}), ((X,), {"axis": (0, 2), "keepdims": True})]
for _name in ("max", "min"):
    CALLS[_name].append(((X,), {"axis": 1, "initial": 0.5}))
for _name in _OF_INTEGERS:
    CALLS.setdefault(_name, []).append(((N,), {}))
CALLS["gelu"].append(((X,), {"approximate": False}))
CALLS["elu"].append(((X,), {"alpha": 0.5}))
CALLS["leaky_relu"].append(((X,), {"negative_slope": 0.4}))
CALLS["normalize"] += [((X,), {"axis": 1, "order": 1}), ((1e-5 * X,), {"epsilon": 1e-3})]
for _name in ("softmax", "log_softmax"):
    CALLS[_name] += [((X,), {"axis": 1}), ((X,), {"axis": None})]


def _ops(name):
    return functools.reduce(getattr, name.split("."), k3.ops)


def _check_alike(expected, found, rtol):
    for one, other in zip(map(np.asarray, expected), map(np.asarray, found), strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        np.testing.assert_allclose(other, one, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("name", sorted(op_functions.FUNCTIONS))
def test_it_computes_what_keras_does(name):
    if name == "get_item":
        for key in ((slice(None), slice(1, None, 2)), [0, slice(None), -1], 2):
            found = op_functions.FUNCTIONS[name](tf.constant(X), key)
            np.testing.assert_array_equal(found, X[tuple(key) if isinstance(key, list) else key])
        return
    for arguments, settings in CALLS.get(name, [((3 * X,), {})]):
        ours, settings_of_ours = arguments, settings
        if name == "einsum":
            ours, settings_of_ours = arguments[1:], {"subscripts": arguments[0]}
        as_tensors = [tf.constant(a) if isinstance(a, np.ndarray) else a for a in ours]
        expected = randomised.flat(_ops(name)(*arguments, **settings))
        found = randomised.flat(op_functions.FUNCTIONS[name](*as_tensors, **settings_of_ours))
        _check_alike(expected, found, 2e-6)


SYMBOLS = {
    "x + 1": lambda x, y, n: x + 1.0,
    "tf.add": lambda x, y, n: tf.add(x, y),
    "bias_add": lambda x, y, n: tf.nn.bias_add(x, LINE[:4]),
    "x - y": lambda x, y, n: x - y,
    "x / y": lambda x, y, n: x / y,
    "divide": lambda x, y, n: tf.divide(x, y),
    "x // y": lambda x, y, n: x // y,
    "x % y": lambda x, y, n: x % y,
    "floormod": lambda x, y, n: tf.math.floormod(n, 3),
    "power": lambda x, y, n: tf.pow(tf.abs(x), 1.5),
    "maximum": lambda x, y, n: tf.maximum(x, y),
    "minimum": lambda x, y, n: tf.minimum(x, y),
    "matmul": lambda x, y, n: tf.matmul(x, tf.transpose(y, [0, 2, 1])),
    "==": lambda x, y, n: n == 2,
    "!=": lambda x, y, n: n != 2,
    "equal": lambda x, y, n: tf.equal(n, 3),
    "not_equal": lambda x, y, n: tf.not_equal(n, 3),
    ">=": lambda x, y, n: n >= 3,
    "<": lambda x, y, n: x < y,
    "<=": lambda x, y, n: n <= 3,
    "and": lambda x, y, n: tf.logical_and(x > 0, y > 0),
    "or": lambda x, y, n: tf.logical_or(x > 0, y > 0),
    "not": lambda x, y, n: tf.logical_not(x > 0),
    "where": lambda x, y, n: tf.where(x > 0, x, y),
    "clip": lambda x, y, n: tf.clip_by_value(x, -0.5, 0.25),
    **{
        name: lambda x, y, n, name=name: getattr(tf.math, name)(x)
        for name in (
            *("negative", "abs", "sign", "square", "exp", "expm1", "sin", "cos", "atan", "erf"),
            *("floor", "ceil", "round", "tanh", "softplus", "log_sigmoid", "reciprocal"),
        )
    },
    **{
        name: lambda x, y, n, name=name: getattr(tf.math, name)(tf.abs(x) + 0.1)
        for name in ("sqrt", "rsqrt", "log", "log1p")
    },
    **{
        name: lambda x, y, n, name=name: getattr(tf.nn, name)(x)
        for name in ("relu", "silu", "elu", "selu", "softsign", "log_softmax", "gelu", "leaky_relu")
    },
    **{
        name: lambda x, y, n, name=name: getattr(tf.math, name)(x, axis=1, keepdims=True)
        for name in (
            *("reduce_sum", "reduce_prod", "reduce_max", "reduce_min", "reduce_std"),
            *("reduce_variance", "reduce_logsumexp"),
        )
    },
    "softmax": lambda x, y, n: tf.nn.softmax(x, axis=1),
    "exact gelu": lambda x, y, n: tf.nn.gelu(x, approximate=True),
    "cumsum": lambda x, y, n: tf.cumsum(x, axis=1),
    "l2_normalize": lambda x, y, n: tf.math.l2_normalize(x * 1e-4, -1, epsilon=1e-6),
    "top_k": lambda x, y, n: tf.math.top_k(x, k=2),
    "stack": lambda x, y, n: tf.stack([x, y], axis=1),
    "unstack": lambda x, y, n: tf.unstack(x, axis=1),
    "split": lambda x, y, n: tf.split(x, 2, axis=2),
    "expand_dims": lambda x, y, n: tf.expand_dims(x, axis=1),
    "tile": lambda x, y, n: tf.tile(x, [1, 2, 1]),
    "repeat": lambda x, y, n: tf.repeat(x, 2, axis=1),
    "roll": lambda x, y, n: tf.roll(x, shift=1, axis=2),
    "reverse": lambda x, y, n: tf.reverse(x, axis=[1]),
    "constant pad": lambda x, y, n: tf.pad(x, [[0, 0], [1, 0], [0, 2]], constant_values=3.0),
    "tensordot": lambda x, y, n: tf.tensordot(x, X[0, :, :4], axes=1),
    "cast": lambda x, y, n: tf.cast(n, tf.float32),
    "stop_gradient": lambda x, y, n: tf.stop_gradient(x),
    "rows of a table": lambda x, y, n: tf.gather(X[0], n - 1),
    "over examples": lambda x, y, n: tf.cumsum(x),
    "strided": lambda x, y, n: x[:, ::-1, 1:3],
}


@pytest.fixture(scope="module")
def symbols():
    """One model with a TensorFlow function an output, its Keras 3 twin, and data."""
    inputs = [tf_keras.Input((3, 4), name=name) for name in "xy"]
    inputs.append(tf_keras.Input((3,), name="n", dtype="int32"))
    outputs = {name: make(*inputs) for name, make in SYMBOLS.items()}
    model = tf_keras.Model(inputs, outputs)
    data = [X[:, :3, :4], Y[:, :3, :4], N[:, :3]]
    return model(data), bridge.to_keras3(model)(data)


@pytest.mark.parametrize("name", SYMBOLS)
def test_a_tensorflow_function_computes_the_same_in_keras3(symbols, name):
    expected, found = (randomised.flat(each[name]) for each in symbols)
    _check_alike(expected, found, 2e-5)


def test_settings_that_say_what_is_usual_are_none():
    assert tf_symbols._is_default(None, 3) and tf_symbols._is_default(1, 1)
    assert not tf_symbols._is_default(1, 1.0) and not tf_symbols._is_default(True, 1)
    assert not tf_symbols._is_default([1], [1]) and not tf_symbols._is_default(2, 1)

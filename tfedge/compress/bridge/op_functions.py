"""The TensorFlow function behind each `keras.ops` operation a model may use between its layers.

Written as the TensorFlow backend of Keras 3 computes them, so that a bridged model gives the
same numbers. The names and the keyword arguments are those of `keras.ops`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfedge.compress import keras
from tfedge.compress.bridge import activations

_tf = keras.tf
Function = Callable[..., Any]


def _is_number(x: Any) -> bool:
    return isinstance(x, bool | int | float)


def _alike(*values: Any, real: bool = False) -> list[Any]:
    """The operands as tensors of the one dtype Keras 3 promotes them to."""
    tensors = [_tf.convert_to_tensor(v) for v in values if not _is_number(v)]
    if not tensors:
        tensors = [_tf.convert_to_tensor(values[0])]
    floats = [t.dtype for t in tensors if t.dtype.is_floating]
    wants_float = real or any(isinstance(v, float) for v in values)
    if floats:
        dtype = max(floats, key=lambda d: d.size)
    elif wants_float:
        dtype = _tf.float32
    else:
        dtype = _tf.as_dtype(np.result_type(*(t.dtype.as_numpy_dtype for t in tensors)))
    return [_tf.cast(v, dtype) for v in values]


def _binary(function: Function, real: bool = False) -> Function:
    return lambda x1, x2: function(*_alike(x1, x2, real=real))


def _real(function: Function) -> Function:
    """Functions that turn integers into floats first."""

    def call(x, **settings):
        x = _tf.convert_to_tensor(x)
        return function(x if x.dtype.is_floating else _tf.cast(x, _tf.float32), **settings)

    return call


def _reduction(function: Function, dtype: Any = None) -> Function:
    def call(x, axis=None, keepdims=False, initial=None):
        x = x if dtype is None else _tf.cast(x, dtype)
        result = function(x, axis=axis, keepdims=keepdims)
        if initial is None:
            return result
        bound = _tf.maximum if function is _tf.reduce_max else _tf.minimum
        return bound(result, _tf.cast(initial, result.dtype))

    return call


def _index_reduction(function: Function) -> Function:
    def call(x, axis=None, keepdims=False):
        if axis is None:
            x, axis = _tf.reshape(x, [-1]), 0
        found = _tf.cast(function(x, axis=axis), _tf.int32)
        return _tf.expand_dims(found, axis) if keepdims else found

    return call


def _matmul(x1, x2):
    x1, x2 = _alike(x1, x2)
    if x2.shape.rank == 1:
        return _tf.tensordot(x1, x2, axes=1)
    if x1.shape.rank == 1:
        return _tf.tensordot(x1, x2, axes=[[0], [-2]])
    if x2.shape.rank == 2 and x1.shape.rank > 2:
        return _tf.tensordot(x1, x2, axes=[[-1], [0]])
    return _tf.matmul(x1, x2)


def _dot(x1, x2):
    x1, x2 = _alike(x1, x2)
    if x1.shape.rank == 0 or x2.shape.rank == 0:
        return x1 * x2
    return _tf.tensordot(x1, x2, axes=[[-1], [-1 if x2.shape.rank == 1 else -2]])


def _split(x, indices_or_sections, axis=0):
    if isinstance(indices_or_sections, int):
        return _tf.split(x, indices_or_sections, axis=axis)
    ends = [*indices_or_sections, x.shape[axis]]
    sizes = [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return _tf.split(x, sizes, axis=axis)


def _expand_dims(x, axis):
    for place in sorted(axis) if isinstance(axis, list | tuple) else [axis]:
        x = _tf.expand_dims(x, place)
    return x


def _swapaxes(x, axis1, axis2):
    order = list(range(x.shape.rank))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _tf.transpose(x, order)


def _moveaxis(x, source, destination):
    rank = x.shape.rank
    sources = [s % rank for s in ([source] if isinstance(source, int) else source)]
    targets = [d % rank for d in ([destination] if isinstance(destination, int) else destination)]
    order = [axis for axis in range(rank) if axis not in sources]
    for target, moved in sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return _tf.transpose(x, order)


def _pad(x, pad_width, mode="constant", constant_values=None):
    pairs = [[pad_width, pad_width]] * x.shape.rank if isinstance(pad_width, int) else pad_width
    if mode != "constant":
        return _tf.pad(x, pairs, mode.upper())
    return _tf.pad(x, pairs, "CONSTANT", constant_values or 0)


def _take(x, indices, axis=None):
    if axis is None:
        x, axis = _tf.reshape(x, [-1]), 0
    indices = _tf.convert_to_tensor(indices)
    length = _tf.cast(_tf.shape(x)[axis], indices.dtype)
    return _tf.gather(x, _tf.where(indices < 0, indices + length, indices), axis=axis)


def _clip(x, x_min, x_max):
    x = _tf.convert_to_tensor(x)
    return _tf.clip_by_value(x, _tf.cast(x_min, x.dtype), _tf.cast(x_max, x.dtype))


def _softmax(function: Function) -> Function:
    def call(x, axis=-1):
        if axis is None:
            return _tf.reshape(function(_tf.reshape(x, [-1])), _tf.shape(x))
        return function(x, axis=axis)

    return call


def _normalize(x, axis=-1, order=2, epsilon=None):
    floor = keras.tf_keras.backend.epsilon() if epsilon is None else epsilon
    if order == 2:
        inverse = _tf.math.rsqrt(_tf.reduce_sum(_tf.square(x), axis=axis, keepdims=True))
        return x * _tf.minimum(inverse, 1.0 / floor)
    norm = _tf.norm(x, ord=order, axis=axis, keepdims=True)
    return x / _tf.maximum(norm, floor)


def _pool(function: Function) -> Function:
    def call(inputs, pool_size, strides=None, padding="valid", data_format=None):
        if data_format == "channels_first":
            raise NotImplementedError("pooling with channels first")
        return function(inputs, pool_size, strides or pool_size, padding.upper())

    return call


def _resize(images, size, interpolation="bilinear", antialias=False):
    resized = _tf.image.resize(images, size, method=interpolation, antialias=antialias)
    return _tf.cast(resized, images.dtype)


def _get_item(x, key):
    return x[tuple(key) if isinstance(key, list) else key]


def _elu(x, alpha=1.0):
    return _tf.nn.elu(x) if alpha == 1 else _tf.where(x > 0, _tf.nn.elu(x), alpha * _tf.nn.elu(x))


def _where(condition, x1, x2):
    return _tf.where(_tf.cast(condition, "bool"), *_alike(x1, x2))


def _full_like(x, fill_value, dtype=None):
    return _tf.broadcast_to(_tf.cast(fill_value, dtype or x.dtype), _tf.shape(x))


_ARITHMETIC: dict[str, Function] = {
    "add": _binary(_tf.add),
    "subtract": _binary(_tf.subtract),
    "multiply": _binary(_tf.multiply),
    "divide": _binary(_tf.divide, real=True),
    "true_divide": _binary(_tf.divide, real=True),
    "floor_divide": _binary(_tf.math.floordiv),
    "mod": _binary(_tf.math.mod),
    "power": _binary(_tf.pow),
    "maximum": _binary(_tf.maximum),
    "minimum": _binary(_tf.minimum),
    "equal": _binary(_tf.equal),
    "not_equal": _binary(_tf.not_equal),
    "greater": _binary(_tf.greater),
    "greater_equal": _binary(_tf.greater_equal),
    "less": _binary(_tf.less),
    "less_equal": _binary(_tf.less_equal),
    "logical_and": lambda x1, x2: _tf.logical_and(_tf.cast(x1, "bool"), _tf.cast(x2, "bool")),
    "logical_or": lambda x1, x2: _tf.logical_or(_tf.cast(x1, "bool"), _tf.cast(x2, "bool")),
    "logical_not": lambda x: _tf.logical_not(_tf.cast(x, "bool")),
    "where": _where,
    "clip": _clip,
    "negative": _tf.negative,
    "abs": _tf.abs,
    "absolute": _tf.abs,
    "sign": _tf.sign,
    "square": _tf.square,
    "sqrt": _real(_tf.sqrt),
    "rsqrt": _tf.math.rsqrt,
    "reciprocal": _tf.math.reciprocal,
    "exp": _real(_tf.exp),
    "expm1": _real(_tf.math.expm1),
    "log": _real(_tf.math.log),
    "log1p": _real(_tf.math.log1p),
    "log2": _real(lambda x: _tf.math.log(x) / _tf.math.log(_tf.constant(2, x.dtype))),
    "log10": _real(lambda x: _tf.math.log(x) / _tf.math.log(_tf.constant(10, x.dtype))),
    "sin": _real(_tf.sin),
    "cos": _real(_tf.cos),
    "sinh": _real(_tf.sinh),
    "cosh": _real(_tf.cosh),
    "arctan": _real(_tf.atan),
    "erf": _tf.math.erf,
    "floor": _real(_tf.floor),
    "ceil": _real(_tf.math.ceil),
    "round": lambda x, decimals=0: (
        _tf.round(x * 10.0**decimals) / 10.0**decimals if decimals else _tf.round(x)
    ),
    "stop_gradient": _tf.stop_gradient,
    "cast": _tf.cast,
}
_REDUCTIONS: dict[str, Function] = {
    "mean": _real(_tf.reduce_mean),
    "var": _real(_tf.math.reduce_variance),
    "std": _real(_tf.math.reduce_std),
    "sum": _reduction(_tf.reduce_sum),
    "prod": _reduction(_tf.reduce_prod),
    "max": _reduction(_tf.reduce_max),
    "min": _reduction(_tf.reduce_min),
    "amax": _reduction(_tf.reduce_max),
    "amin": _reduction(_tf.reduce_min),
    "any": _reduction(_tf.reduce_any, "bool"),
    "all": _reduction(_tf.reduce_all, "bool"),
    "argmax": _index_reduction(_tf.argmax),
    "argmin": _index_reduction(_tf.argmin),
    "logsumexp": _tf.reduce_logsumexp,
    "cumsum": lambda x, axis=None, dtype=None: _tf.cumsum(x, axis=axis),
    "sort": lambda x, axis=-1: _tf.sort(x, axis=axis),
    "argsort": lambda x, axis=-1: _tf.argsort(x, axis=axis),
    "top_k": lambda x, k, sorted=True: _tf.math.top_k(x, k, sorted=sorted),
}
_SHAPES: dict[str, Function] = {
    "get_item": _get_item,
    "reshape": lambda x, newshape: _tf.reshape(x, shape=newshape),
    "ravel": lambda x: _tf.reshape(x, [-1]),
    "transpose": lambda x, axes=None: _tf.transpose(x, axes),
    "swapaxes": _swapaxes,
    "moveaxis": _moveaxis,
    "expand_dims": _expand_dims,
    "squeeze": lambda x, axis=None: _tf.squeeze(x, axis),
    "concatenate": lambda xs, axis=0: _tf.concat(_alike(*xs), axis),
    "stack": lambda x, axis=0: _tf.stack(_alike(*x), axis),
    "split": _split,
    "unstack": lambda x, num=None, axis=0: _tf.unstack(x, num, axis),
    "repeat": lambda x, repeats, axis=None: _tf.repeat(x, repeats, axis),
    "tile": lambda x, repeats: _tf.tile(x, multiples=repeats),
    "flip": lambda x, axis=None: _tf.reverse(
        x, list(range(x.shape.rank)) if axis is None else [axis] if isinstance(axis, int) else axis
    ),
    "roll": lambda x, shift, axis=None: _tf.roll(x, shift, axis),
    "pad": _pad,
    "broadcast_to": _tf.broadcast_to,
    "take": _take,
    "ones_like": lambda x, dtype=None: _tf.ones_like(x, dtype=dtype),
    "zeros_like": lambda x, dtype=None: _tf.zeros_like(x, dtype=dtype),
    "full_like": _full_like,
    "one_hot": lambda x, num_classes, axis=-1, dtype=None: _tf.one_hot(
        _tf.cast(x, "int64"), num_classes, axis=axis, dtype=dtype or "float32"
    ),
    "depth_to_space": _tf.nn.depth_to_space,
    "space_to_depth": _tf.nn.space_to_depth,
    "image.resize": _resize,
    "matmul": _matmul,
    "dot": _dot,
    "tensordot": lambda x1, x2, axes=2: _tf.tensordot(*_alike(x1, x2), axes=axes),
    "einsum": lambda *operands, subscripts: _tf.einsum(subscripts, *_alike(*operands)),
}
_ACTIVATIONS: dict[str, Function] = {
    "relu": _tf.nn.relu,
    "relu6": _tf.nn.relu6,
    "sigmoid": _tf.nn.sigmoid,
    "tanh": _real(_tf.tanh),
    "silu": _tf.nn.silu,
    "gelu": lambda x, approximate=True: _tf.nn.gelu(x, approximate),
    "selu": _tf.nn.selu,
    "softplus": _tf.math.softplus,
    "softsign": _tf.nn.softsign,
    "elu": _elu,
    "leaky_relu": lambda x, negative_slope=0.2: _tf.nn.leaky_relu(x, negative_slope),
    "hard_sigmoid": activations.hard_sigmoid_relu6,
    "softmax": _softmax(_tf.nn.softmax),
    "log_softmax": _softmax(_tf.nn.log_softmax),
    "threshold": lambda x, threshold, default_value: _tf.where(x > threshold, x, default_value),
    "normalize": _normalize,
    "max_pool": _pool(_tf.nn.max_pool),
    "average_pool": _pool(_tf.nn.avg_pool),
    **{
        name: function
        for name, function in activations.TO_TF_KERAS.items()
        if callable(function) and name not in ("hard_sigmoid", "hard_swish")
    },
}

FUNCTIONS: dict[str, Function] = {**_ARITHMETIC, **_REDUCTIONS, **_SHAPES, **_ACTIVATIONS}

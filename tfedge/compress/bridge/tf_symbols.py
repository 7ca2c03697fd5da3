"""Reads the layers tf_keras makes of TensorFlow functions: `x + y`, `tf.nn.relu6(x)`, `x[:, 1:]`.

tf_keras remembers the public name of the function. Those in the table have a counterpart in
`keras.ops`; a model file that names any other function is not opened, since TensorFlow's
functions can also write files.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from tfedge.compress.bridge.operation import Operation
from tfedge.errors import BadInput

# tf_keras class names of such layers.
LAYERS = ("TFOpLambda", "SlicingOpLambda")

# Public name in tf -> name in keras.ops; only the tensors themselves are arguments.
_PLAIN = {
    **{"__operators__.add": "add", "math.add": "add", "math.subtract": "subtract"},
    **{"math.multiply": "multiply", "math.truediv": "divide", "math.divide": "divide"},
    **{"compat.v1.floor_div": "floor_divide", "math.floordiv": "floor_divide"},
    **{"math.floormod": "mod", "math.pow": "power", "nn.bias_add": "add"},
    **{"math.maximum": "maximum", "math.minimum": "minimum", "linalg.matmul": "matmul"},
    **{"math.equal": "equal", "__operators__.eq": "equal", "math.not_equal": "not_equal"},
    **{"__operators__.ne": "not_equal", "math.greater": "greater", "math.less": "less"},
    **{"math.greater_equal": "greater_equal", "math.less_equal": "less_equal"},
    **{"math.logical_and": "logical_and", "math.logical_or": "logical_or"},
    **{"math.logical_not": "logical_not", "where": "where", "clip_by_value": "clip"},
    **{"math.negative": "negative", "math.abs": "abs", "math.sign": "sign"},
    **{"math.square": "square", "math.sqrt": "sqrt", "math.rsqrt": "rsqrt"},
    **{"math.reciprocal": "reciprocal", "math.exp": "exp", "math.expm1": "expm1"},
    **{"math.log": "log", "math.log1p": "log1p", "math.sin": "sin", "math.cos": "cos"},
    **{"math.atan": "arctan", "math.erf": "erf", "math.floor": "floor", "math.ceil": "ceil"},
    **{"math.round": "round", "stop_gradient": "stop_gradient", "nn.relu": "relu"},
    **{"nn.relu6": "relu6", "math.sigmoid": "sigmoid", "math.tanh": "tanh"},
    **{"nn.silu": "silu", "nn.elu": "elu", "nn.selu": "selu", "math.softplus": "softplus"},
    **{"nn.softsign": "softsign", "math.log_sigmoid": "log_sigmoid"},
    **{"__operators__.getitem": "get_item"},
}
# Public name in tf -> name in keras.ops, number of tensors, {parameter there: setting here}.
_AXES = {"axis": "axis", "keepdims": "keepdims"}
_WITH_SETTINGS: dict[str, tuple[str, int, Mapping[str, str]]] = {
    "math.reduce_mean": ("mean", 1, _AXES),
    "math.reduce_sum": ("sum", 1, _AXES),
    "math.reduce_prod": ("prod", 1, _AXES),
    "math.reduce_max": ("max", 1, _AXES),
    "math.reduce_min": ("min", 1, _AXES),
    "math.reduce_std": ("std", 1, _AXES),
    "math.reduce_variance": ("var", 1, _AXES),
    "math.reduce_logsumexp": ("logsumexp", 1, _AXES),
    "math.cumsum": ("cumsum", 1, {"axis": "axis"}),
    "math.l2_normalize": ("normalize", 1, {"axis": "axis", "epsilon": "epsilon"}),
    "math.top_k": ("top_k", 1, {"k": "k", "sorted": "sorted"}),
    "nn.softmax": ("softmax", 1, {"axis": "axis"}),
    "nn.log_softmax": ("log_softmax", 1, {"axis": "axis"}),
    "nn.gelu": ("gelu", 1, {"approximate": "approximate"}),
    "nn.leaky_relu": ("leaky_relu", 1, {"alpha": "negative_slope"}),
    "nn.depth_to_space": ("depth_to_space", 1, {"block_size": "block_size"}),
    "nn.space_to_depth": ("space_to_depth", 1, {"block_size": "block_size"}),
    "reshape": ("reshape", 1, {"shape": "newshape"}),
    "concat": ("concatenate", 1, {"axis": "axis"}),
    "stack": ("stack", 1, {"axis": "axis"}),
    "unstack": ("unstack", 1, {"num": "num", "axis": "axis"}),
    "split": ("split", 1, {"num_or_size_splits": "indices_or_sections", "axis": "axis"}),
    "compat.v1.transpose": ("transpose", 1, {"perm": "axes"}),
    "expand_dims": ("expand_dims", 1, {"axis": "axis"}),
    "compat.v1.squeeze": ("squeeze", 1, {"axis": "axis"}),
    "tile": ("tile", 1, {"multiples": "repeats"}),
    "repeat": ("repeat", 1, {"repeats": "repeats", "axis": "axis"}),
    "roll": ("roll", 1, {"shift": "shift", "axis": "axis"}),
    "reverse": ("flip", 1, {"axis": "axis"}),
    "broadcast_to": ("broadcast_to", 1, {"shape": "shape"}),
    "cast": ("cast", 1, {"dtype": "dtype"}),
    "compat.v1.gather": ("take", 2, {"axis": "axis"}),
    "tensordot": ("tensordot", 2, {"axes": "axes"}),
    "image.resize": (
        "image.resize",
        1,
        {"size": "size", "method": "interpolation", "antialias": "antialias"},
    ),
    "compat.v1.pad": (
        "pad",
        1,
        {"paddings": "pad_width", "mode": "mode", "constant_values": "constant_values"},
    ),
}
# Where keras.ops takes another setting for usual than tf does: what tf does.
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "cumsum": {"axis": 0},
    "gelu": {"approximate": False},
    "softmax": {"axis": -1},
    "take": {"axis": 0},
}
_NO_MATTER = frozenset({"name", "var", "validate_indices", "preserve_aspect_ratio", "conjugate"})

KNOWN = frozenset({*_PLAIN, *_WITH_SETTINGS, "einsum"})


def read(layer: Any, args: tuple, kwargs: dict) -> Operation:
    """What a TFOpLambda or SlicingOpLambda computes on these arguments.

    Raises:
        BadInput: a function that is not in the table, or used with a setting that is not.
    """
    symbol, signature = layer.symbol, inspect.signature(layer.function)
    if symbol not in KNOWN:
        raise BadInput(
            f"layer {layer.name!r}",
            f"tf.{symbol} has no counterpart in keras.ops",
            "Replace it by a layer.",
        )
    if symbol == "einsum":
        return Operation("einsum", args[1:], {"subscripts": args[0]})
    given = {
        name: value
        for name, value in signature.bind(*args, **kwargs).arguments.items()
        if not _is_default(value, signature.parameters[name].default)
    }
    names = list(signature.parameters)
    op, number, settings = _WITH_SETTINGS.get(symbol) or (_PLAIN[symbol], len(names), {})
    operands = [name for name in names[:number] if name not in _NO_MATTER]
    unknown = [name for name in given if name not in (*operands, *settings, *_NO_MATTER)]
    if unknown:
        raise BadInput(
            f"layer {layer.name!r}",
            f"tf.{symbol} with {', '.join(unknown)}= has no counterpart in keras.ops",
            "Replace it by a layer.",
        )
    arguments = [_unsliced(given[name]) for name in operands if name in given]
    return _respelled(
        Operation(op, arguments, {settings[n]: v for n, v in given.items() if n in settings})
    )


def _is_default(value: Any, default: Any) -> bool:
    plain = isinstance(value, bool | int | float | str)
    return value is None or (plain and type(value) is type(default) and value == default)


def _unsliced(value: Any) -> Any:
    """tf_keras writes slices as dicts."""
    if isinstance(value, Mapping):
        return slice(value["start"], value["stop"], value["step"])
    return [_unsliced(v) for v in value] if isinstance(value, list | tuple) else value


def _respelled(operation: Operation) -> Operation:
    """Settings that are said otherwise in `keras.ops`."""
    settings = {**_USUAL.get(operation.op, {}), **operation.settings}
    if operation.op == "pad" and "mode" in settings:
        settings["mode"] = settings["mode"].lower()
    if operation.op == "cast":
        settings["dtype"] = getattr(settings["dtype"], "name", settings["dtype"])
    if operation.op == "normalize":
        # Bounds the square of the norm, not the norm.
        settings["epsilon"] = settings.get("epsilon", 1e-12) ** 0.5
    sizes = settings.get("indices_or_sections")
    if isinstance(sizes, list | tuple):
        settings["indices_or_sections"] = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return Operation(operation.op, operation.arguments, settings)

"""What compression has to know of activation functions, by the name that they have in a config."""

import dataclasses
from collections.abc import Mapping

from tfedge.compress import keras as k


@dataclasses.dataclass(frozen=True)
class Function:
    """One activation function; the defaults are safe for any.

    Attributes:
        elementwise: it computes each value from itself alone.
        has_int8: LiteRT has an operator for it on integers.
        is_fused: that operator is the one it is the end of.
        range: of what comes out as integers, where LiteRT fixes it.
        squeezes: of much of what comes in it makes next to nothing, which an integer has as 0.
        scales: f(s x) = s f(x) for s > 0,
        cap: as long as f(x) is below this; None: always.
    """

    elementwise: bool = True
    has_int8: bool = False
    is_fused: bool = False
    range: tuple[float, float] | None = None
    squeezes: bool = False
    scales: bool = False
    cap: float | None = None


_PLAIN = Function()
_IN_INT8 = Function(has_int8=True)
_RECTIFIES = Function(has_int8=True, is_fused=True, scales=True)
FUNCTIONS = {
    "linear": _RECTIFIES,
    "relu": _RECTIFIES,
    "relu6": dataclasses.replace(_RECTIFIES, cap=6.0),
    "leaky_relu": Function(has_int8=True, scales=True),
    "softmax": Function(elementwise=False, has_int8=True, range=(0.0, 1.0)),
    "sigmoid": Function(has_int8=True, range=(0.0, 1.0), squeezes=True),
    "tanh": Function(has_int8=True, range=(-1.0, 1.0)),
    **dict.fromkeys(("swish", "silu", "hard_swish", "hard_silu", "gelu"), _IN_INT8),
    **dict.fromkeys(("exponential", "exp"), Function(has_int8=True, squeezes=True)),
    **dict.fromkeys(("softplus", "squareplus"), Function(squeezes=True)),
    **dict.fromkeys(("elu", "selu", "mish", "softsign", "hard_sigmoid", "celu"), _PLAIN),
    **dict.fromkeys(("hard_sigmoid_relu6", "hard_tanh", "log_sigmoid", "tanh_shrink"), _PLAIN),
    **dict.fromkeys(("soft_shrink", "hard_shrink", "sparse_plus"), _PLAIN),
    "sparse_sigmoid": _PLAIN,
}
_UNKNOWN = Function(elementwise=False)


def of(layer: k.Layer) -> Function:
    """The function that a layer ends in."""
    return FUNCTIONS.get(name(layer) or "", _UNKNOWN)


def name(layer: k.Layer) -> str | None:
    """The name of the function a layer ends in, None where it has no such setting."""
    config = layer.get_config()
    if isinstance(config.get("function"), str):  # tf_keras' layer around one of TensorFlow
        return config["function"].rsplit(".", 1)[-1]
    activation = config.get("activation", config.get("op"))
    if isinstance(activation, Mapping):
        activation = activation.get("config", activation.get("class_name"))
    return activation.rsplit(">", 1)[-1] if isinstance(activation, str) else None


def limit(layer: k.Layer) -> float | str | None:
    """Up to what output a layer that ends in a function scales with its input, or why not."""
    found = of(layer)
    named = name(layer) or "its activation"
    return found.cap if found.scales else f"{layer.name}: {named} does not scale with its input"


def float_reason(layer: k.Layer) -> str:
    """Why a layer that ends in a function has no operator on integers, "" if it has one."""
    return "" if of(layer).has_int8 else f"activation {name(layer)!r} has no int8 kernel"


def is_relu(layer: k.Layer) -> bool:
    """Whether a layer that is a function is one that the converter fuses with what it reads."""
    return name(layer) in ("relu", "relu6")

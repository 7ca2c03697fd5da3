"""Activation functions of Keras 3 that tf_keras lacks, or has under the same name with other maths.

Each is written as the TensorFlow backend of Keras 3 computes it, so both give the same bits,
and is registered, so a tf_keras model that uses one can be saved and opened again.
"""

from collections.abc import Callable

from tfedge.compress import keras

_tf = keras.tf
_registered = keras.tf_keras.saving.register_keras_serializable("tfedge")


@_registered
def hard_sigmoid_relu6(x):
    """`relu6(x + 3) / 6`: what Keras 3 means by hard_sigmoid (tf_keras: `0.2 x + 0.5`)."""
    return _tf.nn.relu6(x + _tf.constant(3.0, x.dtype)) / _tf.constant(6.0, x.dtype)


@_registered
def hard_silu(x):
    """`x relu6(x + 3) / 6`, also called hard swish (Howard et al. 2019)."""
    return x * hard_sigmoid_relu6(x)


@_registered
def hard_tanh(x):
    """`x` clipped to -1..1."""
    return _tf.clip_by_value(x, -1.0, 1.0)


@_registered
def log_sigmoid(x):
    """`log(sigmoid(x))`."""
    return _tf.math.log_sigmoid(x)


@_registered
def tanh_shrink(x):
    """`x - tanh(x)`."""
    return x - _tf.math.tanh(x)


@_registered
def soft_shrink(x, threshold=0.5):
    """`x` moved towards zero by the threshold, zero within it."""
    outside = _tf.where(x < -threshold, x + threshold, _tf.zeros_like(x))
    return _tf.where(x > threshold, x - threshold, outside)


@_registered
def hard_shrink(x, threshold=0.5):
    """`x` outside the threshold, zero within it."""
    return _tf.where(_tf.abs(x) > threshold, x, _tf.zeros_like(x))


@_registered
def squareplus(x, b=4):
    """`(x + sqrt(x^2 + b)) / 2`."""
    return (x + _tf.sqrt(_tf.square(x) + b)) / 2


@_registered
def sparse_plus(x):
    """Zero below -1, `x` above 1, `(x + 1)^2 / 4` between."""
    middle = _tf.where(x < 1, (1 / 4) * _tf.pow(x + 1, 2), x)
    return _tf.where(x <= -1, _tf.zeros_like(x), middle)


@_registered
def sparse_sigmoid(x):
    """Zero below -1, one above 1, a line between."""
    zero, one = _tf.constant(0.0, x.dtype), _tf.constant(1.0, x.dtype)
    return _tf.where(x <= -1, zero, _tf.where(x >= 1, one, 0.5 * (x + 1)))


@_registered
def celu(x, alpha=1.0):
    """`max(x, 0) + alpha (exp(min(x, 0) / alpha) - 1)` (Barron 2017)."""
    return _tf.maximum(x, 0.0) + alpha * _tf.math.expm1(_tf.minimum(x, 0.0) / alpha)


@_registered
def glu(x, axis=-1):
    """The first half times the sigmoid of the second (Dauphin et al. 2017)."""
    first, second = _tf.split(x, 2, axis=axis)
    return first * _tf.sigmoid(second)


_ALIKE = (
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish"),
    *("sigmoid", "tanh", "softmax", "log_softmax", "softplus", "softsign", "exponential"),
)
_OURS = (
    *(hard_silu, hard_tanh, log_sigmoid, tanh_shrink, soft_shrink, hard_shrink),
    *(squareplus, sparse_plus, sparse_sigmoid, celu, glu),
)

# Keras 3 name -> what computes it in a tf_keras layer: a name where both mean the same.
TO_TF_KERAS: dict[str, str | Callable] = {
    **{name: name for name in _ALIKE},
    **{function.__name__: function for function in _OURS},
    "hard_sigmoid": hard_sigmoid_relu6,
    "swish": "silu",
    "hard_swish": hard_silu,
}

# The name tf_keras writes into a config -> Keras 3 name. tf_keras' own hard_sigmoid is not here:
# Keras 3 has no such function, see keras3_twins.
TO_KERAS3: dict[str, str] = {
    **{name: name for name in _ALIKE},
    **{f"tfedge>{function.__name__}": function.__name__ for function in _OURS},
    "tfedge>hard_sigmoid_relu6": "hard_sigmoid",
    "swish": "silu",
    "softmax_v2": "softmax",
    "log_softmax_v2": "log_softmax",
}

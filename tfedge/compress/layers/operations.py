"""Operations between layers, and layers as operations, by their name in `keras.ops`."""

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, functions

# Ours, and those that tf_keras makes of functions of TensorFlow.
CLASSES = ("Op", "TFOpLambda", "SlicingOpLambda")
# They move values; LiteRT's have one integer scale for what goes in and all that comes out.
MOVES = (
    *("get_item", "reshape", "ravel", "transpose", "swapaxes", "moveaxis", "expand_dims"),
    *("squeeze", "split", "unstack", "take", "repeat", "tile", "broadcast_to"),
)
EXTREMES = ("maximum", "minimum")
CUTS = ("clip", *EXTREMES)  # where the other tensor is a constant
# Of scales of their own: of several tensors, of other types, and LiteRT's REVERSE_V2.
JOINS = ("concatenate", "stack")
MOVES_OTHERWISE = (*JOINS, "cast", "flip")


def is_ours(layer: k.Layer) -> bool:
    """Whether a layer is an `op_layer.Op`."""
    return type(layer).__name__ == "Op"


def makes_integers(layer: k.Layer) -> bool:
    """Whether a layer casts what comes in to whole numbers."""
    return is_cast(layer) and layer.output.dtype.is_integer


def is_cast(layer: k.Layer) -> bool:
    """Whether a layer makes numbers of another type."""
    return is_ours(layer) and layer.op == "cast"


def name(layer: k.Layer) -> str:
    """What a layer computes: `add` of Add and `Op("add")`, `softmax` of Activation("softmax")."""
    if is_ours(layer):
        return str(layer.op)
    found = facts.of(layer)
    return (functions.name(layer) or "") if found.is_function else found.op


def is_elementwise(layer: k.Layer) -> bool:
    """Whether a layer of one tensor makes each value of the one in its place, as a ReLU does."""
    named, known = name(layer), facts.of(layer)
    if named in CUTS or (known.scales and not isinstance(known.limit(layer), str)):
        return True
    return named in functions.FUNCTIONS and functions.FUNCTIONS[named].elementwise


def has_one_scale(layer: k.Layer) -> bool:
    """Whether a layer joins or compares tensors: LiteRT's has one scale for all of them."""
    if name(layer) in JOINS:
        return True
    read = tf.nest.flatten(layer.inbound_nodes[0].keras_inputs)
    return name(layer) in EXTREMES and len(read) > 1


def moves(layer: k.Layer) -> bool:
    """Whether all that a layer does outside of training is to move values, and make no new ones."""
    if is_ours(layer):
        return layer.op in (*MOVES, *MOVES_OTHERWISE)
    found = facts.of(layer)
    return found.moves or found.joins or (found.is_function and functions.name(layer) == "linear")

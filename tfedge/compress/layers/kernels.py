"""The kernels of a model: which variables compression works on, and how each lies in the .tflite.

A kernel is found by its layer's name. Everything that is "per channel" here is per *output*
channel, which is also what the converter's int8 scales are; of a table it is per row.
"""

import dataclasses
from typing import Any

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.compress.keras import tf
from tfedge.compress.layers import facts, operations

_OF_SHAPES = ("ones_like", "zeros_like", "full_like", "shape")  # they read no values
_CONSTANT = "it takes the same rows for every input: the file has what comes out, not the table"
_SPATIAL_AXES = 2  # of a convolution in a .tflite, also where Keras has one
# The largest integer at which rows of a table have scales. Of up to 4 bits LiteRT takes one in
# float16; of 8 bits it wants a float32 and an int64 zero point, which are 12 bytes a row.
_MOST_OF_SCALED_ROWS = 7


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel.

    Attributes:
        layer: name of the Keras layer that owns it.
        layer_class: the layer's class, one that `facts` says is compressed.
        variable: the tf.Variable, in Keras' shape.
    """

    layer: str
    layer_class: str
    variable: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Keras shape."""
        return tuple(self.variable.shape)

    @property
    def is_depthwise(self) -> bool:
        """Whether every output channel reads one input channel only."""
        return axes(self.layer_class).is_depthwise

    @property
    def is_transposed(self) -> bool:
        """Whether the window is laid out over the outputs."""
        return axes(self.layer_class).is_transposed

    @property
    def is_table(self) -> bool:
        """Whether whole numbers choose its rows, and nothing is multiplied."""
        return axes(self.layer_class).is_table

    def numpy(self) -> np.ndarray:
        """The weights, a copy, in Keras' shape."""
        return self.variable.numpy()


def find(model: k.Model) -> tuple[Kernel, ...]:
    """The kernels of a flat tf_keras model, in the order of its layers; a shared one once."""
    return tuple(
        Kernel(layer.name, type(layer).__name__, variable(layer))
        for layer in model.layers
        if facts.of(layer).is_compressed and not _is_constant(layer)
    )


def unknown(model: k.Model) -> dict[str, str]:
    """Layers with weight matrices that are no kernels here, with the reason: for reports."""
    found = {kernel.layer for kernel in find(model)}
    return {
        layer.name: _CONSTANT
        if facts.of(layer).is_compressed
        else f"weights of {type(layer).__name__} are not compressed"
        for layer in model.layers
        if layer.name not in found and any(len(weight.shape) > 1 for weight in layer.weights)
    }


def looks_up(node: Any) -> bool:
    """Whether a use of a layer takes rows of a table for numbers, and multiplies nothing."""
    read, made = (tf.nest.flatten(each) for each in (node.input_tensors, node.output_tensors))
    return has_table(node.layer) and len(made[0].shape) > len(read[0].shape)


def has_table(layer: k.Layer) -> bool:
    """Whether the kernel of a layer is a table of rows."""
    found = facts.of(layer).kernel
    return found is not None and found.is_table


def tied(model: k.Model) -> dict[str, frozenset[str]]:
    """Layer with a table that is a matrix as well -> the layers that multiply by it.

    Args:
        model: a functional one. A table multiplies by itself, or a dense layer has equal weights.
    """
    layers = list(model._flatten_layers(include_self=False))
    dense = [layer for layer in layers if _is_plain_matrix(layer)]
    found = {}
    for layer in layers:
        if has_table(layer) and any(map(looks_up, layer.inbound_nodes)):
            multiplies = not all(map(looks_up, layer.inbound_nodes))
            equal = {each.name for each in dense if _is_transpose(variable(each), variable(layer))}
            found[layer.name] = frozenset(equal | ({layer.name} if multiplies else set()))
    return {name: others for name, others in found.items() if others}


def _is_plain_matrix(layer: k.Layer) -> bool:
    found = facts.of(layer)
    return found.is_compressed and axes(type(layer).__name__).is_matrix and layer.built


def _is_transpose(one: k.Variable, other: k.Variable) -> bool:
    if tuple(one.shape) != tuple(other.shape)[::-1]:
        return False
    first = np.array_equal(one[:, 0].numpy(), other[0].numpy())
    return first and np.array_equal(one.numpy().T, other.numpy())


def _is_constant(layer: k.Layer) -> bool:
    """Whether it is a table of which every input takes the same rows, as that of positions is."""
    return axes(type(layer).__name__).is_table and all(
        map(_is_fixed, (each for node in layer.inbound_nodes for each in _read(node)))
    )


def _is_fixed(tensor: k.Tensor) -> bool:
    """Whether it has the same values whatever comes into the model."""
    layer, number, _ = tensor._keras_history
    node = layer.inbound_nodes[number]
    if operations.name(layer) in _OF_SHAPES:
        return True
    return not node.is_input and all(map(_is_fixed, _read(node)))


def _read(node: Any) -> list[Any]:
    return k.tf.nest.flatten(node.keras_inputs)


def variable(layer: k.Layer) -> k.Variable:
    """The kernel of a built layer that has one."""
    return getattr(layer, axes(type(layer).__name__).attribute)


def axes(layer_class: str) -> facts.KernelAxes:
    """The axes of the kernel of a class that has one."""
    found = facts.of_class(layer_class).kernel
    if found is None:
        raise KeyError(f"{layer_class} has no kernel")
    return found


def groups(layer: k.Layer) -> int:
    """In how many groups a layer reads its channels, each for channels of its own."""
    return int(getattr(layer, "groups", 1))


def channel_axes(layer_class: str) -> tuple[int, ...]:
    """Axes of the output channel in Keras' shape; that of the rows of a table."""
    return axes(layer_class).scaled


def row_axis(layer_class: str) -> int:
    """The axis, in Keras' shape, that a row of a matrix in the file runs along."""
    found = axes(layer_class)
    return found.outputs[0] if found.is_table else found.input


def scale_axes(layer_class: str, top: int) -> tuple[int, ...]:
    """The axes along which integers of -top..top have a scale each; none: there is one for all."""
    found = axes(layer_class)
    return () if found.is_table and top > _MOST_OF_SCALED_ROWS else found.scaled


def input_axis(layer_class: str) -> int:
    """Axis of the input channel in Keras' shape."""
    return axes(layer_class).input


def per_channel(layer_class: str, rank: int, top: int = INT8_MAX) -> tuple[int, ...]:
    """The axes to reduce over (keepdims) for one number per scale of integers of -top..top."""
    return tuple(axis for axis in range(rank) if axis not in scale_axes(layer_class, top))


def deployed(layer_class: str, array: np.ndarray) -> np.ndarray:
    """An array of Keras' kernel shape, as it lies in the .tflite file.

    CONV_2D and TRANSPOSE_CONV are OHWI, DEPTHWISE_CONV_2D is (1, H, W, C*M), FULLY_CONNECTED OI,
    a table as it is; a window of one axis is W.
    """
    found = axes(layer_class)
    window = [axis for axis in range(array.ndim) if axis not in (*found.outputs, found.input)]
    height = (1,) * (_SPATIAL_AXES - len(window)) if window else ()
    if found.is_depthwise:
        return array.reshape(1, *height, *array.shape[: len(window)], -1)
    inner = found.outputs if found.is_table else (found.input,)
    ordered = np.transpose(array, (*found.scaled, *window, *inner))
    return ordered.reshape(ordered.shape[0], *height, *ordered.shape[1:])


def deployed_channel_axis(layer_class: str) -> int:
    """The output channel's axis in the .tflite layout."""
    return 1 + _SPATIAL_AXES if axes(layer_class).is_depthwise else 0

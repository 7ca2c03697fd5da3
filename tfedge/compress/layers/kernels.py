"""The kernels of a model: which variables compression works on, and how each lies in the .tflite.

A kernel is found by its layer's name. Everything that is "per channel" here is per *output*
channel, which is also what the converter's int8 scales are.
"""

import dataclasses
from typing import Any

import numpy as np

from tfedge.compress.layers import layer_facts

_SPATIAL_AXES = 2  # of a convolution in a .tflite, also where Keras has one


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel.

    Attributes:
        layer: name of the Keras layer that owns it.
        kind: the layer's class, a key of `layer_facts.KERNELS`.
        variable: the tf.Variable, in Keras' shape.
    """

    layer: str
    kind: str
    variable: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Keras shape."""
        return tuple(self.variable.shape)

    @property
    def is_depthwise(self) -> bool:
        """Whether every output channel reads one input channel only."""
        return layer_facts.KERNELS[self.kind].is_depthwise

    @property
    def is_transposed(self) -> bool:
        """Whether the window is laid out over the outputs."""
        return layer_facts.KERNELS[self.kind].is_transposed

    def numpy(self) -> np.ndarray:
        """The weights, a copy, in Keras' shape."""
        return self.variable.numpy()


KINDS = tuple(layer_facts.KERNELS)


def find(model: Any) -> tuple[Kernel, ...]:
    """The kernels of a flat tf_keras model, in the order of its layers; a shared one once."""
    return tuple(
        Kernel(layer.name, type(layer).__name__, variable(layer))
        for layer in model.layers
        if type(layer).__name__ in KINDS
    )


def unknown(model: Any) -> dict[str, str]:
    """Layers with weight matrices that are no kernels here, with the reason: for reports."""
    return {
        layer.name: f"weights of {type(layer).__name__} are not compressed"
        for layer in model.layers
        if type(layer).__name__ not in KINDS
        and any(len(weight.shape) > 1 for weight in layer.weights)
    }


def variable(layer: Any) -> Any:
    """The kernel of a built layer of a class in `KINDS`."""
    return getattr(layer, layer_facts.KERNELS[type(layer).__name__].kernel)


def channel_axes(kind: str) -> tuple[int, ...]:
    """Axes of the output channel in Keras' shape."""
    return layer_facts.KERNELS[kind].outputs


def input_axis(kind: str) -> int:
    """Axis of the input channel in Keras' shape."""
    return layer_facts.KERNELS[kind].input


def per_channel(kind: str, rank: int) -> tuple[int, ...]:
    """The axes to reduce over (keepdims) for one number per output channel."""
    return tuple(axis for axis in range(rank) if axis not in channel_axes(kind))


def deployed(kind: str, array: np.ndarray) -> np.ndarray:
    """An array of Keras' kernel shape, as it lies in the .tflite file.

    CONV_2D and TRANSPOSE_CONV are OHWI, DEPTHWISE_CONV_2D is (1, H, W, C*M), FULLY_CONNECTED OI;
    a window of one axis is W.
    """
    facts = layer_facts.KERNELS[kind]
    window = [axis for axis in range(array.ndim) if axis not in (*facts.outputs, facts.input)]
    height = (1,) * (_SPATIAL_AXES - len(window)) if window else ()
    if facts.is_depthwise:
        return array.reshape(1, *height, *array.shape[: len(window)], -1)
    ordered = np.transpose(array, (*facts.outputs, *window, facts.input))
    return ordered.reshape(ordered.shape[0], *height, *ordered.shape[1:])


def deployed_channel_axis(kind: str) -> int:
    """The output channel's axis in the .tflite layout."""
    return 1 + _SPATIAL_AXES if layer_facts.KERNELS[kind].is_depthwise else 0

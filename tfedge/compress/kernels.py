"""The kernels of a model: which variables compression works on, and how each lies in the .tflite.

A kernel is found by its layer's name. Everything that is "per channel" here is per *output*
channel, which is also what the converter's int8 scales are.
"""

import dataclasses
from typing import Any

import numpy as np

# Keras class -> (attribute of the kernel, axes of the output channel, .tflite layout)
_LAYOUTS = {
    "Conv1D": ("kernel", (2,)),
    "Conv2D": ("kernel", (3,)),
    "Conv2DTranspose": ("kernel", (2,)),
    "DepthwiseConv2D": ("depthwise_kernel", (2, 3)),
    "Dense": ("kernel", (1,)),
}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One kernel.

    Attributes:
        layer: name of the Keras layer that owns it.
        kind: the layer's class, a key of the layouts known here.
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
        return self.kind.startswith("Depthwise")

    def numpy(self) -> np.ndarray:
        """The weights, a copy, in Keras' shape."""
        return self.variable.numpy()


KINDS = tuple(_LAYOUTS)


def find(model: Any) -> tuple[Kernel, ...]:
    """The kernels of a flat tf_keras model, in the order of its layers; a shared one once."""
    return tuple(
        Kernel(layer.name, type(layer).__name__, getattr(layer, _LAYOUTS[type(layer).__name__][0]))
        for layer in model.layers
        if type(layer).__name__ in _LAYOUTS
    )


def unknown(model: Any) -> dict[str, str]:
    """Layers with weight matrices that are no kernels here, with the reason: for reports."""
    return {
        layer.name: f"weights of {type(layer).__name__} are not compressed"
        for layer in model.layers
        if type(layer).__name__ not in _LAYOUTS
        and any(len(weight.shape) > 1 for weight in layer.weights)
    }


def channel_axes(kind: str) -> tuple[int, ...]:
    """Axes of the output channel in Keras' shape."""
    return _LAYOUTS[kind][1]


def per_channel(kind: str, rank: int) -> tuple[int, ...]:
    """The axes to reduce over (keepdims) for one number per output channel."""
    return tuple(axis for axis in range(rank) if axis not in channel_axes(kind))


def deployed(kind: str, array: np.ndarray) -> np.ndarray:
    """An array of Keras' kernel shape, as it lies in the .tflite file.

    CONV_2D and TRANSPOSE_CONV are OHWI, DEPTHWISE_CONV_2D is (1, H, W, C*M), FULLY_CONNECTED OI.
    """
    if kind == "Conv1D":
        return np.transpose(array, (2, 0, 1))[:, None]
    if kind == "Conv2D":
        return np.transpose(array, (3, 0, 1, 2))
    if kind == "Conv2DTranspose":
        return np.transpose(array, (2, 0, 1, 3))
    if kind == "DepthwiseConv2D":
        return array.reshape(1, *array.shape[:2], -1)
    return np.transpose(array)


def deployed_channel_axis(kind: str) -> int:
    """The output channel's axis in the .tflite layout."""
    return 3 if kind == "DepthwiseConv2D" else 0

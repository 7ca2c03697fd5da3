"""What compression has to know of a layer class that has a kernel: one class, one entry.

Everything else follows: the axes to scale per channel, how the kernel lies in the .tflite, what
is depthwise. A class that computes as two others says which, and is taken apart.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Facts:
    """Of a layer with one kernel; its axes that are neither below are the window's.

    Attributes:
        kernel: the layer's attribute that holds it.
        outputs: axes of the output channels, two where each input channel has some of its own.
        input: axis of the input channels.
    """

    kernel: str
    outputs: tuple[int, ...]
    input: int

    @property
    def is_depthwise(self) -> bool:
        """Whether every output channel reads one input channel only."""
        return self.input in self.outputs

    @property
    def is_transposed(self) -> bool:
        """Whether the window is laid out over the outputs, once for each input position."""
        return max(self.outputs) < self.input


KERNELS = {
    "Conv1D": Facts("kernel", (2,), 1),
    "Conv1DTranspose": Facts("kernel", (1,), 2),
    "Conv2D": Facts("kernel", (3,), 2),
    "Conv2DTranspose": Facts("kernel", (2,), 3),
    "Dense": Facts("kernel", (1,), 0),
    "DepthwiseConv1D": Facts("depthwise_kernel", (1, 2), 1),
    "DepthwiseConv2D": Facts("depthwise_kernel", (2, 3), 2),
}

# Class -> (class, attribute of the kernel) of its two steps.
SEPARABLE = {
    f"SeparableConv{axes}D": (
        (f"DepthwiseConv{axes}D", "depthwise_kernel"),
        (f"Conv{axes}D", "pointwise_kernel"),
    )
    for axes in (1, 2)
}

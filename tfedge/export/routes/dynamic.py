"""The route dynamic: int8 kernels, float activations, quantized on the fly; needs no data."""

from typing import Any

from tfedge.compress.keras import tf
from tfedge.export import calibration

KERNEL_TYPES = ("INT8",)
SMALLEST_KERNEL = 1024  # the converter leaves kernels of fewer weights in float


def configure(converter: Any, examples: calibration.Examples | None) -> None:
    """Sets what this route asks of a TFLiteConverter."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]

"""The route float16: constants in half precision, half the file; what a GPU computes in."""

from typing import Any

from tfedge.compress.keras import tf
from tfedge.export import calibration

KERNEL_TYPES = ("FLOAT16",)


def configure(converter: Any, examples: calibration.Examples | None) -> None:
    """Sets what this route asks of a TFLiteConverter."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]

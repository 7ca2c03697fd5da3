"""The route int16x8: int8 kernels, int16 activations, int64 biases; for what int8 is too coarse."""

from typing import Any

from tfedge.compress.keras import tf
from tfedge.export import calibration

KERNEL_TYPES = ("INT8",)


def configure(converter: Any, examples: calibration.Examples | None) -> None:
    """Sets what this route asks of a TFLiteConverter."""
    ops = tf.lite.OpsSet
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    converter.target_spec.supported_ops = [
        ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
        ops.TFLITE_BUILTINS,
    ]

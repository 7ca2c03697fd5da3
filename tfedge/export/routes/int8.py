"""The route int8: kernels and activations in int8, biases in int32.

Ranges of activations come from quantization-aware training when there was some (the model then
carries fake quantization), else from the calibration split. Operators that LiteRT has no int8
kernel for stay float, and are named in a warning.
Jacob et al. 2018, arXiv:1712.05877.
"""

from typing import Any

from tfedge.compress.keras import tf
from tfedge.export import calibration

KERNEL_TYPES = ("INT8",)


def configure(converter: Any, examples: calibration.Examples | None) -> None:
    """Sets what this route asks of a TFLiteConverter."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if examples is not None:
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]

"""The route int8: kernels and activations in int8, biases in int32.

Ranges of activations come from quantization-aware training when there was some (the model then
carries fake quantization), else from the calibration split. Operators that LiteRT has no int8
kernel for stay float, and are named in a warning.
Jacob et al. 2018, arXiv:1712.05877.
"""

from typing import TYPE_CHECKING, Any

from tfedge.export.route import Route

if TYPE_CHECKING:
    from tfedge.export import calibration


def configure(converter: Any, examples: "calibration.Examples | None") -> None:
    """Asks for int8, with ranges from the examples where the model has none of its own."""
    from tfedge.compress.keras import tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if examples is not None:
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]


ROUTE = Route(
    help="int8 kernels and activations",
    configure=configure,
    kernel_types=("INT8",),
    precision="int8",
    activation_bits=8,
    ends=("float32", "int8", "uint8"),
    options=(
        *("allow_flex", "few_bit_scales", "few_bit_biases"),
        *("algorithm", "precision", "tolerance"),
    ),
    raised_to=("float16",),
)

"""The route int16x8: int8 kernels, int16 activations, int64 biases; for what int8 is too coarse.

TensorFlow's converter also quantizes what LiteRT has no int16 kernels of, and such files end the
interpreter; so it makes the file only where TensorFlow operators are accepted.
"""

from typing import TYPE_CHECKING, Any

from tfedge.export.route import QUANTIZER, Route

if TYPE_CHECKING:
    from tfedge.export import calibration


def configure(converter: Any, examples: "calibration.Examples | None") -> None:
    """Asks for int16 activations."""
    from tfedge.compress.keras import tf

    ops = tf.lite.OpsSet
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    converter.target_spec.supported_ops = [
        ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
        ops.TFLITE_BUILTINS,
    ]


ROUTE = Route(
    help="int8 kernels, int16 activations",
    configure=configure,
    kernel_types=("INT8",),
    precision="int16x8",
    activation_bits=16,
    ends=("float32", "int16"),
    producer=QUANTIZER,
    options=("allow_flex", "algorithm", "precision", "tolerance"),
    raised_to=("float16",),
)

"""The route dynamic: int8 kernels, float activations, quantized on the fly; needs no data."""

from typing import TYPE_CHECKING, Any

from tfedge.export.route import Route

if TYPE_CHECKING:
    from tfedge.export import calibration


def configure(converter: Any, examples: "calibration.Examples | None") -> None:
    """Asks for integer kernels without ranges."""
    from tfedge.compress.keras import tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]


ROUTE = Route(
    help="int8 kernels, float activations; needs no data",
    configure=configure,
    kernel_types=("INT8",),
    precision="int8",
    options=("allow_flex", "algorithm", "precision", "tolerance"),
    raised_to=("float16",),
    smallest_kernel=1024,  # the converter leaves kernels of fewer weights in float
)

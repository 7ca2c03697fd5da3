"""The route float16: constants in half precision, half the file; what a GPU computes in."""

from typing import TYPE_CHECKING, Any

from tfedge.export.route import Route

if TYPE_CHECKING:
    from tfedge.export import calibration


def configure(converter: Any, examples: "calibration.Examples | None") -> None:
    """Asks for constants in half precision."""
    from tfedge.compress.keras import tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


ROUTE = Route(
    help="constants in half precision, for GPUs",
    configure=configure,
    kernel_types=("FLOAT16",),
    precision="float16",
    options=("allow_flex",),
)

"""The route float32: everything as trained; also the baseline of every comparison."""

from typing import TYPE_CHECKING, Any

from tfedge.export.route import Route

if TYPE_CHECKING:
    from tfedge.export import calibration


def configure(converter: Any, examples: "calibration.Examples | None") -> None:
    """Asks nothing."""
    converter.optimizations = []


ROUTE = Route(
    help="everything as trained",
    configure=configure,
    kernel_types=("FLOAT32",),
    precision="float32",
    options=("allow_flex",),
)

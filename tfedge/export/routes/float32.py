"""The route float32: everything as trained; also the baseline of every comparison."""

from typing import Any

from tfedge.export import calibration

KERNEL_TYPES = ("FLOAT32",)


def configure(converter: Any, examples: calibration.Examples | None) -> None:
    """Sets what this route asks of a TFLiteConverter: nothing."""
    converter.optimizations = []

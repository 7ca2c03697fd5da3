"""Limits of one's own, in place of the phone class's; evaluate.py and release.py share them."""

import dataclasses
from typing import Any

from absl import flags

_UNITS = {  # flag -> field of `tfedge.Limits`, in how many of its units
    "max_latency_ms": ("max_latency_ms", 1),
    "max_file_kb": ("max_file_bytes", 1_000),
    "max_memory_mb": ("max_memory_bytes", 1_000_000),
}


@dataclasses.dataclass(frozen=True)
class OwnLimits:
    """The parsed flags."""

    flag_values: flags.FlagValues

    def given(self) -> dict[str, Any]:
        """Those that were set, as fields of `tfedge.Limits`."""
        found: dict[str, Any] = {}
        for flag, (field, unit) in _UNITS.items():
            value = self.flag_values[flag].value
            if value is not None:
                found[field] = value if unit == 1 else round(value * unit)
        return found


def define(flag_values: flags.FlagValues) -> OwnLimits:
    """Defines --max_latency_ms, --max_file_kb and --max_memory_mb."""
    for name, help in (
        (
            "max_latency_ms",
            "The longest that one inference may take on the phone, in place of the phone class's "
            "limit. A phone's measurement decides, or an estimate that is clear; an estimate on "
            "both sides is said and stops nothing without --require_measured_latency.",
        ),
        (
            "max_file_kb",
            "The largest .tflite, in place of the phone class's limit; 1 KB is 1,000 bytes.",
        ),
        (
            "max_memory_mb",
            "The most memory that loading and running it may take, in place of the phone class's "
            "limit; 1 MB is 1,000,000 bytes. It is run under this limit.",
        ),
    ):
        flags.DEFINE_float(name, None, help, lower_bound=1e-6, flag_values=flag_values)
    return OwnLimits(flag_values)

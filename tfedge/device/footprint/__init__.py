"""What an app must have free to run a .tflite, planned from the file alone."""

import dataclasses

from tfedge.device.file import tflite
from tfedge.device.footprint import arena, xnnpack

# The runtime's own code that a model makes resident, as a process on x86-64 with ai-edge-litert
# 2.3 grew beyond what its file and allocations explain: 3.0 to 3.9 MB over 38 networks.
_LIBRARY_BYTES = 3_600_000


@dataclasses.dataclass(frozen=True)
class Footprint:
    """Bytes. Only the first two are exact.

    Attributes:
        arena_bytes: activations and scratch space of the runtime's built-in kernels.
        weights_bytes: of the kernels in the file.
        xnnpack_bytes_estimate: what the CPU delegate holds: repacked weights, a workspace that
            takes the arena's place, pointers and records.
        app_free_bytes_estimate: the file, the larger of arena and delegate, and the library.
    """

    arena_bytes: int
    weights_bytes: int
    xnnpack_bytes_estimate: int
    app_free_bytes_estimate: int


def of(file: tflite.TfliteFile) -> Footprint:
    """The footprint of a file; nothing in it is run."""
    planned = arena.plan(file).peak_bytes
    delegate = xnnpack.held(file).total_bytes
    return Footprint(
        arena_bytes=planned,
        weights_bytes=file.weight_bytes,
        xnnpack_bytes_estimate=delegate,
        app_free_bytes_estimate=file.file_bytes + max(planned, delegate) + _LIBRARY_BYTES,
    )

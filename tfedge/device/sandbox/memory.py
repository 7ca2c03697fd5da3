"""How much memory a process takes: now, at its peak, and what a model cannot do without."""

import math
import os
import pathlib
import sys

from tfedge.device.file import graph, tflite, weights

_PROC = pathlib.Path("/proc")
_RESET_PEAK = "5"  # proc(5), /proc/pid/clear_refs


def resident_bytes(process: int | None = None) -> int:
    """Memory a process holds now (resident set), 0 if it has ended. None is this process."""
    if (_PROC / "self" / "statm").exists():
        try:
            pages = (_PROC / str(process or "self") / "statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    import psutil  # where there is no /proc

    try:
        return psutil.Process(process).memory_info().rss
    except psutil.Error:
        return 0


def address_space_bytes() -> int | None:
    """Address space this process has mapped; None where the system does not say."""
    try:
        pages = (_PROC / "self" / "statm").read_text().split()[0]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def reset_peak() -> None:
    """Forgets this process's peak so far, where the system can (Linux)."""
    try:
        (_PROC / "self" / "clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return  # macOS, or a container without it: the peak then includes the start


def peak_bytes() -> int:
    """The most memory this process has held since `reset_peak`."""
    try:
        for line in (_PROC / "self" / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def least_bytes(file: tflite.TfliteFile) -> int:
    """What any runtime must hold at once: the inputs and outputs of the largest operator."""
    sizes = {t.index: tensor_bytes(t) for t in file.tensors}
    return max(
        (
            sum(sizes[i] for i in {*operator.inputs, *operator.outputs} if i >= 0)
            for operator in file.operators
        ),
        default=0,
    )


def tensor_bytes(tensor: graph.Tensor) -> int:
    """What the values of a tensor take, stored or computed."""
    return weights.stored_bytes(tensor.dtype, max(0, math.prod(tensor.shape)))

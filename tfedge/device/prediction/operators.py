"""Where a predicted latency goes: milliseconds of every operator of a .tflite on a device."""

import numpy as np

from tfedge.device.file import tflite
from tfedge.device.prediction import devices, fitted, formula, hierarchy, host, network, work
from tfedge.device.prediction.accelerators import devices as npus
from tfedge.device.prediction.accelerators import estimating


def milliseconds(
    file: tflite.TfliteFile, device: str, threads: int, accelerator: str = "cpu"
) -> np.ndarray:
    """(operators,) the time of each operator; they add up to what `predict_latency` says.

    Of the host and of NPUs, what a run costs beside its operators is left out.

    Args:
        file: of `tflite.read`.
        device: a name in `devices.names()`.
        threads: of the interpreter.
        accelerator: "cpu" or "npu".

    Raises:
        BadInput: an unknown device, or a host that was not measured.
    """
    if accelerator == "npu":
        return estimating.shares(file, npus.find(device))
    works = work.of(file)
    if device == devices.HOST:
        return _on_host(works, threads)
    return on_phone(works, devices.find(device), threads)


def on_phone(works: tuple[work.Work, ...], phone: devices.Device, threads: int) -> np.ndarray:
    """The same of a published device, from `work.of`."""
    works, fit = network.slowed(works, threads), fitted.load()
    found = np.zeros(len(works))
    for integer in (False, True):
        rows = [n for n, w in enumerate(works) if w.family != "free" and w.integer == integer]
        if rows:
            matrix, offset = hierarchy.design(phone, threads, integer, fit.names)
            load = formula.Load.of(tuple(works[n] for n in rows))
            rates = matrix @ fit.values + offset
            found[rows] = formula.operator_ms(load, rates, phone.runtime, phone.cache_mb)
    return found


def _on_host(works: tuple[work.Work, ...], threads: int) -> np.ndarray:
    times = host.load()
    totals = [host.total_ms(times, (each,), each.integer, threads).ms for each in works]
    idle = [host.total_ms(times, (), each.integer, threads).ms for each in works]
    return np.array(totals) - np.array(idle)

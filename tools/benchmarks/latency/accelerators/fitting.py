"""Fits the rates of all devices at once: what is shared, each device's speed, small deviations.

A rate's logarithm is a sum: what all devices share, what int8 makes of it, the device's speed, and
what is the device's own, held near zero. What is believed before is wide for what is shared (orders
of magnitude: a matrix engine of some 1e12 multiply-adds a second, LPDDR5 of tens of GB/s,
microseconds for an operator) and narrow for what a device may differ by.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from tfedge_tools.benchmarks.latency import fitting
from tfedge_tools.benchmarks.latency.accelerators.published import Row

from tfedge.device.prediction.accelerators import devices, fitted, formula

NOISE = 0.12  # standard deviation of the logarithm that the formula is believed to have
# Rate: logarithm on float16 and its deviation, what int8 adds to it and its deviation.
_SHARED = {
    "matrix": (1.0, 2.0, 1.5, 1.0),
    "depthwise": (5.0, 2.0, 0.7, 0.7),
    "simple": (5.0, 2.0, 0.5, 0.7),
    "curves": (5.0, 2.0, 0.0, 0.7),
    "gates": (5.0, 2.0, 0.0, 0.7),
    "moved": (4.0, 2.0, 0.0, 0.3),
    "far": (3.0, 1.5, 0.0, 0.3),
    "kernels": (5.9, 1.5, 0.0, 0.5),
    "others": (5.9, 1.5, 0.0, 0.5),
    "weights": (3.5, 1.5, 0.0, 0.2),
    "strips": (3.5, 1.5, 0.0, 0.2),
    "start": (2.4, 1.5, 0.0, 0.5),
    "rows_in": (-2.5, 1.5, 1.4, 0.7),  # a byte each, not four
    "values_out": (0.0, 1.5, 1.0, 0.4),
}
_SPEED, _OWN, _OWN_INTEGER = 1.0, {"matrix": 0.4}, 0.25
_USUAL_OWN = 0.3
_INTEGER = ("matrix", "depthwise", "simple", "kernels", "others", "start")


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """Parameters and their covariance."""

    values: np.ndarray
    covariance: np.ndarray

    def log_ms(self, row: Row) -> float:
        """The logarithm of a row's latency as the parameters have it."""
        return float(np.log(formula.parts(_times(self.values, row)).sum()))

    def uncertainty(self, row: Row) -> float:
        """Standard deviation of `log_ms` for the parameters' being uncertain."""
        shares = formula.parts(_times(self.values, row))
        slope = -(shares / shares.sum()) @ _design(row.device, row.integer)
        return float(np.sqrt(slope @ self.covariance @ slope))

    def rates(self, device: str, integer: bool) -> fitted.Rates:
        """Of one device."""
        design = _design(device, integer)
        return fitted.Rates(design @ self.values, design @ self.covariance @ design.T)


def fit(rows: Sequence[Row], start: np.ndarray | None = None, most_steps: int = 60) -> Fit:
    """The most probable parameters.

    Args:
        rows: latencies to explain.
        start: parameters to begin from, such as those of a fit on more rows.
        most_steps: of Gauss-Newton.
    """
    values, covariance, _ = fitting.most_probable(_Table(rows), start, most_steps)
    return Fit(values, covariance)


class _Table:
    """Rows as arrays; those of one device and type share a design."""

    def __init__(self, rows: Sequence[Row]):
        self.mean, self.spread = np.array(list(_believed().values())).T
        self._amounts = np.array([row.amounts for row in rows])
        self._log_ms = np.log([row.latency_ms for row in rows])
        keys = [(row.device, row.integer) for row in rows]
        self._parts = [
            (np.array([each == key for each in keys]), _design(*key)) for key in dict.fromkeys(keys)
        ]

    def errors(self, values: np.ndarray) -> np.ndarray:
        return (np.log(self._shares(values).sum(-1)) - self._log_ms) / NOISE

    def slopes(self, values: np.ndarray) -> np.ndarray:
        found = np.zeros((len(self._log_ms), len(values)))
        shares = self._shares(values)
        for which, design in self._parts:
            found[which] = -(shares[which] / shares[which].sum(-1, keepdims=True)) @ design
        return found / NOISE

    def _shares(self, values: np.ndarray) -> np.ndarray:
        times = np.zeros(self._amounts.shape)
        for which, design in self._parts:
            times[which] = self._amounts[which] * np.exp(-(design @ values))
        return formula.parts(times)


def _times(values: np.ndarray, row: Row) -> np.ndarray:
    return row.amounts * np.exp(-(_design(row.device, row.integer) @ values))


@functools.cache
def _believed() -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of every parameter; logarithms."""
    found = {f"{rate}": (mean, spread) for rate, (mean, spread, _, _) in _SHARED.items()}
    found |= {f"{rate} int8": (mean, spread) for rate, (_, _, mean, spread) in _SHARED.items()}
    for device in devices.known():
        found[f"speed {device}"] = (0.0, _SPEED)
        found |= {f"{rate} {device}": (0.0, _OWN.get(rate, _USUAL_OWN)) for rate in _SHARED}
        found |= {f"{rate} int8 {device}": (0.0, _OWN_INTEGER) for rate in _INTEGER}
    return found


@functools.cache
def _design(device: str, integer: bool) -> np.ndarray:
    """(rates, parameters): logarithms of rates = design @ parameters."""
    names = list(_believed())
    matrix = np.zeros((len(formula.RATES), len(names)))
    for row, rate in zip(matrix, formula.RATES, strict=True):
        own = [f"{rate} int8", f"{rate} int8 {device}"] if integer else []
        for name in (rate, f"speed {device}", f"{rate} {device}", *own):
            if name in _believed():
                row[names.index(name)] = 1.0
    return matrix

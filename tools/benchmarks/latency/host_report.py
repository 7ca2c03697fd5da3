"""Measures this computer, checks the predictor on random networks, prints how good it is."""

import dataclasses
from typing import Any

import numpy as np
from absl import logging
from rich import table
from tfedge_tools import wide_console
from tfedge_tools.benchmarks.latency import host_fit, random_networks, stopwatch

from tfedge.device.file import tflite
from tfedge.device.prediction import host, work

_FIRST_SEED = 10_000
_KINDS = tuple((integer, threads) for integer in (False, True) for threads in (1, 2))


@dataclasses.dataclass(frozen=True)
class Checked:
    """One random network: milliseconds measured, predicted, and its multiply-adds."""

    integer: bool
    threads: int
    measured_ms: float
    predicted_ms: float
    macs: int


def run(seconds: int, networks: int) -> dict[str, Any]:
    """Writes the predictor to `host.default_path()` and returns the figures.

    Args:
        seconds: to measure single operators.
        networks: to check it on; a quarter for each type and number of threads.
    """
    times = host_fit.measure(seconds)
    checked = [_check(times, number) for number in range(networks)]
    ratios = [each.predicted_ms / each.measured_ms for each in checked]
    if checked:
        times = dataclasses.replace(times, spread=host_fit.half_width(ratios))
    host.write(times, host.default_path())
    logging.info("written to %s", host.default_path())
    figures = _figures(checked) if checked else {}
    _show(checked, figures)
    return {"figures": figures, "networks": [dataclasses.asdict(each) for each in checked]}


def _check(times: host.HostTimes, number: int) -> Checked:
    integer, threads = _KINDS[number % len(_KINDS)]
    content = random_networks.draw(integer, _FIRST_SEED + number)
    works = work.of(tflite.read(content))
    predicted = host.total_ms(times, works, integer, threads).ms
    measured = stopwatch.least_ms(content, threads, 0.3)
    return Checked(integer, threads, measured, predicted, sum(w.macs for w in works))


def _figures(checked: list[Checked]) -> dict[str, float]:
    """Of the predictor, and of a line through multiply-adds fitted on the very same networks."""
    errors = np.abs([c.predicted_ms / c.measured_ms - 1 for c in checked])
    by_macs = np.abs(_by_macs(checked))
    kinds = np.array([_KINDS.index((c.integer, c.threads)) for c in checked])
    parts = {
        f"within_10_percent_{host.key(*kind)}": float(np.mean(errors[kinds == number] <= 0.1))
        for number, kind in enumerate(_KINDS)
        if (kinds == number).any()
    }
    return {
        "networks": len(checked),
        "median_error": float(np.median(errors)),
        "within_10_percent": float(np.mean(errors <= 0.1)),
        "within_20_percent": float(np.mean(errors <= 0.2)),
        **parts,
        "macs_median_error": float(np.median(by_macs)),
        "macs_within_10_percent": float(np.mean(by_macs <= 0.1)),
    }


def _by_macs(checked: list[Checked]) -> np.ndarray:
    """Relative errors of ms = a + b * multiply-adds, the best for relative errors of each kind."""
    errors = np.zeros(len(checked))
    for kind in _KINDS:
        mine = [n for n, c in enumerate(checked) if (c.integer, c.threads) == kind]
        ms = np.array([checked[n].measured_ms for n in mine])
        terms = np.array([[1.0, checked[n].macs / 1e6] for n in mine]).reshape(-1, 2)
        line = np.linalg.lstsq(terms / ms[:, None], np.ones(len(ms)), rcond=None)[0]
        errors[mine] = terms @ line / ms - 1
    return errors


def _show(checked: list[Checked], figures: dict[str, float]) -> None:
    shown = table.Table("type", "threads", "million MACs", "measured ms", "predicted ms", "error")
    for each in checked:
        shown.add_row(
            "int8" if each.integer else "float32",
            str(each.threads),
            f"{each.macs / 1e6:.2f}",
            f"{each.measured_ms:.4f}",
            f"{each.predicted_ms:.4f}",
            f"{100 * (each.predicted_ms / each.measured_ms - 1):+.1f} %",
        )
    out = wide_console.make()
    out.print(shown)
    for name, value in figures.items():
        out.print(f"{name.replace('_', ' ')}: {value:.3g}")

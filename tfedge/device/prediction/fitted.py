"""What was fitted on the published latencies; `tools/benchmarks/fit_latency.py` writes it."""

import dataclasses
import functools
import json
import pathlib
from typing import Any

import numpy as np

SCHEMA_VERSION = 1
FILE = pathlib.Path(__file__).parent / "fitted.json"


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """Parameters of `hierarchy.terms` and how well they are known.

    Attributes:
        names: of the parameters.
        values: (parameters,) natural logarithms, but for exponents of the threads.
        covariance: (parameters, parameters) of what the latencies leave open.
        noise: standard deviation of a latency's logarithm where all parameters were known.
        widening: standard deviations on either side of an interval that held 90 % of the latencies
            of designs that were left out of the fit.
        measured: (device, threads, is it integer) that latencies were published of.
    """

    names: tuple[str, ...]
    values: np.ndarray
    covariance: np.ndarray
    noise: float
    widening: float
    measured: frozenset[tuple[str, int, bool]]


@functools.cache
def load() -> Fitted:
    """The fit that comes with tfedge."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    factor = _square(stored["covariance_factor"])
    return Fitted(
        tuple(stored["parameters"]),
        np.array(list(stored["parameters"].values())),
        factor @ factor.T,
        stored["noise"],
        stored["widening"],
        frozenset((name, threads, integer) for name, threads, integer in stored["measured"]),
    )


def write(fitted: Fitted, figures: dict, path: pathlib.Path = FILE) -> None:
    """Keeps a fit, with the figures that say how good it is."""
    factor = np.linalg.cholesky(fitted.covariance).round(5)
    content = {
        "schema_version": SCHEMA_VERSION,
        "figures": figures,
        "noise": fitted.noise,
        "widening": round(fitted.widening, 3),
        "measured": sorted(fitted.measured),
        "parameters": dict(zip(fitted.names, fitted.values.round(5).tolist(), strict=True)),
        "covariance_factor": [row[: n + 1].tolist() for n, row in enumerate(factor)],
    }
    lines = [f'"{name}": {_written(value)}' for name, value in content.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _written(value: Any) -> str:
    """Lists of lists line by line, so that a new fit is a readable difference."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in value) + "\n]"
    return json.dumps(value)


def _square(rows: list[list[float]]) -> np.ndarray:
    """A lower triangle, filled up."""
    found = np.zeros((len(rows), len(rows)))
    for number, row in enumerate(rows):
        found[number, : len(row)] = row
    return found

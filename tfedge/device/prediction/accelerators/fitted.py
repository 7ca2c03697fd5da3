"""What was fitted on the published latencies; `tools/benchmarks/fit_latency.py --npu` writes it."""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge.device.prediction.accelerators.formula import RATES

SCHEMA_VERSION = 1
FILE = pathlib.Path(__file__).parent / "fitted.json"
FLOAT16, INT8 = "float16", "int8"


@dataclasses.dataclass(frozen=True, eq=False)
class Rates:
    """Of one device on values of one type.

    Attributes:
        values: (rates,) natural logarithms, in the order of `formula.RATES`.
        covariance: (rates, rates) of what the latencies leave open.
    """

    values: np.ndarray
    covariance: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """All devices.

    Attributes:
        rates: by device and type.
        noise: standard deviation of a latency's logarithm where all rates were known.
        widening: standard deviations on either side of an interval that held 90 % of the latencies
            of designs that were left out of the fit.
    """

    rates: Mapping[tuple[str, str], Rates]
    noise: float
    widening: float

    def types(self, device: str) -> tuple[str, ...]:
        """That latencies of a device were published of."""
        return tuple(kind for name, kind in self.rates if name == device)


@functools.cache
def load() -> Fitted:
    """The fit that comes with tfedge."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    rates = {(each["device"], each["type"]): _rates(each) for each in stored["rates"]}
    return Fitted(rates, stored["noise"], stored["widening"])


def write(fitted: Fitted, figures: dict, path: pathlib.Path = FILE) -> None:
    """Keeps a fit, with the figures that say how good it is."""
    rates = [
        {
            "device": device,
            "type": kind,
            "rates": each.values.round(4).tolist(),
            "covariance_factor": [
                row[: n + 1].tolist()
                for n, row in enumerate(np.linalg.cholesky(each.covariance).round(4))
            ],
        }
        for (device, kind), each in fitted.rates.items()
    ]
    lines = [
        f'"schema_version": {SCHEMA_VERSION}',
        f'"figures": {json.dumps(figures)}',
        f'"order": {json.dumps(RATES)}',
        f'"noise": {fitted.noise:.4f}',
        f'"widening": {fitted.widening:.4f}',
        '"rates": [\n' + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rates) + "\n]",
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _rates(stored: dict[str, Any]) -> Rates:
    factor = np.zeros((len(RATES), len(RATES)))
    for number, row in enumerate(stored["covariance_factor"]):
        factor[number, : len(row)] = row
    return Rates(np.array(stored["rates"]), factor @ factor.T)

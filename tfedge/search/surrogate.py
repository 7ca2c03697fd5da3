"""A Gaussian process over few hundred trials: what a figure would be, and how sure that is."""

import dataclasses
import warnings
from typing import Any

import numpy as np
from scipy import optimize

_MOST = 120  # rows that one is fitted to; the time grows with the third power
_STEPS = 25  # of fitting; what more of them change is lost in the noise
_FEWEST = 4  # rows that say how fast a figure changes
_LEAST_SD = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted one.

    Attributes:
        process: of scikit-learn; None for too few rows.
        centre, spread: of the figures that it was fitted to.
    """

    process: Any
    centre: float
    spread: float

    def predict(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation for (n, f) rows."""
        if self.process is None:
            return np.full(len(rows), self.centre), np.full(len(rows), self.spread)
        mean, sd = self.process.predict(rows, return_std=True)
        return mean * self.spread + self.centre, np.maximum(sd * self.spread, _LEAST_SD)


def fit(rows: np.ndarray, figures: np.ndarray) -> Surrogate:
    """Fits one; a trend that all settings share, and what differs from it nearby.

    Args:
        rows: (n, f) of about 0..1; the last n are used where there are very many.
        figures: (n,).
    """
    from sklearn import exceptions, gaussian_process
    from sklearn.gaussian_process import kernels

    rows, figures = rows[-_MOST:], figures[-_MOST:]
    centre = float(np.mean(figures)) if len(figures) else 0.0
    spread = float(np.std(figures)) if len(figures) > 1 else 0.0
    if len(figures) < _FEWEST or spread < 1e-9:
        return Surrogate(None, centre, max(spread, 1.0))
    kernel = (
        kernels.ConstantKernel(1.0, (1e-2, 1e2)) * kernels.Matern(1.0, (0.1, 10), nu=2.5)
        + kernels.ConstantKernel(0.3, (1e-3, 1e2)) * kernels.DotProduct(1.0, (1e-2, 1e2))
        + kernels.WhiteKernel(1e-2, (1e-4, 1.0))
    )
    process = gaussian_process.GaussianProcessRegressor(kernel, optimizer=_fitted, random_state=0)
    with warnings.catch_warnings():  # a length at its bound is no fault here
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        process.fit(rows, (figures - centre) / spread)
    return Surrogate(process, centre, spread)


def _fitted(objective: Any, start: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, float]:
    """The kernel's parameters, and the objective there; see scikit-learn's `optimizer`."""
    found = optimize.minimize(
        objective, start, method="L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": _STEPS}
    )
    return found.x, found.fun

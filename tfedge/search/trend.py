"""What networks keep as they shrink: what is usual, and what this one has kept so far.

The slack of a file falls with the square of the logarithm of how much smaller it became, and the
less it was trained the more. How fast, differs widely: of five networks that were compressed by
hand two lost nothing at 0.4 times the packed size of int8 alone, one at 0.15 and two at 0.06. A few
trainings of one say it: Bayesian linear regression, whose prior is these.
"""

import dataclasses

import numpy as np

# Of [what is kept by a file that is hardly changed, loss by size, loss by lack of training].
_USUAL = np.array([0.5, 0.3, 0.8])
_SPREAD = np.array([0.3, 0.25, 0.25])
_NOISE = 0.4  # margins; seeds, and few validation examples


@dataclasses.dataclass(frozen=True, eq=False)
class Trend:
    """A fitted one.

    Attributes:
        mean: (3,) coefficients.
        covariance: (3, 3) of these.
    """

    mean: np.ndarray
    covariance: np.ndarray

    def predict(self, shrunk: np.ndarray, untaught: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) slack and its standard deviation, in margins; see `fit`."""
        rows = _rows(shrunk, untaught)
        variance = np.einsum("ni,ij,nj->n", rows, self.covariance, rows)
        return rows @ self.mean, np.sqrt(variance + _NOISE**2)


def fit(shrunk: np.ndarray, untaught: np.ndarray, slacks: np.ndarray) -> Trend:
    """What follows from trained recipes; without any, what is usual.

    Args:
        shrunk: (n,) logarithm of how many times smaller a file is than the largest, 0 or more.
        untaught: (n,) logarithm of how many times longer it could have been trained, 0 or more.
        slacks: (n,) in margins.
    """
    rows = _rows(shrunk, untaught)
    precision = np.diag(_SPREAD**-2) + rows.T @ rows / _NOISE**2
    covariance = np.linalg.inv(precision)
    mean = covariance @ (_SPREAD**-2 * _USUAL + rows.T @ slacks / _NOISE**2)
    return Trend(mean, covariance)


def _rows(shrunk: np.ndarray, untaught: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(shrunk)), -(shrunk**2), -shrunk * untaught])

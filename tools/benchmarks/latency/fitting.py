"""Fits the parameters: the most probable ones, given the priors and errors with heavy tails.

Gauss-Newton with reweighting by Student's t distribution, which lets a latency that fits nothing
count little; the inverse of the last Hessian is the covariance (Laplace's approximation).
"""

import dataclasses
from typing import Protocol

import numpy as np
from tfedge_tools.benchmarks.latency import priors
from tfedge_tools.benchmarks.latency.published import Row, loads

from tfedge.device.prediction import network

NOISE = 0.04  # standard deviation of the logarithm that the formula is believed to have
_TAILS = 4.0  # degrees of freedom
_ENOUGH = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """Parameters and their covariance."""

    names: tuple[str, ...]
    values: np.ndarray
    covariance: np.ndarray
    cost: float

    def log_ms(self, row: Row) -> float:
        """The logarithm of a row's latency as the parameters have it."""
        parts = loads()[row.network]
        return network.log_ms(parts, row.device, row.threads, self.names, self.values)

    def deviation(self, row: Row) -> float:
        """Standard deviation of `log_ms` against a latency."""
        parts = loads()[row.network]
        _, slope = network.slope(parts, row.device, row.threads, self.names, self.values)
        return float(np.sqrt(slope @ self.covariance @ slope + NOISE**2))


class Problem(Protocol):
    """What is to be explained, and what is believed before: mean and spread of the parameters."""

    @property
    def mean(self) -> np.ndarray:
        """What is believed before, (parameters,)."""

    @property
    def spread(self) -> np.ndarray:
        """Standard deviations of that, (parameters,)."""

    def errors(self, values: np.ndarray) -> np.ndarray:
        """(rows,) misses in standard deviations."""

    def slopes(self, values: np.ndarray) -> np.ndarray:
        """(rows, parameters) how these follow the parameters."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Table:
    rows: list[Row]
    names: tuple[str, ...]
    mean: np.ndarray
    spread: np.ndarray

    def deviations(self) -> np.ndarray:
        return np.hypot(NOISE, [row.deviation for row in self.rows])

    def errors(self, values: np.ndarray) -> np.ndarray:
        fit = Fit(self.names, values, np.zeros((0, 0)), 0.0)
        found = [fit.log_ms(row) - np.log(row.latency_ms) for row in self.rows]
        return np.array(found) / self.deviations()

    def slopes(self, values: np.ndarray) -> np.ndarray:
        found = [
            network.slope(loads()[row.network], row.device, row.threads, self.names, values)[1]
            for row in self.rows
        ]
        return np.array(found) / self.deviations()[:, None]


def fit(rows: list[Row], start: np.ndarray | None = None, most_steps: int = 120) -> Fit:
    """The most probable parameters.

    Args:
        rows: latencies to explain.
        start: parameters to begin from, such as those of a fit on more rows.
        most_steps: of Gauss-Newton.
    """
    believed = priors.priors()
    mean, spread = np.array(list(believed.values())).T
    problem = _Table(rows, tuple(believed), mean, spread)
    values, covariance, cost = most_probable(problem, start, most_steps)
    return Fit(problem.names, values, covariance, cost)


def most_probable(
    problem: Problem, start: np.ndarray | None = None, most_steps: int = 120
) -> tuple[np.ndarray, np.ndarray, float]:
    """(parameters, their covariance, cost) where the misses and the beliefs weigh least."""
    values, damping = problem.mean.copy() if start is None else start.copy(), 1e-2
    cost = _cost(problem, values)
    for _ in range(most_steps):
        order = _second_order(problem, values)
        values, after, damping = _step(problem, values, cost, order, damping)
        gained, cost = cost - after, after
        if gained < _ENOUGH:
            break
    hessian, _ = _second_order(problem, values)
    return values, np.linalg.inv(hessian), cost


def _cost(problem: Problem, values: np.ndarray) -> float:
    tails = 0.5 * (_TAILS + 1) * np.log1p(problem.errors(values) ** 2 / _TAILS).sum()
    return float(tails + 0.5 * (((values - problem.mean) / problem.spread) ** 2).sum())


def _second_order(problem: Problem, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    errors, slopes = problem.errors(values), problem.slopes(values)
    trust = (_TAILS + 1) / (_TAILS + errors**2)
    hessian = slopes.T @ (trust[:, None] * slopes) + np.diag(problem.spread**-2)
    return hessian, slopes.T @ (trust * errors) + (values - problem.mean) / problem.spread**2


def _step(
    problem: Problem,
    values: np.ndarray,
    cost: float,
    order: tuple[np.ndarray, np.ndarray],
    damping: float,
) -> tuple[np.ndarray, float, float]:
    """The first damped step that does not cost more: (values, cost, damping)."""
    hessian, slope = order
    for _ in range(12):
        moved = values - np.linalg.solve(hessian + damping * np.diag(problem.spread**-2), slope)
        after = _cost(problem, moved)
        if after <= cost:
            return moved, after, max(damping / 4, 1e-7)
        damping = 6 * damping + 1e-6
    return values, cost, damping

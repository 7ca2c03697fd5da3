"""What a fit misses of latencies that it has not seen, on processors and accelerators alike."""

import dataclasses
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

COVERED = 0.9
_NORMAL_MEDIAN = 0.6745  # of the size of a normal variable, in standard deviations


class Published(Protocol):
    """A published latency."""

    @property
    def family(self) -> str:
        """The design of its network."""


R = TypeVar("R", bound=Published)


@dataclasses.dataclass(frozen=True)
class Miss(Generic[R]):
    """One latency and what was predicted without it.

    Attributes:
        error: logarithm of predicted over published.
        deviation: what the fit thought the standard deviation of its prediction to be.
    """

    row: R
    error: float
    deviation: float

    @property
    def share(self) -> float:
        """Predicted over published, less one."""
        return float(np.expm1(self.error))


def spread(misses: Sequence[Miss[R]]) -> tuple[float, float]:
    """(noise, widening): what the formula itself misses, and deviations that hold `COVERED`.

    The noise is a robust standard deviation of the logarithm beside what the fit thought.
    """
    noise = float(np.median([abs(m.error) for m in misses])) / _NORMAL_MEDIAN
    ratios = [abs(m.error) / np.hypot(noise, m.deviation) for m in misses]
    return noise, float(np.quantile(ratios, COVERED, method="higher"))


def inside(misses: Sequence[Miss[R]], family: str) -> list[bool]:
    """Whether each miss of a design is in its interval, whose width is fitted on the others."""
    noise, widening = spread([m for m in misses if m.row.family != family])
    return [
        bool(abs(m.error) <= widening * np.hypot(noise, m.deviation))
        for m in misses
        if m.row.family == family
    ]


def coverage(misses: Sequence[Miss[R]]) -> float:
    """Share of misses inside of intervals whose width was fitted on the other designs only."""
    families = dict.fromkeys(m.row.family for m in misses)
    return float(np.mean([each for family in families for each in inside(misses, family)]))

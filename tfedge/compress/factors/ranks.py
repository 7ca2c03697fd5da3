"""Which ranks a kernel can be cut to, what each costs and keeps, and which one to take."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from tfedge.compress import factors
from tfedge.compress.layers.multiply_adds import Positions


@dataclasses.dataclass(frozen=True)
class Option:
    """One way to write one kernel as a chain.

    Attributes:
        way: the factorisation.
        ranks: channels between its stages.
        multiply_adds: of the chain, for one example.
        kept: share of the kernel's squared singular values that these ranks can keep, 0..1.
    """

    way: factors.Factorisation
    ranks: factors.Ranks
    multiply_adds: int
    kept: float


def options(
    kernel: np.ndarray, places: Positions, ways: Sequence[factors.Factorisation]
) -> tuple[Option, ...]:
    """Every sensible choice of ranks: for each way a path from 1 to full, whatever it costs.

    Two ranks grow together: next is always the one whose next singular value is larger.
    """
    found = []
    for way in ways:
        spectra = way.spectra(kernel)
        for ranks in _path(way, spectra, kernel.shape):
            found.append(_option(kernel.shape, places, way, ranks, spectra))
    return tuple(found)


def option(
    kernel: np.ndarray, places: Positions, way: factors.Factorisation, ranks: factors.Ranks
) -> Option:
    """The option with these ranks."""
    return _option(kernel.shape, places, way, ranks, way.spectra(kernel))


def rounded(
    found: Sequence[Option], kernel: np.ndarray, places: Positions, multiple_of: int
) -> tuple[Option, ...]:
    """The options with ranks rounded up to a multiple, each once; a full rank may stay odd."""
    made: dict[tuple[str, factors.Ranks], Option] = {}
    spectra = {way.name: way.spectra(kernel) for way in {each.way for each in found}}
    for each in found:
        way = each.way
        ranks = tuple(
            min(-(-rank // multiple_of) * multiple_of, most)
            for rank, most in zip(each.ranks, way.full(kernel.shape), strict=True)
        )
        if (way.name, ranks) not in made and _feasible(way, kernel.shape, ranks):
            made[way.name, ranks] = _option(kernel.shape, places, way, ranks, spectra[way.name])
    return tuple(made.values())


def cheapest(found: Sequence[Option], energy: float) -> Option | None:
    """The option with fewest multiply-adds that keeps this share of the energy."""
    enough = [each for each in found if each.kept >= energy - 1e-9]
    return min(enough, key=lambda each: each.multiply_adds, default=None)


def nearest(found: Sequence[Option], budget: float) -> Option | None:
    """The option that keeps most within so many multiply-adds."""
    affordable = [each for each in found if each.multiply_adds <= budget]
    return max(affordable, key=lambda each: each.kept, default=None)


def ladder(found: Sequence[Option], steps: int) -> tuple[Option, ...]:
    """From dear to cheap, at most so many options, none worse in both cost and energy."""
    best: list[Option] = []
    for each in sorted(found, key=lambda each: (each.multiply_adds, -each.kept)):
        if not best or each.kept > best[-1].kept:
            best.append(each)
    if len(best) > steps:
        costs = np.array([each.multiply_adds for each in best], float)
        wanted = np.geomspace(costs[0], costs[-1], steps)
        chosen = sorted({int(np.argmin(np.abs(costs - cost))) for cost in wanted})
        best = [best[index] for index in chosen]
    return tuple(reversed(best))


def _option(
    shape: Sequence[int],
    places: Positions,
    way: factors.Factorisation,
    ranks: factors.Ranks,
    spectra: Sequence[np.ndarray],
) -> Option:
    stages = zip(way.shapes(tuple(shape), ranks), way.places, strict=True)
    cost = sum(math.prod(stage) * getattr(places, place) for stage, place in stages)
    return Option(way, ranks, cost, _kept(spectra, ranks))


def _path(
    way: factors.Factorisation, spectra: Sequence[np.ndarray], shape: tuple[int, ...]
) -> Iterator[factors.Ranks]:
    full = way.full(shape)
    ranks = [1] * len(full)
    while True:
        if _feasible(way, shape, tuple(ranks)):
            yield tuple(ranks)
        growing = [axis for axis, most in enumerate(full) if ranks[axis] < most]
        if not growing:
            return
        ranks[max(growing, key=lambda axis: spectra[axis][ranks[axis]])] += 1


def _feasible(way: factors.Factorisation, shape: Sequence[int], ranks: factors.Ranks) -> bool:
    """Whether the middle of a chain of three is not wider than what it can carry."""
    if len(ranks) == 1:
        return True
    window, (inner, outer) = math.prod(shape[:2]), ranks
    return inner <= window * outer and outer <= window * inner


def _kept(spectra: Sequence[np.ndarray], ranks: factors.Ranks) -> float:
    """1 minus the energy lost, which is at most the sum of what each cut loses."""
    lost = 0.0
    for spectrum, rank in zip(spectra, ranks, strict=True):
        whole = float(spectrum.sum())
        lost += float(spectrum[rank:].sum()) / whole if whole else 0.0
    return max(0.0, 1.0 - lost)

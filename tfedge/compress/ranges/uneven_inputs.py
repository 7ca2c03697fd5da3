"""Inputs whose columns are too different for the one scale that an int8 tensor has.

An age beside an income is rounded to nothing. Where the model brings such an input to one scale,
in whatever spelling, that is done in float, and what comes out becomes int8.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.ranges import id_inputs, input_prefix

FEWEST_STEPS = 8  # of the scale in a standard deviation: fewer are worse than noise of 4 %
_STEPS = 255
REACH = 3.0  # standard deviations on both sides of the mean that a range holds
_NAMED = 8  # columns in a message


@dataclasses.dataclass(frozen=True, eq=False)
class Uneven:
    """The inputs of a model that have to stay float, and what stays float with them.

    Attributes:
        columns: input -> the columns (along the last axis) that one scale rounds to nothing; none
            of a sound or in a logarithm, of which all that is quiet or small is.
        ids: those of them that hold ids beside quantities; of such no columns are named.
        prefix: what the model does to these inputs before it mixes columns.
    """

    columns: Mapping[str, tuple[int, ...]]
    prefix: input_prefix.Prefix
    ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.columns)

    def described(self) -> str:
        """`input x: columns 0, 3` of each input."""
        return "; ".join(f"input {name}: {self._lost(name)}" for name in self.columns)

    def _lost(self, name: str) -> str:
        if name in self.ids:
            return "ids beside quantities"
        found = self.columns[name]
        return listed(found) if found else "quiet sounds or small values"


def find(model: k.Model) -> Uneven:
    """The uneven inputs of a flat tf_keras model, as its own constants tell.

    A column that a model shifts by m and divides by s is taken to lie around m, s wide.
    """
    prefix = input_prefix.find(model)
    means, deviations = _told(prefix)
    ids = [name for name, is_mixed in id_inputs.find(model).items() if is_mixed]
    columns: dict[str, tuple[int, ...]] = dict.fromkeys(sorted({*prefix.heard, *ids}), ())
    for name, places in prefix.places.items():
        found = lost(means[places], deviations[places] ** 2)
        if found:
            columns[name] = found
    return Uneven(columns, input_prefix.find(model, columns), frozenset(ids))


def lost(means: np.ndarray, variances: np.ndarray) -> tuple[int, ...]:
    """The columns that one range leaves too few steps; constant columns need none.

    Args:
        means: (..., columns) of what a tensor holds.
        variances: likewise.
    """
    varies = variances > 0
    if not varies.any():
        return ()
    spread = np.sqrt(variances)
    low = min(0.0, (means - REACH * spread)[varies].min())
    high = max(0.0, (means + REACH * spread)[varies].max())
    few = varies & (spread * _STEPS < FEWEST_STEPS * (high - low))
    return tuple(int(column) for column in np.unique(np.nonzero(np.atleast_1d(few))[-1]))


def _told(prefix: input_prefix.Prefix) -> tuple[np.ndarray, np.ndarray]:
    """(mean, deviation) of each input element by the narrowest map it goes through; else 0, 0.

    Where no layer has measured them, what comes out of a map is taken to be 1 wide around 0.
    """
    count = 1 + max((int(places.max()) for places in prefix.places.values()), default=0)
    means, deviations = np.zeros(count), np.zeros(count)
    found = [_of_edge(edge.elements) for edge in prefix.edges.values() if edge.elements]
    if found:
        places, mean, deviation = np.concatenate(found, axis=1)
        widest_first = np.argsort(-deviation)
        places = places[widest_first].astype(np.int64)
        means[places], deviations[places] = mean[widest_first], deviation[widest_first]
    return means, deviations  # of several for one place, numpy keeps the last


def _of_edge(elements: input_prefix.Elements) -> np.ndarray:
    """(3, n): places in the inputs, means, deviations."""
    measured = ~np.isnan(elements.deviation)
    changed = (elements.scale != 0) & ((elements.scale != 1) | (elements.offset != 0))
    with np.errstate(all="ignore"):
        mean = np.where(measured, elements.mean, -elements.offset / elements.scale)
        deviation = np.where(measured, elements.deviation, 1 / np.abs(elements.scale))
    told = measured | changed
    return np.stack([elements.sources[told], mean[told], deviation[told]])


def listed(columns: tuple[int, ...]) -> str:
    """Columns for a message: `columns 0, 3`."""
    shown = ", ".join(map(str, columns[:_NAMED]))
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return f"column{'s' if len(columns) > 1 else ''} {shown}{more}"

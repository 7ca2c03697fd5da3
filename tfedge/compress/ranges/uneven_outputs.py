"""Outputs that join what one int8 scale cannot serve, such as boxes in pixels and scores.

In one int8 tensor scores of 0 to 1 beside coordinates up to 160 are 0, 0.6 or 1.3. Each of them
has a scale of its own in front of the layers that join them; so those are computed in float.

So are a sigmoid and an exponential at the end: as an integer each probability below 1/512 is 0, and
each count that is small beside the largest. What they read has as many steps for these as for any.
"""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from tfedge.compress import graph
from tfedge.compress import keras as k
from tfedge.compress.ranges import output_tail

STEPS = 255  # of an int8 tensor's range
FEWEST_STEPS = 64  # of what one tensor held in front of the joining layers
_UNKNOWN = np.zeros(0)
_NAMED = 6  # groups of columns in a message


@dataclasses.dataclass(frozen=True, eq=False)
class Uneven:
    """One such output.

    Attributes:
        name: of the output.
        tail: the layers that join.
        reach: (elements, ...) largest magnitude of each, without the batch; of the first tensor
            that is uneven, be it the output or one that a later call evens out. Empty where none
            is, and a layer squeezes.
        steps: likewise, how many steps of one scale there are in what each can be.
        of: how many that scale has.
    """

    name: str
    tail: output_tail.Tail
    reach: np.ndarray
    steps: np.ndarray
    of: int

    def described(self) -> str:
        """See the function of this name."""
        return described(self.name, self.reach, self.steps, self.of)


def find(
    model: k.Model, ranges: Mapping[int, tuple[float, float]], steps: int = STEPS
) -> tuple[Uneven, ...]:
    """The uneven outputs of a flat tf_keras model.

    Args:
        model: the model.
        ranges: id of a tensor -> (lowest, highest) that it holds; an output with a tail that reads
            other tensors is taken to be even.
        steps: of a tensor's range on the route.
    """
    found, names = [], graph.output_names(model)
    for tail in output_tail.find(model):
        name = names[tail.position]
        known = [ranges[id(e.tensor)] for e in tail.edges if id(e.tensor) in ranges]
        is_known = len(known) == len(tail.edges)
        each = _judged(model, name, tail, known, steps) if is_known else None
        if each is None and tail.squeezing:
            each = Uneven(name, tail, _UNKNOWN, _UNKNOWN, steps)
        found.append(each)
    return tuple(each for each in found if each is not None)


def _judged(
    model: k.Model, name: str, tail: output_tail.Tail, ranges: list[tuple[float, float]], steps: int
) -> Uneven | None:
    ends = [(min(low, 0.0), max(high, 0.0)) for low, high in ranges]
    for reach in output_tail.reach(model, tail, ends) or ():
        left = steps * (reach.high - reach.low) / _width(reach)
        if np.any((reach.high > reach.low) & (left < FEWEST_STEPS)):
            return Uneven(
                name, tail, np.maximum(abs(reach.low), abs(reach.high))[0], left[0], steps
            )
    return None


def _width(reach: output_tail.Reach) -> float:
    """Of the one scale that all elements of a tensor would have."""
    return (max(reach.high.max(), 0.0) - min(reach.low.min(), 0.0)) or np.inf


def described(name: str, reach: np.ndarray, steps: np.ndarray, of: int = STEPS) -> str:
    """`output detections: columns 0-3 reach 160, columns 4-6 reach 1 (2 of 255 steps)`.

    Args:
        name: of the output.
        reach: see `Uneven`, as for the others.
        steps: of each element.
        of: how many there are.
    """
    reach, steps = _by_column(reach, steps)
    parts = [
        f"{_listed(first, last)} {reach[first]:.4g}{_few(steps[first], of)}"
        for first, last in _runs(reach)
    ]
    more = [f"{len(parts) - _NAMED} more"] if len(parts) > _NAMED else []
    return f"output {name}: " + ", ".join([*parts[:_NAMED], *more])


def _few(steps: float, of: int) -> str:
    return f" ({steps:.0f} of {of} steps)" if steps < FEWEST_STEPS else ""


def _by_column(reach: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Along the axis that tells most of what is uneven: the last that all others agree on."""
    for axis in reversed(range(reach.ndim)):
        others = tuple(each for each in range(reach.ndim) if each != axis)
        highest = reach.max(axis=others)
        if np.allclose(highest, reach.min(axis=others)):
            return highest, steps.min(axis=others)
    others = tuple(range(reach.ndim - 1))
    return reach.max(axis=others), steps.min(axis=others)


def _runs(values: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last place of each stretch of equal values."""
    starts = [0, *(np.flatnonzero(~np.isclose(values[1:], values[:-1])) + 1)]
    for first, behind in zip(starts, [*starts[1:], len(values)], strict=True):
        yield int(first), int(behind) - 1


def _listed(first: int, last: int) -> str:
    return f"column {first} reaches" if first == last else f"columns {first}-{last} reach"

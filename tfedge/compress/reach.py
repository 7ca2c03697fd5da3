"""What a pass will work on, told before hours go into it: a share of the model's weights."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.layers import kernels
from tfedge.compress.passes import base

_MOST_NAMES = 3


@dataclasses.dataclass(frozen=True)
class Left:
    """Layers that are left alone for one reason, and their share of the model's weights."""

    layers: tuple[str, ...]
    share: float
    reason: str

    def __str__(self) -> str:
        """Such as "embedding, 98%: weights of Embedding are not compressed"."""
        more = len(self.layers) - _MOST_NAMES
        names = ", ".join(self.layers[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
        return f"{names}, {_percent(self.share)}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Reach:
    """How far a pass gets.

    Attributes:
        name: of the pass.
        share: of all weights, those it works on.
        left: the layers it does not work on, the largest share first.
    """

    name: str
    share: float
    left: tuple[Left, ...]

    def __str__(self) -> str:
        """In one line."""
        words = "; ".join(f"not {each}" for each in self.left)
        told = f"{self.name} reaches {_percent(self.share)} of the weights"
        return f"{told}; {words}" if words else told


def of(passes: Sequence[base.Pass], candidate: Candidate) -> Iterator[Reach]:
    """Of each pass, in the model as it comes in; of none that stands behind a new network."""
    sizes = _weights(candidate.model)
    every = max(1, sum(int(np.prod(weight.shape)) for weight in candidate.model.weights))
    for each in passes:
        left = each.leaves(candidate)
        reasons: dict[str, list[str]] = {}
        for layer in sizes:
            if layer in left:
                reasons.setdefault(left[layer], []).append(layer)
        found = [
            Left(tuple(layers), sum(sizes[layer] for layer in layers) / every, reason)
            for reason, layers in reasons.items()
        ]
        share = sum(size for layer, size in sizes.items() if layer not in left) / every
        yield Reach(each.name, share, tuple(sorted(found, key=lambda one: -one.share)))
        if each.replaces_network:
            return


def _weights(model: k.Model) -> dict[str, int]:
    """Layer -> weights in its kernel; in all its matrices, where it has no kernel."""
    sizes = {
        layer.name: sum(int(np.prod(each.shape)) for each in layer.weights if len(each.shape) > 1)
        for layer in model.layers
    }
    sizes |= {kernel.layer: int(np.prod(kernel.shape)) for kernel in kernels.find(model)}
    return {name: size for name, size in sizes.items() if size}


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or not share else f"{share:.1%}"

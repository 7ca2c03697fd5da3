"""The bookkeeping of a walk through a model's graph that follows every channel.

Each channel that a layer makes gets a number, its id. Ids that must be cut together are joined,
ids that must stay are kept with the reason, and every axis of every weight that a channel runs
along is bound to the ids along it.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfedge.compress import keras as k


@dataclasses.dataclass(frozen=True, eq=False)
class Use:
    """One use of a layer.

    Attributes:
        layer: the layer.
        tensors: the symbolic tensors that it reads, as often as they occur.
        output: what it makes of them, where that is one tensor.
    """

    layer: Any
    tensors: Sequence[Any]
    output: Any

    @property
    def last_axis(self) -> int:
        """Of the output."""
        return len(self.output.shape) - 1


@dataclasses.dataclass(frozen=True, eq=False)
class Flow:
    """The channels of one tensor.

    Attributes:
        axis: they lie along, from the front; the batch is axis 0.
        ids: (size of that axis,) one each; the same id as often as a channel occurs.
    """

    axis: int
    ids: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Tap:
    """Where a kernel reads channels: what they are worth is measured there."""

    tensor: Any
    flow: Flow


class Walk:
    """What has been found so far."""

    def __init__(self) -> None:
        self.count = 0
        self.flows: dict[int, Flow] = {}
        self.joined: list[tuple[np.ndarray, np.ndarray]] = []
        self.kept: list[tuple[np.ndarray, str]] = []
        self.bound: dict[tuple[str, int, int], np.ndarray] = {}
        self.roles: dict[tuple[str, int, int], str] = {}
        self.sources: dict[str, np.ndarray] = {}
        self.reshaped: dict[str, Flow] = {}
        self.products: dict[str, tuple[np.ndarray, ...]] = {}
        self.taps: dict[int, Tap] = {}

    def fresh(self, size: int) -> np.ndarray:
        """New ids."""
        self.count += size
        return np.arange(self.count - size, self.count)

    def fixed(self, size: int, reason: str) -> np.ndarray:
        """New ids of channels that stay."""
        ids = self.fresh(size)
        self.keep(ids, reason)
        return ids

    def source(self, name: str, size: int) -> np.ndarray:
        """The ids of the channels that a layer makes, the same in every call of it."""
        if name not in self.sources:
            self.sources[name] = self.fresh(size)
        return self.sources[name]

    def join(self, one: np.ndarray, other: np.ndarray) -> None:
        """Cut these together, element by element."""
        self.joined.append((one, other))

    def keep(self, ids: np.ndarray, reason: str) -> None:
        """Never cut these."""
        self.kept.append((ids, reason))

    def bind(self, layer: k.Layer, weight: int, axis: int, ids: np.ndarray, role: str = "") -> None:
        """A weight's axis runs along these channels; another use's along the same.

        Args:
            layer: that has it.
            weight: its number in the layer.
            axis: of the weight.
            ids: along the axis.
            role: what of a channel's strength the weight is: it can "make" it, "scale" it, let it
                "pass" or "read" it; "" for what does not count.
        """
        self.roles[layer.name, weight, axis] = role
        before = self.bound.setdefault((layer.name, weight, axis), ids)
        if before is not ids:
            self.join(before, ids)

    def flow(self, tensor: k.Tensor) -> Flow | None:
        """The channels of a tensor; None where all of it stays as it is."""
        return self.flows.get(id(tensor))

    def stop(self, tensors: Iterable[Any], reason: str) -> Flow | None:
        """None: what reads these tensors needs all of them, so their channels stay."""
        for tensor in tensors:
            flow = self.flow(tensor)
            if flow is not None:
                self.keep(flow.ids, reason)
        return None

    def along_last(self, use: Use) -> Flow | None:
        """The channels of the only tensor that is read where they lie along its last axis.

        Others cannot be followed through it and stay. A mask, of booleans, has no channels.
        """
        flow = self.flow(use.tensors[0])
        if flow is None:
            return None
        several = not all(tensor.dtype.is_bool for tensor in use.tensors[1:])
        if several or flow.axis != len(use.tensors[0].shape) - 1:
            kind = type(use.layer).__name__
            return self.stop(
                use.tensors, f"{use.layer.name} ({kind}) reads them along another axis"
            )
        return flow

    def tap(self, tensor: k.Tensor) -> None:
        """A kernel reads this tensor."""
        flow = self.flow(tensor)
        if flow is not None:
            self.taps[id(tensor)] = Tap(tensor, flow)

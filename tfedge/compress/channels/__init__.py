"""Which channels of a model can be cut, and what goes with each of them.

Channels that only work together (both sides of a residual sum, a depthwise kernel and what it
reads, every place that a flattened channel goes to, all of an attention head) are one unit. A
unit's slices are found in all the weights along whose axes it runs; cut them all and every shape
fits again. The idea of following dependencies instead of knowing networks is DepGraph's, Fang et
al. 2023, arXiv:2301.12900; here it is a walk over the Keras graph that numbers channels.
"""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from tfedge.compress import keras as k
from tfedge.compress.bridge import replay
from tfedge.compress.channels import channel_ops, input_columns
from tfedge.compress.layers import facts, flows, operations
from tfedge.compress.layers.channel_walk import Flow, Tap, Use, Walk


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """An axis of a weight that channels run along.

    Attributes:
        layer: its name.
        weight: number of the weight in the layer.
        axis: of the weight.
        units: (size of the axis,) the unit at each index.
        role: what of a unit's strength the weight is, see `Walk.bind`.
    """

    layer: str
    weight: int
    axis: int
    units: np.ndarray
    role: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """Units that the same layers make: one width to choose.

    Attributes:
        units: ascending.
        sources: the layers (or inputs) whose output channels they are.
        each: output channels of such a layer that one unit stands for.
    """

    units: np.ndarray
    sources: tuple[str, ...]
    each: int


@dataclasses.dataclass(frozen=True, eq=False)
class Channels:
    """All channels of a model.

    Attributes:
        count: number of units; 0..count-1.
        members: every axis of every weight that units run along.
        sources: layer (or input) -> units of the channels it makes.
        reshaped: Reshape layer -> its output's axis of channels, as units.
        products: product of tensors -> units along each of its axes that has any.
        taps: tensors that kernels read, with their units.
        fixed: unit -> why it stays.
    """

    count: int
    members: tuple[Member, ...]
    sources: Mapping[str, np.ndarray]
    reshaped: Mapping[str, Flow]
    products: Mapping[str, tuple[np.ndarray, ...]]
    taps: tuple[Tap, ...]
    fixed: Mapping[int, str]

    @functools.cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What can be cut, in the order of the model's layers."""
        makers: dict[int, list[str]] = {}
        times = np.zeros(self.count, int)
        for name, units in self.sources.items():
            np.maximum.at(times, units, np.bincount(units, minlength=self.count)[units])
            for unit in np.unique(units):
                makers.setdefault(int(unit), []).append(name)
        grouped: dict[tuple, list[int]] = {}
        for unit, names in makers.items():
            if unit not in self.fixed:
                grouped.setdefault((tuple(names), int(times[unit])), []).append(unit)
        return tuple(Block(np.sort(units), names, each) for (names, each), units in grouped.items())

    def reasons(self) -> dict[str, str]:
        """Layer -> why none of the channels that it makes can go."""
        found = {}
        for name, units in self.sources.items():
            reasons = [self.fixed.get(int(unit)) for unit in units]
            if reasons and reasons[0] is not None and None not in reasons:
                found[name] = reasons[0]
        return found

    def owners(self, block: Block) -> tuple[str, ...]:
        """Layers whose output channels are in a block: those that make them or pass them on."""
        passing = {
            member.layer
            for member in self.members
            if member.layer not in self.sources and np.isin(member.units, block.units).any()
        }
        return (*block.sources, *sorted(passing))


def analyse(
    model: k.Model, kept: Mapping[str, str] | None = None, inputs: bool = False
) -> Channels:
    """Follow all channels through a model.

    Args:
        model: flat functional tf_keras model.
        kept: layer -> why all that it makes and reads has to stay.
        inputs: whether columns of inputs of rank 2 may go, too.
    """
    walk = Walk()
    if inputs:
        _flat_inputs(model, walk)
    for call in replay.calls(model):
        known = walk.flow(call.outputs[0])
        flow = _through(walk, call) if known is None else known
        if flow is not None:
            walk.flows[id(call.outputs[0])] = flow
    walk.stop(model.outputs, "it is an output of the model")
    for (layer, _, _), ids in walk.bound.items():
        if kept and layer in kept:
            walk.keep(ids, kept[layer])
    return _in_units(walk)


def _through(walk: Walk, call: replay.Call) -> Flow | None:
    """Follow the channels through one call of a layer."""
    use = Use(call.operation, call.tensors(), call.outputs[0])
    if len(call.outputs) > 1:
        return flows.needs_all(walk, use)
    if type(use.layer).__name__ in operations.CLASSES:
        return channel_ops.through(walk, call, use)
    return facts.of(use.layer).channels(walk, use)


def _flat_inputs(model: k.Model, walk: Walk) -> None:
    """Columns of flat inputs are channels that nobody makes, or that an earlier cut has left."""
    selected = {}
    for layer in model.layers:
        columns = input_columns.kept(layer)
        if columns is not None:
            selected[id(layer.input)] = layer
    for tensor in model.inputs:
        if len(tensor.shape) == 2 and tensor.dtype.is_floating:
            layer = selected.get(id(tensor), tensor._keras_history.layer)
            made = layer.output if id(tensor) in selected else tensor
            walk.flows[id(made)] = Flow(1, walk.source(layer.name, made.shape[1]))


def _in_units(walk: Walk) -> Channels:
    """The same with joined ids as one unit."""
    from scipy import sparse
    from scipy.sparse import csgraph

    empty = np.empty(0, int)
    rows = np.concatenate([empty, *(one for one, _ in walk.joined)])
    columns = np.concatenate([empty, *(other for _, other in walk.joined)])
    links = sparse.coo_matrix((np.ones(len(rows), bool), (rows, columns)), (walk.count, walk.count))
    count, unit = csgraph.connected_components(links, directed=False)
    fixed: dict[int, str] = {}
    for ids, reason in walk.kept:
        for each in np.unique(unit[ids]):
            fixed.setdefault(int(each), reason)
    return Channels(
        count=count,
        members=tuple(
            Member(layer, weight, axis, unit[ids], walk.roles[layer, weight, axis])
            for (layer, weight, axis), ids in walk.bound.items()
        ),
        sources={name: unit[ids] for name, ids in walk.sources.items()},
        reshaped={name: Flow(f.axis, unit[f.ids]) for name, f in walk.reshaped.items()},
        products={name: tuple(unit[ids] for ids in axes) for name, axes in walk.products.items()},
        taps=tuple(
            Tap(tap.tensor, Flow(tap.flow.axis, unit[tap.flow.ids])) for tap in walk.taps.values()
        ),
        fixed=fixed,
    )

"""Cuts channels out of a model, and says what the model must then answer."""

import numpy as np

from tfedge.compress import channels, graph
from tfedge.compress.channels import surgery


def cut_half(model, found=None, seed=0):
    """(the model without about half of each block's units, the same model with them all zero).

    Whatever belongs to a unit is zero in the second, so both must give the same outputs.
    """
    found = found or channels.analyse(model)
    generator = np.random.default_rng(seed)
    alive = np.ones(found.count, bool)
    for block in found.blocks:
        gone = generator.permutation(block.units)[: len(block.units) // 2]
        alive[gone] = False
    smaller, _ = surgery.cut(model, found, alive)
    return smaller, zeroed(model, found, alive)


def zeroed(model, found, alive):
    """A copy with zeros in every slice of the units that are not alive."""
    copy = graph.rebuild(model)
    for member in found.members:
        layer = copy.get_layer(member.layer)
        weights = layer.get_weights()
        rows = np.moveaxis(weights[member.weight], member.axis, 0)
        rows[~alive[member.units]] = 0.0
        layer.set_weights(weights)
    return copy


def widths(before, after):
    """Layer -> (output channels before, after) of all layers with a kernel that changed."""
    return {name: tuple(pair) for name, pair in surgery.widths(before, after).items()}

"""Bounds the masks of attention in a float file, so that integer ranges can serve the scores.

See `mask_bounds`. Constants that mask are replaced; a mask that the app gives, or that is computed
without a constant, is cut off by the end of its range.
"""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge.compress.ranges import mask_bounds
from tfedge.export import calibration
from tfedge.export.post_training import ranges
from tfedge.export.post_training.float_model import FloatModel
from tfedge.export.tree import flatbuffer, masked, operators


def bound(
    model: FloatModel, examples: calibration.Examples
) -> tuple[FloatModel, Mapping[str, float]]:
    """The model with masks no further from its scores than they need to be.

    Args:
        model: as it came.
        examples: which show how far that is.

    Returns:
        The model, the same one where nothing is masked; tensor name -> where its range may end,
        below if negative and else above.
    """
    watched = masked.on_the_way(model.tree)
    if not watched:
        return model, {}
    tree = flatbuffer.copied(model.tree)
    seen = _seen(tree, examples, watched)
    bounds: dict[int, float] = {}
    for operator in reversed(tree.subgraphs[0].operators):
        _ask_operands(tree, operator, seen, bounds)
    if not bounds:
        return model, {}
    tensors = tree.subgraphs[0].tensors
    names = {tensors[index].name.decode(): each for index, each in bounds.items()}
    return dataclasses.replace(model, tree=tree), names


def cut(found: ranges.Ranges, bounds: Mapping[str, float]) -> ranges.Ranges:
    """Ranges that end at the bounds."""
    ended = {
        name: {end: mask_bounds.clip(value, bounds[name]) for end, value in each.items()}
        for name, each in found.items()
        if name in bounds
    }
    return {**found, **ended}


def _seen(
    tree: Any, examples: calibration.Examples, watched: set[int]
) -> dict[int, mask_bounds.Seen]:
    tensors = tree.subgraphs[0].tensors
    found = masked.constants(tree, watched)
    computed = {tensors[index].name.decode(): index for index in watched - set(found)}
    for activations in ranges.values(tree, examples, computed):
        for name, value in activations.items():
            index = computed[name]
            found[index] = found.get(index, mask_bounds.Seen()) | mask_bounds.seen(value)
    return found


def _ask_operands(
    tree: Any, operator: Any, seen: Mapping[int, mask_bounds.Seen], bounds: dict[int, float]
) -> None:
    """Adds the bounds of what one operator reads, and replaces its constants."""
    kind = operators.kind(tree, operator)
    output = int(operator.outputs[0])
    given = masked.floats(tree, operator)
    needed: list[float | None] = []
    if kind in masked.SINKS:
        needed = [mask_bounds.floor(seen.get(given[0], mask_bounds.Seen()))]
    elif kind in masked.RULES and output in bounds:
        operands = [seen.get(index, mask_bounds.Seen()) for index in given]
        needed = mask_bounds.of_operands(masked.RULES[kind], bounds[output], seen[output], operands)
    for index, each in zip(given, needed, strict=False):
        if each is None:
            continue
        if operators.is_constant(tree, tree.subgraphs[0].tensors[index]):
            _replace(tree, operator, index, each)
        else:
            bounds[index] = mask_bounds.further(bounds.get(index), each)


def _replace(tree: Any, operator: Any, index: int, bound: float) -> None:
    """Gives one reader of a constant a copy that ends at the bound."""
    tensors = tree.subgraphs[0].tensors
    made = copy.copy(tensors[index])
    made.name = f"tensor_{len(tensors)}".encode()
    operators.set_values(tree, made, mask_bounds.clip(operators.values(tree, made), bound))
    operator.inputs = np.where(operator.inputs == index, len(tensors), operator.inputs)
    operator.inputs = operator.inputs.astype(np.int32)
    tensors.append(made)

"""The steps of a network, followed from its tokens to its answers."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfedge import errors
from tfedge.export.cached import rules
from tfedge.export.cached.walk import Axes, KeysFirstError, NotByStepsError, Walk
from tfedge.export.tree import operators

_REMEDY = "Leave cache out: the file then takes all steps at once."


def follow(tree: Any, where: str) -> Walk:
    """Follows the steps through a network.

    Raises:
        BadInput: see `cached.put`.
    """
    found = _begun(tree, where)
    while True:
        try:
            return _followed(found, where)
        except KeysFirstError as error:
            known = found.keys_first | {error.product}
            found = dataclasses.replace(found, keys_first=known, axes={}, cached={}, looked=set())


def _followed(found: Walk, where: str) -> Walk:
    found.axes[found.tokens] = Axes(steps=1)
    for number, operator in enumerate(found.graph.operators):
        if not any(int(index) in found.axes for index in operator.inputs):
            continue
        try:
            axes = rules.of(found, number, operator)
        except NotByStepsError as error:
            raise _refused(where, f"{found.kind(operator)} {error}") from error
        found.axes.update((int(index), axes) for index in operator.outputs)
    if found.axes.get(found.answers) != Axes(steps=1) or not found.cached:
        raise _refused(where, "it does not put out the next token at each step by attention")
    return found


def check_room(found: Walk, cache: int, where: str) -> None:
    """Refuses more tokens than a network has places for.

    Raises:
        BadInput: saying how many it has.
    """
    if cache > found.steps:
        raise errors.BadInput(
            where,
            f"cache={cache}: the network was made for {found.steps} steps",
            f"Write cache={found.steps} or fewer.",
        )


def _begun(tree: Any, where: str) -> Walk:
    (signature,) = tree.signatureDefs
    inputs, outputs = (
        [int(e.tensorIndex) for e in s] for s in (signature.inputs, signature.outputs)
    )
    tensors = tree.subgraphs[0].tensors
    shapes = [_sizes(tensors[index]) for index in (*inputs, *outputs)]
    if len(inputs) != 1 or operators.type_name(tensors[inputs[0]]) not in ("INT32", "INT64"):
        names = ", ".join(entry.name.decode() for entry in signature.inputs)
        raise errors.BadInput(
            where,
            f"no caches are possible: it takes other inputs than token numbers alone: {names}",
            "Give a model of these alone, as keras.Model(ids, model({'token_ids': ids,"
            " 'padding_mask': keras.ops.ones_like(ids)})), or leave cache out.",
        )
    if len(outputs) != 1 or len(shapes[0]) != 2 or shapes[0][1] < 2 or len(shapes[1]) != 3:
        raise _refused(where, "it does not put out scores (steps, tokens) for tokens (steps,)")
    if len(tree.subgraphs) != 1:
        raise _refused(where, "it has loops")
    return Walk(tree, shapes[0][1], inputs[0], outputs[0])


def _sizes(tensor: Any) -> Sequence[int]:
    return () if tensor.shape is None else [int(size) for size in tensor.shape]


def _refused(where: str, cause: str) -> errors.BadInput:
    return errors.BadInput(where, f"no caches are possible: {cause}", _REMEDY)

"""Finds the masks of attention in a .tflite: what is huge on its way to softmax."""

from collections.abc import Collection
from typing import Any

from tfedge.compress.ranges import mask_bounds
from tfedge.export.tree import operators

SINKS = ("SOFTMAX", "LOG_SOFTMAX", "EXP", "LOGISTIC")
_MOVES = (
    *("RESHAPE", "TRANSPOSE", "EXPAND_DIMS", "SQUEEZE", "BROADCAST_TO", "TILE", "GATHER", "FILL"),
    *("SLICE", "STRIDED_SLICE", "CONCATENATION", "PACK", "UNPACK", "SPLIT", "SPLIT_V", "PAD"),
    *("SELECT", "SELECT_V2", "MAXIMUM", "MINIMUM", "PADV2"),
)
RULES: dict[str, mask_bounds.Rule] = {
    "ADD": mask_bounds.add,
    "SUB": mask_bounds.subtract,
    "MUL": mask_bounds.multiply,
    "NEG": mask_bounds.negative,
    **dict.fromkeys(_MOVES, mask_bounds.same),
}


def on_the_way(tree: Any) -> set[int]:
    """Tensors that reach softmax by way of at least one operator with a rule."""
    reached: set[int] = set()
    passed: set[int] = set()
    for operator in reversed(tree.subgraphs[0].operators):
        kind = operators.kind(tree, operator)
        if kind in SINKS:
            reached.add(int(operator.inputs[0]))
        elif kind in RULES and reached.intersection(map(int, operator.outputs)):
            passed.update(floats(tree, operator), map(int, operator.outputs))
            reached.update(floats(tree, operator))
    given = reached.intersection(map(int, tree.subgraphs[0].inputs))
    return passed | given


def floats(tree: Any, operator: Any) -> list[int]:
    """The real numbers that an operator reads, constants included."""
    tensors = tree.subgraphs[0].tensors
    return [
        int(index)
        for index in operator.inputs
        if index >= 0 and operators.type_name(tensors[index]) == "FLOAT32"
    ]


def constants(tree: Any, tensors: set[int]) -> dict[int, mask_bounds.Seen]:
    """What those of the tensors hold whose values are in the file."""
    held = tree.subgraphs[0].tensors
    return {
        index: mask_bounds.seen(operators.values(tree, held[index]))
        for index in tensors
        if operators.is_constant(tree, held[index])
    }


def is_masked(tree: Any, given: Collection[str] = ()) -> bool:
    """Whether something masks what enters softmax, in a float file that LiteRT alone can run.

    Args:
        tree: its constants are looked at.
        given: inputs of its signature that are known to hold what could be masks.
    """
    watched = on_the_way(tree)
    inputs = [each for signature in tree.signatureDefs for each in signature.inputs]
    if any(operators.is_custom(tree, each) for each in tree.subgraphs[0].operators):
        return False
    return any(each.masks for each in constants(tree, watched).values()) or any(
        each.name.decode() in given and int(each.tensorIndex) in watched for each in inputs
    )

"""Which operators compute with an exponential on the way to something narrow, as selu does.

LiteRT has no operator for selu, mish, softplus, log_sigmoid and functions that users write; the
converter composes them: EXP, then ADD, SUB and MUL of constants, then LOG, or SELECT, which takes
the exponential where it is small. Of what was up to 9 the EXP is up to 8,000: one integer scale for
that leaves nothing of what goes on.
"""

from typing import Any

from tfedge.export.tree import operators

_CARRY = ("ADD", "SUB", "MUL", "DIV", "NEG")  # by constants: as wide as what goes in
_NARROW = ("LOG", "SELECT", "SELECT_V2", "TANH", "LOGISTIC", "MINIMUM")


def find(tree: Any, graph: Any) -> tuple[tuple[Any, ...], ...]:
    """The operators of each such computation, from EXP to where it is narrow, in order."""
    starts = (each for each in graph.operators if operators.kind(tree, each) == "EXP")
    found = (_behind(tree, graph, each) for each in starts)
    return tuple(each for each in found if each)


def _behind(tree: Any, graph: Any, start: Any) -> tuple[Any, ...]:
    """Empty where nothing gets narrow."""
    inside, is_narrow = [start], False
    wide = {int(start.outputs[0])}
    for each in graph.operators:  # in an order in which what is read is there
        read = [int(index) for index in each.inputs]
        if not wide.intersection(read):
            continue
        kind, others = operators.kind(tree, each), [i for i in read if i not in wide]
        divides = kind == "DIV" and read[1] in wide
        are_constant = all(operators.is_constant(tree, graph.tensors[i]) for i in others)
        if kind in _NARROW or (divides and are_constant):
            inside, is_narrow = [*inside, each], True
        elif kind in _CARRY and are_constant:
            inside.append(each)
            wide.add(int(each.outputs[0]))
    return tuple(inside) if is_narrow else ()

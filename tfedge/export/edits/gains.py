"""What the converter has put into kernels from in front of them is taken out again.

A normalization multiplies each channel by a factor, and the converter puts that into the columns
of every dense layer behind it. Integers and values that are promised of such a kernel are those of
the layer without it, and so is a table that is both looked up in and a matrix. There the factors
become an operator of their own again, as the model has them.
"""

import copy
import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.edits import lineage
from tfedge.export.tree import new_operators, operators

_KIND = "FULLY_CONNECTED"
_SAME = {"FLOAT32": 1e-5, "FLOAT16": 2e-3}  # largest difference, as a share of the largest weight


@dataclasses.dataclass(frozen=True, eq=False)
class _Gained:
    """A dense operator whose kernel has factors of its inputs in it."""

    operator: operators.Weighted
    kernel: np.ndarray
    factors: np.ndarray


def take_out(tree: Any, known: Sequence[lineage.KerasKernel], layers: Collection[str]) -> None:
    """Of dense kernels in float; operators in front multiply by the factors then.

    Args:
        tree: whose kernels bear the names of their layers.
        known: the kernels of the model it was made from.
        layers: whose kernels are to be theirs alone.
    """
    for gained in tuple(_found(tree, known, layers)):
        _take_out(tree, gained)


def tie(tree: Any, tables: Mapping[str, Collection[str]]) -> None:
    """Makes one tensor of a table and the equal matrices of dense operators.

    Args:
        tree: whose kernels bear the names of their layers.
        tables: layer of a table -> the layers that multiply by it.
    """
    for table in operators.tables(tree):
        matrices = tables.get(_name(table), ())
        for operator in operators.weighted(tree):
            if _name(operator) in matrices and operator.graph is table.graph:
                _share(tree, table, operator)


def _name(operator: operators.Weighted) -> str:
    return (operator.graph.tensors[operator.kernel].name or b"").decode()


def _share(tree: Any, table: operators.Weighted, operator: operators.Weighted) -> None:
    kernel, one = (o.graph.tensors[o.kernel] for o in (operator, table))
    if kernel.type != one.type or operator.kind != _KIND:
        return
    if np.array_equal(operators.values(tree, kernel), operators.values(tree, one)):
        operator.operator.inputs = np.where(
            operator.operator.inputs == operator.kernel, table.kernel, operator.operator.inputs
        )


def _found(
    tree: Any, known: Sequence[lineage.KerasKernel], layers: Collection[str]
) -> Iterator[_Gained]:
    meant = {kernel.layer: kernel.rows for kernel in known if kernel.layer in layers}
    for operator in operators.weighted(tree):
        tensor = operator.graph.tensors[operator.kernel]
        wanted = meant.get(_name(operator))
        stored = operators.type_name(tensor)
        if operator.kind != _KIND or wanted is None or stored not in _SAME:
            continue
        found = operators.values(tree, tensor)
        if found.shape != wanted.shape or _are_same(found, wanted, _SAME[stored]):
            continue
        factors = lineage.factors(found.T.astype(np.float64), wanted.T.astype(np.float64))
        if _are_same(found, wanted * factors, _SAME[stored]):
            yield _Gained(operator, wanted, factors.astype(np.float32))


def _are_same(found: np.ndarray, wanted: np.ndarray, share: float) -> bool:
    largest = np.abs(found).max(initial=0)
    return bool(np.abs(found - wanted).max(initial=0) <= share * largest)


def _take_out(tree: Any, gained: _Gained) -> None:
    graph, operator = gained.operator.graph, gained.operator.operator
    operators.set_values(tree, graph.tensors[gained.operator.kernel], gained.kernel)
    _, *others = operator.inputs
    operator.inputs = np.array([_multiplied(tree, graph, gained), *others], np.int32)


def _multiplied(tree: Any, graph: Any, gained: _Gained) -> int:
    """What comes in times the factors: made once for all that read it so."""
    source = gained.operator.input
    for each in graph.operators:
        if operators.kind(tree, each) == "MUL" and int(each.inputs[0]) == source:
            other = graph.tensors[int(each.inputs[1])]
            if operators.is_constant(tree, other) and _is_it(tree, other, gained.factors):
                return int(each.outputs[0])
    constant = schema.TensorT(
        type=schema.TensorType.FLOAT32, shape=np.array(gained.factors.shape, np.int32)
    )
    operators.set_values(tree, constant, gained.factors)
    made = copy.copy(graph.tensors[source])  # its name, too: it is a part of the same layer
    graph.tensors += [constant, made]
    result = len(graph.tensors) - 1
    multiply = new_operators.operator(tree, "MUL", [source, result - 1], result)
    before = min(n for n, each in enumerate(graph.operators) if source in each.inputs)
    graph.operators = [*graph.operators[:before], multiply, *graph.operators[before:]]
    return result


def _is_it(tree: Any, tensor: Any, factors: np.ndarray) -> bool:
    found = operators.values(tree, tensor)
    return found.shape == factors.shape and bool(np.allclose(found, factors, rtol=1e-5))

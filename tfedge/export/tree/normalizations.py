"""Which operators of a file normalize: those between a tensor and itself over its deviation.

A normalization over the channels of an example is no operator of LiteRT. The converter writes it
as the mean, the mean of the squares, RSQRT, and MUL, SUB and ADD behind it, with factors and
offsets as constants.
"""

import collections
from collections.abc import Iterator
from typing import Any

from tfedge.export.tree import operators

_SQUARES = ("SQUARED_DIFFERENCE", "SQUARE", "MUL")
_PLAIN = ("ADD", "MUL", "SUB")
_BEHIND = (*_PLAIN, "TRANSPOSE", "RESHAPE")  # Keras' fused form has them before factor and offset


def find(tree: Any, graph: Any) -> tuple[tuple[Any, ...], ...]:
    """The operators of each normalization of a graph, in the graph's order."""
    makers = {int(output): each for each in graph.operators for output in each.outputs}
    readers = collections.defaultdict(list)
    for each in graph.operators:
        for index in each.inputs:
            readers[int(index)].append(each)
    found = []
    for root in graph.operators:
        if operators.kind(tree, root) == "RSQRT":
            inside = _Walk(tree, graph, makers, readers).around(root)
            if inside:
                found.append(tuple(each for each in graph.operators if id(each) in inside))
    return tuple(found)


class _Walk:
    """From an RSQRT upwards and downwards."""

    def __init__(self, tree: Any, graph: Any, makers: dict[int, Any], readers: dict[int, Any]):
        self._tree, self._graph = tree, graph
        self._makers, self._readers = makers, readers

    def around(self, root: Any) -> set[int]:
        """Ids of the operators; none where RSQRT is of no mean of squares."""
        inside = self._above(root)
        known = {int(t) for each in inside for t in (*each.inputs, *each.outputs)}
        waiting = list(inside)  # the mean, too, that is taken off apart from the squares
        while waiting:
            for reader in self._readers[int(waiting.pop().outputs[0])]:
                if reader not in inside and self._goes_on(reader, known):
                    inside.append(reader)
                    known.add(int(reader.outputs[0]))
                    waiting.append(reader)
        return {id(each) for each in inside}

    def _above(self, root: Any) -> list[Any]:
        """RSQRT and what makes the variance, the mean that it is taken from last."""
        found, above = [root], self._made_by(root)
        while len(above) == 1 and self._kind(above[0]) in _PLAIN:  # a small number is added
            found, above = [*found, *above], self._made_by(above[0])
        if [self._kind(each) for each in above] != ["MEAN"]:
            return []
        squares = self._made_by(above[0])
        if len(squares) != 1 or self._kind(squares[0]) not in _SQUARES:
            return []
        within = self._made_by(squares[0])
        differences = [each for each in within if self._kind(each) == "SUB"]
        within += [mean for each in differences for mean in self._made_by(each)]
        means = [each for each in within if self._kind(each) == "MEAN"]
        return [*found, *above, *squares, *(differences if means else ()), *means]

    def _made_by(self, operator: Any) -> list[Any]:
        """The operators that make its inputs, each once."""
        makers = {id(m): m for i in self._variable(operator) if (m := self._makers.get(i))}
        return list(makers.values())

    def _goes_on(self, reader: Any, known: set[int]) -> bool:
        is_plain = self._kind(reader) in _BEHIND
        return is_plain and all(index in known for index in self._variable(reader))

    def _kind(self, operator: Any) -> str:
        return operators.kind(self._tree, operator)

    def _variable(self, operator: Any) -> Iterator[int]:
        """Its inputs that are no constants."""
        for index in map(int, operator.inputs):
            if index >= 0 and not operators.is_constant(self._tree, self._graph.tensors[index]):
                yield index

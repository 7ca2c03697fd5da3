"""A normalization takes off its mean before it divides: fewer operators, and none that cancel.

TensorFlow writes it as x * f + (b - mean * f), where f is the factor over the deviation, and
without b as x * f + -mean * f. As (x - mean) * f + b it is one operator less, two where there is no
b, and no difference is taken of products that may be large.
"""

import collections
import dataclasses
from typing import Any

import numpy as np

from tfedge.export.tree import new_operators, operators


def take_off_means_first(tree: Any) -> None:
    """Rewrites those in float; outputs change by rounding.

    Args:
        tree: of any file.
    """
    for graph in tree.subgraphs:
        uses = _Uses(tree, graph)
        found = [_find(uses, each) for each in graph.operators if uses.is_plain(each, "ADD")]
        for each in filter(None, found):
            _rewrite(tree, graph, each)


@dataclasses.dataclass(frozen=True, eq=False)
class _Form:
    """x * f + (b - mean * f): its operators, and tensors by their indices.

    Attributes:
        last: adds.
        product: of x and f.
        shift: of mean and f.
        taken: off what that is taken, or the negation of one of both.
        value, mean, factor: x, mean and f.
        offset: b; None where there is none.
    """

    last: Any
    product: Any
    shift: Any
    taken: Any
    value: int
    mean: int
    factor: int
    offset: int | None


class _Uses:
    """Who makes the tensors of a graph, and how many read each."""

    def __init__(self, tree: Any, graph: Any):
        self._tree, self._graph = tree, graph
        self._makers = {int(each.outputs[0]): each for each in graph.operators}
        reads = (int(i) for each in graph.operators for i in each.inputs)
        self._counts = collections.Counter([*reads, *map(int, graph.outputs)])

    def only(self, tensor: int, *kinds: str) -> Any:
        """The operator of one of these kinds that makes it for one reader alone, or None."""
        made = self._makers.get(int(tensor))
        if made is None or self._counts[int(tensor)] != 1:
            return None
        return made if self.is_plain(made, *kinds) else None

    def is_plain(self, operator: Any, *kinds: str) -> bool:
        """Whether it is of one of these kinds, gives floats, and nothing is fused into it."""
        activation = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
        is_float = operators.type_name(self._graph.tensors[int(operator.outputs[0])]) == "FLOAT32"
        return operators.kind(self._tree, operator) in kinds and is_float and not activation

    def is_as_large(self, tensor: int, other: int) -> bool:
        """Whether both have one shape."""
        shapes = [tuple(self._graph.tensors[int(index)].shape) for index in (tensor, other)]
        return shapes[0] == shapes[1]


def _find(uses: _Uses, last: Any) -> _Form | None:
    """The one that an ADD ends."""
    for scaled, rest in (tuple(last.inputs), tuple(last.inputs)[::-1]):
        product, taken = uses.only(scaled, "MUL"), uses.only(rest, "NEG", "SUB")
        shift = uses.only(rest, "MUL") if taken is None else uses.only(taken.inputs[-1], "MUL")
        if product is None or shift is None:
            continue
        common = set(map(int, product.inputs)) & set(map(int, shift.inputs))
        if len(common) != 1:
            continue
        (factor,) = common
        value, mean = _other(product, factor), _other(shift, factor)
        if taken is None:
            taken = uses.only(mean, "NEG")
            mean = mean if taken is None else int(taken.inputs[0])
        if taken is not None and uses.is_as_large(value, scaled):
            offset = int(taken.inputs[0]) if uses.is_plain(taken, "SUB") else None
            return _Form(last, product, shift, taken, value, mean, factor, offset)
    return None


def _other(operator: Any, known: int) -> int:
    return next((int(index) for index in operator.inputs if int(index) != known), known)


def _rewrite(tree: Any, graph: Any, form: _Form) -> None:
    """(x - mean) * f, + b where there is one, where `last` was."""
    without, scaled = int(form.shift.outputs[0]), int(form.product.outputs[0])
    like = graph.tensors[scaled]
    graph.tensors[without].shape = like.shape
    graph.tensors[without].shapeSignature = like.shapeSignature
    result = int(form.last.outputs[0]) if form.offset is None else scaled
    made = [
        new_operators.operator(tree, "SUB", [form.value, form.mean], without),
        new_operators.operator(tree, "MUL", [without, form.factor], result),
    ]
    if form.offset is not None:
        form.last.inputs = np.array([scaled, form.offset], np.int32)
        made.append(form.last)
    gone = {id(each) for each in (form.product, form.shift, form.taken)}
    graph.operators = [
        new
        for each in graph.operators
        if id(each) not in gone
        for new in (made if each is form.last else [each])
    ]

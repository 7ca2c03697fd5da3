"""Names for all tensors of a file, for people and for programs that tell tensors apart by them.

What an operator with a kernel puts out is called after the layer, "stem/conv_2d", its bias
"stem/bias"; inputs and outputs have the signature's names, the rest that of their operator.
"""

from collections.abc import Collection, Iterator
from typing import Any

from tfedge.export.tree import operators


def name_all(tree: Any, reserved: Collection[str] = ()) -> frozenset[str]:
    """Gives every tensor a name that no other of the file has.

    Args:
        tree: of any file.
        reserved: names of kernels, which stay theirs.

    Returns:
        All names.
    """
    given = _Given()
    for tensor in _tensors(tree):
        if _name(tensor) in reserved:
            given.name(tensor, _name(tensor))
    for tensor, name in _ends(tree):
        given.name(tensor, name)
    weighted = {id(each.operator): each for each in _weighted(tree)}
    for graph in tree.subgraphs:
        for operator in graph.operators:
            _name_around(tree, graph, operator, weighted.get(id(operator)), given)
    for tensor in _tensors(tree):
        given.name(tensor, "tensor")
    return frozenset(given.taken)


class _Given:
    def __init__(self) -> None:
        self.taken = set[str]()
        self._by_tensor = dict[int, str]()

    def name(self, tensor: Any, wanted: str) -> str:
        """The name that a tensor has now; the wanted one, with a number if another has it."""
        if id(tensor) not in self._by_tensor:
            free = _free(wanted, self.taken)
            self.taken.add(free)
            self._by_tensor[id(tensor)] = free
            tensor.name = free.encode()
        return self._by_tensor[id(tensor)]

    def of(self, tensor: Any) -> str:
        """The name that a tensor was given; "" as long as it has none."""
        return self._by_tensor.get(id(tensor), "")


def _tensors(tree: Any) -> Iterator[Any]:
    return (tensor for graph in tree.subgraphs for tensor in graph.tensors)


def _ends(tree: Any) -> Iterator[tuple[Any, str]]:
    for signature in tree.signatureDefs or []:
        tensors = tree.subgraphs[signature.subgraphIndex].tensors
        for entry in (*(signature.inputs or []), *(signature.outputs or [])):
            yield tensors[entry.tensorIndex], entry.name.decode()


def _weighted(tree: Any) -> Iterator[operators.Weighted]:
    yield from operators.weighted(tree)
    yield from operators.tables(tree)


def _name_around(
    tree: Any, graph: Any, operator: Any, found: operators.Weighted | None, given: _Given
) -> None:
    """The outputs of an operator, and the constants that go in."""
    kind = operators.kind(tree, operator).lower()
    layer = "" if found is None else given.of(graph.tensors[found.kernel]).removesuffix("/kernel")
    outputs = [graph.tensors[index] for index in operator.outputs if index >= 0]
    names = [given.name(each, f"{layer}/{kind}" if layer else kind) for each in outputs]
    if found is not None and found.bias >= 0:
        given.name(graph.tensors[found.bias], f"{layer or names[0]}/bias")
    for index in operator.inputs:
        if index >= 0 and operators.is_constant(tree, graph.tensors[index]):
            given.name(graph.tensors[index], f"{(names or [kind])[0]}/constant")


def _name(tensor: Any) -> str:
    return (tensor.name or b"").decode()


def _free(name: str, taken: Collection[str]) -> str:
    free, number = name, 0
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free

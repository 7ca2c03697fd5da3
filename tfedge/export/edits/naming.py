"""Names for all tensors of a file, for programs that tell tensors apart by them."""

from collections.abc import Collection
from typing import Any


def name_all(tree: Any, reserved: Collection[str] = ()) -> frozenset[str]:
    """Gives every tensor a name that no other of the file has.

    Args:
        tree: of any file.
        reserved: names of kernels, which stay theirs.

    Returns:
        All names.
    """
    tensors = [tensor for graph in tree.subgraphs for tensor in graph.tensors]
    taken = set[str]()
    for tensor in sorted(tensors, key=lambda tensor: _name(tensor) not in reserved):
        name = _free(_name(tensor) or "tensor", taken)
        taken.add(name)
        tensor.name = name.encode()
    return frozenset(taken)


def _name(tensor: Any) -> str:
    return (tensor.name or b"").decode()


def _free(name: str, taken: Collection[str]) -> str:
    free, number = name, 0
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free

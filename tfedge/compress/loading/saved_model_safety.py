"""What the graph of a SavedModel may do: compute, and nothing else.

A SavedModel is a program: initializers of lookup tables run while it is opened, and operators
without inputs are computed while it is converted, so names and contents of local files could end
up in the .tflite. So every operator of the graph, of its functions and of functions inside these
is read from the bytes first, and nothing is opened unless all of them are in operators.txt.

Schema: tensorflow/core/protobuf/saved_model.proto and those that it imports.
"""

import functools
import pathlib
from collections.abc import Iterator

from tfedge import foreign
from tfedge.compress.loading import wire
from tfedge.errors import BadInput

NAME = "saved_model.pb"
# Paths of field numbers.
_META_GRAPHS = (2,)
_OBJECTS = (7,)  # of a meta graph, like the next two
_MAIN_NODES = (2, 1)
_FUNCTIONS = (2, 2, 1)
_FUNCTION_NAME = (1, 1)
_FUNCTION_NODES = (3,)
_OPERATOR, _ATTRIBUTE_TENSOR = (2,), (5, 2, 8)  # of a node
_DIMENSIONS = (2, 2)  # of a tensor

# Every SavedModel holds two functions with these, which write and read its own variables. Loading
# does both itself and calls neither.
_OF_CHECKPOINTS = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})
_MOST_NODES = 300_000
_MOST_FREE_VALUES = 2**26  # that constants may declare beyond what is stored
_AGAIN = "Save it again with `model.export(...)` of TensorFlow 2."
_REBUILD = "Build the model without it; nothing of the file was run."


def check(folder: pathlib.Path) -> None:
    """Looks at every operator of a SavedModel; builds nothing.

    Raises:
        BadInput: damaged, of TensorFlow 1, larger than it can be, or with an operator that is not
            known to compute only.
    """
    path = folder / NAME
    with foreign.reading(path, _AGAIN, "truncated or damaged"):
        content = foreign.read_bytes(path, _AGAIN)
        if not content:
            raise BadInput(str(path), "it is empty", _AGAIN)
        _check(content, str(path))


def _check(content: bytes, where: str) -> None:
    graphs = list(wire.inside(memoryview(content), _META_GRAPHS))
    objects = list(wire.inside(graphs[0], _OBJECTS)) if len(graphs) == 1 else []
    if not objects:
        raise BadInput(where, "it is of TensorFlow 1, or holds several graphs", _AGAIN)
    _check_size(graphs[0], len(content), where)
    savers = []
    for function in wire.inside(graphs[0], _FUNCTIONS):
        operators = set(_operators(function, _FUNCTION_NODES, where))
        if operators & _OF_CHECKPOINTS:
            savers += [bytes(name) for name in wire.inside(function, _FUNCTION_NAME)]
        _check_known(operators - _OF_CHECKPOINTS, where)
    _check_known(set(_operators(graphs[0], _MAIN_NODES, where)), where)
    callers = [*wire.inside(graphs[0], (*_FUNCTIONS, *_FUNCTION_NODES)), *objects]
    for name in savers:
        # A function is called by its name: where that is nowhere, nothing calls it.
        if any(name in bytes(caller) for caller in callers):
            raise BadInput(where, "its graph reads or writes checkpoints while it runs", _REBUILD)


def _operators(message: memoryview, nodes: tuple[int, ...], where: str) -> Iterator[str]:
    for operator in wire.inside(message, (*nodes, *_OPERATOR)):
        yield bytes(operator).decode("ascii", "backslashreplace")


def _check_known(operators: set[str], where: str) -> None:
    unknown = sorted(operators - _known())
    if unknown:
        raise BadInput(
            where,
            f"the operator {unknown[0][:80]!a} is none of those that compute and do nothing"
            " else: it could read or write files, or run code",
            _REBUILD,
        )


def _check_size(graph: memoryview, size: int, where: str) -> None:
    """Constants may be written as one value and a shape, which takes no room in the file."""
    nodes, values = 0, 0
    for path in (_MAIN_NODES, (*_FUNCTIONS, *_FUNCTION_NODES)):
        for node in wire.inside(graph, path):
            nodes += 1
            values += sum(_elements(tensor) for tensor in wire.inside(node, _ATTRIBUTE_TENSOR))
            if nodes > _MOST_NODES or values > _MOST_FREE_VALUES + size:
                raise BadInput(
                    where,
                    f"it declares more than {_MOST_NODES:,} nodes, or {values:,} constant values"
                    f" in {size:,} bytes",
                    _AGAIN,
                )


def _elements(tensor: memoryview) -> int:
    count = 1
    for dimension in wire.inside(tensor, _DIMENSIONS):
        sizes = [content for _, content in wire.fields(dimension) if isinstance(content, int)]
        count *= sizes[-1] if sizes else 0
    return count


@functools.cache
def _known() -> frozenset[str]:
    text = pathlib.Path(__file__).with_name("operators.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(name for line in lines for name in line.split())

"""The one scale that each cache of int8 has, from what calibration examples put into it."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge import errors
from tfedge.compress.integers.codes import INT8_MAX
from tfedge.data.task import Task
from tfedge.export.cached.walk import Walk
from tfedge.export.tree import flatbuffer, operators
from tfedge.export.trials import dry_run

_EXAMPLES = 128


def find(tree: Any, walk: Walk, task: Task | None, where: str) -> dict[int, float]:
    """Of the tensors that are float: codes of int8 around 0 times it are their values.

    Args:
        tree: of all steps, which is run on the calibration split.
        walk: of the tree.
        task: its data.
        where: what to call the file in errors.

    Raises:
        BadInput: there are no data.
    """
    tensors = walk.graph.tensors
    kept = [each for each in walk.cached if operators.type_name(tensors[each]) == "FLOAT32"]
    if not kept:
        return {}
    if task is None:
        raise errors.BadInput(
            where, "the range of a cache is read from calibration examples", "Give the data."
        )
    few = task.calibration.take(np.arange(min(_EXAMPLES, len(task.calibration))))
    values = dry_run.run(_showing(tree, kept), few, task).outputs
    largest = {each: float(np.abs(values[str(each)]).max()) for each in kept}
    return {each: (most or 1.0) / INT8_MAX for each, most in largest.items()}


def _showing(tree: Any, tensors: list[int]) -> bytes:
    """The same file, which puts out these tensors instead, by their numbers."""
    shown = flatbuffer.copied(tree)
    (signature,) = shown.signatureDefs
    signature.outputs = [
        schema.TensorMapT(name=str(each).encode(), tensorIndex=each) for each in tensors
    ]
    shown.subgraphs[0].outputs = np.array(tensors, np.int32)
    return flatbuffer.pack(shown)

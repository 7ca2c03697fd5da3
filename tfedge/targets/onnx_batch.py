"""An ONNX model for any number of examples at a time, of one for a single example.

A release's file has a batch of 1, which shows in the shapes of inputs, outputs and RESHAPEs.
Whether nothing else holds it is not read out of the operators but tried: several examples at a time
have to get the answers that each gets alone.
"""

import copy
from typing import TYPE_CHECKING

import numpy as np

from tfedge.targets import onnx_session
from tfedge.targets.target import Arrays

if TYPE_CHECKING:
    import onnx

_NAME = "batch"
_TRIED = 3
_ROUNDING = 1e-4  # of an output's largest value; or a code


def freed(model: "onnx.ModelProto", examples: Arrays) -> "onnx.ModelProto | None":
    """A copy whose batch is open; None where that does not work.

    Args:
        model: with a batch of 1.
        examples: inputs by name, (n, ...), n at least 2.
    """
    ends = [*model.graph.input, *model.graph.output]
    if any(each.type.tensor_type.shape.dim[0].dim_value != 1 for each in ends):
        return None
    free = copy.deepcopy(model)
    for end in (*free.graph.input, *free.graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = _NAME
    del free.graph.value_info[:]  # shapes in between, with the 1
    _open_reshapes(free.graph)
    few = {name: array[:_TRIED] for name, array in examples.items()}
    return free if _is_same(model, free, few) else None


def _open_reshapes(graph: "onnx.GraphProto") -> None:
    from onnx import numpy_helper

    constants = {each.name: each for each in graph.initializer}
    for node in graph.node:
        held = constants.get(node.input[1]) if node.op_type == "Reshape" else None
        if held is None:
            continue
        shape = numpy_helper.to_array(held).copy()
        if shape.size < 2 or shape[0] != 1:
            continue
        shape[0] = 0 if (shape == -1).any() else -1  # 0 is what the input has there
        node.input[1] = f"{node.name}/shape"
        graph.initializer.append(numpy_helper.from_array(shape, node.input[1]))
    used = {name for node in graph.node for name in node.input}
    for each in [each for each in graph.initializer if each.name not in used]:
        graph.initializer.remove(each)


def _is_same(model: "onnx.ModelProto", free: "onnx.ModelProto", few: Arrays) -> bool:
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    refusals = (raised.Fail, raised.InvalidArgument, raised.InvalidGraph, raised.RuntimeException)
    alone = onnx_session.Session(model, batch=1).answer(few)
    try:
        together = onnx_session.Session(free, batch=_TRIED).answer(few)
    except refusals:
        return False
    return all(_are_near(alone[name], found) for name, found in together.items())


def _are_near(alone: np.ndarray, together: np.ndarray) -> bool:
    if alone.shape != together.shape:
        return False
    allowed = _ROUNDING * np.abs(alone).max(initial=0) if alone.dtype.kind == "f" else 1
    return bool(np.abs(alone.astype(np.float64) - together.astype(np.float64)).max() <= allowed)

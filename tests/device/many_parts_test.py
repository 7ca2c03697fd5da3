"""Files of a few bytes a part: read in time that grows with their size, or refused by a count."""

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfedge import errors
from tfedge.device import footprint
from tfedge.device.file import tflite


def _file(subgraphs=1, tensors=0, operators=0):
    """Empty subgraphs behind a first one with tensors that nothing reads and a chain of RELU."""
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    model.operatorCodes = [schema.OperatorCodeT()]
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.RELU
    model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    model.subgraphs = [_empty() for _ in range(subgraphs)]
    main = model.subgraphs[0]
    for _ in range(max(tensors, operators + 1 if operators else 0)):
        tensor = schema.TensorT()
        tensor.shape = [1, 16]
        main.tensors.append(tensor)
    for number in range(operators):
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = [number], [number + 1]
        main.operators.append(operator)
    main.inputs, main.outputs = ([0], [operators]) if operators else ([], [])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _empty():
    part = schema.SubGraphT()
    part.tensors, part.operators, part.inputs, part.outputs = [], [], [], []
    return part


@pytest.mark.parametrize(
    ("parts", "most"),
    [
        ({"subgraphs": 1001}, "1,000"),
        ({"tensors": 100_001}, "100,000"),
        ({"operators": 50_001}, "50,000"),
    ],
    ids=["subgraphs", "tensors", "operators"],
)
def test_a_file_of_more_parts_than_any_network_has_is_refused(parts, most):
    with pytest.raises(errors.BadInput, match=f"it has .* {next(iter(parts))}, more than {most}"):
        tflite.read(_file(**parts))


def test_operators_and_subgraphs_find_each_other():
    file = tflite.read(_file(subgraphs=1000, operators=40))
    assert len(file.subgraphs) == 1000 and len(file.operators) == 40
    assert footprint.of(file).arena_bytes == 3 * 64  # the input, and what one RELU reads and writes

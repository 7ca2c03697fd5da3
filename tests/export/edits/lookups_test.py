"""What is looked up in a table is its rows, of every width and type that LiteRT has."""

import numpy as np
import pytest
import running
from ai_edge_litert import schema_py_generated as schema

from tfedge.device.file import tflite
from tfedge.export.edits import few_bit_rows, few_bit_versions, lookups, slimming
from tfedge.export.tree import flatbuffer, operators

_TYPES = schema.TensorType
_ROWS = 9
IDS = np.array([[3, 0, 8], [8, 1, 5]], np.int32)


def _tree(table, ids=IDS, kind="FLOAT32", scale=None, zero_point=0):
    """GATHER of rows of a table named "table"; of codes, what comes out has their scale."""
    tree = schema.ModelT()
    tree.version, tree.buffers = 3, [schema.BufferT()]
    stored = getattr(_TYPES, kind)
    said = None
    if scale is not None:
        said = schema.QuantizationParametersT()
        said.scale, said.zeroPoint = np.float32([scale]), np.int64([zero_point])
    numbers = _TYPES.INT64 if ids.dtype == np.int64 else _TYPES.INT32
    tensors = [
        _tensor(b"words", numbers, ids.shape),
        _tensor(b"table", stored, table.shape, said),
        _tensor(b"out", stored, (*ids.shape, table.shape[1]), said),
    ]
    operators.set_values(tree, tensors[1], table)
    number = schema.BuiltinOperator.GATHER
    tree.operatorCodes = [
        schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number, version=2)
    ]
    gather = schema.OperatorT(
        inputs=np.int32([1, 0]), outputs=np.int32([2]), builtinOptions=schema.GatherOptionsT()
    )
    gather.builtinOptionsType = schema.BuiltinOptions.GatherOptions
    tree.subgraphs = [
        schema.SubGraphT(
            tensors=tensors, inputs=np.int32([0]), outputs=np.int32([2]), operators=[gather]
        )
    ]
    ends = [schema.TensorMapT(name=tensors[i].name, tensorIndex=i) for i in (0, 2)]
    tree.signatureDefs = [
        schema.SignatureDefT(signatureKey=b"serving_default", inputs=ends[:1], outputs=ends[1:])
    ]
    return tree


def _tensor(name, kind, shape, said=None):
    return schema.TensorT(
        name=name, type=kind, shape=np.int32(shape), quantization=said, hasRank=True
    )


def _kinds(tree):
    return [operators.kind(tree, each) for each in tree.subgraphs[0].operators]


def _run(tree, ids=IDS):
    slimming.slim(tree, ["table", "words", "out"])
    return running.run(flatbuffer.pack(tree), {"words": ids})["out"]


def _table(width):
    return np.random.default_rng(width).normal(size=(_ROWS, width)).astype(np.float32)


def _with_codes(tree, codes, scales):
    """The table as integers with a scale a row, or one."""
    (user,) = operators.weighted(tree)
    tensor = user.graph.tensors[user.kernel]
    tensor.type = _TYPES.INT8
    operators.set_values(tree, tensor, codes)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = np.float32(scales)
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
    return tree


def test_rows_of_floats():
    table = _table(4)
    tree = _tree(table)
    lookups.put(tree)
    assert _kinds(tree) == ["RESHAPE", "EMBEDDING_LOOKUP", "RESHAPE"]
    np.testing.assert_array_equal(_run(tree), table[IDS])


def test_old_runtimes_read_a_table_of_one_scale():
    tree = _tree(np.ones((9, 4), np.int8), kind="INT8", scale=0.5)
    lookups.put(tree)
    few_bit_versions.state(tree)
    versions = {each.builtinCode: each.version for each in tree.operatorCodes}
    assert versions[schema.BuiltinOperator.EMBEDDING_LOOKUP] == 1


def test_numbers_in_a_row_need_no_other_shape_and_long_ones_are_cast():
    table, ids = _table(4), np.array([2, 7], np.int64)
    tree = _tree(table, ids)
    lookups.put(tree)
    assert _kinds(tree) == ["CAST", "EMBEDDING_LOOKUP"]
    np.testing.assert_array_equal(_run(tree, ids), table[ids])


def test_codes_go_on_as_codes_of_the_same_activation():
    codes = np.random.default_rng(0).integers(-128, 128, (_ROWS, 6)).astype(np.int8)
    tree = _tree(codes, kind="INT8", scale=0.5, zero_point=-23)
    lookups.put(tree)
    assert _kinds(tree) == ["RESHAPE", "EMBEDDING_LOOKUP", "QUANTIZE", "RESHAPE"]
    (user,) = operators.weighted(tree)
    assert not np.any(user.graph.tensors[user.kernel].quantization.zeroPoint)
    # The table is rounded once more: its steps are (127 + 23) / 127 of what they were.
    assert np.abs(_run(tree).astype(int) - codes[IDS]).max() <= 1


def test_only_tables_that_are_named():
    tree = _tree(_table(4))
    lookups.put(tree, {"another"})
    assert _kinds(tree) == ["GATHER"]
    lookups.put(tree, {"table"})
    assert "EMBEDDING_LOOKUP" in _kinds(tree)


@pytest.mark.parametrize("shape", [(2, 3, 4), (9,)])
def test_what_is_no_table_of_rows_stays(shape):
    tree = _tree(np.zeros((9, 4), np.float32))
    tensor = tree.subgraphs[0].tensors[1]
    tensor.shape = np.int32(shape)
    lookups.put(tree)
    assert _kinds(tree) == ["GATHER"]


@pytest.mark.parametrize(("top", "kind"), [(1, "INT2"), (7, "INT4"), (127, "INT8")])
def test_answers_are_those_of_a_lookup_by_hand_at_every_width(top, kind):
    for width in range(1, 71):
        rng = np.random.default_rng(width)
        codes = rng.integers(-top, top + 1, (_ROWS, width)).astype(np.int8)
        codes[0, 0] = top
        scales = np.float16(rng.uniform(0.1, 2, _ROWS)).astype(np.float32)
        tree = _tree(np.zeros((_ROWS, width), np.float32))
        lookups.put(tree)
        few_bit_rows.pack(_with_codes(tree, codes, scales))
        few_bit_versions.state(tree)
        found = _run(tree)
        np.testing.assert_allclose(found, (codes * scales[:, None])[IDS], rtol=1e-6)
        (kernel,) = tflite.read(flatbuffer.pack(tree)).kernels()
        assert kernel.operator.version == (4 if kernel.tensor.dtype == "INT8" else 5)
        wanted = "INT4" if kind == "INT2" and width % 4 else kind
        assert (kernel.tensor.dtype, kernel.width) == (wanted, width)
        np.testing.assert_array_equal(kernel.values(), codes)
        if kind != "INT8":
            needed = -(-width // 4) if wanted == "INT2" else -(-width // 2)
            assert kernel.tensor.buffer_bytes == _ROWS * needed


def test_one_scale_and_rows_of_zeros_and_of_next_to_nothing():
    codes = np.array([[7, -7], [0, 0], [3, 1]] * 3, np.int8)
    for scales in ([0.25], [1e-9] * 9):
        tree = _tree(np.zeros((9, 2), np.float32))
        lookups.put(tree)
        few_bit_rows.pack(_with_codes(tree, codes, scales))
        expected = codes[IDS] * max(scales[0], float(np.finfo(np.float16).tiny))
        np.testing.assert_allclose(_run(tree), expected, rtol=1e-6)


def test_scales_beyond_float16_leave_it_in_int8():
    codes = np.full((9, 2), 7, np.int8)
    tree = _tree(np.zeros((9, 2), np.float32))
    lookups.put(tree)
    few_bit_rows.pack(_with_codes(tree, codes, [1e6] * 9))
    np.testing.assert_allclose(_run(tree), 7e6)


@pytest.mark.parametrize(("width", "expected"), [(2, "INT4"), (3, "INT8")])
def test_a_table_that_is_also_a_matrix_stays_as_that_has_it(width, expected):
    tree = _tree(np.zeros((9, width), np.float32))
    lookups.put(tree)
    codes = np.arange(9 * width).reshape(9, width) % 8
    _with_codes(tree, codes, [0.5] * 9)
    table = tree.subgraphs[0].tensors[1]
    table.type = _TYPES.INT4
    operators.set_values(tree, table, codes)
    graph, number = tree.subgraphs[0], schema.BuiltinOperator.FULLY_CONNECTED
    tree.operatorCodes.append(schema.OperatorCodeT(builtinCode=number, version=1))
    matrix = schema.OperatorT(inputs=np.int32([2, 1, -1]), outputs=np.int32([2]))
    matrix.opcodeIndex = len(tree.operatorCodes) - 1
    graph.operators.append(matrix)
    few_bit_rows.pack(tree)
    assert operators.type_name(table) == expected
    np.testing.assert_array_equal(operators.values(tree, table), codes)
    assert list(table.quantization.scale) == [0.5] * 9

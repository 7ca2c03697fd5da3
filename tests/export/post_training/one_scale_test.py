"""What brings columns to one scale in a float file; see also columns_in_files_test."""

import types

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfedge.compress.ranges import column_statistics
from tfedge.export.post_training import one_scale

VALID, SAME = schema.Padding.VALID, schema.Padding.SAME


def _reader(kind="FULLY_CONNECTED", padding=VALID, **fields):
    options = types.SimpleNamespace(padding=padding) if kind != "FULLY_CONNECTED" else None
    operator = types.SimpleNamespace(builtinOptions=options, inputs=[0, 1])
    return types.SimpleNamespace(kind=kind, operator=operator, kernel=1, input=0, **fields)


def _columns(mean):
    """Two columns that spread by 1 and by 100."""
    mean, reach = np.array(mean, np.float64), np.array([3.0, 300.0])
    return column_statistics.Columns(mean, np.array([1.0, 1e4]), mean - reach, mean + reach)


@pytest.mark.parametrize(
    ("mean", "readers", "taken_off"),
    [
        ([0.2, 24.0], [_reader()], [0, 0]),  # both within a quarter of their deviation
        ([0.2, 26.0], [_reader()], [0.2, 26.0]),
        ([-0.3, 0.0], [_reader()], [-0.3, 0.0]),
        ([0.2, 26.0], [_reader("CONV_2D")], [0.2, 26.0]),
        ([0.2, 26.0], [_reader("CONV_2D", SAME), _reader()], [0, 0]),  # zeros are padded in
    ],
)
def test_means_are_taken_off_where_they_count_and_can_be_put_back(
    monkeypatch, mean, readers, taken_off
):
    monkeypatch.setattr(one_scale, "_suffers", lambda *_: True)
    found = one_scale.needed(None, _columns(mean), readers)
    np.testing.assert_allclose(found.mean, taken_off, rtol=1e-6)
    np.testing.assert_allclose(found.deviation, [1, 100])


def test_nothing_is_needed_where_nothing_is_lost_or_no_kernel_suffers(monkeypatch):
    monkeypatch.setattr(one_scale, "_suffers", lambda *_: False)
    assert one_scale.needed(None, _columns([0, 0]), [_reader()]) is None
    monkeypatch.setattr(one_scale, "_suffers", lambda *_: True)
    even = column_statistics.Columns(np.zeros(2), np.ones(2), -np.ones(2), np.ones(2))
    assert one_scale.needed(None, even, [_reader()]) is None
    assert one_scale.needed(None, _columns([np.nan, 0]), [_reader()]) is None


@pytest.mark.parametrize(
    ("kind", "shape", "fits"),
    [
        ("FULLY_CONNECTED", (5, 2), True),
        ("FULLY_CONNECTED", (5, 4), False),
        ("CONV_2D", (5, 3, 3, 2), True),
        ("CONV_2D", (5, 3, 3, 1), False),  # a grouped one
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 4), True),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 3), False),
        ("BATCH_MATMUL", (5, 2), False),
    ],
)
def test_kernels_that_can_take_a_scale_back(kind, shape, fits):
    tensors = [
        types.SimpleNamespace(shape=(1, 2), type=0),
        types.SimpleNamespace(shape=shape, type=schema.TensorType.FLOAT32),
    ]
    graph, reader = types.SimpleNamespace(tensors=tensors), _reader(kind)
    assert one_scale._fits(graph, reader, 0) is fits
    assert not one_scale._fits(graph, types.SimpleNamespace(**{**vars(reader), "input": 1}), 0)
    tensors[1].type = schema.TensorType.INT8
    assert not one_scale._fits(graph, reader, 0)


def test_values_along_input_channels_and_sums_into_outputs():
    kernel = np.arange(8.0).reshape(1, 1, 2, 4)  # depthwise: two outputs for each of two inputs
    found = one_scale._along(kernel, np.array([1.0, 10.0]))
    assert found[0, 0].tolist() == [[0, 1, 20, 30], [4, 5, 60, 70]]
    depthwise, dense = _reader("DEPTHWISE_CONV_2D"), _reader()
    assert one_scale._sum(depthwise, kernel).tolist() == [4, 6, 8, 10]
    assert one_scale._sum(dense, np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [3, 7]
    conv = np.arange(8.0).reshape(2, 1, 2, 2)
    assert one_scale._sum(_reader("CONV_2D"), conv).tolist() == [6, 22]

"""ONNX of kept files: what onnxruntime answers; skipped where tf2onnx is not installed."""

import pathlib
import types

import numpy as np
import pytest

from tfedge import errors, targets
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Task

pytest.importorskip("tf2onnx", reason="pip install 'tfedge[onnx]'")
import onnx

_FILES = pathlib.Path(__file__).parents[1] / "device" / "files"


@pytest.mark.parametrize(
    ("name", "codes"),
    [("image_float", 0), ("image_float16", 0), ("image_int8", 1), ("image_uint8_raw", 1)],
)
def test_answers_and_names_are_the_releases(name, codes, kept, tmp_path):
    found = targets.convert(kept(name), "onnx", tmp_path / "out")
    (row,) = found.compared.rows
    assert found.is_written and row.same == 1
    assert row.largest_difference <= codes * row.step + 1e-6
    model = onnx.load(tmp_path / "out" / "model.onnx")
    assert [each.name for each in model.graph.input] == ["image"]
    assert [each.name for each in model.graph.output] == [row.output]
    (ends,) = {each.type.tensor_type.shape.dim[0].dim_param for each in model.graph.input}
    assert ends == "batch" and found.notes == ()
    weights = {each.name for each in model.graph.initializer}
    assert any(name.endswith("/kernel") for name in weights)


def test_a_state_is_refused_with_what_to_do(publish, tmp_path):
    draw = np.random.default_rng(3)
    x = {
        "steps": draw.normal(size=(4, 5, 3)).astype(np.float32),
        "extra": draw.normal(size=(4, 2)).astype(np.float32),
    }
    split = ArraySplit(x, np.zeros(4, np.float32))
    task = Task("tiny", "custom", split, split, split, split)
    release = publish((_FILES / "sequence_float.tflite").read_bytes(), task)
    with pytest.raises(errors.BadInput, match=r"remembers the example before.*--to=saved_model"):
        targets.convert(release, "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("rows", "opened"), [(1, True), (2, False)])
def test_a_batch_is_opened_where_nothing_else_holds_it(rows, opened):
    from onnx import helper, numpy_helper

    from tfedge.targets import onnx_batch

    shapes = [np.array([rows, 8 // rows]), np.array([1, 8])]
    steps = [
        helper.make_node("Reshape", ["x", "first"], ["between"], "to_rows"),
        helper.make_node("Relu", ["between"], ["bent"], "relu"),
        helper.make_node("Reshape", ["bent", "second"], ["y"], "back"),
    ]
    ends = [helper.make_tensor_value_info(name, 1, [1, 8]) for name in "xy"]
    constants = [
        numpy_helper.from_array(shape, name)
        for shape, name in zip(shapes, ("first", "second"), strict=True)
    ]
    graph = helper.make_graph(steps, "g", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found = onnx_batch.freed(model, {"x": np.arange(24, dtype=np.float32).reshape(3, 8)})
    assert (found is not None) == opened
    assert [numpy_helper.to_array(each)[0] for each in model.graph.initializer] == [rows, 1]


@pytest.mark.parametrize(
    ("tensor", "flex", "said"),
    [
        (("INT4", 4, []), (), r"no scales of blocks.*int4 without block_size"),
        (("INT16", 16, [0.1]), (), r"do not compute with INT16.*Export float32 or int8"),
        (("FLOAT32", 32, []), ("FlexErf",), r"no part of ONNX: FlexErf.*--to=saved_model"),
    ],
)
def test_what_onnx_has_not_is_refused_with_what_to_export(tensor, flex, said):
    from tfedge.targets.formats import onnx as target

    dtype, bits, scales = tensor
    held = types.SimpleNamespace(dtype=dtype, bits=bits, scales=scales)
    file = types.SimpleNamespace(keeps_state=False, flex_operators=flex, tensors=(held,))
    with pytest.raises(errors.BadInput, match=said):
        target._check_takes(types.SimpleNamespace(file=file, where="--release=x"))


def test_a_gelu_of_either_form(publish, tmp_path):
    import tfedge

    layers = k.tf_keras.layers
    k.tf_keras.utils.set_random_seed(2)
    x = layers.Input((4,), name="row")
    exact, bent = (layers.Dense(4, activation=_gelu(form))(x) for form in (False, True))
    y = layers.Concatenate(name="y")([exact, bent])
    rows = np.random.default_rng(1).normal(size=(12, 4)).astype(np.float32) * 3
    split = ArraySplit(rows, np.zeros((12, 8), np.float32))
    task = Task("rows", "regression", split, split, split, split)
    content = tfedge.to_tflite(k.tf_keras.Model(x, y), "float32", task)
    found = targets.convert(publish(content, task), "onnx", tmp_path / "out")
    assert found.compared.rows[0].largest_difference < 1e-5


def _gelu(approximate):
    return lambda x: k.tf.nn.gelu(x, approximate=approximate)

import dataclasses

import numpy as np
import pytest
import running

from tfedge import export
from tfedge.compress import loading
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.export.edits import slimming
from tfedge.export.tree import flatbuffer, operators


@pytest.fixture
def nameless(converted, tmp_path):
    """A float file as small as it gets: no names, which the quantizer cannot do without."""
    data = running.edited(converted["float32"], slimming.slim)
    return loading.TfliteModel(tmp_path / "model.tflite", data)


def test_float32_is_the_same_bytes(nameless):
    assert export.to_tflite(nameless) == nameless.content


@pytest.mark.parametrize(
    ("text", "tolerance"), [("float16", 1e-3), ("dynamic", 0.02), ("int8", 0.05), ("int16x8", 0.05)]
)
def test_other_routes(nameless, task, text, tolerance):
    x = task.normalization(task.train.x[:20])
    data = export.to_tflite(nameless, text, task)
    moved = running.images(data, x) - running.images(nameless.content, x)
    assert 0 < np.abs(moved).max() < tolerance


def test_bytes_in(nameless, task):
    data = export.to_tflite(nameless, 'int8(input="uint8", raw_input=True)', task)
    moved = running.images(data, task.train.x[:20]) - running.images(
        nameless.content, task.normalization(task.train.x[:20])
    )
    assert np.abs(moved).max() < 0.05


def test_a_quantized_file_is_refused(converted, tmp_path):
    given = loading.TfliteModel(tmp_path / "int8.tflite", converted["int8"])
    with pytest.raises(BadInput, match=r"int8\.tflite: its kernels are INT8 already"):
        export.to_tflite(given, "dynamic")


def test_open_shapes_are_refused(nameless):
    model = flatbuffer.unpack(nameless.content)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shapeSignature = np.array([1, -1, 6, 1], np.int32)
    opened = dataclasses.replace(nameless, content=flatbuffer.pack(model))
    with pytest.raises(BadInput, match="open beyond the batch"):
        export.to_tflite(opened, "dynamic")


def test_damaged_files_and_weights_that_are_no_numbers_are_refused(converted, tmp_path):
    path = tmp_path / "bad.tflite"
    half = loading.TfliteModel(path, converted["float32"][: len(converted["float32"]) // 2])
    with pytest.raises(BadInput, match=r"bad\.tflite: truncated"):
        export.to_tflite(half, "float32")
    kernel = tflite.read(converted["float32"]).kernels()[0].tensor
    broken = kernel.values().copy()
    stored = broken.tobytes()
    broken.flat[1] = np.inf
    given = converted["float32"].replace(stored, broken.tobytes())
    with pytest.raises(BadInput, match=rf"weight '{kernel.name}': 1 of {broken.size} values"):
        export.to_tflite(loading.TfliteModel(path, given), "dynamic")


def test_a_file_that_does_not_run_is_refused(nameless, task, tmp_path):
    model = flatbuffer.unpack(nameless.content)
    dense = [each for each in operators.weighted(model) if each.kind == "FULLY_CONNECTED"][-1]
    kernel = dense.graph.tensors[dense.kernel]
    kernel.shape = kernel.shape[::-1].copy()
    broken = loading.TfliteModel(tmp_path / "broken.tflite", flatbuffer.pack(model))
    with pytest.raises(BadInput, match=r"broken\.tflite: LiteRT does not run it"):
        export.to_tflite(broken, "int8", task)


@pytest.mark.parametrize(("units", "refused"), [(10**6, False), (17 * 2**20, True)])
def test_results_far_beyond_what_comes_in_are_refused(units, refused, nameless):
    model = flatbuffer.unpack(nameless.content)
    dense = [each for each in operators.weighted(model) if each.kind == "FULLY_CONNECTED"][-1]
    dense.graph.tensors[dense.operator.outputs[0]].shape = np.array([1, units], np.int32)
    given = dataclasses.replace(nameless, content=flatbuffer.pack(model))
    try:
        said = str(export.to_tflite(given, "float32") and "")
    except BadInput as error:
        said = str(error)
    assert ("one of its operators takes 71,30" in said) == refused


def _strange_operator(model):
    model.operatorCodes[0].builtinCode = 4000


def _name_of_no_text(model):
    model.subgraphs[0].tensors[1].name = b"\xff\xfe"


def _one_input_many_times(model):
    graph = model.subgraphs[0]
    graph.inputs = np.repeat(np.asarray(graph.inputs, np.int32), 50)


def _output_of_no_tensor(model):
    model.signatureDefs[0].outputs[0].tensorIndex = 4000


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (_strange_operator, "no operator has the number 4000"),
        (_name_of_no_text, "can't decode byte 0xff"),
        (_one_input_many_times, "it lists 1 tensors as 50 inputs"),
        (_output_of_no_tensor, "IndexError"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_no_converter_writes_is_refused_in_one_line(change, cause, converted, task, tmp_path):
    model = flatbuffer.unpack(converted["float32"])
    change(model)
    given = loading.TfliteModel(tmp_path / "model.tflite", flatbuffer.pack(model))
    with pytest.raises(BadInput, match=rf"model\.tflite: .*{cause}") as caught:
        export.to_tflite(given, "int8", task)
    assert "\n" not in str(caught.value)

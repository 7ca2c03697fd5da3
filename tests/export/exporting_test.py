import dataclasses
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import running

import tfedge
from tfedge import export, packing
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization
from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.export import choices, options
from tfedge.export.tree import flatbuffer, operators

_IN_ANOTHER_PROCESS = """
import hashlib, numpy, tfedge
from tfedge.compress import keras as k
from tfedge.data.task import ArraySplit, Normalization, Task
layers = k.tf_keras.layers
k.tf_keras.utils.set_random_seed(0)
x = layers.Input((4, 4, 1), name="image")
y = layers.Conv2D(3, 2, activation="relu", name="c")(x)
y = layers.Dense(2, name="d")(layers.Flatten()(y))
split = ArraySplit(numpy.linspace(0, 1, 1600, dtype="f").reshape(100, 4, 4, 1), numpy.zeros(100))
task = Task("t", "regression", split, split, split)
data = tfedge.to_tflite(k.tf_keras.Model(x, y), "int8", task)
"""


def _metadata(data):
    model = flatbuffer.unpack(data)
    return {e.name.decode(): bytes(model.buffers[e.buffer].data) for e in model.metadata or []}


def test_same_arguments_give_same_bytes_in_any_process():
    script = _IN_ANOTHER_PROCESS + "print(hashlib.sha256(data).hexdigest())"
    theirs = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    ).stdout.split()[-1]
    scope: dict = {}
    exec(_IN_ANOTHER_PROCESS, scope)
    assert hashlib.sha256(scope["data"]).hexdigest() == theirs


def test_int8_is_near_the_model_and_bears_its_names(model, task):
    data = tfedge.to_tflite(model, "int8", task)
    x = task.normalization(task.train.x[:40])
    assert np.abs(running.images(data, x) - model(x).numpy()).max() < 0.05
    names = [t.name for t in flatbuffer.unpack(data).subgraphs[0].tensors if t.name]
    assert sorted(names) == sorted(name.encode() for name in running.LAYERS)
    assert _metadata(data) == {}


def test_bytes_in_and_metadata(model, task):
    text = 'int8(input="uint8", output="uint8", raw_input=True, metadata=True)'
    data = export.to_tflite(model, text, task)
    metadata = _metadata(data)
    assert json.loads(metadata.pop("tfedge.input")) == {"raw": True}
    assert list(metadata) == ["TFLITE_METADATA"]
    assert metadata["TFLITE_METADATA"][4:8] == b"M001"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("labels.txt") == b"ant\nbee\ncat\n"
    assert packing.unpack(packing.pack(data)) == data
    assert export.to_tflite(model, text, task) == data
    graph = flatbuffer.unpack(data).subgraphs[0]
    ends = [*graph.inputs, *graph.outputs]
    assert [operators.type_name(graph.tensors[i]) for i in ends] == ["UINT8", "UINT8"]
    x = task.train.x[:20]
    expected = model(task.normalization(x)).numpy()
    assert np.abs(running.images(data, x) - expected).max() < 0.05


@pytest.mark.parametrize("route", ["float32", "float16", "dynamic", "int16x8"])
def test_a_quantized_candidate_goes_to_int8_only(model, task, route):
    candidate = Candidate(model, quantization=Quantization({}), exports=("int8",))
    with pytest.raises(BadInput, match="Use --export=int8"):
        export.to_tflite(candidate, route, task)


def test_options_that_need_a_task(model, task):
    with pytest.raises(BadInput, match="there is none"):
        export.to_tflite(model, "float32(raw_input=True)")
    with pytest.raises(BadInput, match="there is none"):
        export.to_tflite(model, "float32(metadata=True)")


def test_what_mediapipe_does_not_take_is_said(task, caplog):
    per_channel = dataclasses.replace(task, normalization=Normalization((0.5,), (0.0,)))
    cases = (
        ('int8(input="int8", metadata=True)', task, 'write input="uint8"'),
        ("float32(metadata=True)", per_channel, "write raw_input=True"),
        ("float32(metadata=True)", task, ""),
        ("float32(raw_input=True, metadata=True)", per_channel, ""),
        ('int8(input="int8")', task, ""),
    )
    for text, given, words in cases:
        caplog.clear()
        choices.check_task(options.Export.parse(text), given)
        assert words in caplog.text and bool(words) == bool(caplog.text), text


def test_data_of_another_shape_than_the_models_are_told_by_both_shapes(model):
    """Pictures without their channel axis: the converter would speak of an operator."""
    split = ArraySplit(np.zeros((4, 6, 6), np.float32), np.zeros(4))
    task = Task("t", "regression", split, split, split)
    for make in (
        lambda: tfedge.to_tflite(model, "int8", task),
        lambda: tfedge.Recipe.parse("prune(epochs=0)").apply(model, task),
    ):
        with pytest.raises(BadInput, match=r"model expects .*, the data is \(6, 6\). Add the chan"):
            make()


def test_subclassed_keras3_model():
    keras = k.keras3()

    class Doubled(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return 2 * self.dense(x)

    model = Doubled()
    with pytest.raises(BadInput, match="never called"):
        export.to_tflite(model)
    x = np.ones((1, 3), np.float32)
    expected = model(x)
    data = export.to_tflite(model)
    (name,) = flatbuffer.unpack(data).signatureDefs[0].inputs
    (found,) = running.run(data, {name.name.decode(): x}).values()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_saved_model_folder(model, task, tmp_path):
    from tfedge.compress import loading

    model.export(str(tmp_path / "saved"))
    data = export.to_tflite(loading.SavedModel(tmp_path / "saved"), "int8", task)
    x = task.normalization(task.train.x[:20])
    assert np.abs(running.images(data, x) - model(x).numpy()).max() < 0.05


def test_convolutions_of_volumes_stay_float_and_the_rest_does_not(caplog):
    volume = k.tf_keras.Input((4, 4, 4, 1))
    x = k.tf_keras.layers.Conv3D(4, 3, activation="relu")(volume)
    model = k.tf_keras.Model(volume, k.tf_keras.layers.Dense(3)(k.tf_keras.layers.Flatten()(x)))
    split = ArraySplit(np.random.default_rng(0).random((32, 4, 4, 4, 1)), np.arange(32) % 3)
    data = export.to_tflite(model, "int8", Task("t", "classification", split, split, split))
    kinds = {each.operator.kind: each.tensor.dtype for each in tflite.read(data).kernels()}
    assert kinds["FULLY_CONNECTED"] == "INT8"
    assert "CONV_3D stay float (LiteRT has no integer form of them or, " in caplog.text
    # 108 weights and 4 biases of 4 bytes; 96 weights of a byte and 3 biases of 4 bytes.
    shares = re.search(r"float.*: ([\d.]+) % of the bytes .*, ([\d.]+) % of", caplog.text)
    assert float(shares[1]) == pytest.approx(100 * 448 / (448 + 96 + 12), abs=3)
    assert float(shares[2]) == pytest.approx(100 * 864 / (864 + 96), abs=0.1)

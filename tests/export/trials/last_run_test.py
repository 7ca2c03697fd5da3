import numpy as np
import pytest
import tensorflow as tf

from tfedge import to_tflite
from tfedge.compress import keras as k
from tfedge.compress import loading
from tfedge.compress.candidate import Candidate
from tfedge.compress.recipe import Recipe
from tfedge.data.task import ArraySplit, Task
from tfedge.device.file import tflite
from tfedge.errors import BadInput
from tfedge.export import exporting, options
from tfedge.export.tree import flatbuffer, operators
from tfedge.export.trials import dry_run, last_run, seeded

layers = k.tf_keras.layers


def _with_other_kernel(data, name, factor):
    model = flatbuffer.unpack(data)
    for operator in operators.weighted(model):
        tensor = operator.graph.tensors[operator.kernel]
        if tensor.name == name.encode():
            tensor.quantization.scale = tensor.quantization.scale * np.float32(factor)
    return flatbuffer.pack(model)


def test_a_file_that_answers_otherwise_is_said_with_its_first_layer(model, task, caplog):
    data = to_tflite(model, "int8", task)
    assert "the first layer that diverges" not in caplog.text
    broken = _with_other_kernel(data, "pointwise", -1)
    run = last_run.LastRun(options.Export("int8"), task)
    run.compare(run.outputs(broken), lambda: broken, Candidate(model))
    assert "output probabilities is not the model's on 64 calibration examples" in caplog.text
    assert "the first layer that diverges is 'pointwise'" in caplog.text


@pytest.mark.parametrize("export", ["int8", 'int8(input="uint8", output="uint8", raw_input=True)'])
def test_a_trained_candidate_is_run_and_agrees_with_its_ranges(model, task, caplog, export):
    candidate = Recipe.parse("quantize(epochs=0)").apply(model, task)
    to_tflite(candidate, export, task)
    assert "diverges" not in caplog.text


def test_a_trained_file_that_does_not_run_is_refused(model, task, monkeypatch):
    def refused(*_):
        raise dry_run.DoesNotRunError("failed to create XNNPACK runtimeNode")

    candidate = Recipe.parse("quantize(epochs=0)").apply(model, task)
    monkeypatch.setattr(dry_run, "run", refused)
    with pytest.raises(BadInput, match=r"runtimeNode.*--export=dynamic, with quantize out"):
        to_tflite(candidate, "int8", task)
    assert exporting.to_tflite(candidate, options.Export("int8"), task, is_last=False)


def test_ids_and_reals_without_data_are_run_on_seeded_numbers(monkeypatch):
    ids, reals = layers.Input((4,), dtype="int32", name="ids"), layers.Input((3,), name="reals")
    told = layers.Flatten()(layers.Embedding(5, 2)(ids))
    model = k.tf_keras.Model([ids, reals], layers.Dense(2)(layers.Concatenate()([told, reals])))
    seen = []
    run = dry_run.run
    monkeypatch.setattr(dry_run, "run", lambda data, *more: seen.append(data) or run(data, *more))
    data = to_tflite(model, "float32")
    assert seen == [data]
    x = seeded.task(tflite.read(data)).calibration.x
    assert x["ids"].max() <= 1 and x["ids"].dtype == np.int32 and 0 < x["reals"].std() < 1


def test_a_float_tflite_is_run_as_it_came_and_compared_after(model, task, tmp_path, monkeypatch):
    content = to_tflite(model, "float32", task)
    seen = []
    run = dry_run.run
    monkeypatch.setattr(dry_run, "run", lambda data, *more: seen.append(data) or run(data, *more))
    source = loading.TfliteModel(tmp_path / "m.tflite", content)
    assert to_tflite(source, "float32", task) == content == seen[-1]
    made = to_tflite(source, "dynamic", task)
    assert made in seen and seen[-1] == content


def test_a_model_that_remembers_is_compared_in_order(task, caplog):
    steps = layers.Input((5, 3), batch_size=1, name="steps")
    model = k.tf_keras.Model(steps, layers.LSTM(4, stateful=True)(steps))
    x = np.random.default_rng(0).normal(size=(40, 5, 3)).astype(np.float32)
    split = ArraySplit(x, np.zeros((40, 4), np.float32))
    to_tflite(model, "float32", Task("t", "regression", split, split, split))
    assert "is not the model's" not in caplog.text


def test_operators_of_tensorflow_are_said_not_to_be_run(caplog):
    x = layers.Input((3, 3))
    model = k.tf_keras.Model(x, layers.Lambda(tf.linalg.det)(x))
    to_tflite(model, "float32(allow_flex=True)")
    assert (
        "not run: the interpreter here has no TensorFlow operators (FlexMatrixDeterminant)"
        in caplog.text
    )


@pytest.mark.parametrize("source", [object(), "a path"])
def test_layers_of_what_is_no_candidate_are_not_compared(source, task):
    assert last_run._first_layer(source, lambda: pytest.fail("made"), task) == ""


def test_scales_that_are_no_numbers_are_not_run(model, task):
    broken = _with_other_kernel(to_tflite(model, "int8", task), "pointwise", np.nan)
    with pytest.raises(BadInput, match=r"gives NaN .* such as a row that is masked whole"):
        last_run.LastRun(options.Export("int8"), task).outputs(broken)

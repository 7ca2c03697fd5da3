import numpy as np
import pytest

from tfedge import export
from tfedge.compress import keras as k
from tfedge.errors import BadInput
from tfedge.export.tree import flatbuffer, operators
from tfedge.export.trials import dry_run, sqnr_check


def _is_steady(before, after, task):
    first, second = (dry_run.run(data, task.calibration, task).outputs for data in (before, after))
    return sqnr_check.is_steady(first, second)


def test_small_moves_are_steady_and_large_ones_are_not(converted, task):
    before = converted["int8"]
    assert _is_steady(before, before, task)
    model = flatbuffer.unpack(before)
    for operator in operators.weighted(model):
        tensor = operator.graph.tensors[operator.kernel]
        tensor.quantization.scale = tensor.quantization.scale * np.float32(1.3)
    assert not _is_steady(before, flatbuffer.pack(model), task)


@pytest.mark.parametrize("is_steady", [True, False])
def test_few_bits_stay_only_where_answers_do(model, task, monkeypatch, is_steady):
    monkeypatch.setattr(sqnr_check, "is_steady", lambda *_: is_steady)
    twin = k.tf_keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    plain = export.to_tflite(twin, "int8(few_bit_scales=False, few_bit_biases=False)", task)
    found = export.to_tflite(twin, "int8", task)
    assert (len(found) < len(plain)) == is_steady or found != plain


def test_a_file_that_litert_refuses_is_no_export(model, task, monkeypatch):
    def refused(*_):
        raise dry_run.DoesNotRunError("failed to create XNNPACK runtime")

    monkeypatch.setattr(dry_run, "run", refused)
    for route, remedy in (("int8", "dynamic"), ("dynamic", "float32"), ("float32", "Rebuild")):
        with pytest.raises(BadInput, match=f"does not run.*XNNPACK.*{remedy}"):
            export.to_tflite(model, route, task)


def test_a_file_that_ends_the_interpreter_is_a_result(converted, task):
    """A kernel's scale that no requantization can express: XNNPACK frees what it did not own."""
    model = flatbuffer.unpack(converted["int8"])
    for operator in operators.weighted(model):
        tensor = operator.graph.tensors[operator.kernel]
        tensor.quantization.scale = tensor.quantization.scale * np.float32(1e9)
    with pytest.raises(dry_run.DoesNotRunError):
        dry_run.run(flatbuffer.pack(model), task.calibration, task)

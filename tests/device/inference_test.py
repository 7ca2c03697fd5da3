import pathlib
import tempfile

import numpy as np
import pytest

from tfedge import errors
from tfedge.data.task import ArraySplit, Normalization, StreamSplit
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite

LIMITS = sandbox.Limits(64 * 2**20, seconds=30)
BLANK = ArraySplit(np.zeros((4, 8, 8, 1), np.uint8), np.arange(4))


def _run(content, split=BLANK):
    return inference.run(tflite.read(content), split, Normalization(1 / 16), LIMITS)


def test_nothing_is_left_in_the_temporary_folder(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert _run(stored("image_int8")).outputs["output"].shape == (4, 4)
    assert list(tmp_path.iterdir()) == []


def test_large_outputs_stay_on_the_disk_and_outlive_their_file(stored, monkeypatch):
    expected = _run(stored("image_int8")).outputs["output"]
    monkeypatch.setattr(inference, "_MAPPED_FROM_BYTES", 0)
    mapped = _run(stored("image_int8")).outputs["output"]
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, expected)


def test_a_full_disk_is_one_line(stored, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    with pytest.raises(errors.BadInput, match="No space left on device"):
        _run(stored("image_int8"))


def test_examples_that_change_their_shape(stored):
    def read(rows):
        return np.zeros((len(rows), 8, 8 if rows[0] == 0 else 9, 1), np.uint8)

    with pytest.raises(errors.BadInput, match=r"of uint8 \(8, 9, 1\)"):
        _run(stored("image_int8"), StreamSplit(read, lambda: np.zeros(300, int)))


def test_a_batch_of_more_than_one_is_refused(stored, edited):
    def widen(model):
        graph = model.subgraphs[0]
        graph.tensors[graph.inputs[0]].shape = [2, 8, 8, 1]

    with pytest.raises(errors.BadInput, match="a batch of 1 was expected"):
        _run(edited(stored("image_float"), widen))


def test_an_empty_split(stored):
    with pytest.raises(errors.BadInput, match="it is empty"):
        _run(stored("image_int8"), ArraySplit(np.zeros((0, 8, 8, 1)), np.zeros(0)))


def test_examples_that_are_no_numbers(stored):
    words = np.full((4, 8, 8, 1), "word")
    with pytest.raises(errors.BadInput, match="Only numbers can be fed"):
        _run(stored("image_int8"), ArraySplit(words, np.arange(4)))


def test_a_fused_lstm_begins_anew_with_each_example(stored):
    """LiteRT keeps its state from one inference to the next; Keras does not."""
    rows = {"steps": np.ones((3, 5, 3), np.float32), "extra": np.ones((3, 2), np.float32)}
    split = ArraySplit(rows, {"group": np.zeros(3, int), "score": np.zeros((3, 1))})
    run = inference.run(tflite.read(stored("sequence_float")), split, Normalization(), LIMITS)
    for name in ("group", "score"):
        first, *others = run.outputs[name]
        assert all(np.array_equal(first, other) for other in others), name


def test_an_output_that_is_no_number_is_refused(stored, edited):
    from ai_edge_litert import schema_py_generated as schema

    def change(model):
        graph = model.subgraphs[0]
        graph.tensors[graph.outputs[0]].type = schema.TensorType.STRING

    file = tflite.read(edited(stored("image_float"), change))
    with pytest.raises(errors.BadInput, match=r"output .*: it is STRING\. Only numbers"):
        inference.output_ports(file, "model")
    assert len(inference.output_ports(tflite.read(stored("image_float")), "model")) == 1

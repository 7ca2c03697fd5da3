"""TFLITE_METADATA: each field by its number in the schema, read by nothing of ours."""

import pathlib
import zipfile
from io import BytesIO

import flatbuffers
import numpy as np
import pytest
from flatbuffers import encode, packer
from flatbuffers.table import Table

from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.device.file import tflite
from tfedge.export.edits import model_metadata
from tfedge.export.tree import flatbuffer

FILES = pathlib.Path(__file__).parents[2] / "device" / "files"


def _task(**fields):
    split = ArraySplit(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4))
    given = {"labels": ("a b", "c\nd", "é", "f"), **fields}
    return Task("tiny", "classification", split, split, split, **given)


def _made(task, name="counted_float", is_raw=False):
    tree = flatbuffer.unpack((FILES / f"{name}.tflite").read_bytes())
    model_metadata.attach(tree, task, is_raw)
    return model_metadata.with_files(flatbuffer.pack(tree), task)


class Node:
    """A table of a flatbuffer, by the numbers of its fields."""

    def __init__(self, content, at):
        self._table = Table(content, at)

    @classmethod
    def root(cls, content):
        return cls(content, encode.Get(packer.uoffset, content, 0))

    def _at(self, slot):
        found = self._table.Offset(4 + 2 * slot)
        return found and found + self._table.Pos

    def text(self, slot):
        return self._table.String(self._at(slot)).decode()

    def byte(self, slot):
        return self._table.Get(flatbuffers.number_types.Int8Flags, self._at(slot))

    def node(self, slot):
        return Node(self._table.Bytes, self._table.Indirect(self._at(slot)))

    def nodes(self, slot):
        if not self._at(slot):
            return []
        place = self._at(slot) - self._table.Pos
        start = self._table.Vector(place)
        count = self._table.VectorLen(place)
        return [Node(self._table.Bytes, self._table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, slot):
        place = self._at(slot) - self._table.Pos
        flags = flatbuffers.number_types.Float32Flags
        return self._table.GetVectorAsNumpy(flags, place).tolist()


def _read(content):
    return Node.root(bytearray(tflite.read(content).metadata["TFLITE_METADATA"]))


def test_every_field_is_where_the_schema_has_it():
    normalization = Normalization((1 / 255, 1 / 128, 1 / 64), (0.0, -1.0, 0.5))
    content = _made(_task(normalization=normalization))
    root = _read(content)
    assert bytes(tflite.read(content).metadata["TFLITE_METADATA"])[4:8] == b"M001"
    assert (root.text(0), root.text(1)) == ("tiny", "classification, made by tfedge")
    assert len(root.text(2)) == 12 and root.text(7) == "1.0.0"
    (graph,) = root.nodes(3)
    (image,), (output,) = graph.nodes(2), graph.nodes(3)
    (name,) = tflite.read(content).named_inputs
    assert image.text(0) == name
    content_of = image.node(3)
    assert content_of.byte(0) == 2 and content_of.node(1).byte(0) == 1  # an image, RGB
    (unit,) = image.nodes(4)
    assert unit.byte(0) == 1
    assert unit.node(1).floats(0) == pytest.approx([0, 128, -32])
    assert unit.node(1).floats(1) == pytest.approx([255, 128, 64])
    (file,) = output.nodes(6)
    assert (file.text(0), file.byte(2)) == ("labels.txt", 2)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert archive.read("labels.txt").decode() == "a b\nc d\né\nf\n"
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED


def test_raw_inputs_need_no_normalization_and_labels_of_another_length_are_none():
    task = _task(normalization=Normalization(1 / 255), labels=("a", "b"))
    (graph,) = _read(_made(task, is_raw=True)).nodes(3)
    options = graph.nodes(2)[0].nodes(4)[0].node(1)
    assert (options.floats(0), options.floats(1)) == ([0.0], [1.0])
    assert graph.nodes(3)[0].nodes(6) == []


def test_the_model_is_the_same_and_so_are_the_bytes_made_again():
    before = tflite.read((FILES / "counted_float.tflite").read_bytes())
    content = _made(_task())
    assert content == _made(_task())
    after = tflite.read(content)
    for one, other in zip(before.tensors, after.tensors, strict=True):
        assert (one.name, one.shape, one.dtype) == (other.name, other.shape, other.dtype)
        if one.data is not None:
            np.testing.assert_array_equal(one.data, other.data)
    other = _made(_task(), "counted_int8")
    assert _read(other).text(2) != _read(content).text(2)

"""TFLITE_METADATA: what MediaPipe's tasks and Android Studio read of a model.

It is a flatbuffer of its own (root ModelMetadata, identifier M001), in a buffer of the file; the
files that it names, such as labels.txt, are a zip behind the last byte, as in
github.com/tensorflow/tflite-support, metadata_schema.fbs. The numbers of fields are those of that
schema: TensorFlow's writer of it would bring packages that do not go with ours.
"""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.data.task import Normalization, Task
from tfedge.export.tree import flatbuffer

NAME = "TFLITE_METADATA"
LABELS = "labels.txt"
_IDENTIFIER = b"M001"
_LEAST_PARSER = "1.0.0"  # knows all that is written here
_AXIS_LABELS = 2  # of AssociatedFileType
_COLOURS = {3: 1, 1: 2}  # channels -> of ColorSpaceType: RGB, GRAYSCALE
_IMAGE, _NORMALIZATION = 2, 1  # of the unions ContentProperties and ProcessUnitOptions
_VERSION_DIGITS = 12
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first day of zip: the same file is the same bytes


def attach(tree: Any, task: Task, is_raw: bool) -> None:
    """Puts it into a tree that is finished otherwise; its version is the hash of the rest.

    Args:
        tree: named, with one signature.
        task: whose name, kind, labels and normalization are told.
        is_raw: whether the normalization is in the file already.
    """
    version = hashlib.sha256(flatbuffer.pack(tree)).hexdigest()[:_VERSION_DIGITS]
    normalization = Normalization() if is_raw else task.normalization
    content = _Writer().model(tree, task, version, normalization)
    entry = schema.MetadataT(name=NAME.encode(), buffer=len(tree.buffers))
    tree.metadata = [*(tree.metadata or []), entry]
    tree.buffers.append(schema.BufferT(data=np.frombuffer(content, np.uint8)))


def with_files(content: bytes, task: Task) -> bytes:
    """A packed tree, and behind it the files that its metadata names."""
    if not task.labels:
        return content
    written = io.BytesIO(content)
    with zipfile.ZipFile(written, "a", zipfile.ZIP_STORED) as archive:
        names = "".join(f"{' '.join(label.split())}\n" for label in task.labels)
        archive.writestr(zipfile.ZipInfo(LABELS, _LONG_AGO), names.encode())
    return written.getvalue()


class _Writer:
    """Tables of the schema, from the inmost one outwards."""

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(1024)

    def model(self, tree: Any, task: Task, version: str, normalization: Normalization) -> bytes:
        (signature,), graph = tree.signatureDefs, tree.subgraphs[0]
        names = {
            int(entry.tensorIndex): entry.name.decode()
            for entry in (*signature.inputs, *signature.outputs)
        }

        def told(index: int) -> tuple[str, tuple[int, ...]]:
            return names.get(index, ""), tuple(int(n) for n in graph.tensors[index].shape)

        inputs = [self._input(*told(int(i)), normalization) for i in graph.inputs]
        outputs = [self._output(*told(int(i)), task.labels) for i in graph.outputs]
        subgraph = self._table(10, {2: self._listed(inputs), 3: self._listed(outputs)})
        root = self._table(
            8,
            {
                0: self._text(task.name),
                1: self._text(f"{task.kind}, made by tfedge"),
                2: self._text(version),
                3: self._listed([subgraph]),
                7: self._text(_LEAST_PARSER),
            },
        )
        self._builder.Finish(root, file_identifier=_IDENTIFIER)
        return bytes(self._builder.Output())

    def _input(self, name: str, shape: tuple[int, ...], normalization: Normalization) -> int:
        channels = shape[-1] if len(shape) == 4 else 0
        fields = {0: self._text(name)}
        if channels in _COLOURS:
            fields[1] = self._text("a picture")
            image = self._table(2, {}, {0: _COLOURS[channels]})
            fields[3] = self._table(2, {1: image}, {0: _IMAGE})
        # There it is (raw - mean) / std, here raw * scale + offset.
        scale, offset = (np.atleast_1d(v) for v in (normalization.scale, normalization.offset))
        if np.all(scale):
            mean, std = self._floats(-offset / scale), self._floats(1 / scale)
            options = self._table(2, {0: mean, 1: std})
            unit = self._table(2, {1: options}, {0: _NORMALIZATION})
            fields[4] = self._listed([unit])
        return self._table(7, fields)

    def _output(self, name: str, shape: tuple[int, ...], labels: Sequence[str]) -> int:
        fields = {0: self._text(name)}
        if labels and shape and shape[-1] == len(labels):
            file = self._table(5, {0: self._text(LABELS)}, {2: _AXIS_LABELS})
            fields[1] = self._text("scores of classes")
            fields[6] = self._listed([file])
        return self._table(7, fields)

    def _text(self, text: str) -> int:
        return self._builder.CreateString(text)

    def _floats(self, values: np.ndarray) -> int:
        return self._builder.CreateNumpyVector(values.astype(np.float32))

    def _listed(self, tables: Sequence[int]) -> int:
        self._builder.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            self._builder.PrependUOffsetTRelative(table)
        return self._builder.EndVector()

    def _table(
        self, fields: int, offsets: dict[int, int], small: dict[int, int] | None = None
    ) -> int:
        """A table of so many fields; `small` ones are bytes: enumerations and kinds of unions."""
        self._builder.StartObject(fields)
        for slot, offset in offsets.items():
            self._builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
        for slot, value in (small or {}).items():
            self._builder.PrependInt8Slot(slot, value, 0)
        return self._builder.EndObject()

"""A .tflite file as an editable tree, and back into bytes that say nothing twice.

The schema's own Python code writes each table and vector as often as it is met, aligns kernels at
one byte (LiteRT's schema wants 16) and orders the fields of a table so that they need padding. The
builder here writes equal vectors and equal tables once, which a reader cannot tell apart: all
per-channel zero points of a layer width are one vector of zeros. Large vectors are written first,
like next to like, because deflate then codes them in fewer bits.
FlatBuffers internals: https://flatbuffers.dev/internals/
"""

import copy
import io
from collections.abc import Iterator, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge.export.tree import large_vectors

_IDENTIFIER = b"TFL3"
_OFFSET_BYTES = 4
_LENGTH_BYTES = 4
_OUTSIDE = b"buffer_location"  # metadata of a file that has its buffers behind the tree
_INTEGERS = (schema.TensorType.INT32, schema.TensorType.INT64)


def unpack(data: bytes) -> Any:
    """The file as a tree of `schema.*T` objects, which the caller may edit.

    Arrays are views of `data`, so they are read-only: replace them, do not write into them.
    Buffers that a writer has put behind the tree, as it may do with large ones, are brought in.
    """
    model = schema.ModelT.InitFromPackedBuf(data)
    for buffer in model.buffers:
        if buffer.offset > 1:  # 0 and 1 mean that there is nothing outside
            buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0
    model.metadata = [each for each in model.metadata or [] if each.name != _OUTSIDE] or None
    return model


def copied(tree: Any) -> Any:
    """A tree to edit beside this one; they share what is in buffers, which no edit writes into."""
    shared = {id(buffer.data): buffer.data for buffer in tree.buffers}
    return copy.deepcopy(tree, shared)


def pack(model: Any) -> bytes:
    """A `schema.ModelT` as the bytes of a file; equal trees give equal bytes."""
    builder = _SharingBuilder(list(_large_vectors(model)))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return builder.file()


def _large_vectors(model: Any) -> Iterator[np.ndarray]:
    """Weights, then zero points, then scales, then integers (biases, axes).

    The builder writes back to front, so weights end up last in the file.
    """
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    stored = [(tensor.type in _INTEGERS, model.buffers[tensor.buffer].data) for tensor in tensors]
    channelwise = [
        tensor.quantization
        for tensor in tensors
        if tensor.quantization is not None
        and tensor.quantization.scale is not None
        and len(tensor.quantization.scale) > 1
    ]
    yield from (data for is_integer, data in stored if data is not None and not is_integer)
    yield from (quantization.zeroPoint for quantization in channelwise)
    yield from (quantization.scale for quantization in channelwise)
    yield from (data for is_integer, data in stored if data is not None and is_integer)


class _SharingBuilder(flatbuffers.Builder):
    """Writes each scalar vector, string and table once, and the fields of a table by size.

    What is about to be a repetition is taken back (the head moves to where it began) and the
    former offset is returned instead.
    """

    head: int  # where the written part begins; grows downwards

    def __init__(self, large: Sequence[np.ndarray]):
        """Begins in front of large vectors, which the tree has by the same objects."""
        super().__init__(1 << 16)
        self._keys = {id(vector): large_vectors.key(vector) for vector in large}
        layout = large_vectors.lay_out((self._keys[id(vector)], vector) for vector in large)
        self._vectors = dict(layout.offsets)
        self._rest = layout.rest
        self.minalign = layout.alignment
        self.head -= len(layout.seed)
        self.Bytes[self.head :] = layout.seed
        self._strings: dict[Any, int] = {}
        self._tables: dict[tuple, int] = {}
        self._fields: list[tuple[int, int, Any, Any]] = []
        self._vector: tuple[int, int, int] | None = None  # start, bytes, alignment

    def file(self) -> bytes:
        """All of it, when it is finished."""
        whole = io.BytesIO()  # it grows in place, and gives its bytes away without a copy
        whole.write(memoryview(self.Bytes)[self.head :])
        for part in self._rest:
            whole.write(part.data)
        return whole.getvalue()

    def CreateNumpyVector(self, x: np.ndarray) -> int:  # noqa: N802
        key = self._keys.get(id(x))
        return super().CreateNumpyVector(x) if key is None else self._vectors[key]

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803
        if elemSize == 1:
            alignment = large_vectors.alignment(elemSize)
        self._vector = (self.Offset(), elemSize * numElems, alignment)
        return super().StartVector(elemSize, numElems, alignment)

    def PrependUOffsetTRelative(self, off: int) -> None:  # noqa: N802
        self._vector = None  # relative offsets: equal bytes would not mean equal content
        super().PrependUOffsetTRelative(off)

    def EndVector(self, numElems: int | None = None) -> int:  # noqa: N802, N803
        offset = super().EndVector()
        if self._vector is None:
            return offset
        start, size, alignment = self._vector
        written = np.frombuffer(self.Bytes, np.uint8, size, self.head + _LENGTH_BYTES)
        key = (alignment, large_vectors.content(written))
        if key in self._vectors:
            self.head = len(self.Bytes) - start
        return self._vectors.setdefault(key, offset)

    def CreateString(self, s: Any, encoding: str = "utf-8", errors: str = "strict") -> int:  # noqa: N802
        if s not in self._strings:
            self._vector = None
            self._strings[s] = super().CreateString(s, encoding, errors)
        return self._strings[s]

    def StartObject(self, numfields: int) -> None:  # noqa: N802
        super().StartObject(numfields)
        self._fields = []

    def PrependSlot(self, flags: Any, o: int, x: Any, d: Any) -> None:  # noqa: N802
        if x != d:
            self._fields.append((flags.bytewidth, o, flags, x))

    def PrependUOffsetTRelativeSlot(self, o: int, x: int, d: int) -> None:  # noqa: N802
        if x != d:
            self._fields.append((_OFFSET_BYTES, o, None, x))

    def EndObject(self) -> int:  # noqa: N802
        key = tuple(self._fields)
        if key in self._tables:
            self.nested, self.current_vtable = False, None
            self.head = len(self.Bytes) - self.objectEnd
            return self._tables[key]
        for _, slot, flags, value in sorted(self._fields, key=lambda field: -field[0]):
            if flags is None:
                self.PrependUOffsetTRelative(value)
            else:
                self.Prepend(flags, value)
            self.Slot(slot)
        self._tables[key] = super().EndObject()
        return self._tables[key]

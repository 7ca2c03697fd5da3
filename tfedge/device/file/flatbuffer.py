"""Walks the flatbuffer of a .tflite without trusting it.

The generated reader has no verifier: a length that was overwritten makes it run off the end, or
visit the same table a million times. Here every vector of tables is paid for from a budget of the
file's own length, so any file is read, or refused, in time proportional to its size.

Schema: ai_edge_litert/schema_py_generated.py, file identifier TFL3.
"""

import collections
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge import foreign
from tfedge.device.file import graph

IDENTIFIER = b"TFL3"
_LARGEST_RANK = 32
# Of a file; a large network unrolled over time has some 20,000 operators.
_MOST = {"subgraphs": 1000, "tensors": 100_000, "operators": 50_000}
_TABLE_BYTES = 8  # the least a table and the offset to it take

Result = TypeVar("Result")


def guarded(where: str, work: Callable[[], Result]) -> Result:
    """`work()`, with whatever a damaged file makes the reader raise turned into BadInput."""
    with foreign.reading(where, "Export or copy it again.", "truncated or damaged"):
        return work()


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """Everything in the file that is used here; tensors and operators of all subgraphs in a row.

    `signatures` are (key, subgraph, inputs, outputs) with the subgraph's own tensor indices by
    name.
    """

    tensors: tuple[graph.Tensor, ...]
    operators: tuple[graph.Operator, ...]
    subgraphs: tuple[graph.Subgraph, ...]
    signatures: tuple[tuple[str, int, dict[str, int], dict[str, int]], ...]
    metadata: dict[str, bytes]


def walk(content: bytes) -> Model:
    """Reads the tables of a .tflite; raises what `guarded` catches when they do not hold."""
    return _Walk(content).model()


class _Walk:
    def __init__(self, content: bytes):
        self._content, self._budget = content, len(content)
        self._counts: collections.Counter[str] = collections.Counter()
        self._root = schema.Model.GetRootAs(content, 0)
        self._tensors: list[graph.Tensor] = []
        self._operators: list[graph.Operator] = []

    def model(self) -> Model:
        root = self._root
        buffers = [
            self._buffer(root.Buffers(i)) for i in self._indices(root.BuffersLength(), "buffers")
        ]
        codes = [
            self._code(root.OperatorCodes(i))
            for i in self._indices(root.OperatorCodesLength(), "operator codes")
        ]
        subgraphs = tuple(
            self._subgraph(i, root.Subgraphs(i), buffers, codes)
            for i in self._indices(root.SubgraphsLength(), "subgraphs")
        )
        if not subgraphs:
            raise ValueError("it has no subgraph")
        return Model(
            tuple(self._tensors),
            tuple(self._operators),
            subgraphs,
            tuple(self._signatures()),
            self._metadata(buffers),
        )

    def _indices(self, length: int, what: str) -> range:
        self._counts[what] += length
        most = _MOST.get(what, self._counts[what])
        if self._counts[what] > most:
            raise ValueError(f"it has {self._counts[what]:,} {what}, more than {most:,}")
        self._budget -= length * _TABLE_BYTES
        if self._budget < 0:
            raise ValueError(f"{length} {what} do not fit in {len(self._content)} bytes")
        return range(length)

    def _buffer(self, buffer: Any) -> np.ndarray | None:
        if buffer.Offset() > 1:  # weights beyond 2 GB lie behind the flatbuffer
            start, size = buffer.Offset(), buffer.Size()
            return np.frombuffer(self._content, np.uint8, count=size, offset=start)
        return None if buffer.DataIsNone() or not buffer.DataLength() else buffer.DataAsNumpy()

    def _code(self, code: Any) -> tuple[str, int, bool]:
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if number == schema.BuiltinOperator.CUSTOM:
            return _text(code.CustomCode()) or "CUSTOM", code.Version(), True
        return BUILTIN_NAMES.get(number, f"BUILTIN_{number}"), code.Version(), False

    def _subgraph(self, number: int, part: Any, buffers: list, codes: list) -> graph.Subgraph:
        first, first_operator = len(self._tensors), len(self._operators)
        for i in self._indices(part.TensorsLength(), "tensors"):
            self._tensors.append(self._tensor(number, part.Tensors(i), buffers))
        own = range(first, len(self._tensors))
        for i in self._indices(part.OperatorsLength(), "operators"):
            self._operators.append(self._operator(number, part.Operators(i), codes, own))
        inputs = self._tensor_indices(part.InputsAsNumpy(), own, least=0)
        if len(set(inputs)) < len(inputs):
            raise ValueError(f"it lists {len(set(inputs)):,} tensors as {len(inputs):,} inputs")
        outputs = self._tensor_indices(part.OutputsAsNumpy(), own, least=0)
        return graph.Subgraph(own, tuple(self._operators[first_operator:]), inputs, outputs)

    def _tensor(self, subgraph: int, tensor: Any, buffers: list) -> graph.Tensor:
        if tensor.ExternalBuffer():
            raise ValueError("it keeps its weights in another file, which is not supported")
        name_offset = tensor._tab.Offset(10)  # the field `name`
        parameters = tensor.Quantization()
        sparsity = tensor.Sparsity()
        if sparsity is not None:
            self._indices(sparsity.DimMetadataLength(), "sparse dimensions")
            sparsity = schema.SparsityParametersT.InitFromObj(sparsity)
        shape = _shape(tensor.ShapeAsNumpy())
        scales = _array(parameters.ScaleAsNumpy() if parameters else 0, np.float32)
        return graph.Tensor(
            index=len(self._tensors),
            subgraph=subgraph,
            name=_text(tensor.Name()),
            name_at=tensor._tab.Indirect(tensor._tab.Pos + name_offset) if name_offset else 0,
            shape=shape,
            shape_signature=_shape(tensor.ShapeSignatureAsNumpy()) or shape,
            dtype=TYPE_NAMES[tensor.Type()],
            scales=scales,
            zero_points=_array(parameters.ZeroPointAsNumpy() if parameters else 0, np.int64),
            lowest=_array(parameters.MinAsNumpy() if parameters else 0, np.float32),
            highest=_array(parameters.MaxAsNumpy() if parameters else 0, np.float32),
            channel_axis=parameters.QuantizedDimension() if len(scales) > 1 else None,
            buffer=tensor.Buffer(),
            data=buffers[tensor.Buffer()] if buffers else None,
            sparse_encoding=sparsity,
            is_variable=bool(tensor.IsVariable()),
        )

    def _operator(self, subgraph: int, operator: Any, codes: list, own: range) -> graph.Operator:
        kind, version, is_custom = codes[operator.OpcodeIndex()]
        options = schema.BuiltinOptionsCreator(
            operator.BuiltinOptionsType(), operator.BuiltinOptions()
        ) or schema.BuiltinOptions2Creator(
            operator.BuiltinOptions2Type(), operator.BuiltinOptions2()
        )
        return graph.Operator(
            len(self._operators),
            subgraph,
            kind,
            version,
            is_custom,
            self._tensor_indices(operator.InputsAsNumpy(), own, least=-1),
            self._tensor_indices(operator.OutputsAsNumpy(), own, least=0),
            dict(vars(options)) if options is not None else {},
        )

    def _tensor_indices(self, indices: Any, own: range, least: int) -> tuple[int, ...]:
        """Among the file's tensors, of indices among those of a subgraph; -1 stays."""
        found = _array(indices)
        self._indices(len(found), "tensor indices")
        if len(found) and (found.min() < least or found.max() >= len(own)):
            raise ValueError(f"an operator reads tensor {found.max()} of {len(own)}")
        return tuple(index + own.start if index >= 0 else -1 for index in found.tolist())

    def _signatures(self) -> Iterator[tuple[str, int, dict[str, int], dict[str, int]]]:
        for i in self._indices(self._root.SignatureDefsLength(), "signatures"):
            signature = self._root.SignatureDefs(i)
            yield (
                _text(signature.SignatureKey()),
                signature.SubgraphIndex(),
                self._names(signature.InputsLength(), signature.Inputs),
                self._names(signature.OutputsLength(), signature.Outputs),
            )

    def _names(self, length: int, entry: Callable[[int], Any]) -> dict[str, int]:
        entries = [entry(i) for i in self._indices(length, "signature entries")]
        return {_text(e.Name()): e.TensorIndex() for e in entries}

    def _metadata(self, buffers: list) -> dict[str, bytes]:
        found = {}
        for i in self._indices(self._root.MetadataLength(), "metadata entries"):
            entry = self._root.Metadata(i)
            data = buffers[entry.Buffer()]
            found[_text(entry.Name())] = b"" if data is None else data.tobytes()
        return found


def _shape(shape: Any) -> tuple[int, ...]:
    found = _array(shape)
    if len(found) > _LARGEST_RANK or (len(found) and found.min() < -1):
        raise ValueError("a tensor's shape makes no sense")
    return tuple(found.tolist())


def _array(vector: Any, dtype: type = np.int32) -> np.ndarray:
    """The generated accessors return 0 for a vector that is not there."""
    return vector if isinstance(vector, np.ndarray) else np.zeros(0, dtype)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _names_of(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}


TYPE_NAMES = _names_of(schema.TensorType)
BUILTIN_NAMES = _names_of(schema.BuiltinOperator)

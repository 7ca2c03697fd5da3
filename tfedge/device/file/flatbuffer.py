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
class RawTensor:
    """A tensor as written. `data` is a view of the file, None where nothing is stored."""

    name: str
    name_at: int
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    buffer: int
    data: np.ndarray | None
    quantization: dict[str, np.ndarray]  # min, max, scale, zero_point
    quantized_axis: int
    sparsity: Any  # schema.SparsityParametersT or None
    is_variable: bool


@dataclasses.dataclass(frozen=True, eq=False)
class RawOperator:
    """An operator as written; tensor indices are of its own subgraph, -1 where left out."""

    kind: str
    version: int
    is_custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class RawSubgraph:
    """Tensors and operators of one subgraph, the indices of its inputs and outputs."""

    tensors: tuple[RawTensor, ...]
    operators: tuple[RawOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class RawModel:
    """Everything in the file that is used here.

    `signatures` are (key, subgraph, inputs, outputs) with tensor indices by name.
    """

    subgraphs: tuple[RawSubgraph, ...]
    signatures: tuple[tuple[str, int, dict[str, int], dict[str, int]], ...]
    metadata: dict[str, bytes]


def walk(content: bytes) -> RawModel:
    """Reads the tables of a .tflite; raises what `guarded` catches when they do not hold."""
    return _Walk(content).model()


class _Walk:
    def __init__(self, content: bytes):
        self._content, self._budget = content, len(content)
        self._counts: collections.Counter[str] = collections.Counter()
        self._root = schema.Model.GetRootAs(content, 0)

    def model(self) -> RawModel:
        root = self._root
        buffers = [
            self._buffer(root.Buffers(i)) for i in self._indices(root.BuffersLength(), "buffers")
        ]
        codes = [
            self._code(root.OperatorCodes(i))
            for i in self._indices(root.OperatorCodesLength(), "operator codes")
        ]
        subgraphs = tuple(
            self._subgraph(root.Subgraphs(i), buffers, codes)
            for i in self._indices(root.SubgraphsLength(), "subgraphs")
        )
        if not subgraphs:
            raise ValueError("it has no subgraph")
        return RawModel(subgraphs, tuple(self._signatures()), self._metadata(buffers))

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

    def _subgraph(self, graph: Any, buffers: list, codes: list) -> RawSubgraph:
        tensors = tuple(
            self._tensor(graph.Tensors(i), buffers)
            for i in self._indices(graph.TensorsLength(), "tensors")
        )
        operators = tuple(
            self._operator(graph.Operators(i), codes, len(tensors))
            for i in self._indices(graph.OperatorsLength(), "operators")
        )
        inputs = self._tensor_indices(graph.InputsAsNumpy(), len(tensors), least=0)
        if len(set(inputs)) < len(inputs):
            raise ValueError(f"it lists {len(set(inputs)):,} tensors as {len(inputs):,} inputs")
        outputs = self._tensor_indices(graph.OutputsAsNumpy(), len(tensors), least=0)
        return RawSubgraph(tensors, operators, inputs, outputs)

    def _tensor(self, tensor: Any, buffers: list) -> RawTensor:
        if tensor.ExternalBuffer():
            raise ValueError("it keeps its weights in another file, which is not supported")
        name_offset = tensor._tab.Offset(10)  # the field `name`
        parameters = tensor.Quantization()
        sparsity = tensor.Sparsity()
        if sparsity is not None:
            self._indices(sparsity.DimMetadataLength(), "sparse dimensions")
            sparsity = schema.SparsityParametersT.InitFromObj(sparsity)
        return RawTensor(
            name=_text(tensor.Name()),
            name_at=tensor._tab.Indirect(tensor._tab.Pos + name_offset) if name_offset else 0,
            shape=_shape(tensor.ShapeAsNumpy()),
            shape_signature=_shape(tensor.ShapeSignatureAsNumpy()),
            dtype=TYPE_NAMES[tensor.Type()],
            buffer=tensor.Buffer(),
            data=buffers[tensor.Buffer()] if buffers else None,
            quantization=_quantization(parameters) if parameters is not None else {},
            quantized_axis=parameters.QuantizedDimension() if parameters is not None else 0,
            sparsity=sparsity,
            is_variable=bool(tensor.IsVariable()),
        )

    def _operator(self, operator: Any, codes: list, tensors: int) -> RawOperator:
        kind, version, is_custom = codes[operator.OpcodeIndex()]
        options = schema.BuiltinOptionsCreator(
            operator.BuiltinOptionsType(), operator.BuiltinOptions()
        ) or schema.BuiltinOptions2Creator(
            operator.BuiltinOptions2Type(), operator.BuiltinOptions2()
        )
        return RawOperator(
            kind,
            version,
            is_custom,
            self._tensor_indices(operator.InputsAsNumpy(), tensors, least=-1),
            self._tensor_indices(operator.OutputsAsNumpy(), tensors, least=0),
            dict(vars(options)) if options is not None else {},
        )

    def _tensor_indices(self, indices: Any, tensors: int, least: int) -> tuple[int, ...]:
        found = _array(indices)
        self._indices(len(found), "tensor indices")
        if len(found) and (found.min() < least or found.max() >= tensors):
            raise ValueError(f"an operator reads tensor {found.max()} of {tensors}")
        return tuple(found.tolist())

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


def _quantization(parameters: Any) -> dict[str, np.ndarray]:
    found = {
        "min": parameters.MinAsNumpy(),
        "max": parameters.MaxAsNumpy(),
        "scale": parameters.ScaleAsNumpy(),
        "zero_point": parameters.ZeroPointAsNumpy(),
    }
    return {name: array for name, values in found.items() if len(array := _array(values))}


def _shape(shape: Any) -> tuple[int, ...]:
    found = _array(shape)
    if len(found) > _LARGEST_RANK or (len(found) and found.min() < -1):
        raise ValueError("a tensor's shape makes no sense")
    return tuple(found.tolist())


def _array(vector: Any) -> np.ndarray:
    """The generated accessors return 0 for a vector that is not there."""
    return vector if isinstance(vector, np.ndarray) else np.zeros(0, np.int32)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def _names_of(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}


TYPE_NAMES = _names_of(schema.TensorType)
BUILTIN_NAMES = _names_of(schema.BuiltinOperator)

"""Facts from a .tflite file, read from its bytes; and the only place an Interpreter is made.

file = tflite.read(pathlib.Path("model.tflite").read_bytes())
for kernel in file.kernels():
    print(kernel.tensor.name, kernel.tensor.bits, kernel.tensor.sparsity)
"""

import collections
import dataclasses
import functools
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfedge import errors, foreign
from tfedge.device.file import flatbuffer, graph, kernel_tensors, weights

_RAW_INPUT_METADATA = "tfedge.input"


@dataclasses.dataclass(frozen=True, eq=False)
class Signature:
    """Tensors of the inputs and outputs by the names an app uses; the subgraph's number."""

    key: str
    subgraph: int
    inputs: dict[str, graph.Tensor]
    outputs: dict[str, graph.Tensor]


@dataclasses.dataclass(frozen=True, eq=False)
class TfliteFile:
    """What a file holds. Tensors and operators of all subgraphs, the main one's first.

    `signature` is the main subgraph's, None where it has none; `signatures` are all, by key.
    """

    content: bytes
    tensors: tuple[graph.Tensor, ...]
    operators: tuple[graph.Operator, ...]
    subgraphs: tuple[graph.Subgraph, ...]
    inputs: tuple[graph.Tensor, ...]
    outputs: tuple[graph.Tensor, ...]
    signature: Signature | None
    signatures: dict[str, Signature]
    metadata: dict[str, bytes]

    def kernels(self) -> tuple[kernel_tensors.Kernel, ...]:
        """The constant weights, each tensor once, in the order of their operators.

        Those that another signature shares with the main one are the main one's.
        """
        return self._kernels

    @functools.cached_property
    def _kernels(self) -> tuple[kernel_tensors.Kernel, ...]:
        every = kernel_tensors.find(self.operators, self.tensors)
        apart = [kernel.tensor.subgraph in self.other_starts for kernel in every]
        own = {k.tensor.buffer for k, other in zip(every, apart, strict=True) if not other}
        kept = zip(every, apart, strict=True)
        return tuple(k for k, other in kept if not other or k.tensor.buffer not in own)

    @functools.cached_property
    def other_starts(self) -> frozenset[int]:
        """Subgraphs that signatures begin at, but the main one, which they need not run."""
        return frozenset(each.subgraph for each in self.signatures.values()) - {0}

    @functools.cached_property
    def producers(self) -> dict[int, graph.Operator]:
        """The operator that computes a tensor, by the tensor's index."""
        return {output: operator for operator in self.operators for output in operator.outputs}

    @functools.cached_property
    def named_inputs(self) -> dict[str, graph.Tensor]:
        """The inputs by the signature's names; without one by the tensors'."""
        return self.signature.inputs if self.signature else _by_tensor_name(self.inputs)

    @functools.cached_property
    def named_outputs(self) -> dict[str, graph.Tensor]:
        """The outputs by the signature's names; without one by the tensors'."""
        return self.signature.outputs if self.signature else _by_tensor_name(self.outputs)

    @property
    def file_bytes(self) -> int:
        """Length of the file."""
        return len(self.content)

    @functools.cached_property
    def download_bytes(self) -> int:
        """Bytes of the raw deflate stream, level 9: what an app store's package adds."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return len(packer.compress(self.content)) + len(packer.flush())

    @functools.cached_property
    def weight_bytes(self) -> int:
        """Bytes of the kernels; a shared buffer counts once."""
        return sum({k.tensor.buffer: k.tensor.buffer_bytes for k in self.kernels()}.values())

    @property
    def overhead_bytes(self) -> int:
        """All that is not a kernel; `overhead.by_kind` says what it is."""
        return self.file_bytes - self.weight_bytes

    @property
    def keeps_state(self) -> bool:
        """Whether answers depend on earlier ones, as a fused LSTM's, until variables are reset."""
        return any(tensor.is_variable for tensor in self.tensors)

    @property
    def flex_operators(self) -> tuple[str, ...]:
        """TensorFlow operators that need the Flex delegate, by name."""
        return tuple(sorted({o.kind for o in self.operators if o.is_flex}))

    @property
    def operator_counts(self) -> dict[str, int]:
        """How often each kind of operator occurs, the most frequent first."""
        counts = collections.Counter(operator.kind for operator in self.operators)
        return dict(counts.most_common())

    @functools.cached_property
    def takes_raw_input(self) -> bool:
        """Whether the task's normalisation is baked in, so that an app feeds what it has.

        Raises:
            BadInput: the metadata that says so is no JSON.
        """
        text = self.metadata.get(_RAW_INPUT_METADATA)
        if not text:
            return False
        where = f"metadata {_RAW_INPUT_METADATA}"
        said = foreign.parse_json(text, where, "Export it again.")
        return flatbuffer.guarded(where, lambda: bool(said.get("raw", False)))


def read(tflite_bytes: bytes, where: str = ".tflite") -> TfliteFile:
    """Reads a .tflite file. Nothing in it is run.

    Args:
        tflite_bytes: the whole file.
        where: what to call it in errors: a path or a flag.

    Raises:
        BadInput: not a .tflite, truncated or damaged.
    """
    if not isinstance(tflite_bytes, (bytes, bytearray, memoryview)):
        raise errors.BadInput(
            where,
            f"the bytes of a file were expected, got {type(tflite_bytes).__name__}",
            "Read a path first: pathlib.Path(path).read_bytes().",
        )
    if len(tflite_bytes) < 8 or tflite_bytes[4:8] != flatbuffer.IDENTIFIER:
        raise errors.BadInput(
            where,
            f"not a .tflite: its {len(tflite_bytes)} bytes do not carry the mark TFL3",
            "Pass a file that a converter wrote.",
        )
    return flatbuffer.guarded(where, lambda: _assemble(bytes(tflite_bytes)))


def interpreter(
    model: bytes | pathlib.Path, threads: int, delegate: bool = True, keep_all: bool = False
) -> Any:
    """An ai_edge_litert Interpreter with its default delegate, tensors not yet allocated.

    A damaged or hostile model can end the process: make one in a child only (see `sandbox`).

    Args:
        model: the bytes, or a path, which is then mapped instead of copied.
        threads: for the kernels that can use several.
        delegate: False for the built-in kernels alone.
        keep_all: what is computed in between can be read afterwards, at the cost of its memory.
    """
    litert = runtime()
    resolvers = litert.OpResolverType
    with_default, without = resolvers.AUTO, resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    settings = {
        "num_threads": threads,
        "experimental_op_resolver_type": with_default if delegate else without,
        "experimental_preserve_all_tensors": keep_all,
    }
    if isinstance(model, pathlib.Path):
        return litert.Interpreter(model_path=str(model), **settings)
    return litert.Interpreter(model_content=model, **settings)


def runtime() -> Any:
    """The interpreter's module, loaded at the first call: only children need its 20 MB."""
    from ai_edge_litert import interpreter as litert

    return litert


def _assemble(content: bytes) -> TfliteFile:
    model = flatbuffer.walk(content)
    axes = {
        kernel.tensor.index: kernel.channel_axis
        for kernel in kernel_tensors.find(model.operators, model.tensors)
    }
    tensors = tuple(
        dataclasses.replace(t, channel_axis=axes[t.index]) if t.index in axes else t
        for t in model.tensors
    )
    for tensor in tensors:
        _check_stored(tensor)
    main, signatures = model.subgraphs[0], list(_signatures(model, tensors))
    return TfliteFile(
        content=content,
        tensors=tensors,
        operators=model.operators,
        subgraphs=model.subgraphs,
        inputs=tuple(tensors[i] for i in main.inputs),
        outputs=tuple(tensors[i] for i in main.outputs),
        signature=next((each for each in signatures if each.subgraph == 0), None),
        signatures={each.key: each for each in signatures},
        metadata=model.metadata,
    )


def _check_stored(tensor: graph.Tensor) -> None:
    if tensor.data is None or tensor.sparse_encoding is not None or not tensor.bits:
        return
    needed = weights.stored_bytes(tensor.dtype, int(np.prod(tensor.shape, dtype=object)))
    if tensor.buffer_bytes < needed:
        raise ValueError(
            f"tensor {tensor.index} {tensor.name!r} needs {needed} bytes, "
            f"{tensor.buffer_bytes} are there"
        )


def _signatures(model: flatbuffer.Model, tensors: tuple[graph.Tensor, ...]) -> Iterator[Signature]:
    for key, subgraph, inputs, outputs in model.signatures:
        own = model.subgraphs[subgraph].tensors
        named = ({n: tensors[own[at]] for n, at in ends.items()} for ends in (inputs, outputs))
        yield Signature(key, subgraph, *named)


def _by_tensor_name(tensors: tuple[graph.Tensor, ...]) -> dict[str, graph.Tensor]:
    """Without the converter's decorations: "serving_default_image:0" is "image"."""
    return {
        t.name.removeprefix("serving_default_").rsplit(":", 1)[0] or f"{position}": t
        for position, t in enumerate(tensors)
    }

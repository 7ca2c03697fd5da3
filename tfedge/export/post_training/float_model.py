"""A float .tflite made ready for quantization: convert once, quantize many.

Every tensor has a name of its own, there is one signature, the batch is 1, and each operator knows
by which names a user may speak of it.
"""

import dataclasses
import functools
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfedge import errors
from tfedge.device.file import tflite
from tfedge.export.converter import saved_model
from tfedge.export.edits import lookups, normalized
from tfedge.export.tree import flatbuffer, operators


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operator of the main graph.

    Attributes:
        name: of its first output tensor, unique in the file.
        kind: "CONV_2D" ...
        code: of the schema's BuiltinOperator; -1 for a custom one.
        kernel: name of its constant kernel, "" without one.
        kernel_shape: likewise, () without one.
        layers: what a rule can call it: Keras layers that are fused in it, or names in the file.
        is_tied: whether an operator of another kind has the same kernel.
        is_in_front: of what brings uneven columns to one scale, which stays float.
    """

    name: str
    kind: str
    code: int
    kernel: str
    kernel_shape: tuple[int, ...]
    layers: tuple[str, ...]
    is_tied: bool = False
    is_in_front: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class FloatModel:
    """A float .tflite.

    Attributes:
        tree: the file, unpacked; whoever edits it takes a copy.
        where: what to call it in errors.
        inputs: their names, in order.
        operators: in order.
        real_names: names in the file -> kernel names that the finished file keeps.
    """

    tree: Any
    where: str
    inputs: tuple[str, ...]
    operators: tuple[Operator, ...]
    real_names: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def data(self) -> bytes:
        """The file."""
        return flatbuffer.pack(self.tree)

    @functools.cached_property
    def layers(self) -> tuple[str, ...]:
        """Every name that a rule can have, in the order of the operators."""
        return tuple(dict.fromkeys(name for each in self.operators for name in each.layers))

    @functools.cached_property
    def silent_kernels(self) -> frozenset[str]:
        """Those with a channel of zeros alone, where an error has no least scale."""
        return frozenset(
            each.tensor.name
            for each in tflite.read(self.data).kernels()
            if _has_silent_channel(each.tensor.values(), each.channel_axis)
        )

    def kernels_named(self, names: Collection[str]) -> frozenset[str]:
        """The kernels in this file that the finished file calls by these names."""
        return frozenset(
            each.kernel for each in self.operators if self.real_names.get(each.kernel) in names
        )


def _has_silent_channel(kernel: np.ndarray, axis: int) -> bool:
    return not np.any(kernel, axis=tuple(a for a in range(kernel.ndim) if a != axis)).all()


def prepare(tree: Any, where: str, known_layers: Collection[str] = ()) -> FloatModel:
    """Makes a float .tflite ready.

    Args:
        tree: of the file; it is edited, and part of the result. Rows of tables are looked up.
        where: its path, for messages.
        known_layers: the Keras layers it was made from, whose kernels bear their names; without
            them operators go by the names in the file.

    Raises:
        BadInput: it is quantized already, or open beyond the batch.
    """
    _check_float(tree, where)
    _check_known(tree, where)
    lookups.put(tree)
    normalized.take_off_means_first(tree)
    kernels = {id(each.operator): each for each in operators.weighted(tree)}
    kinds: dict[int, set[str]] = {}
    for each in kernels.values():
        kinds.setdefault(id(each.graph.tensors[each.kernel]), set()).add(each.kind)
    main = tree.subgraphs[0]
    said = [(tensor.name or b"").decode() for tensor in main.tensors]
    inputs = _one_signature(tree)
    for entry in tree.signatureDefs[0].outputs:  # the converter has no path of what it puts out
        said[entry.tensorIndex] += f";{entry.name.decode()}"
    real_names = _name_tensors(tree)
    _fix_shapes(main, where)
    found = []
    for operator in main.operators:
        if not len(operator.outputs):
            continue
        output, weighted = int(operator.outputs[0]), kernels.get(id(operator))
        kernel = main.tensors[weighted.kernel] if weighted else None
        own = [said[weighted.kernel]] if weighted else []
        found.append(
            Operator(
                name=main.tensors[output].name.decode(),
                kind=operators.kind(tree, operator),
                code=_code(tree, operator),
                kernel=kernel.name.decode() if kernel is not None else "",
                kernel_shape=tuple(int(size) for size in kernel.shape)
                if kernel is not None
                else (),
                layers=_layers(
                    own, said[output] or main.tensors[output].name.decode(), known_layers
                ),
                is_tied=len(kinds.get(id(kernel), ())) > 1,
            )
        )
    return FloatModel(tree, where, inputs, tuple(found), real_names)


def _check_float(model: Any, where: str) -> None:
    for operator in operators.weighted(model):
        kind = operators.type_name(operator.graph.tensors[operator.kernel])
        if kind != "FLOAT32":
            raise errors.BadInput(
                where, f"its kernels are {kind} already", "Give the float32 file it was made from."
            )


def _check_known(model: Any, where: str) -> None:
    for graph in model.subgraphs:
        for operator in graph.operators:
            if operators.is_custom(model, operator):
                raise errors.BadInput(
                    where,
                    f"the operator {operators.kind(model, operator)} is not one that LiteRT has, "
                    "and ranges are read by running the file",
                    "Replace the layer it comes from.",
                )


def _code(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return -1 if code.customCode else max(code.builtinCode, code.deprecatedBuiltinCode)


def _name_tensors(model: Any) -> dict[str, str]:
    """Gives each tensor a short name of its own; returns new -> old where there was one."""
    before = {}
    for number, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            name = f"tensor_{index}" if number == 0 else f"tensor_{number}_{index}"
            if tensor.name:
                before[name] = tensor.name.decode()
            tensor.name = name.encode()
    return before


def _layers(own: list[str], output: str, known: Collection[str]) -> tuple[str, ...]:
    """The names of an operator: its kernel's, and those in the path of what it puts out.

    The converter's names are paths, several of a fused operator: `net/conv/Conv2D;net/relu/Relu`.
    """
    parts = [part for part in re.split("[;]", output) if part]
    if known:
        inside = [name for name in known if any(f"/{name}/" in f"/{part}/" for part in parts)]
        # A longer name may have a shorter layer's in its path.
        return tuple(dict.fromkeys([*(name for name in own if name in known), *inside]))
    return tuple(dict.fromkeys([*(name for name in own if name), output, *parts]))


def _fix_shapes(graph: Any, where: str) -> None:
    for index in graph.inputs:
        tensor = graph.tensors[index]
        signed = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
        if -1 in list(signed)[1:]:
            raise errors.BadInput(
                where,
                f"its input shape {[int(size) for size in signed]} is open beyond the batch",
                "Export it with fixed sizes.",
            )
    for tensor in graph.tensors:
        tensor.shapeSignature = None


def _one_signature(model: Any) -> tuple[str, ...]:
    """Leaves one signature, made from the tensors' names if there is none; returns the inputs."""
    if not model.signatureDefs:
        model.signatureDefs = [_signature(model.subgraphs[0])]
    signature = model.signatureDefs[0]
    signature.signatureKey = saved_model.SIGNATURE_KEY.encode()
    model.signatureDefs = [signature]
    return tuple(entry.name.decode() for entry in signature.inputs)


def _signature(graph: Any) -> Any:
    def entries(indices: np.ndarray) -> list[Any]:
        return [
            schema.TensorMapT(
                name=graph.tensors[index].name or f"tensor_{index}".encode(), tensorIndex=int(index)
            )
            for index in indices
        ]

    return schema.SignatureDefT(
        inputs=entries(graph.inputs), outputs=entries(graph.outputs), subgraphIndex=0
    )

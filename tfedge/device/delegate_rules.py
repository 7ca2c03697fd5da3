"""Which part of a .tflite a phone's accelerators would take, by their stated rules.

Nothing is executed here: each rule set in tfedge/device/rules is what the delegate's own source or
documentation says, with where and when it was read. A file of your own in that folder is found by
its name. XNNPACK, which runs here, is not judged by rules but watched: see `xnnpack_coverage`.
"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

from tfedge.device.file import graph, operands, tflite

_FOLDER = pathlib.Path(__file__).parent / "rules"
_FUSED = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH", 5: "SIGN_BIT"}


@dataclasses.dataclass(frozen=True)
class RuleSet:
    """What one delegate takes.

    Attributes:
        name: of the file.
        title: for people.
        source, date: where the rules were read, and when.
        note: what rules of this form cannot say.
        activation_types: of computed tensors.
        weight_types: of the kernels in the file, before they are unpacked.
        largest_rank: of any tensor.
        operators: by kind, what holds for it beyond that: largest_version, activation_types,
            weight_types, input_types (of the first input), ranks (of the first input),
            constant_inputs (positions), options ({field: allowed values}).
        most_parts: connected parts it runs at most; None for all.
        fewest_operators: that a part must have.
    """

    name: str
    title: str
    source: str
    date: str
    note: str
    activation_types: tuple[str, ...]
    weight_types: tuple[str, ...]
    largest_rank: int
    operators: dict[str, dict[str, Any]]
    most_parts: int | None = None
    fewest_operators: int = 1


@dataclasses.dataclass(frozen=True)
class Fallback:
    """Operators of a kind that stay on the CPU, where the first is, and why."""

    operator: str
    count: int
    layer: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Coverage:
    """How much of a file a delegate would take.

    Attributes:
        fraction: of the operators, 0..1, that its rules take and that it would run.
        parts: connected parts that its rules take; each costs a copy in and out.
        falls_back: the others.
        executed: whether this was seen on the device; never here.
    """

    delegate: str
    title: str
    fraction: float
    parts: int
    falls_back: tuple[Fallback, ...]
    note: str
    source: str
    date: str
    executed: bool = False


def names() -> tuple[str, ...]:
    """The delegates there are rules for."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


@functools.cache
def rules(name: str) -> RuleSet:
    """The rules of a delegate."""
    stated = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stated.items()}
    return RuleSet(name=name, **fields)


def coverage(file: tflite.TfliteFile, delegate: str) -> Coverage:
    """Goes through the main subgraph of a file by the rules of a delegate."""
    stated = rules(delegate)
    operators = [o for o in file.operators if o.subgraph == 0]
    reasons = {o.index: _reason(o, file, stated) for o in operators}
    parts = _parts([reasons[o.index] is None for o in operators])
    run = sorted((p for p in parts if len(p) >= stated.fewest_operators), key=len, reverse=True)
    taken = sum(map(len, run[: stated.most_parts]))
    return Coverage(
        delegate,
        stated.title,
        taken / len(operators) if operators else 0.0,
        len(parts),
        tuple(_fallbacks(operators, reasons, file)),
        stated.note,
        stated.source,
        stated.date,
    )


def taken(file: tflite.TfliteFile, delegate: str) -> tuple[bool, ...]:
    """Whether a delegate's rules take each operator; none of a loop's body."""
    stated = rules(delegate)
    return tuple(o.subgraph == 0 and _reason(o, file, stated) is None for o in file.operators)


def _parts(taken: list[bool]) -> list[list[int]]:
    """Runs of operators that are taken one after the other."""
    parts: list[list[int]] = []
    for position, is_taken in enumerate(taken):
        if is_taken and position and taken[position - 1]:
            parts[-1].append(position)
        elif is_taken:
            parts.append([position])
    return parts


def _fallbacks(
    operators: list[graph.Operator], reasons: dict[int, str | None], file: tflite.TfliteFile
) -> Iterator[Fallback]:
    """One for each kind and reason, where it first occurs."""
    found: dict[tuple[str, str], list[graph.Operator]] = {}
    for operator in operators:
        reason = reasons[operator.index]
        if reason is not None:
            found.setdefault((operator.kind, reason), []).append(operator)
    for (kind, reason), alike in found.items():
        yield Fallback(kind, len(alike), layer(file, alike[0]), reason)


def layer(file: tflite.TfliteFile, operator: graph.Operator) -> str:
    """What the file calls an operator's place: its output, or its kernel in slimmed files."""
    for index in (*operator.outputs[:1], *operator.inputs[1:2]):
        if index >= 0 and file.tensors[index].name:
            return file.tensors[index].name
    return f"tensor {operator.outputs[0]}" if operator.outputs else "no output"


def _reason(operator: graph.Operator, file: tflite.TfliteFile, stated: RuleSet) -> str | None:
    """Why an operator falls back; None if it is taken."""
    own = stated.operators.get(operator.kind)
    if own is None:
        return "the operator is not among those it takes"
    return next(
        (
            reason
            for reason in (
                _tensor_reason(operator, file, stated, own),
                _weight_reason(operator, file, stated, own),
                _version_reason(operator, own),
                _input_reason(operator, file, own),
                _option_reason(operator, own),
            )
            if reason
        ),
        None,
    )


def _version_reason(operator: graph.Operator, own: dict[str, Any]) -> str | None:
    largest = own.get("largest_version")
    if largest is not None and operator.version > largest:
        return f"version {operator.version}, up to {largest} is taken"
    return None


def _tensor_reason(
    operator: graph.Operator, file: tflite.TfliteFile, stated: RuleSet, own: dict[str, Any]
) -> str | None:
    types = own.get("activation_types", stated.activation_types)
    for index in (i for i in (*operator.inputs, *operator.outputs) if i >= 0):
        tensor = file.tensors[index]
        if -1 in tensor.shape_signature:
            return "a dynamic shape"
        if len(tensor.shape) > stated.largest_rank:
            return f"{len(tensor.shape)} dimensions, up to {stated.largest_rank} are taken"
        if not _is_fixed(tensor, file) and tensor.dtype not in types:
            return f"activations of {tensor.dtype}"
    return None


def _weight_reason(
    operator: graph.Operator, file: tflite.TfliteFile, stated: RuleSet, own: dict[str, Any]
) -> str | None:
    types = own.get("weight_types", stated.weight_types)
    for at in operands.weights(operator.kind):
        if at >= len(operator.inputs) or operator.inputs[at] < 0:
            continue
        weight = file.tensors[operator.inputs[at]]
        is_weight = weight.dtype.startswith(operands.WEIGHT_TYPES) and _is_fixed(weight, file)
        if is_weight and weight.dtype not in types:
            return f"weights of {weight.dtype}"
    return None


def _input_reason(
    operator: graph.Operator, file: tflite.TfliteFile, own: dict[str, Any]
) -> str | None:
    first = (
        file.tensors[operator.inputs[0]] if operator.inputs and operator.inputs[0] >= 0 else None
    )
    if first is not None and first.dtype not in own.get("input_types", (first.dtype,)):
        return f"an input of {first.dtype}"
    ranks = own.get("ranks")
    if first is not None and ranks and len(first.shape) not in ranks:
        return f"{len(first.shape)} dimensions, {' or '.join(map(str, ranks))} are taken"
    for at in own.get("constant_inputs", ()):
        given = operator.inputs[at] if at < len(operator.inputs) else -1
        if given >= 0 and not _is_fixed(file.tensors[given], file):
            return f"input {at} is computed, a constant is wanted"
    return None


def _option_reason(operator: graph.Operator, own: dict[str, Any]) -> str | None:
    for field, allowed in own.get("options", {}).items():
        value = operator.options.get(field, allowed[0])
        if value not in allowed:
            shown = _FUSED.get(value, value) if field.startswith("fused") else value
            return f"{field} is {shown}"
    return None


def _is_fixed(tensor: graph.Tensor, file: tflite.TfliteFile) -> bool:
    """Whether its values are in the file, perhaps packed."""
    producer = file.producers.get(tensor.index)
    if tensor.is_constant or producer is None or producer.kind not in operands.UNPACKING:
        return tensor.is_constant
    return bool(producer.inputs) and file.tensors[producer.inputs[0]].is_constant

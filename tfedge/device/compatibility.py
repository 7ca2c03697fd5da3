"""Will the phone's runtime load a file, and which part of it do the accelerators take?"""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterable

from tfedge.device import delegate_rules, kernel_support_notes, profiles
from tfedge.device.file import graph, tflite

_RUNTIMES = pathlib.Path(__file__).parent / "runtime_versions.json"
_STATED = "min_runtime_version"  # metadata entry that the converter writes


@dataclasses.dataclass(frozen=True)
class Incompatibility:
    """An operator that a class of phones lacks, where it is, and why."""

    operator: str
    layer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operator} at {self.layer}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Compatibility:
    """What is known of a file on a class of phones before it gets there.

    Attributes:
        runtime: the one the class is expected to have.
        needs_runtime: the oldest that knows every operator; None where no newer one is needed
            than the table goes back.
        lacking: operators that the runtime does not take.
        custom_operators: by name, those that need TensorFlow (Flex) left out.
        dynamic_inputs: shapes of inputs that are not fixed, by name. Delegates refuse them.
        delegates: what each accelerator would take, by stated rules, not executed here.
        speed: whether few bits and zeros buy time or size alone.
    """

    runtime: str
    needs_runtime: str | None
    lacking: tuple[Incompatibility, ...]
    custom_operators: tuple[str, ...]
    dynamic_inputs: dict[str, tuple[int, ...]]
    delegates: tuple[delegate_rules.Coverage, ...]
    speed: tuple[str, ...]


def examine(file: tflite.TfliteFile, profile: profiles.Profile) -> Compatibility:
    """All of it, for the phones of a profile; nothing in the file is run."""
    return Compatibility(
        runtime=profile.runtime_version,
        needs_runtime=needed_runtime(file),
        lacking=check(file, profile),
        custom_operators=tuple(
            sorted({o.kind for o in file.operators if o.is_custom and not o.is_flex})
        ),
        dynamic_inputs={
            name: tensor.shape_signature
            for name, tensor in file.named_inputs.items()
            if -1 in tensor.shape_signature
        },
        delegates=tuple(delegate_rules.coverage(file, name) for name in delegate_rules.names()),
        speed=kernel_support_notes.of(file),
    )


def check(file: tflite.TfliteFile, profile: profiles.Profile) -> tuple[Incompatibility, ...]:
    """The operators that `profile` does not take, each kind once, where it first occurs."""
    found: dict[str, Incompatibility] = {}
    for operator in file.operators:
        reason = _reason(operator.kind, operator.version, operator.is_custom, profile)
        if reason and operator.kind not in found:
            layer = _layer(file, operator.outputs[0]) if operator.outputs else "no output"
            found[operator.kind] = Incompatibility(operator.kind, layer, reason)
    stated = min_runtime_version(file)
    if stated and is_newer(stated, profile.runtime_version) and not found:
        reason = f"the file asks for runtime {stated}, {profile.name} has {profile.runtime_version}"
        found["file"] = Incompatibility("file", "its metadata", reason)
    return tuple(found.values())


def min_runtime_version(file: tflite.TfliteFile) -> str | None:
    """The oldest runtime that the converter says can run the file; None in slimmed files."""
    stated = file.metadata.get(_STATED, b"").rstrip(b"\0").decode("ascii", "replace")
    return stated if stated and all(part.isdigit() for part in stated.split(".")) else None


def needed_runtime(file: tflite.TfliteFile) -> str | None:
    """The oldest runtime that knows every operator at its version, and what the file says."""
    return newest((*_needed(file.operators), min_runtime_version(file)))


def since(kind: str, version: int) -> str | None:
    """The runtime that first had an operator at a version; None where every one had it."""
    return _since().get(kind, {}).get(version)


def newest(runtimes: Iterable[str | None]) -> str | None:
    """Of those that are there."""
    return max(filter(None, runtimes), key=_numbers, default=None)


def is_newer(version: str, than: str) -> bool:
    """Whether one runtime came after another."""
    return _numbers(version) > _numbers(than)


def _needed(operators: Iterable[graph.Operator]) -> Iterable[str | None]:
    return (since(each.kind, each.version) for each in operators if not each.is_custom)


@functools.cache
def _since() -> dict[str, dict[int, str]]:
    """Operator -> version -> the runtime that first had it, for those newer than 2.9."""
    stated = json.loads(_RUNTIMES.read_text(encoding="utf-8"))["since"]
    return {kind: {int(v): runtime for v, runtime in own.items()} for kind, own in stated.items()}


def _reason(kind: str, version: int, is_custom: bool, profile: profiles.Profile) -> str | None:
    if is_custom and kind.startswith("Flex"):
        return None if profile.allow_flex else "needs TensorFlow (Flex) inside the app"
    if is_custom:
        return "is a custom operator, which no phone's runtime has"
    if kind in profile.denied_operators:
        return f"{profile.name} denies it"
    if profile.allowed_operators is not None and kind not in profile.allowed_operators:
        return f"{profile.name} does not have it"
    first = since(kind, version)
    if first and is_newer(first, profile.runtime_version):
        return (
            f"its version {version} needs runtime {first}, "
            f"{profile.name} has {profile.runtime_version}"
        )
    return None


def _layer(file: tflite.TfliteFile, tensor: int) -> str:
    return file.tensors[tensor].name or f"tensor {tensor}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

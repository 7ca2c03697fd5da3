"""Will the phone's runtime know every operator of a file?"""

import dataclasses

from tfedge.device import profiles, tflite

# Runtime that first had an operator at a version, for those newer than 2.9 that exporters write.
# From tflite/converter/tools/versioning/runtime_version.cc of google-ai-edge/LiteRT.
_SINCE: dict[str, dict[int, str]] = {
    "ADD": {5: "2.13.0", 6: "2.23.0"},
    "BATCH_TO_SPACE_ND": {4: "2.12.0"},
    "CAST": {5: "2.12.0", 6: "2.15.0", 7: "2.17.0", 8: "2.21.0"},
    "CONCATENATION": {4: "2.14.0", 5: "2.21.0", 6: "2.23.0"},
    "CONV_2D": {7: "2.11.0", 8: "2.15.0"},
    "DEPTHWISE_CONV_2D": {7: "2.11.0"},
    "DEQUANTIZE": {6: "2.18.0", 7: "2.21.0", 8: "2.22.0"},
    "EMBEDDING_LOOKUP": {4: "2.18.0", 5: "2.21.0"},
    "FULLY_CONNECTED": {10: "2.11.0", 11: "2.15.0", 12: "2.17.0", 13: "2.18.0", 14: "2.21.0"},
    "GATHER": {6: "2.13.0", 7: "2.15.0"},
    "MUL": {6: "2.11.0", 7: "2.13.0", 8: "2.23.0"},
    "PACK": {4: "2.13.0"},
    "PAD": {5: "2.20.0"},
    "QUANTIZE": {4: "2.21.0", 5: "2.21.0", 6: "2.21.0"},
    "SLICE": {6: "2.14.0", 7: "2.21.0", 8: "2.23.0"},
    "SOFTMAX": {4: "2.23.0"},
    "SPACE_TO_BATCH_ND": {4: "2.12.0"},
    "STRIDED_SLICE": {7: "2.14.0", 8: "2.14.0"},
    "TRANSPOSE": {6: "2.12.0", 7: "2.14.4", 8: "2.22.0", 9: "2.23.0"},
    "TRANSPOSE_CONV": {4: "2.13.0", 5: "2.15.0"},
    "UNIDIRECTIONAL_SEQUENCE_LSTM": {4: "2.12.0"},
    "UNPACK": {5: "2.22.0"},
}
_STATED = "min_runtime_version"  # metadata entry that the converter writes


@dataclasses.dataclass(frozen=True)
class Incompatibility:
    """An operator that a class of phones lacks, where it is, and why."""

    operator: str
    layer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operator} at {self.layer}: {self.reason}"


def check(file: tflite.TfliteFile, profile: profiles.Profile) -> tuple[Incompatibility, ...]:
    """The operators that `profile` does not take, each kind once, where it first occurs."""
    found: dict[str, Incompatibility] = {}
    for operator in file.operators:
        reason = _reason(operator.kind, operator.version, operator.is_custom, profile)
        if reason and operator.kind not in found:
            layer = _layer(file, operator.outputs[0]) if operator.outputs else "no output"
            found[operator.kind] = Incompatibility(operator.kind, layer, reason)
    stated = min_runtime_version(file)
    if stated and _newer(stated, profile.runtime_version) and not found:
        reason = f"the file asks for runtime {stated}, {profile.name} has {profile.runtime_version}"
        found["file"] = Incompatibility("file", "its metadata", reason)
    return tuple(found.values())


def min_runtime_version(file: tflite.TfliteFile) -> str | None:
    """The oldest runtime that the converter says can run the file; None in slimmed files."""
    stated = file.metadata.get(_STATED, b"").rstrip(b"\0").decode("ascii", "replace")
    return stated if stated and all(part.isdigit() for part in stated.split(".")) else None


def _reason(kind: str, version: int, is_custom: bool, profile: profiles.Profile) -> str | None:
    if is_custom and kind.startswith("Flex"):
        return None if profile.allow_flex else "needs TensorFlow (Flex) inside the app"
    if is_custom:
        return "is a custom operator, which no phone's runtime has"
    if kind in profile.denied_operators:
        return f"{profile.name} denies it"
    if profile.allowed_operators is not None and kind not in profile.allowed_operators:
        return f"{profile.name} does not have it"
    since = _SINCE.get(kind, {}).get(version)
    if since and _newer(since, profile.runtime_version):
        return (
            f"its version {version} needs runtime {since}, "
            f"{profile.name} has {profile.runtime_version}"
        )
    return None


def _layer(file: tflite.TfliteFile, tensor: int) -> str:
    return file.tensors[tensor].name or f"tensor {tensor}"


def _newer(version: str, than: str) -> bool:
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

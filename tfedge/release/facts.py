"""All that the report and the model card say, gathered once, as plain data."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfedge.device import overhead, tflite

if TYPE_CHECKING:
    from tfedge.data.task import Task
    from tfedge.device.graph import Tensor
    from tfedge.device.latency import HostLatency
    from tfedge.device.scorecard import Scorecard
    from tfedge.release.gate import Verdict


@dataclasses.dataclass(frozen=True)
class Layer:
    """The weights of one layer in the file.

    Attributes:
        name: of the Keras layer; of the operator where the file keeps no names.
        operator: what reads it.
        shape: in the file's layout.
        dtype: as stored, such as "INT8".
        bits: of one weight.
        stored_bytes: in the file, before the store packs it.
        sparsity: share of zeros, 0..1.
        distinct: different values in the tensor.
        distinct_per_channel: the most of any output channel.
        entropy_bits: bits per weight that an ideal coder would need.
    """

    name: str
    operator: str
    shape: tuple[int, ...]
    dtype: str
    bits: int
    stored_bytes: int
    sparsity: float
    distinct: int
    distinct_per_channel: int
    entropy_bits: float


@dataclasses.dataclass(frozen=True)
class FileFacts:
    """What a .tflite is made of; inputs and outputs as (name, description)."""

    file_bytes: int
    download_bytes: int
    bytes_by_kind: Mapping[str, int]
    operators: Mapping[str, int]
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    layers: tuple[Layer, ...]

    @classmethod
    def read(cls, tflite_bytes: bytes) -> "FileFacts":
        """Reads the facts; nothing in the file is run.

        Raises:
            BadInput: not a .tflite.
        """
        file = tflite.read(tflite_bytes)
        return cls(
            file_bytes=file.file_bytes,
            download_bytes=file.download_bytes,
            bytes_by_kind=overhead.by_kind(file),
            operators=file.operator_counts,
            inputs=tuple((name, _describe(each)) for name, each in file.named_inputs.items()),
            outputs=tuple((name, _describe(each)) for name, each in file.named_outputs.items()),
            layers=tuple(_layer(kernel) for kernel in file.kernels()),
        )


@dataclasses.dataclass(frozen=True)
class Facts:
    """One release or one rejected candidate.

    Attributes:
        name: of the model.
        scorecard: the content of scorecard.json.
        verdict: the content of verdict.json.
        recipe: the content of recipe.json, {} where none was used.
        reports: one dict a pass: name, settings, touched, skipped, notes, seconds.
        task: see `task_facts`.
        mistakes: for each class, what its examples are mostly taken for, in words.
        file: of the candidate.
        baseline: of the file it was compared with.
        baseline_host: host latency of the baseline, as in the scorecard's latency_ms.
        command: repeats the release.
        warnings: what the checks of data and model found.
    """

    name: str
    scorecard: Mapping[str, Any]
    verdict: Mapping[str, Any]
    file: FileFacts
    baseline: FileFacts | None = None
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reports: tuple[Mapping[str, Any], ...] = ()
    task: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    mistakes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    baseline_host: Mapping[str, Any] | None = None
    command: str = ""
    warnings: tuple[str, ...] = ()


def gather(
    name: str,
    scorecard: "Scorecard",
    verdict: "Verdict",
    tflite_bytes: bytes,
    *,
    task: "Task",
    baseline: bytes | None = None,
    recipe: Mapping[str, Any] | None = None,
    reports: Iterable[Mapping[str, Any]] = (),
    command: str = "",
    warnings: Iterable[str] = (),
) -> Facts:
    """The facts of a release from the objects that made it; see `Facts`."""
    return Facts(
        name=name,
        scorecard=scorecard.to_json(),
        verdict=verdict.to_json(),
        file=FileFacts.read(tflite_bytes),
        baseline=None if baseline is None else FileFacts.read(baseline),
        recipe=recipe or {},
        reports=tuple(reports),
        task=task_facts(task),
        mistakes=_mistakes(scorecard),
        baseline_host=_as_dict(scorecard.baseline_host),
        command=command,
        warnings=tuple(warnings),
    )


def task_facts(task: "Task") -> dict[str, Any]:
    """What a reader needs to know of the task: name, kind, labels, seed, examples by split."""
    return {
        "name": task.name,
        "kind": task.kind,
        "labels": list(task.labels),
        "seed": task.seed,
        "scale": task.normalization.scale,
        "offset": task.normalization.offset,
        "examples": {role: len(split) for role, split in task.splits().items()},
    }


def _mistakes(scorecard: "Scorecard") -> dict[str, str]:
    """The most frequent wrong class of each class, with how often, before and now."""
    labels, targets = [each.label for each in scorecard.per_class], scorecard.targets
    now, before = scorecard.candidate_outputs, scorecard.baseline_outputs
    if not isinstance(now, np.ndarray) or now.shape[1:] != (len(labels),):
        return {}
    found = {}
    for number, label in enumerate(labels):
        answers = [
            np.bincount(outputs[targets == number].argmax(axis=1), minlength=len(labels))
            for outputs in (now, before)
            if isinstance(outputs, np.ndarray)
        ]
        for counts in answers:
            counts[number] = 0
        worst = int(answers[0].argmax())
        if answers[0][worst]:
            was = f" (baseline {answers[1][worst]:,})" if len(answers) > 1 else ""
            found[label] = f"{labels[worst]} {answers[0][worst]:,}{was}"
    return found


def _layer(kernel: Any) -> Layer:
    tensor = kernel.tensor
    return Layer(
        name=tensor.name or kernel.operator.kind.lower(),
        operator=kernel.operator.kind,
        shape=tensor.shape,
        dtype=tensor.dtype,
        bits=tensor.bits,
        stored_bytes=tensor.buffer_bytes,
        sparsity=tensor.sparsity,
        distinct=tensor.distinct,
        distinct_per_channel=tensor.distinct_per_channel,
        entropy_bits=tensor.entropy_bits,
    )


def _describe(tensor: "Tensor") -> str:
    """Such as "int8 1x28x28x1, value = 0.00392157 * (code + 128)"."""
    shape = "x".join(str(size) for size in tensor.shape_signature) or "scalar"
    words = f"{tensor.dtype.lower()} {shape}"
    if len(tensor.scales) == 1:
        scale, zero = float(tensor.scales[0]), int(tensor.zero_points[0])
        words += f", value = {scale:.6g} * (code {'-' if zero >= 0 else '+'} {abs(zero)})"
    return words


def _as_dict(latency: "HostLatency | None") -> dict[str, Any] | None:
    return None if latency is None else dataclasses.asdict(latency)

"""All that the report and the model card say, gathered once, as plain data."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tfedge.data import trained_on
from tfedge.device.file import overhead, tflite
from tfedge.release import layer_weights
from tfedge.release.sections import (
    confusion,
    data_findings,
    estimates,
    new_mistakes,
    operator_times,
)

if TYPE_CHECKING:
    from tfedge.data.hygiene import Findings
    from tfedge.data.task import Task
    from tfedge.device.file.graph import Tensor
    from tfedge.device.latency import HostLatency
    from tfedge.device.scorecard import Scorecard
    from tfedge.release.gate import Verdict


@dataclasses.dataclass(frozen=True)
class FileFacts:
    """What a .tflite is made of; inputs and outputs as (name, description).

    `keeps_state` says that an answer depends on the examples before, as a fused LSTM's does.
    """

    file_bytes: int
    download_bytes: int
    bytes_by_kind: Mapping[str, int]
    operators: Mapping[str, int]
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    layers: tuple[layer_weights.Layer, ...]
    keeps_state: bool = False

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
            layers=layer_weights.read(file),
            keeps_state=file.keeps_state,
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
        confused: which class is taken for which; None where examples have no single class.
        newly_wrong: what only the baseline has right; None where nobody can say.
        times: where the estimated latency goes.
        baseline_host: host latency of the baseline, as in the scorecard's latency_ms.
        baseline_estimates: of the same phone, under the scorecard's names.
        command: repeats the release.
        warnings: what the checks of data and model found.
        sensitivities: by layer; see `sensitivity`.
        data: the same of the data, with examples; None where only the held-out split was read.
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
    confused: confusion.Confusion | None = None
    newly_wrong: new_mistakes.NewMistakes | None = None
    times: tuple[operator_times.OperatorTime, ...] = ()
    baseline_host: Mapping[str, Any] | None = None
    baseline_estimates: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    command: str = ""
    warnings: tuple[str, ...] = ()
    sensitivities: Mapping[str, float] = dataclasses.field(default_factory=dict)
    data: data_findings.DataFindings | None = None


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
    findings: "Findings | None" = None,
    sensitivities: Mapping[str, float] | None = None,
    report_examples: int = new_mistakes.DEFAULT_SHOWN,
) -> Facts:
    """The facts of a release from the objects that made it; see `Facts`.

    `report_examples` is how many held-out examples may be shown; 0 keeps users' data out.
    `findings` are those of all splits.
    """
    found = confusion.of(scorecard)
    return Facts(
        name=name,
        scorecard=scorecard.to_json(),
        verdict=verdict.to_json(),
        file=FileFacts.read(tflite_bytes),
        baseline=None if baseline is None else FileFacts.read(baseline),
        recipe=recipe or {},
        reports=tuple(reports),
        task=task_facts(task),
        mistakes=_mistakes(found),
        confused=found,
        newly_wrong=new_mistakes.worst(scorecard, task, report_examples),
        times=operator_times.of(tflite.read(tflite_bytes), scorecard.phone_estimate),
        baseline_host=_as_dict(scorecard.baseline_host),
        baseline_estimates={} if baseline is None else estimates.of(baseline, scorecard.profile),
        command=command,
        warnings=findings.warnings if findings else (),
        sensitivities=sensitivities or {},
        data=data_findings.of(task, findings, report_examples) if findings else None,
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
        "preprocessing": task.preprocessing,
        "weights_are_given": task.class_weight is not None,
        "trained_on": trained_on.words(task),
        "examples": {role: len(split) for role, split in task.splits().items()},
    }


def _mistakes(found: confusion.Confusion | None) -> dict[str, str]:
    """What each class is mostly taken for, with how often, before and now."""
    if found is None or found.after is None:
        return {}
    said = {}
    for row, (label, counts) in enumerate(zip(found.labels, found.after, strict=True)):
        wrong = [0 if column == row else count for column, count in enumerate(counts)]
        worst = wrong.index(max(wrong))
        if wrong[worst]:
            was = f" (baseline {found.before[row][worst]:,})" if found.before else ""
            said[label] = f"{found.labels[worst]}: {wrong[worst]:,}{was}"
    return said


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

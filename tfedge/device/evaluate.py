"""A .tflite, a task and a class of phones in, a scorecard out. No TensorFlow.

scorecard = evaluate.evaluate(tflite_bytes, task, "mid_range_phone", baseline=float_bytes)
print(scorecard.metric.value, scorecard.download_bytes, scorecard.host.p50)
"""

import dataclasses
import pathlib
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from tfedge import errors, progress
from tfedge.data import slices, splits
from tfedge.data import task as data_task
from tfedge.data.matching import output_kind
from tfedge.data.provenance import split_digest
from tfedge.device import (
    compatibility,
    energy,
    footprint,
    inference,
    phone_latency,
    profiles,
    sandbox,
    scoring,
)
from tfedge.device.file import flatbuffer, tflite
from tfedge.device.scorecard import Scorecard

__all__ = ["Scorecard", "evaluate", "run_baseline"]

_BASELINE_MEMORY_BYTES = 2**32  # it only has to run here, not on the phone
_CANDIDATE, _BASELINE = "the candidate .tflite", "the baseline .tflite"


class Hold(Protocol):
    """What a hold has to offer to be read back; see tfedge/compress/holds."""

    @property
    def kind(self) -> str:
        """Of the promise, by name."""

    @property
    def layer(self) -> str:
        """Whose kernel it is about."""

    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None
    ) -> tuple[Any, Any, bool]:
        """(promised, found, kept) of a kernel in the file's layout, stored in these scales."""


def evaluate(
    tflite_bytes: bytes,
    task: data_task.Task,
    profile: str | pathlib.Path | profiles.Profile = "mid_range_phone",
    baseline: bytes | inference.Run | None = None,
    holds: Iterable[Hold] = (),
    *,
    seconds: float = 3600.0,
    beside: inference.Run | None = None,
) -> Scorecard:
    """Judges a file on the whole held-out split, under a phone class's limits.

    Args:
        tflite_bytes: the candidate.
        task: needs a held-out split.
        profile: the phone class: a name, the path of a JSON file, or a Profile.
        baseline: the .tflite to compare with, run by the same interpreter on the same examples;
            or what `run_baseline` gave for it.
        holds: promises to read back from the file's own numbers.
        seconds: the longest that running one file may take.
        beside: what `run_baseline` gave for another model, to compare with as well.

    Returns:
        A scorecard. A candidate that runs out of memory, crashes or hangs gives one that says so.

    Raises:
        BadInput: a file that is no .tflite; data that does not fit; a baseline that does not run
            or is no better than chance.
    """
    phone = profiles.load(profile)
    file = tflite.read(tflite_bytes, _CANDIDATE)
    task = as_judged(task, file)
    split = _held_out(task)
    with progress.phase(f"evaluating on {len(split):,} examples"):
        groups = slices.of_split(split, task.slices, f"task {task.name}")
        foreseen = flatbuffer.guarded(_CANDIDATE, lambda: _foreseen(file, phone))
        before = baseline
        if before is not None and not isinstance(before, inference.Run):
            before = _run_baseline(before, task, split, phone, seconds=seconds)
        limits = sandbox.Limits(phone.max_memory_bytes, phone.threads, seconds)
        ours = inference.run(file, split, task.normalization, limits, _CANDIDATE)
        known: dict[str, Any] = {
            "profile": phone,
            "file_bytes": file.file_bytes,
            "download_bytes": file.download_bytes,
            "operators": file.operator_counts,
            "flex_operators": file.flex_operators,
            "held_out": split_digest.of(split),
            "holds": tuple(_read_holds(file, holds)),
            **foreseen,
            "failure": ours.outcome.failure,
            "limits_in_force": ours.outcome.in_force,
            "unenforced_limits": ours.outcome.unenforced,
        }
        if ours.outcome.failure:
            return Scorecard(**known, **_of_baseline(before))
        found = Scorecard(**known, **_judged(task, ours, before, groups))
        if beside is None:
            return found
        other = Scorecard(**known, **_judged(task, ours, beside, groups))
        return dataclasses.replace(found, beside=other)


def run_baseline(
    baseline: bytes,
    task: data_task.Task,
    profile: str | pathlib.Path | profiles.Profile = "mid_range_phone",
    *,
    seconds: float = 3600.0,
    where: str = _BASELINE,
) -> inference.Run:
    """Runs what candidates will be compared with, before any work goes into one.

    Args:
        baseline: the .tflite.
        task: needs a held-out split.
        profile: the phone class, see `evaluate`.
        seconds: the longest that it may take.
        where: what to call it in messages.

    Returns:
        Its answers, which `evaluate` takes instead of the file.

    Raises:
        BadInput: it is no .tflite, does not fit the data, does not run, or is no better than
            chance.
    """
    task = as_judged(task, tflite.read(baseline, where))
    phone, split = profiles.load(profile), _held_out(task)
    run = _run_baseline(baseline, task, split, phone, seconds=seconds, where=where)
    scoring.score(task, run, run)  # refuses one that guesses
    return run


def as_judged(task: data_task.Task, file: tflite.TfliteFile) -> data_task.Task:
    """The task with the kind of targets that the file's outputs ask for; see `output_kind`."""
    shapes = {name: tensor.shape for name, tensor in file.named_outputs.items()}
    return output_kind.of_outputs(task, shapes)


def _foreseen(file: tflite.TfliteFile, phone: profiles.Profile) -> dict[str, Any]:
    """The fields of a scorecard that are known before the file is run."""
    fits = compatibility.examine(file, phone)
    return {
        "incompatible": fits.lacking,
        "compatibility": fits,
        "phone_estimate": phone_latency.estimate(file.content, phone),
        "energy": energy.estimate(file),
        "memory": footprint.of(file),
    }


def _held_out(task: data_task.Task) -> data_task.Split:
    if task.holdout is None or not len(task.holdout):
        raise errors.BadInput(
            f"task {task.name}", "it has no held-out examples", "Keep some apart to judge by."
        )
    return task.holdout


def _run_baseline(
    content: bytes,
    task: data_task.Task,
    split: data_task.Split,
    phone: profiles.Profile,
    *,
    seconds: float,
    where: str = _BASELINE,
) -> inference.Run:
    limits = sandbox.Limits(_BASELINE_MEMORY_BYTES, phone.threads, seconds)
    file = tflite.read(content, where)
    run = inference.run(file, split, task.normalization, limits, where)
    if run.outcome.failure:
        raise errors.BadInput(
            where,
            f"it does not run: {run.outcome.failure.kind}, {run.outcome.failure.detail}",
            "Give a baseline that runs here.",
        )
    return run


def _judged(
    task: data_task.Task,
    ours: inference.Run,
    before: inference.Run | None,
    groups: dict[str, np.ndarray],
) -> dict[str, Any]:
    """The measured fields of a scorecard."""
    scores, y = scoring.score(task, ours, before), ours.targets
    return {
        **_of_baseline(before),
        "metric": scores.metric_value(splits.count(y)),
        "per_class": scores.per_class(task, y),
        "per_slice": scores.per_slice(groups),
        "slices": groups,
        "calibration_error": scores.calibration_error(task, y),
        "more_metrics": tuple(each.metric_value(splits.count(y)) for each in scores.more),
        "also_judged_by": tuple(each.metric for each in scores.more),
        "host": ours.host,
        "tokens_per_second": ours.tokens_per_second,
        "peak_memory_bytes": ours.peak_memory_bytes,
        "delegated_fraction": ours.delegated_fraction,
        "not_delegated": ours.not_delegated,
        "judged_by": scores.metric,
        "unjudged": scores.unjudged,
        "targets": y,
        "candidate_outputs": scores.candidate.outputs,
        "logits": scores.logits,
        "candidate_correct": scores.candidate.correct,
        "baseline_outputs": scores.baseline.outputs if scores.baseline else None,
        "baseline_correct": scores.baseline.correct if scores.baseline else None,
        "candidate_right": scores.candidate.right,
        "baseline_right": scores.baseline.right if scores.baseline else None,
    }


def _of_baseline(before: inference.Run | None) -> dict[str, Any]:
    if before is None:
        return {}
    return {"baseline_file_bytes": before.file.file_bytes, "baseline_host": before.host}


def _read_holds(file: tflite.TfliteFile, holds: Iterable[Hold]) -> Iterable[dict[str, Any]]:
    """Each promise, looked for on the kernels that carry its layer's name."""
    for hold in holds:
        kernels = [k for k in file.kernels() if k.tensor.name == hold.layer]
        if not kernels:
            yield _hold(hold, None, "tensor not found", False)
        for kernel in kernels:
            tensor = kernel.tensor
            scales = tensor.scales if tensor.scales.size else None
            yield _hold(hold, *hold.read(kernel.values(), kernel.channel_axis, scales))


def _hold(hold: Hold, promised: Any, found: Any, kept: bool) -> dict[str, Any]:
    return {
        "kind": str(hold.kind),
        "tensor": hold.layer,
        "promised": _plain(promised),
        "found": _plain(found),
        "kept": bool(kept),
    }


def _plain(value: Any) -> Any:
    """Scalars of numpy as Python's, for JSON."""
    return value.item() if isinstance(value, np.generic) else value

"""Two models' outputs as the targets are: by their names, one row each, probabilities or logits."""

from collections.abc import Sequence

import numpy as np

from tfedge import errors
from tfedge.data import answers, splits
from tfedge.data import task as data_task
from tfedge.data.answers import Answers
from tfedge.data.kind import Kind
from tfedge.device import inference
from tfedge.device.file import tflite

_PROBABILITIES = ("LOGISTIC", "SOFTMAX")
_PASSED_THROUGH = ("QUANTIZE", "DEQUANTIZE", "RESHAPE", "SQUEEZE", "CAST")


def of(
    task: data_task.Task, runs: Sequence[inference.Run], y: splits.Arrays
) -> tuple[list[splits.Arrays], dict[str, bool]]:
    """Each run's outputs in the form of the targets, and which are before a sigmoid or softmax.

    Each output is looked at by itself: where it is logits in only some of the runs, these become
    probabilities.

    Args:
        task: of which kind the targets are.
        runs: over the same examples.
        y: their targets; one array without a name belongs to the only output that it fits.

    Returns:
        An array for each run, or a dict where the targets are one; and by the targets' names.

    Raises:
        BadInput: outputs that do not match the targets.
    """
    found: list[dict[str, np.ndarray]] = [{} for _ in runs]
    logits = {}
    chosen = [_by_target(task.kind_facts, run, y) for run in runs]
    for name, own in splits.named(y).items():
        before = [not _is_probability(run, by[name]) for run, by in zip(runs, chosen, strict=True)]
        logits[name] = all(before)
        kind, task_kind = task.kind_of(own), task.kind_facts
        for run, by, arrays, squash in zip(runs, chosen, found, before, strict=True):
            values = run.outputs[by[name]]
            if squash and not logits[name]:
                values = answers.probabilities(values, kind.answers_of(answers.width(values)))
            _check_sizes(task_kind, values, own, run.where)
            arrays[name] = _per_decision(task_kind, values, own)
    return [arrays if isinstance(y, dict) else arrays[""] for arrays in found], logits


def unjudged(run: inference.Run, task: data_task.Task, seen: set[str]) -> tuple[str, ...]:
    """The model's outputs, of several, that no metric looks at.

    Args:
        run: of the model.
        task: of which kind the targets are.
        seen: the targets, by name, that a metric looks at.
    """
    outputs = {
        output
        for name, output in _by_target(task.kind_facts, run, run.targets).items()
        if name in seen
    }
    return tuple(name for name in run.outputs if name not in outputs)


def is_probability(file: tflite.TfliteFile, tensor: int) -> bool:
    """Whether an output comes from a sigmoid or softmax."""
    for _ in range(len(file.operators)):
        producer = file.producers.get(tensor)
        if producer is None or producer.kind not in _PASSED_THROUGH:
            break
        tensor = producer.inputs[0]
    return producer is not None and producer.kind in _PROBABILITIES


def _is_probability(run: inference.Run, name: str) -> bool:
    return is_probability(run.file, run.file.named_outputs[name].index)


def _by_target(kind: Kind, run: inference.Run, y: splits.Arrays) -> dict[str, str]:
    """The output of each target, by their names; else the only one there is, or that fits."""
    names = list(splits.named(y))
    if len(names) == len(run.outputs) == 1:
        return {names[0]: next(iter(run.outputs))}
    if isinstance(y, dict):
        if set(y) <= set(run.outputs):
            return {name: name for name in y}
        cause = f"the targets are {', '.join(y)}"
    else:
        fitting = [name for name, values in run.outputs.items() if _fits(kind, values, y)]
        if len(fitting) == 1:
            return {"": fitting[0]}
        which = f"{', '.join(fitting)} fit it" if fitting else "none of them fits it"
        cause = f"the targets are one array without a name, and {which}"
    raise errors.BadInput(
        run.where,
        f"its outputs are {', '.join(run.outputs)}; {cause}",
        "Give the targets as a dict with the model's output names, in npz: y_test__NAME.",
    )


def _fits(kind: Kind, outputs: np.ndarray, y: np.ndarray) -> bool:
    """Whether targets could be of this output, where the model has others as well."""
    if kind.is_open or (_is_single(kind) and outputs.size not in (len(y), 2 * len(y))):
        return False
    try:
        _check_sizes(kind, outputs, y, "")
    except errors.BadInput:
        return False
    return True


def _is_single(kind: Kind) -> bool:
    """A yes or no for each example, which a model may also say with two units."""
    return kind.one_class and kind.answers is Answers.YES_OR_NO


def _check_sizes(kind: Kind, outputs: np.ndarray, y: np.ndarray, where: str) -> None:
    """What would be compared wrongly without a word: too few classes, other sizes."""
    units = outputs.shape[-1] if kind.answers is Answers.ONE_OF_MANY else 1
    classes = 2 if kind.has_places and units == 1 else units  # a sigmoid for each place
    if kind.answers is Answers.ONE_OF_MANY and y.max(initial=0) >= classes:
        raise errors.BadInput(
            where,
            f"labels go up to {y.max()}, the model has {outputs.shape[-1]} outputs",
            "Use the model and the data of one task; one sigmoid output is ?kind=binary.",
        )
    if not kind.is_open and not _is_single(kind) and outputs.size != y.size * units:
        raise errors.BadInput(
            where,
            f"its output has shape {outputs.shape[1:]}, the targets {y.shape[1:]}",
            "Use the model and the data of one task.",
        )


def _per_decision(kind: Kind, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Classes last, one row for each target: some models keep dimensions of size one between."""
    if kind.answers is not Answers.ONE_OF_MANY or outputs.shape[:-1] == y.shape:
        return outputs
    return outputs.reshape(*y.shape, outputs.shape[-1])

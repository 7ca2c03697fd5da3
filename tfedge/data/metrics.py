"""What a model is judged by: accuracy, top5, macro_f1, auc, mean_absolute_error and others.

Metrics of boxes are in `detection`.

numpy only.
"""

import dataclasses
import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfedge import errors
from tfedge.data import class_weights, detection, draws, metric_text, scores, splits, targets, task

Value = Callable[..., float]
PerExample = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A metric over outputs and targets of the same examples.

    Args:
        name: as reports show it.
        higher_is_better: its direction.
        value: (outputs, targets) -> the metric.
        correct: (outputs, targets) -> (n,) bool, where the metric is the share of examples got
            right, so that two models can be compared in pairs; None for every other metric.
        per_example: (outputs, targets) -> (n,) numbers whose mean is the metric, so that it can be
            resampled without being computed again; None where it is no mean over examples.
        outputs: the names of those it looks at, of several; () is all that have targets.
        prepare: (outputs, targets) -> a form of them that is quick to resample, where there is one.
    """

    name: str
    higher_is_better: bool
    value: Value
    correct: PerExample | None = None
    per_example: PerExample | None = None
    outputs: tuple[str, ...] = ()
    prepare: Callable[..., draws.Prepared] | None = None

    def prepared(self, outputs: splits.Arrays, y: splits.Arrays) -> draws.Prepared:
        """The metric over examples that are to be drawn again and again."""
        if self.per_example is not None:
            return draws.Mean(self.per_example(outputs, y))
        return self.prepare(outputs, y) if self.prepare else draws.Whole(self.value, outputs, y)


def resolve(task: "task.Task", logits: bool = False) -> Metric:
    """The metric of a task.

    A name may choose one of several outputs, "accuracy:output_name"; without a choice the metric
    is the mean over the outputs. Outputs with a NaN are wrong.

    Args:
        task: its kind and metric decide; the targets' values only where the kind is custom.
        logits: outputs are before their sigmoid or softmax: the threshold is 0 instead of 0.5.

    Raises:
        BadInput: an unknown name, or a metric that the kind does not have.
    """
    if isinstance(task.metric, Metric):
        return task.metric
    asked = metric_text.parse(task.metric or _usual(task))
    name, output = asked.name, asked.output
    y = task.validation.targets()
    if name in detection.NAMES:
        return _of_boxes(asked, y)
    if asked.options:
        raise errors.BadInput(f"metric {name}", "it has no options", f"Write {name}.")
    if name == "top5" and 0 < task.num_classes <= 5:
        raise errors.BadInput(
            "metric top5", f"of {task.num_classes} classes it is always 1", "Use accuracy."
        )
    if not isinstance(y, dict):
        return _single(name, _kind(task, y), logits)
    if output:
        if output not in y:
            raise errors.BadInput(
                f"metric {task.metric}", f"no output {output!r}", f"Outputs: {', '.join(y)}."
            )
        return _of_output(_single(name, _kind(task, y[output]), logits), output)
    each_of = [_of_output(_single(name, _kind(task, y[each]), logits), each) for each in y]
    return _mean(name, each_of)


def for_training(task: "task.Task", logits: bool = False) -> Metric:
    """What chooses among the states of a training: `resolve`, but for accuracy of weighted classes.

    There each right answer counts by the weight of its class, or training would be stopped where
    it does best without the rare ones.

    Args:
        task: see `resolve`; its `class_weight` is read.
        logits: see `resolve`.
    """
    metric, weights = resolve(task, logits), class_weights.of(task)
    if not weights or metric.name != "accuracy" or isinstance(task.metric, Metric):
        return metric
    output = (task.metric or "").partition(":")[2]
    chosen = [output] if output else list(splits.named(task.validation.targets()))
    if not set(chosen) & set(weights):
        return metric

    def value(outputs: splits.Arrays, y: splits.Arrays) -> float:
        return float(np.mean([_weighted(name, outputs, y) for name in chosen]))

    def _weighted(name: str, outputs: splits.Arrays, y: splits.Arrays) -> float:
        # A lone output of a model has no name in its answers.
        found, wanted = (each[name] if isinstance(each, dict) else each for each in (outputs, y))
        kind = class_weights.kind_of(task, wanted)
        if name not in weights:
            return float(np.mean(scores.right(found, wanted, kind, logits)))
        return scores.weighted_accuracy(found, wanted, kind, logits, weights[name])

    return Metric("weighted_accuracy", True, value)


def chance(task: "task.Task", metric: Metric | None = None) -> float | None:
    """What guessing reaches on the held-out split (validation where there is none).

    The guess knows how often each class occurs there, or the median or the mean of the targets, and
    nothing about the input. A model that does no better is broken.

    Args:
        task: classification, binary, multilabel, segmentation or regression.
        metric: the task's own when None.

    Returns:
        The metric of the better guess; None for custom tasks, where nobody can say.
    """
    if task.kind == "custom":
        return None
    metric = metric or resolve(task)
    y = (task.holdout or task.validation).targets()
    if task.kind == "regression":
        better = max if metric.higher_is_better else min
        return better(metric.value(_middle(y, of), y) for of in (np.median, np.mean))
    if isinstance(y, dict):
        guess = {name: _guess(array, task.kind) for name, array in y.items()}
        return metric.value(guess, y)
    value = metric.value(_guess(y, task.kind), y)
    return max(value, scores.uniform_macro_f1(y, task.kind)) if metric.name == "macro_f1" else value


def usual_of(kind: str) -> str:
    """The name of the usual metric of one output's kind."""
    return "mean_absolute_error" if kind == "regression" else "accuracy"


def _usual(task: "task.Task") -> str:
    if task.kind == "custom":
        raise errors.BadInput(
            f"task {task.name}",
            "a custom task has no usual metric",
            "Give Task(metric=Metric(...)), or a name such as accuracy:OUTPUT.",
        )
    return usual_of(task.kind)


def _kind(task: "task.Task", y: np.ndarray) -> str:
    return targets.infer(y) if task.kind == "custom" else task.kind


_KINDS = {
    "accuracy": ("classification", "binary", "multilabel", "segmentation"),
    "top5": ("classification",),
    "macro_f1": ("classification", "binary", "multilabel", "segmentation"),
    "auc": ("classification", "binary", "multilabel"),
    "mean_absolute_error": ("regression",),
    "root_mean_squared_error": ("regression",),
}


def _single(name: str, kind: str, logits: bool) -> Metric:
    """The metric of one output."""
    if name not in _KINDS:
        known = (*_KINDS, *detection.NAMES)
        near = difflib.get_close_matches(name, known, 1)
        raise errors.BadInput(
            f"metric {name}",
            "no such metric" + (f"; did you mean {near[0]}?" if near else ""),
            f"Use one of {', '.join(known)}.",
        )
    if kind not in _KINDS[name]:
        fitting = ", ".join(each for each, kinds in _KINDS.items() if kind in kinds)
        raise errors.BadInput(f"metric {name}", f"targets of {kind} have none", f"Use {fitting}.")
    if name in ("macro_f1", "auc"):
        whole_set = scores.auc if name == "auc" else scores.macro_f1
        return Metric(name, True, functools.partial(whole_set, kind=kind, logits=logits))
    if name == "root_mean_squared_error":
        return Metric(name, False, scores.root_mean_squared_error)
    per_example: PerExample = functools.partial(scores.right, kind=kind, logits=logits)
    if name != "accuracy":
        per_example = scores.in_top5 if name == "top5" else scores.absolute_error
    one_decision = kind in ("classification", "binary")
    return Metric(
        name,
        higher_is_better=name != "mean_absolute_error",
        value=functools.partial(_mean_value, per_example),
        correct=functools.partial(_as_bool, per_example) if one_decision else None,
        per_example=per_example,
    )


def _of_boxes(asked: metric_text.Named, y: splits.Arrays) -> Metric:
    found = detection.of(asked, y)
    several = isinstance(y, dict)
    return Metric(
        f"{asked.shown}:{'+'.join(found.where)}" if several else asked.shown,
        higher_is_better=True,
        value=found.value,
        outputs=found.where if several else (),
        prepare=found.prepare,
    )


def _mean_value(per_example: PerExample, outputs: splits.Arrays, y: splits.Arrays) -> float:
    return float(np.mean(per_example(outputs, y)))


def _as_bool(per_example: PerExample, outputs: splits.Arrays, y: splits.Arrays) -> np.ndarray:
    return per_example(outputs, y).astype(bool)


def _of_output(metric: Metric, name: str) -> Metric:
    """`metric` over dicts, looking at one output."""

    def look(function: Callable) -> Callable:
        return lambda outputs, y: function(outputs[name], y[name])

    return dataclasses.replace(
        metric,
        name=f"{metric.name}:{name}",
        outputs=(name,),
        value=look(metric.value),
        correct=look(metric.correct) if metric.correct else None,
        per_example=look(metric.per_example) if metric.per_example else None,
    )


def _mean(name: str, metrics: list[Metric]) -> Metric:
    """The mean of the same metric over several outputs; no longer right or wrong per example."""
    means = [metric.per_example for metric in metrics if metric.per_example]
    return Metric(
        name,
        metrics[0].higher_is_better,
        value=lambda outputs, y: float(np.mean([metric.value(outputs, y) for metric in metrics])),
        per_example=(lambda outputs, y: np.mean([mean(outputs, y) for mean in means], axis=0))
        if len(means) == len(metrics)
        else None,
    )


def _middle(y: splits.Arrays, of: Callable) -> splits.Arrays:
    """The same output for every example: the median or the mean of the targets."""
    if isinstance(y, dict):
        return {name: np.broadcast_to(of(array, axis=0), array.shape) for name, array in y.items()}
    return np.broadcast_to(of(y, axis=0), y.shape)


def _guess(y: np.ndarray, kind: str) -> np.ndarray:
    """The same output for every example, from how often each target occurs."""
    if kind in ("binary", "multilabel"):
        return np.broadcast_to(y.mean(axis=0), y.shape)
    shares = np.bincount(y.ravel(), minlength=2) / y.size  # one number would be a sigmoid's
    return np.broadcast_to(shares, (*y.shape, len(shares)))

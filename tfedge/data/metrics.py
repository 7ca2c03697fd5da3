"""What a model is judged by: a metric of `measures` for each output, or of boxes (`detection`).

numpy only.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tfedge import errors, settings
from tfedge.data import class_weights, detection, measures, metric_text, splits, spreads, task
from tfedge.data.kind import Kind
from tfedge.data.metric import Metric
from tfedge.data.scoring import scores

__all__ = [
    "Metric",
    "chance",
    "check_name",
    "counting",
    "explained",
    "for_training",
    "judged",
    "resolve",
]

Logits = bool | Mapping[str, bool]


def judged(task: "task.Task", logits: Logits = False) -> tuple[Metric, ...]:
    """All metrics that a release needs, the first one first.

    A name that chooses none of several outputs stands for one metric of each, so that no output
    can lose while another gains.

    Args:
        task: its metric and more_metrics.
        logits: see `resolve`.

    Raises:
        BadInput: see `resolve`.
    """
    y = task.validation.targets()
    asked = (_usual(task) if task.metric is None else task.metric, *task.more_metrics)
    return tuple(
        resolve(dataclasses.replace(task, metric=each), logits)
        for metric in asked
        for each in _of_each_output(metric, y)
    )


def _of_each_output(metric: str | Metric, y: splits.Arrays) -> list[str | Metric]:
    if isinstance(metric, Metric) or not isinstance(y, dict) or len(y) == 1:
        return [metric]
    asked = metric_text.parse(metric)
    if asked.output or asked.name in detection.KINDS:
        return [metric]
    return [f"{metric}:{name}" for name in y]


def resolve(task: "task.Task", logits: Logits = False) -> Metric:
    """The metric of a task.

    A name may choose one of several outputs, "accuracy:output_name"; without a choice the metric
    is the mean over the outputs, as training chooses by; a release is `judged` by each. Outputs
    with a NaN are wrong.

    Args:
        task: its kind and metric decide; the targets' values only where the kind is custom.
        logits: outputs are before their sigmoid or softmax: the threshold is 0 instead of 0.5; of
            several by their names.

    Raises:
        BadInput: an unknown name, or a metric that the kind does not have.
    """
    if isinstance(task.metric, Metric):
        return task.metric
    asked = metric_text.parse(task.metric or _usual(task))
    name, output = asked.name, asked.output
    y = task.validation.targets()
    if name in detection.KINDS:
        return _of_boxes(asked, y)
    if asked.options:
        raise errors.BadInput(f"metric {name}", "it has no options", f"Write {name}.")
    if name == "top5" and 0 < task.num_classes <= 5:
        raise errors.BadInput(
            "metric top5", f"of {task.num_classes} classes it is always 1", "Use accuracy."
        )
    if not isinstance(y, dict):
        return _single(name, task.kind_of(y), _is_logits(logits, ""))
    if output:
        if output not in y:
            raise errors.BadInput(
                f"metric {task.metric}", f"no output {output!r}", f"Outputs: {', '.join(y)}."
            )
        return _one_of(task, name, output, y[output], logits)
    each_of = [_one_of(task, name, each, y[each], logits) for each in y]
    return _mean(name, each_of)


def for_training(task: "task.Task", logits: bool = False) -> Metric:
    """What chooses among the states of a training: `resolve`, but for what would be outweighed.

    In accuracy of weighted classes each right answer counts by the weight of its class, or training
    would be stopped where it does best without the rare ones. Errors of several outputs, or of
    columns in units of their own, are shares of how far each one's targets spread, or only the one
    in the largest unit would be looked at. Where outputs are judged by metrics of their own, each
    counts as a share of what a guess loses by it, or training would be stopped where the first
    output does best.

    Args:
        task: see `resolve`; its `class_weight` is read.
        logits: see `resolve`.
    """
    shared = _of_every_output(task, logits)
    if shared is not None:
        return shared
    metric, weights = resolve(task, logits), class_weights.of(task)
    relative = _relative(task)
    if relative is not None:
        return relative
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
        kind = task.kind_of(wanted)
        if name not in weights:
            return float(np.mean(scores.right(found, wanted, kind, logits)))
        return scores.weighted_accuracy(found, wanted, kind, logits, weights[name])

    return Metric("weighted_accuracy", True, value)


def _of_every_output(task: "task.Task", logits: bool) -> Metric | None:
    """The mean over metrics of different outputs; None where the first one decides alone."""
    if isinstance(task.metric, Metric) or not task.more_metrics:
        return None
    seen: set[str] = set()
    parts = []
    for asked in (task.metric or _usual(task), *task.more_metrics):
        own = dataclasses.replace(task, metric=asked, more_metrics=())
        outputs = set(resolve(own, logits).outputs or splits.named(task.validation.targets()))
        if outputs <= seen:  # the one before it decides
            continue
        seen |= outputs
        metric, guess = for_training(own, logits), _guess(own)
        best = float(metric.higher_is_better)
        if guess is None or guess == best:
            return None
        parts.append((metric, best, best - guess))

    def value(outputs: splits.Arrays, y: splits.Arrays) -> float:
        shares = [(best - metric.value(outputs, y)) / span for metric, best, span in parts]
        return float(np.mean(shares))

    return Metric("error_beside_guessing", False, value) if len(parts) > 1 else None


def _guess(task: "task.Task") -> float | None:
    """See `chance`; None for boxes, too, which nobody guesses."""
    asked = task.metric or _usual(task)
    if isinstance(asked, Metric) or metric_text.parse(asked).name in detection.KINDS:
        return None
    return chance(task, resolve(task))


def _relative(task: "task.Task") -> Metric | None:
    """The mean of the errors of all outputs and columns, in units of their spreads; else None."""
    if isinstance(task.metric, Metric):
        return None
    asked = metric_text.parse(task.metric or _usual(task))
    of_all = splits.named(task.validation.targets())
    units = spreads.of(task)
    if asked.output or asked.name in detection.KINDS or not units or set(units) != set(of_all):
        return None
    each_of = {name: _single(asked.name, task.kind_of(y), False) for name, y in of_all.items()}
    if not all(metric.in_units for metric in each_of.values()):
        return None

    def value(outputs: splits.Arrays, y: splits.Arrays) -> float:
        shares = [
            metric.value(_answers(outputs, name).reshape(wanted.shape) / unit, wanted / unit)
            for name, wanted in splits.named(y).items()
            for metric, unit in [(each_of[name], units[name])]
        ]
        return float(np.mean(shares))

    return Metric(f"relative_{asked.name}", False, value)


def _answers(outputs: splits.Arrays, name: str) -> np.ndarray:
    """Those of an output; a lone one need not have the name of its targets."""
    if not isinstance(outputs, dict):
        return outputs
    if name in outputs:
        return outputs[name]
    (only,) = outputs.values()
    return only


def counting(task: "task.Task", metric: Metric, logits: Logits = False) -> Metric | None:
    """What tells right answers from wrong ones, so that classes and slices can be looked at.

    Args:
        task: its kind decides, or in an open one the targets of the metric's output.
        metric: one of those that the task is judged by.
        logits: see `resolve`.

    Returns:
        `metric` itself where it counts right answers; else the usual one of the same output, such
        as accuracy beside macro F1; None where no example is simply right or wrong.
    """
    if metric.correct is not None:
        return metric
    y = task.validation.targets()
    outputs = metric.outputs or tuple(splits.named(y))
    is_own = metric in (task.metric, *task.more_metrics)
    if len(outputs) > 1 or (is_own and task.kind_facts.is_open):
        return None
    (name,) = outputs
    own = splits.named(y)[name]
    kind = task.kind_of(own)
    usual = _single(kind.metrics[0], kind, _is_logits(logits, name))
    if usual.correct is None:
        return None
    return _of_output(usual, name) if isinstance(y, dict) else usual


def chance(task: "task.Task", metric: Metric | None = None) -> float | None:
    """What guessing reaches on the held-out split (validation where there is none).

    The guess knows how often each class occurs there, or the median or the mean of the targets, and
    nothing about the input. A model that does no better is broken.

    Args:
        task: classification, binary, multilabel, segmentation or regression.
        metric: the task's own when None.

    Returns:
        The metric of the better guess; None for a custom task's own metric, which may ask for
        anything.
    """
    own = metric is None or metric in (task.metric, *task.more_metrics)
    if task.kind_facts.is_open and own:
        return None
    metric = metric or resolve(task)
    y = (task.holdout or task.validation).targets()
    better = max if metric.higher_is_better else min
    value = better(
        metric.value(guess if isinstance(y, dict) else guess[""], y)
        for guess in _guesses(task, splits.named(y), metric.outputs)
    )
    if metric.name.startswith("macro_f1") and (len(metric.outputs) == 1 or not isinstance(y, dict)):
        only = splits.named(y)["".join(metric.outputs)]
        return max(value, scores.uniform_macro_f1(only, task.kind_of(only)))
    return value


def _guesses(
    task: "task.Task", y: dict[str, np.ndarray], outputs: tuple[str, ...]
) -> Iterator[dict[str, np.ndarray]]:
    """Answers that do not depend on the input: of values both the median and the mean."""
    found = {name: task.kind_of(y[name]).guesses(y[name]) for name in outputs or y}
    for number in range(max(map(len, found.values()))):
        yield {name: each[min(number, len(each) - 1)] for name, each in found.items()}


def _usual(task: "task.Task") -> str:
    found = task.kind_facts.metrics
    if not found:
        raise errors.BadInput(
            f"task {task.name}",
            f"a {task.kind} task has no usual metric",
            "Give Task(metric=Metric(...)), or a name such as accuracy:OUTPUT.",
        )
    return found[0]


def check_name(name: str, where: str = "metric") -> None:
    """Refuses a name that no metric has, whatever the task.

    Raises:
        BadInput: with the nearest name there is.
    """
    known = (*measures.names(), *detection.KINDS)
    if name not in known:
        raise errors.BadInput(f"{where} {name}", "no such metric", settings.nearest(name, known))


def _single(name: str, kind: Kind, logits: bool) -> Metric:
    """The metric of one output."""
    check_name(name)
    if name not in kind.metrics:
        raise errors.BadInput(
            f"metric {name}",
            f"targets of {kind.name} have none",
            f"Use {', '.join(kind.metrics)}.",
        )
    return measures.named(name, kind, logits)


def explained() -> dict[str, str]:
    """Every metric that has a name, and what it is."""
    boxes = {name: (of.__doc__ or "").partition("\n")[0] for name, of in detection.KINDS.items()}
    return {**measures.explained(), **boxes}


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


def _one_of(task: "task.Task", name: str, output: str, y: np.ndarray, logits: Logits) -> Metric:
    return _of_output(_single(name, task.kind_of(y), _is_logits(logits, output)), output)


def _is_logits(logits: Logits, output: str) -> bool:
    return logits if isinstance(logits, bool) else logits[output]


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
        prepare=look(metric.prepare) if metric.prepare else None,
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

"""From what models put out to a metric, for a baseline and a candidate on the same examples."""

import dataclasses
import math

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import answers as answers_lib
from tfedge.data import metrics, splits
from tfedge.data import task as data_task
from tfedge.data.scoring import calibration_error, scores
from tfedge.device import inference, judged_outputs, scorecard

_FAILURES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_STANDARD_ERRORS = 2.0  # a baseline within so many of chance is taken to guess
_FEWEST = 10  # examples that tell a model from a guess
_TELLS_APART = 0.6  # AUC of a model that has learned something
_SLACK = 0.02  # the same for metrics that are no shares


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """One model's outputs, in the form of the targets, and which of them are right.

    Attributes:
        outputs: of every example.
        value: of the metric.
        correct: (n,) bool where the metric counts right answers.
        right: (n,) bool where the kind of task has right answers, whatever the metric is.
    """

    outputs: splits.Arrays
    value: float
    correct: np.ndarray | None
    right: np.ndarray | None


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """Both models' answers under one metric."""

    metric: metrics.Metric
    candidate: Answers
    baseline: Answers | None
    logits: bool = False
    more: "tuple[Scores, ...]" = ()
    chance: float | None = None
    unjudged: tuple[str, ...] = ()

    def metric_value(self, n: int) -> scorecard.MetricValue:
        """For the scorecard."""
        value, correct = self.candidate.value, self.candidate.correct
        return scorecard.MetricValue(
            name=self.metric.name,
            value=value,
            n=n,
            baseline=self.baseline.value if self.baseline else None,
            interval=scorecard.wilson_interval(value, n) if correct is not None else None,
            paired=self._paired(),
            chance=self.chance,
            higher_is_better=self.metric.higher_is_better,
        )

    def per_class(self, task: data_task.Task, y: splits.Arrays) -> tuple[scorecard.ClassValue, ...]:
        """By true class, where each example has one."""
        right = self.candidate.right
        if right is None or not task.kind_facts.one_class or isinstance(y, dict):
            return ()
        found = []
        for number in range(task.num_classes):
            own = np.asarray(y) == number
            label = task.labels[number] if number < len(task.labels) else str(number)
            before = self.baseline.right if self.baseline else None
            found.append(
                scorecard.ClassValue(label, int(own.sum()), _mean(right, own), _mean(before, own))
            )
        return tuple(found)

    def per_slice(
        self, groups: dict[str, np.ndarray]
    ) -> dict[str, tuple[scorecard.ClassValue, ...]]:
        """By the groups of each slice, where examples are right or wrong."""
        right = self.candidate.right
        if right is None:
            return {}
        before = self.baseline.right if self.baseline else None
        return {
            name: tuple(
                scorecard.ClassValue(
                    str(label), int(own.sum()), _mean(right, own), _mean(before, own)
                )
                for label in np.unique(values)
                for own in [values == label]
            )
            for name, values in groups.items()
        }

    def calibration_error(
        self, task: data_task.Task, y: splits.Arrays
    ) -> dict[str, float | None] | None:
        """Of both models, where their one output is a distribution over classes."""
        if isinstance(y, dict) or not isinstance(self.candidate.outputs, np.ndarray):
            return None
        both = [self.candidate, *([self.baseline] if self.baseline else [])]
        yes_or_no = task.kind_facts.answers is answers_lib.Answers.YES_OR_NO
        error_of = calibration_error.of_yes_or_no if yes_or_no else calibration_error.expected
        found = [error_of(np.asarray(each.outputs), y, self.logits) for each in both]
        if found[0] is None:
            return None
        return {"value": found[0], "baseline": found[1] if self.baseline else None}

    def _paired(self) -> dict[str, int] | None:
        if self.baseline is None or self.candidate.correct is None or self.baseline.correct is None:
            return None
        ours, theirs = self.candidate.correct, self.baseline.correct
        return {
            "both": int((ours & theirs).sum()),
            "only_baseline": int((~ours & theirs).sum()),
            "only_candidate": int((ours & ~theirs).sum()),
            "neither": int((~ours & ~theirs).sum()),
        }


def score(task: data_task.Task, candidate: inference.Run, baseline: inference.Run | None) -> Scores:
    """Judges both by the task's metrics, each of several outputs by its own.

    Outputs before their sigmoid or softmax are recognised by the operator that made them; where
    those of one model only are, they become probabilities, so that both are compared alike.

    Raises:
        BadInput: outputs that do not match the targets; runs over different examples; a baseline
            that is no better than chance.
    """
    y = candidate.targets
    runs = [candidate] if baseline is None else [candidate, baseline]
    if baseline is not None and not _same(y, baseline.targets):
        raise errors.BadInput(
            f"task {task.name}, holdout",
            "it gives other examples, or another order, each time it is read",
            "Give a stream that does not shuffle.",
        )
    shaped, logits = judged_outputs.of(task, runs, y)

    def under(each: metrics.Metric) -> tuple[Answers, Answers | None]:
        counting = metrics.counting(task, each, logits)
        ours, *theirs = (
            _answers(each, counting, found, y, run.where)
            for run, found in zip(runs, shaped, strict=True)
        )
        return ours, theirs[0] if theirs else None

    found = metrics.judged(task, logits)
    first, *more = (
        Scores(metric, *under(metric), all(logits.values()), chance=_chance(task, of_guesses))
        for metric, of_guesses in zip(found, metrics.judged(task), strict=True)
    )
    if first.baseline is not None:
        _check_baseline(task, first.metric, first.baseline, first.chance, y)
    seen = {name for metric in found for name in metric.outputs or splits.named(y)}
    unjudged = judged_outputs.unjudged(candidate, task, seen)
    return dataclasses.replace(first, more=tuple(more), unjudged=unjudged)


def has_classes(task: data_task.Task) -> bool:
    """Whether the share of right answers is known for each class."""
    if not task.kind_facts.one_class or isinstance(task.validation.targets(), dict):
        return False
    return metrics.counting(task, metrics.judged(task)[0]) is not None


def _chance(task: data_task.Task, metric: metrics.Metric) -> float | None:
    """What guessing reaches; guesses are probabilities, whatever the models put out."""
    try:
        return metrics.chance(task, metric)
    except _FAILURES:  # a metric of the user's that takes nothing but a model's outputs
        return None


def _same(a: splits.Arrays, b: splits.Arrays) -> bool:
    ours, theirs = splits.named(a), splits.named(b)
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


def _answers(
    metric: metrics.Metric,
    counting: metrics.Metric | None,
    outputs: splits.Arrays,
    y: splits.Arrays,
    where: str,
) -> Answers:
    try:
        right = counting.correct(outputs, y) if counting and counting.correct else None
        correct = None if metric.correct is None else right
        return Answers(outputs, float(metric.value(outputs, y)), correct, right)
    except _FAILURES as e:  # a metric of the user's, or shapes that only a foreign model has
        shapes = {name: values.shape for name, values in splits.named(outputs).items()}
        raise errors.BadInput(
            where,
            f"{metric.name} cannot be had from outputs of shape {shapes}: {type(e).__name__}: {e}",
            "Use the model and the data of one task; a metric of your own gives one number.",
        ) from e


def _check_baseline(
    task: data_task.Task,
    metric: metrics.Metric,
    answers: Answers,
    chance: float | None,
    y: splits.Arrays,
) -> None:
    n = splits.count(y)
    if chance is None:
        return
    ahead = answers.value - chance if metric.higher_is_better else chance - answers.value
    if metric.correct is not None:
        least = _STANDARD_ERRORS * math.sqrt(max(chance * (1 - chance), 0) / n)
    else:
        least = _SLACK * abs(chance)
    if n < _FEWEST and math.isfinite(answers.value):
        return  # not even a perfect model would stand out; the gate asks for more examples
    if ahead > least:  # NaN is not
        return
    apart = _separation(task, metric, answers.outputs, y)
    if apart >= _TELLS_APART:
        logging.warning(
            "the baseline's %s is %.4g, always giving the most frequent answer reaches %.4g, yet it"
            " tells a class from the rest (AUC %.2f): judge it by ?metric=macro_f1 or auc",
            *(metric.name, answers.value, chance, apart),
        )
        return
    raise errors.BadInput(
        "the baseline",
        f"its {metric.name} is {answers.value:.4g} on {n} held-out examples, guessing "
        f"reaches {chance:.4g}: the baseline itself is broken",
        "Check that model, data, labels and normalisation belong together.",
    )


def _separation(
    task: data_task.Task, metric: metrics.Metric, outputs: splits.Arrays, y: splits.Arrays
) -> float:
    """The best AUC of any class, where one is much more frequent than the others; else 0.5.

    Of classes that are as frequent, a model below chance gives the same answer to everything,
    whatever its scores say, and is broken.
    """
    found, best = splits.named(outputs), 0.5
    for name, labels in splits.named(y).items():
        kind = task.kind_of(labels)
        judged = not metric.outputs or name in metric.outputs
        if judged and kind.classes is not None and kind.classes.is_uneven(labels):
            best = max(best, scores.separation(found[name], labels, kind))
    return best


def _mean(correct: np.ndarray | None, own: np.ndarray) -> float | None:
    return float(correct[own].mean()) if correct is not None and own.any() else None

"""The examples that every probe answers, and how far its answers are from the model's own."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.compress import costs, graph, losses
from tfedge.compress import keras as k
from tfedge.compress.teaching import imitation
from tfedge.compress.training import validation, validation_scores
from tfedge.data import splits
from tfedge.data.answers import Answers
from tfedge.data.task import Task

_MULTIPLY_ADDS = 5e9  # of all examples of a probe: about a quarter of a second
_FEWEST, _MOST = 32, 256
_CALIBRATION = 128  # examples that give ranges


@dataclasses.dataclass(frozen=True)
class Difference:
    """What a change does to a model.

    Attributes:
        loss: what is added to the validation loss; None for a task without one.
        snr_db: power of the outputs over that of what was added to them, in decibels; None where
            they are the same.
        kl: Kullback-Leibler divergence from the model's own answers, in nats, the mean of all
            decisions; None where outputs are no scores of classes.
    """

    loss: float | None
    snr_db: float | None
    kl: float | None

    @property
    def harm(self) -> float:
        """All in one number: divergence of the answers, else loss, else the share of noise."""
        if self.kl is not None:
            return self.kl
        if self.loss is not None:
            return max(0.0, self.loss)
        return 0.0 if self.snr_db is None else 10 ** (-self.snr_db / 10)

    def to_json(self) -> dict[str, float | None]:
        """A plain dict, with the harm."""
        return {**dataclasses.asdict(self), "harm": self.harm}


class Panel:
    """Some validation examples with the answers of the unchanged model.

    Attributes:
        task: with these examples as its validation split, and as few for calibration.
    """

    def __init__(self, model: k.Model, task: Task, count: int | None = None):
        """Asks the model.

        Args:
            model: flat tf_keras model.
            task: its validation and calibration splits are read.
            count: of examples; None takes up to 256, fewer for a large model.
        """
        count = count or _usual(model)
        few = _few(task.validation, count)
        calibration = _few(task.calibration, max(count, _CALIBRATION))
        self.task = dataclasses.replace(task, validation=few, calibration=calibration)
        self._names = graph.output_names(model)
        self._loss_of = _loss_of(self.task, model)
        self._scores = list(_scores(self.task, model, self._names))
        answers = self.asked(model)
        self._own, self._targets = self._in_order(answers[0]), answers[1]
        self._loss = self._lost(answers[0])

    def asked(self, model: k.Model) -> tuple[splits.Arrays, splits.Arrays]:
        """Answers and targets of a model that is asked once."""
        return validation.Validation(model, self.task, is_once=True).answers()

    def difference(self, answers: splits.Arrays) -> Difference:
        """How far other answers are from the model's own."""
        found = self._in_order(answers)
        lost = self._lost(answers)
        pairs = list(zip(self._own, found, self._scores, strict=True))
        apart = [float(score(own, other)) for own, other, score in pairs if score is not None]
        return Difference(
            None if lost is None or self._loss is None else lost - self._loss,
            _decibels(self._own, found),
            max(0.0, float(np.mean(apart))) if apart else None,
        )

    def _in_order(self, answers: splits.Arrays) -> list[np.ndarray]:
        if isinstance(answers, dict):
            return [answers[name] for name in self._names]
        return list(k.tf.nest.flatten(answers))

    def _lost(self, answers: splits.Arrays) -> float | None:
        if self._loss_of is None:
            return None
        return validation_scores.mean_loss(self._loss_of, answers, self._targets, self._names)


def _usual(model: k.Model) -> int:
    """So many that a probe of any model takes about as long."""
    fits = _MULTIPLY_ADDS / max(1, costs.total_multiply_adds(model))
    return int(min(_MOST, max(_FEWEST, fits)))


def _few(split: splits.Split, count: int) -> splits.ArraySplit:
    """Evenly over the split, which may be ordered by class."""
    places = np.linspace(0, len(split) - 1, min(count, len(split)))
    return split.take(np.round(places).astype(int))


def _loss_of(task: Task, model: k.Model) -> Callable[..., Any] | None:
    try:
        return losses.loss_of(task, model)
    except errors.BadInput:  # none is needed to compare answers
        return None


def _scores(
    task: Task, model: k.Model, names: Sequence[str]
) -> Iterator[Callable[..., Any] | None]:
    """For each output (its own answers, others) -> KL divergence, None where it is no classes."""
    targets = splits.named(task.validation.targets())
    kinds = {name: task.kind_of(y) for name, y in targets.items()}
    for number, name in enumerate(names):
        kind = kinds.get(name, kinds.get("", task.kind_facts))
        said = kind.answers_of(model.outputs[number].shape[-1])
        if not said.are_scores:
            yield None
            continue
        yield _divergence(said, losses.gives_logits(model, number))


def _divergence(said: Answers, logits: bool) -> Callable[..., Any]:
    def of(own: np.ndarray, other: np.ndarray) -> Any:
        wanted, found = (imitation.scores(k.tf.constant(x), said, logits) for x in (own, other))
        return imitation.divergence(wanted, found, 1.0, said is Answers.YES_OR_NO)

    return of


def _decibels(own: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float | None:
    """Of the mean share of noise over all outputs, which count alike whatever their units."""
    shares = [
        float(np.square(other.astype(np.float64) - was).mean())
        / max(float(np.square(was.astype(np.float64)).mean()), 1e-30)
        for was, other in zip(own, found, strict=True)
    ]
    noise = float(np.mean(shares))
    return -10 * math.log10(noise) if noise > 0 else None

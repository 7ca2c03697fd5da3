"""Trains a network from new weights, by the loop that fine-tunes.

Two parts are others: AdamW under a cosine to zero (Loshchilov & Hutter 2019, arXiv:1711.05101), and
targets that may be smoothed (Szegedy et al. 2016, arXiv:1512.00567).
"""

import dataclasses
from collections.abc import Iterator, Sequence

from tfedge.compress import bridge, folding
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.keras import tf
from tfedge.compress.training import batches, finetune, trainer
from tfedge.data.task import Task

_NOT_DECAYED = ["bias", "gamma", "beta"]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How to train.

    Attributes:
        epochs: passes over the training split.
        learning_rate: at the start.
        weight_decay: share of a weight, times the learning rate, that each step takes off.
        label_smoothing: share of each target that is spread over all classes.
        batch_size: examples a step.
    """

    epochs: int = 20
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    batch_size: int = 128


def train(network: k.Model, task: Task, schedule: Schedule) -> tuple[k.Model, int]:
    """Train a classifier.

    Args:
        network: Keras 3 model with new weights; it is not changed.
        task: one class of many; train and validation splits are read.
        schedule: how.

    Returns:
        A Keras 3 model with the weights of the best epoch by the validation metric, the later of
        equals, and that epoch's number from 1.

    Raises:
        BadInput: training met NaN or infinite numbers.
    """
    start = Candidate(folding.flatten(bridge.to_tf_keras(network)))
    task = dataclasses.replace(task, batch_size=min(schedule.batch_size, len(task.train)))
    steps = schedule.epochs * batches.steps_per_epoch(task)
    task = dataclasses.replace(task, optimizer=lambda: _optimizer(schedule, steps))
    plan = finetune.Plan(schedule.epochs, schedule.learning_rate)
    parts = finetune.assemble(start, task, plan)
    feed = Smoothed(parts.feed.model, task, share=schedule.label_smoothing)
    parts = dataclasses.replace(parts, feed=feed)
    history = trainer.run(parts, schedule.epochs, plan.patience, network.name)
    return finetune.tuned(start, parts).to_keras3(), _best(history)


@dataclasses.dataclass(frozen=True)
class Smoothed(batches.Feed):
    """Batches whose targets are shares of classes, part of them spread over all.

    Attributes:
        share: of each target that is spread; with 0 targets stay as they are.
    """

    share: float = 0.0

    def epoch(self, number: int) -> Iterator[batches.Batch]:
        """See `Feed.epoch`."""
        for batch in super().epoch(number):
            yield batch if not self.share else self._smoothed(batch)

    def _smoothed(self, batch: batches.Batch) -> batches.Batch:
        classes, targets = self.task.num_classes, batch.targets
        if targets.shape.rank == 1:  # mixed ones are shares already
            targets = tf.one_hot(tf.cast(targets, tf.int32), classes)
        targets = (1 - self.share) * targets + self.share / classes
        return batch._replace(targets=targets)


def _best(history: Sequence[dict[str, float]]) -> int:
    """The epoch that was kept."""
    (value,) = (name for name in history[0] if name.startswith("validation_"))
    return int(max(history, key=lambda entry: (entry[value], entry["epoch"]))["epoch"])


def _optimizer(schedule: Schedule, steps: int) -> k.Optimizer:
    rate = k.tf_keras.optimizers.schedules.CosineDecay(schedule.learning_rate, steps)
    made = k.tf_keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay)
    made.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return made

"""What a step makes smaller: the loss of a batch, with what a teacher and penalties add to it."""

from collections.abc import Callable
from typing import Any

from tfedge.compress import graph, losses, teaching
from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.training.batches import Batch
from tfedge.data.task import Task

Penalty = Callable[[Any], Any]  # the model in training -> scalar tensor, added to the loss
Objective = Callable[[Batch], tuple[Any, Any]]  # (loss to tell, the one to take gradients of)


def of(
    model: k.Model,
    plain: k.Model,
    task: Task,
    lessons: teaching.Lessons | None,
    penalty: Penalty | None = None,
) -> Objective:
    """The objective of a training.

    Args:
        model: in training.
        plain: the same without fake quantization; its outputs are known by name and kind.
        task: says what a loss is, and what counts how much.
        lessons: what is learned from a teacher.
        penalty: of the model's complexity.

    Returns:
        Batch -> (loss, total), scalars; penalties count in the total alone.
    """
    names = graph.output_names(plain)
    loss_of, weigh = losses.loss_of(task, plain), losses.weigher(task, names)

    def loss_on(batch: Batch) -> k.Tensor:
        """The loss on the targets, and on what a teacher says."""
        targets, weights = weigh(batch.targets, *batch.counts)
        if lessons is None:
            return loss_of(targets, model(batch.inputs, training=True), weights)
        answers = batch.answers if lessons.kept else lessons.answers(batch.inputs)
        outputs, shown = lessons.attend(batch.inputs)
        each = [weights.get(name) for name in names]
        return lessons.loss(loss_of(targets, outputs, weights), answers, shown, each)

    def objective(batch: Batch) -> tuple[Any, Any]:
        loss = loss_on(batch)
        total = tf.add_n([loss, *model.losses]) if model.losses else loss
        return loss, total if penalty is None else total + penalty(model)

    return objective

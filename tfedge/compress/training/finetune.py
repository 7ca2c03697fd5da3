"""Trains a candidate under its holds and fake quantization: the parts put together.

A training of another kind replaces one of them:

    parts = finetune.assemble(candidate, task, plan)
    parts = dataclasses.replace(parts, step=dataclasses.replace(parts.step, gradients=private))
    trainer.run(parts, plan.epochs, plan.patience, "private")
    tuned = finetune.tuned(candidate, parts)
"""

import dataclasses

from absl import logging

from tfedge.compress import graph, teaching
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.training import (
    distribution,
    objective,
    optimizers,
    projection,
    random_layers,
    step,
    trainer,
)
from tfedge.compress.training.batch_statistics import Settler
from tfedge.compress.training.batches import Feed, steps_per_epoch
from tfedge.compress.training.projection import Latents, Update
from tfedge.compress.training.selection import Selection
from tfedge.compress.training.validation import Validation
from tfedge.data.task import Task

__all__ = ["Latents", "Plan", "Update", "assemble", "finetune", "steps_per_epoch", "tuned"]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    Attributes:
        epochs: 0 only projects.
        learning_rate: of Adam at the start; a cosine takes it to 1 % of it.
        patience: stop after so many epochs without a better validation value; 0 = never.
    """

    epochs: int
    learning_rate: float
    patience: int = 0


def finetune(
    candidate: Candidate,
    task: Task,
    plan: Plan,
    label: str,
    update: Update | None = None,
    *,
    penalty: objective.Penalty | None = None,
) -> tuple[Candidate, tuple[dict[str, float], ...]]:
    """Train under the candidate's holds and fake quantization.

    Args:
        candidate: taken as it is; its kernels are projected before the first step.
        task: train and validation splits are read.
        plan: epochs and rate.
        label: for the progress bar.
        update: changes holds on the way.
        penalty: of the model's complexity, added to the loss in every step.

    Returns:
        The candidate with the weights, holds and ranges of the best epoch (by validation
        metric, among those after `update` has settled), and one entry per epoch.

    Raises:
        BadInput: training met NaN or infinite numbers.
    """
    frozen = [
        layer.name for layer in candidate.model.layers if layer.weights and not layer.trainable
    ]
    if frozen and plan.epochs:
        logging.warning("%s: frozen layers do not train: %s", label, ", ".join(frozen))
    parts = assemble(candidate, task, plan, update, penalty)
    history = trainer.run(parts, plan.epochs, plan.patience, label)
    return tuned(candidate, parts), tuple(history)


def assemble(
    candidate: Candidate,
    task: Task,
    plan: Plan,
    update: Update | None = None,
    penalty: objective.Penalty | None = None,
) -> trainer.Parts:
    """The parts of a training as `finetune` runs it; see there."""
    k.tf_keras.utils.set_random_seed(task.seed)
    with distribution.scope():
        return distribution.spread(_parts(candidate, task, plan, update, penalty))


def _parts(
    candidate: Candidate,
    task: Task,
    plan: Plan,
    update: Update | None,
    penalty: objective.Penalty | None,
) -> trainer.Parts:
    model = candidate.model if _may_take(candidate, plan) else fake_quantization.of(candidate)
    drawn = random_layers.counters(model)
    settler, validation = Settler(model), Validation(model, task, candidate.model)
    lessons = None
    if candidate.teacher is not None and plan.epochs:
        lessons = teaching.Lessons(
            candidate.teacher, model, task, graph.output_names(candidate.model)
        )
    extra = lessons.variables if lessons else ()
    feed = Feed(model, task, lessons.kept if lessons else ())
    optimizer = optimizers.of(task, plan.learning_rate, plan.epochs * feed.steps)
    held = projection.Projection(model, candidate, update)
    trained = [*model.trainable_variables, *extra]
    if plan.epochs:  # its slots, which a resumed training fills, are twice the weights
        optimizer.build(trained)
    one_step = step.Step(
        objective.of(model, candidate.model, task, lessons, penalty), trained, optimizer, held
    )
    selection = Selection(model, held, validation)
    variables = (*extra, *optimizer.variables, *held.latents, *drawn)
    return trainer.Parts(
        model, feed, held, one_step, settler, selection.judge, selection, variables
    )


def _may_take(candidate: Candidate, plan: Plan) -> bool:
    """Whether the model itself is projected: a copy draws numbers that training would draw."""
    is_alone = candidate.quantization is None and not distribution.is_spread()
    return candidate.is_spare and is_alone and not plan.epochs


def tuned(candidate: Candidate, parts: trainer.Parts) -> Candidate:
    """The candidate of the best epoch, as a plain model."""
    holds = parts.selection.restore()
    candidate = dataclasses.replace(candidate, is_spare=False)
    if candidate.quantization is None and not distribution.is_spread():
        return dataclasses.replace(candidate, model=parts.model, holds=holds)
    plain = graph.rebuild(candidate.model)
    for layer in plain.layers:
        if layer.weights:
            layer.set_weights(fake_quantization.weights_of(parts.model, layer.name))
    found = dataclasses.replace(candidate, model=plain, holds=holds)
    if candidate.quantization is None:
        return found
    learned = {**candidate.quantization.ranges, **fake_quantization.ranges(parts.model)}
    quantization = dataclasses.replace(candidate.quantization, ranges=learned)
    return dataclasses.replace(found, quantization=quantization)

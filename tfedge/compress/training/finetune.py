"""The only training loop: gradient steps, each followed by the projection on every hold.

For every held kernel there is an unconstrained copy. Gradients are taken at the projected
kernel and applied to the copy, so a weight can cross to another level.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from absl import logging

from tfedge import progress
from tfedge.compress import graph, losses, teaching
from tfedge.compress import holds as holds_lib
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate
from tfedge.compress.keras import tf
from tfedge.compress.layers import kernels
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.training import batch_statistics, batches, training_state
from tfedge.data import metrics
from tfedge.data.task import Task
from tfedge.errors import BadInput

Latents = Mapping[str, np.ndarray]


class Update(Protocol):
    """How a pass changes its holds while training."""

    settled: int  # the step after which holds stay as they are; only later epochs may be kept

    def fires(self, step: int) -> bool:
        """Whether holds change before this step."""

    def __call__(
        self, step: int, latents: Latents, current: tuple[holds_lib.Hold, ...]
    ) -> tuple[holds_lib.Hold, ...]:
        """The pass's holds from this step on.

        They follow from the arguments alone, so that a resumed training goes on as it would have.

        Args:
            step: about to be taken.
            latents: the unconstrained kernels by layer.
            current: all holds in force.
        """


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


def steps_per_epoch(task: Task) -> int:
    """Full batches in the training split; a smaller split is one batch."""
    return max(1, len(task.train) // task.batch_size)


Penalty = Callable[[Any], Any]  # the model in training -> scalar tensor, added to the loss


def finetune(
    candidate: Candidate,
    task: Task,
    plan: Plan,
    label: str,
    update: Update | None = None,
    *,
    penalty: Penalty | None = None,
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
    k.tf_keras.utils.set_random_seed(task.seed)
    frozen = [
        layer.name for layer in candidate.model.layers if layer.weights and not layer.trainable
    ]
    if frozen and plan.epochs:
        logging.warning("%s: frozen layers do not train: %s", label, ", ".join(frozen))
    trainer = _Trainer(candidate, task, plan, update, penalty)
    saved = training_state.latest(label)
    history: list[dict[str, float]] = trainer.restore(saved) if saved else []
    shown = label.partition("-")[2] or label
    with progress.bar(f"{shown}: fine-tuning", plan.epochs * trainer.steps) as advance:
        advance(len(history) * trainer.steps)
        for epoch in range(len(history), plan.epochs):
            if trainer.is_stale(plan.patience, history):
                logging.info("%s: no better epoch in %d, stopping", label, plan.patience)
                break
            history.append(trainer.epoch(epoch, advance))
            training_state.save(label, trainer.state(history))
    return trainer.best(), tuple(history)


class _Trainer:
    """Variables of one training and what happens to them in a step and in an epoch."""

    def __init__(
        self,
        candidate: Candidate,
        task: Task,
        plan: Plan,
        update: Update | None,
        penalty: Penalty | None,
    ):
        self._candidate, self._task, self._update = candidate, task, update
        self._penalty = penalty
        self.steps = steps_per_epoch(task)
        if candidate.quantization is None:
            self._model = graph.rebuild(candidate.model)
        else:
            self._model = fake_quantization.insert(candidate.model, candidate.quantization)
        self._settler = batch_statistics.Settler(self._model)
        self._metric = metrics.for_training(task, losses.gives_logits(candidate.model))
        self._loss = losses.loss_of(task, candidate.model)
        self._weigh = losses.weigher(task, graph.output_names(candidate.model))
        self._lessons = None
        if candidate.teacher is not None and plan.epochs:
            self._lessons = teaching.Lessons(candidate.teacher, self._model, task)
        self._projections = self._lessons.variables if self._lessons else ()
        self._optimizer = _optimizer(task, plan, self.steps)
        self._optimizer.build([*self._model.trainable_variables, *self._projections])
        self._kernels = {kernel.layer: kernel for kernel in kernels.find(self._model)}
        self._latents: dict[str, Any] = {}
        new = () if update is None else update(0, self._latent_arrays(), candidate.holds)
        self._hold(candidate.with_holds(*new).holds)
        self._best: tuple[float, list[np.ndarray], tuple[holds_lib.Hold, ...]] | None = None
        self._project()

    def _hold(self, holds: tuple[holds_lib.Hold, ...]) -> None:
        """Make the copies and the variables behind each projection; the step is traced anew."""
        self._holds = holds
        self._latents = {
            name: tf.Variable(kernel.variable, trainable=False)
            for name, kernel in self._kernels.items()
            if name in {hold.layer for hold in holds}
        }
        self._states = [
            {key: tf.Variable(value, trainable=False) for key, value in hold.state().items()}
            for hold in holds
        ]
        self._step = tf.function(self._train_step, reduce_retracing=True)
        self._predict = tf.function(lambda x: self._model(x, training=False), reduce_retracing=True)

    def _change_holds(self, new: tuple[holds_lib.Hold, ...]) -> None:
        """Take over holds of the kinds and layers there are; only numbers change, no tracing."""
        replaced = {(hold.kind, hold.layer): hold for hold in new}
        self._holds = tuple(replaced.get((h.kind, h.layer), h) for h in self._holds)
        for hold, state in zip(self._holds, self._states, strict=True):
            if (hold.kind, hold.layer) in replaced:
                for key, value in hold.state().items():
                    state[key].assign(value)

    def _latent_arrays(self) -> dict[str, np.ndarray]:
        return {
            name: self._latents.get(name, kernel.variable).numpy()
            for name, kernel in self._kernels.items()
        }

    def _holds_on(self, layer: str) -> list[tuple[holds_lib.Hold, dict[str, Any]]]:
        """Holds of a layer with the variables of their state, in the order of projection."""
        pairs = zip(self._holds, self._states, strict=True)
        return sorted((p for p in pairs if p[0].layer == layer), key=lambda p: p[0].stage)

    def _project(self) -> None:
        for name, latent in self._latents.items():
            value = tf.convert_to_tensor(latent)
            for hold, state in self._holds_on(name):
                value = hold.project(value, state)
            self._kernels[name].variable.assign(value)

    def _train_step(self, x: Any, y: Any, taught: Any, counts: Any) -> Any:
        variables = [*self._model.trainable_variables, *self._projections]
        if self._lessons is not None and not self._lessons.kept:
            taught = self._lessons.answers(x)
        with tf.GradientTape() as tape:
            loss = self._own_and_taught_loss(x, y, taught, counts)
            total = tf.add_n([loss, *self._model.losses]) if self._model.losses else loss
            if self._penalty is not None:
                total += self._penalty(self._model)
        found = zip(tape.gradient(total, variables), variables, strict=True)
        gradients = {v.ref(): (g, v) for g, v in found if g is not None}
        for name, latent in self._latents.items():
            kernel = self._kernels[name].variable
            kernel.assign(latent)
            for hold, state in self._holds_on(name):
                if kernel.ref() in gradients:
                    held = hold.gradient(gradients[kernel.ref()][0], state)
                    gradients[kernel.ref()] = (held, kernel)
        self._optimizer.apply_gradients(list(gradients.values()))
        for name, latent in self._latents.items():
            latent.assign(self._kernels[name].variable)
        self._project()
        return loss

    def _own_and_taught_loss(self, x: Any, y: Any, taught: Any, counts: Any) -> Any:
        y, weights = self._weigh(y, *counts)
        if self._lessons is None:
            return self._loss(y, self._model(x, training=True), weights)
        outputs, shown = self._lessons.attend(x)
        each = [weights.get(name) for name in graph.output_names(self._candidate.model)]
        return self._lessons.loss(self._loss(y, outputs, weights), taught, shown, each)

    def epoch(self, epoch: int, advance: progress.Advance) -> dict[str, float]:
        """One pass over the training split in an order that seed and epoch alone decide."""
        order = np.random.default_rng((self._task.seed, epoch)).permutation(len(self._task.train))
        size = min(self._task.batch_size, len(self._task.train))
        step, total = epoch * self.steps, tf.constant(0.0)
        order = order[: self.steps * size]
        answers = self._lessons.kept if self._lessons else ()
        found = batches.prefetched(self._task, order, size, answers, step)
        for x, y, taught, counts in found:
            if self._update is not None and step > 0 and self._update.fires(step):
                self._change_holds(self._update(step, self._latent_arrays(), self._holds))
                self._project()
            inputs = fake_quantization.inputs_of(self._model, x)
            total += self._step(inputs, y, taught, counts)
            step += 1
            advance(1)
        if self._settler:
            self._settler.settle(self._some(order, size, epoch))
        value = self._validate()
        loss = float(total) / self.steps
        if not math.isfinite(loss):
            raise BadInput(
                f"training, epoch {epoch + 1}",
                f"the loss became {loss}",
                "Check the data's scale, or lower learning_rate.",
            )
        self._keep_if_best(value, step)
        return {"epoch": epoch + 1, "loss": loss, f"validation_{self._metric.name}": value}

    def _some(self, order: np.ndarray, size: int, epoch: int) -> Iterator[Any]:
        """Inputs of the epoch's first batches, varied as they were."""
        few = batch_statistics.some(order, size)
        for x, *_ in batches.prefetched(self._task, few, size, first_step=epoch * self.steps):
            yield fake_quantization.inputs_of(self._model, x)

    def _validate(self) -> float:
        found, wanted = [], []
        for raw, y in self._task.validation.batches(256):
            x = fake_quantization.inputs_of(self._model, self._task.normalization(raw))
            outputs = tf.nest.map_structure(np.asarray, self._predict(x))
            if isinstance(y, dict) and not isinstance(outputs, dict):
                names = graph.output_names(self._candidate.model)
                outputs = dict(zip(names, tf.nest.flatten(outputs), strict=True))
            found.append(outputs)
            wanted.append(y)
        joined = (
            tf.nest.map_structure(lambda *parts: np.concatenate(parts), *list_)
            for list_ in (found, wanted)
        )
        return float(self._metric.value(*joined))

    def _keep_if_best(self, value: float, step: int) -> None:
        settled = self._update is None or step > self._update.settled
        score = value if self._metric.higher_is_better else -value
        if settled and (self._best is None or score >= self._best[0]):
            self._best = (score, self._model.get_weights(), self._holds)

    def is_stale(self, patience: int, history: list[dict[str, float]]) -> bool:
        """Whether the last `patience` settled epochs brought nothing better."""
        sign = 1 if self._metric.higher_is_better else -1
        first = 0 if self._update is None else self._update.settled // self.steps
        values = [sign * entry[f"validation_{self._metric.name}"] for entry in history[first:]]
        if not patience or len(values) <= patience:
            return False
        return max(values[-patience:]) <= max(values[:-patience])

    def best(self) -> Candidate:
        """The candidate of the best epoch, as a plain model."""
        if self._best is None:
            self._best = (0.0, self._model.get_weights(), self._holds)
        _, weights, holds = self._best
        self._model.set_weights(weights)
        plain = graph.rebuild(self._candidate.model)
        for layer in plain.layers:
            if layer.weights:
                layer.set_weights(self._model.get_layer(layer.name).get_weights())
        quantization = self._candidate.quantization
        if quantization is not None:
            learned = {**quantization.ranges, **fake_quantization.ranges(self._model)}
            quantization = dataclasses.replace(quantization, ranges=learned)
        return dataclasses.replace(
            self._candidate, model=plain, holds=holds, quantization=quantization
        )

    def state(self, history: list[dict[str, float]]) -> training_state.State:
        """All that the next epoch depends on."""
        best = self._best or (0.0, [], ())
        return training_state.State(
            history=tuple(history),
            weights=(*self._model.get_weights(), *(p.numpy() for p in self._projections)),
            optimizer=tuple(value.numpy() for value in self._optimizer.variables),
            latents={name: value.numpy() for name, value in self._latents.items()},
            holds=self._holds,
            best_score=best[0],
            best_weights=tuple(best[1]),
            best_holds=best[2],
        )

    def restore(self, state: training_state.State) -> list[dict[str, float]]:
        """Go on from a saved epoch; returns the history so far."""
        self._hold(state.holds)
        own = len(self._model.weights)
        self._model.set_weights(state.weights[:own])
        for variable, value in zip(self._projections, state.weights[own:], strict=True):
            variable.assign(value)
        for variable, value in zip(self._optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        for name, value in state.latents.items():
            self._latents[name].assign(value)
        if state.best_weights:
            self._best = (state.best_score, list(state.best_weights), state.best_holds)
        return [dict(entry) for entry in state.history]


def _optimizer(task: Task, plan: Plan, steps: int) -> Any:
    if task.optimizer is not None:
        return task.optimizer()  # type: ignore[operator]
    rate = k.tf_keras.optimizers.schedules.CosineDecay(
        plan.learning_rate, decay_steps=max(1, plan.epochs * steps), alpha=0.01
    )
    return k.tf_keras.optimizers.Adam(rate)

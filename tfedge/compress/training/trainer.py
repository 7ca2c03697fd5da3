"""The training loop, over parts with one job each."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

from tfedge import progress, shown
from tfedge.compress.keras import tf
from tfedge.compress.layers import operations
from tfedge.compress.training import batch_statistics, batches, tensorboard, training_state
from tfedge.compress.training.batch_statistics import Settler
from tfedge.compress.training.projection import Projection
from tfedge.compress.training.selection import Selection
from tfedge.data import metric_words
from tfedge.errors import BadInput

_STEEP = frozenset({"power", "sqrt", "rsqrt", "log", "log2", "log10"})  # at 0
_FORWARD = 1 / 3  # of the time of a step, most of which goes into the way back


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """What a training is made of. To train otherwise, replace a part by `dataclasses.replace`.

    Attributes:
        model: whose weights are trained in place, with fake quantization where there is some.
        feed: gives the batches.
        projection: keeps the holds.
        step: batch -> loss; changes the weights.
        settler: of the averages of BatchNormalization, at the end of an epoch.
        judge: number of steps taken -> validation value, at the end of an epoch.
        selection: the epoch that `judge` found best.
        variables: all beside the weights of the model that the next step depends on.
    """

    model: Any
    feed: batches.Feed
    projection: Projection
    step: Callable[[batches.Batch], Any]
    settler: Settler
    judge: Callable[[int], float]
    selection: Selection
    variables: Sequence[Any]


def run(parts: Parts, epochs: int, patience: int, label: str) -> list[dict[str, float]]:
    """Train, from where a killed run of this label has stopped.

    Args:
        parts: of the training.
        epochs: in all.
        patience: stop after so many epochs without a better validation value; 0 = never.
        label: of the state on disk, and for the progress bar.

    Returns:
        An entry per epoch.

    Raises:
        BadInput: training met NaN or infinite numbers.
    """
    history = _restore(parts, training_state.latest(label))
    name, steps = label.partition("-")[2] or label, parts.feed.steps
    if history:
        logging.info("%s: goes on after epoch %d of an earlier run", name, len(history))
    an_epoch = steps + _ending(parts)
    bar = progress.bar(f"{name}: training", epochs * an_epoch)
    with bar as advance, tensorboard.curves(label) as tell:
        advance(len(history) * an_epoch)
        for number in range(len(history), epochs):
            if parts.selection.is_stale(patience, history, steps):
                logging.info("%s: no better epoch in %d, stopping", label, patience)
                break
            history.append(epoch(parts, number, advance))
            progress.note(_words(history[-1], epochs))
            tell(history[-1])
            training_state.save(label, _state(parts, history))
    return history


def epoch(parts: Parts, number: int, advance: progress.Advance) -> dict[str, float]:
    """One pass over the training split, judged."""
    first, total = number * parts.feed.steps, tf.constant(0.0)
    for step, batch in enumerate(parts.feed.epoch(number), first):
        parts.projection.before(step)
        total += parts.step(batch)
        advance(1)
    loss = float(total) / parts.feed.steps
    where = f"training, epoch {number + 1}"
    if not math.isfinite(loss):
        raise BadInput(where, f"the loss became {loss}", _remedy(parts))
    broken = _broken(parts.model)
    if broken:  # the last step's gradients, which no loss of this epoch has seen
        cause = f"weights of {shown.listed(broken)} became NaN or infinite"
        raise BadInput(where, cause, _remedy(parts))
    if parts.settler:
        parts.settler.settle(parts.feed.few(number))
    value = parts.judge(first + parts.feed.steps)
    advance(_ending(parts))
    return {"epoch": number + 1, "loss": loss, parts.selection.name: value}


def _broken(model: Any) -> list[str]:
    """Layers with a weight that is no number."""
    return [
        layer.name
        for layer in model.layers
        if any(
            weight.dtype.is_floating and not math.isfinite(float(tf.reduce_sum(weight)))
            for weight in layer.weights
        )
    ]


def _remedy(parts: Parts) -> str:
    steep = [layer.name for layer in parts.model.layers if operations.name(layer) in _STEEP]
    is_rounded = any(type(layer).__name__ == "QuantizeLayer" for layer in parts.model.layers)
    if not (steep and is_rounded):
        return "Check the data's scale, or lower learning_rate."
    return (
        f"What {shown.listed(steep)} takes is rounded, to 0 as well, where its slope is infinite:"
        " leave quantize out, the export to int8 rounds what was trained without it."
    )


def _ending(parts: Parts) -> int:
    """Steps that take about as long as what an epoch ends with, for who waits."""
    task = parts.feed.task
    settled = min(batch_statistics.EXAMPLES, len(task.train)) if parts.settler else 0
    return round(_FORWARD * (len(task.validation) + settled) / task.batch_size)


def _words(entry: dict[str, float], epochs: int) -> str:
    """An entry of the history for who waits."""
    figures = [
        f"{metric_words.in_words(name)} {value:.4g}"
        for name, value in entry.items()
        if name != "epoch"
    ]
    return f"epoch {entry['epoch']} of {epochs}: {', '.join(figures[::-1])}"


def _state(parts: Parts, history: Sequence[dict[str, float]]) -> training_state.State:
    return training_state.State(
        history=tuple(history),
        weights=tuple(parts.model.get_weights()),
        variables=tuple(variable.numpy() for variable in parts.variables),
        holds=parts.projection.holds,
        best=parts.selection.best,
    )


def _restore(parts: Parts, state: training_state.State | None) -> list[dict[str, float]]:
    """Go on from a saved epoch; returns the history so far."""
    if state is None:
        return []
    parts.model.set_weights(state.weights)
    for variable, value in zip(parts.variables, state.variables, strict=True):
        variable.assign(value)
    parts.projection.change(state.holds)
    parts.selection.best = state.best
    return [dict(entry) for entry in state.history]

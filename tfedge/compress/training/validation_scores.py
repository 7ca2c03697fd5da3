"""How a candidate does on the validation split, as a pass finds it and as it leaves it."""

import operator
from typing import Any

from tfedge.compress import graph, losses
from tfedge.compress.candidate import Candidate
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.compress.training.validation import Validation
from tfedge.data import splits
from tfedge.data.task import Task
from tfedge.errors import BadInput

_BATCH = 256  # a loss over more at once would take as much memory as their outputs again


def of(candidate: Candidate, task: Task) -> dict[str, float]:
    """The loss on the targets alone, and the metric that training chooses by.

    Args:
        candidate: on its grid, where it has ranges.
        task: its validation split is read.

    Returns:
        "loss" and the metric's name -> value. Empty where a task has no loss or metric, or targets
        that its outputs do not have: a pass that does not train needs none of them.
    """
    plain = candidate.model
    try:
        loss_of = losses.loss_of(task, plain)
        validation = Validation(fake_quantization.of(candidate), task, plain, is_once=True)
        outputs, y = validation.answers()
        loss = mean_loss(loss_of, outputs, y, graph.output_names(plain))
        value = float(validation.metric.value(outputs, y))
    except (BadInput, ValueError, tf.errors.InvalidArgumentError):
        return {}
    return {"loss": loss, validation.metric.name: value}


def mean_loss(loss_of: Any, outputs: splits.Arrays, y: splits.Arrays, names: list[str]) -> float:
    """The mean over all examples of (targets, outputs) -> scalar; see `losses.loss_of`."""
    given = [outputs[name] for name in names] if isinstance(outputs, dict) else outputs
    count, total = splits.count(y), 0.0
    for start in range(0, count, _BATCH):
        rows = slice(start, min(start + _BATCH, count))
        batch = tf.nest.map_structure(operator.itemgetter(rows), (y, given))
        loss = loss_of(*tf.nest.map_structure(tf.constant, batch))
        total += float(loss) * (rows.stop - rows.start)
    return total / count

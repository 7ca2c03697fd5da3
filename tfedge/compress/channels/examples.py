"""The inputs of calibration that what a cut does is looked at on."""

from typing import Any

from tfedge.compress import keras as k
from tfedge.compress.keras import tf
from tfedge.compress.ranges import fake_quantization
from tfedge.data.task import Task


def first(model: k.Model, task: Task, most: int, batch: int) -> list[Any]:
    """Batches as the model is called on, together about `most` examples or all there are.

    Args:
        model: that will read them.
        task: its calibration split is read, and no targets.
        most: examples.
        batch: examples in each.
    """
    found: list[Any] = []
    seen = 0
    for raw, _ in task.calibration.batches(batch):
        if seen >= most:
            break
        found.append(fake_quantization.inputs_of(model, task.normalization(raw)))
        seen += size(found[-1])
    return found


def size(x: Any) -> int:
    """How many examples there are in a batch of inputs."""
    return len(tf.nest.flatten(x)[0])

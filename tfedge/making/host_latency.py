"""How long a model under compression takes, for passes with a budget of time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data.task import Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.errors import BadInput

if TYPE_CHECKING:
    from tfedge.compress import keras as k

_MEASURING_BYTES = 2**32


def milliseconds(task: Task) -> "Callable[[k.Model], float]":
    """tf_keras model -> median time of its int8 file on this host, one thread."""
    from tfedge.export import exporting, options

    def measure(model: "k.Model") -> float:
        few = task.calibration.take(np.arange(min(8, len(task.calibration))))
        content = exporting.to_tflite(model, options.Export("int8"), task, is_last=False)
        limits = sandbox.Limits(memory_bytes=_MEASURING_BYTES, threads=1)
        run = inference.run(tflite.read(content), few, task.normalization, limits)
        if run.host is None:
            raise BadInput(
                "budget='latency'",
                f"the int8 file does not run here: {run.outcome.failure}",
                "Choose budget='multiply_adds'.",
            )
        return run.host.p50

    return measure

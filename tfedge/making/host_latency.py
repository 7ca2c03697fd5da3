"""How long a model under compression takes, for passes with a budget of time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data.task import Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.device.prediction import own_phone, predict
from tfedge.device.profiles import Profile
from tfedge.errors import BadInput

if TYPE_CHECKING:
    from tfedge.compress import keras as k

_MEASURING_BYTES = 2**32


def milliseconds(task: Task, phone: Profile | None = None) -> "Callable[[k.Model], float]":
    """tf_keras model -> how long its int8 file takes.

    Args:
        task: what the file is calibrated and run with.
        phone: where its NPU is to run the model, what is predicted of that counts; else the median
            time on this host, one thread.
    """
    from tfedge.export import exporting, options

    device = npu(phone)

    def measure(model: "k.Model") -> float:
        content = exporting.to_tflite(model, options.Export("int8"), task, is_last=False)
        if device is not None:
            return predict.predict_latency(content, device, accelerator=predict.NPU).value
        few = task.calibration.take(np.arange(min(8, len(task.calibration))))
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


def timed_on(phone: Profile | None) -> str:
    """What such times depend on beside the model, for keys; empty where this host is measured."""
    device = npu(phone)
    return "" if device is None else f"{device} {own_phone.told()}".strip()


def npu(phone: Profile | None) -> str | None:
    """The device whose NPU is to run the model, of which this host tells nothing; None for none."""
    if phone is None or phone.latency_accelerator != predict.NPU:
        return None
    return phone.latency_device

"""How long a model under compression takes, for passes with a budget of time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data.task import Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.device.prediction import devices, own_phone, predict
from tfedge.device.profiles import Profile
from tfedge.errors import BadInput

if TYPE_CHECKING:
    from tfedge.compress import keras as k

_MEASURING_BYTES = 2**32


def milliseconds(task: Task, phone: Profile | None = None) -> "Callable[[k.Model], float]":
    """tf_keras model -> how long its int8 file takes.

    Args:
        task: what the file is calibrated and run with.
        phone: where a published device stands for it, what is predicted of its processor or NPU
            counts, as in a scorecard; else the median time on this host, one thread.
    """
    from tfedge.export import exporting, options

    device = _published(phone)

    def time(model: "k.Model") -> float:
        content = exporting.to_tflite(model, options.Export("int8"), task, is_last=False)
        if phone is None or device is None:
            return _measured(content, task)
        accelerator = phone.latency_accelerator
        found = predict.predict_latency(content, device, phone.threads, accelerator)
        return phone.latency_scale[0] * found.value

    return time


def told(phone: Profile | None) -> str:
    """What such times depend on beside the model, for keys; empty where this host is measured."""
    device = _published(phone)
    if phone is None or device is None:
        return ""
    by = f"{phone.threads} {phone.latency_scale[0]} {own_phone.told()}".strip()
    return f"{device} {phone.latency_accelerator} {by}"


def _published(phone: Profile | None) -> str | None:
    """The device that stands for a phone, of which this host tells nothing; None for none."""
    if phone is None or phone.latency_device == devices.HOST:
        return None
    return phone.latency_device


def _measured(content: bytes, task: Task) -> float:
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

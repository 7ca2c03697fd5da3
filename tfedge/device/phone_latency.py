"""The latency that is predicted for a profile's phones: an estimate, with its interval."""

import dataclasses

from absl import logging

from tfedge import errors
from tfedge.device import profiles
from tfedge.device.prediction import own_phone, predict
from tfedge.device.prediction.accelerators import devices as npus
from tfedge.device.prediction.accelerators import telling


@dataclasses.dataclass(frozen=True)
class PhoneEstimate:
    """Milliseconds of one inference, predicted.

    Attributes:
        value, low, high: the most likely one, and where nine of ten such predictions lie.
        device: the published device they are predicted for.
        threads, runtime: of the interpreter.
        extrapolated: how that device stands for the profile's phones; empty if it is one of them.
        notes: what else makes the prediction less sure.
        accelerator: "cpu" or "npu".
        sentence: of an NPU, what it takes, what runs there and which type is faster, for people.
    """

    value: float
    low: float
    high: float
    device: str
    threads: int
    runtime: str = ""
    extrapolated: str = ""
    notes: tuple[str, ...] = ()
    accelerator: str = "cpu"
    sentence: str = ""


def estimate(tflite_bytes: bytes, profile: profiles.Profile) -> PhoneEstimate | None:
    """What `tfedge.predict_latency` says, scaled as the profile says.

    None for a profile without a device, and for a file whose operators cannot be predicted.
    """
    if profile.latency_device is None:
        return None
    accelerator = profile.latency_accelerator
    try:
        found = predict.predict_latency(
            tflite_bytes, profile.latency_device, profile.threads, accelerator
        )
    except errors.BadInput as e:
        logging.warning("no latency is predicted: %s", e)
        return None
    value, low, high = profile.latency_scale
    scaled = (found.value * value, found.low * low, found.high * high)
    sentence = ""
    if accelerator == predict.NPU:
        sentence = telling.sentence(tflite_bytes, npus.find(found.device), scaled)
    return PhoneEstimate(
        *scaled,
        profile.latency_device,
        found.threads,
        found.runtime,
        profile.extrapolated,
        found.notes,
        accelerator,
        sentence,
    )


def on_own_phone(tflite_bytes: bytes) -> predict.Estimate | None:
    """For the phone of TFEDGE_PHONE_LATENCY; None without one, and for what cannot be predicted.

    Raises:
        BadInput: that file is not there, or not of its form.
    """
    own = own_phone.load()
    if own is None:
        return None
    try:
        return predict.predict_latency(tflite_bytes, own.device, own.threads, own.accelerator)
    except errors.BadInput as e:
        logging.warning("no latency is predicted: %s", e)
        return None

"""What the baseline would need on the same phone, predicted as the scorecard predicts ours."""

import dataclasses
from typing import Any

from absl import logging

from tfedge import errors
from tfedge.device import energy, footprint, phone_latency, profiles
from tfedge.device.file import flatbuffer, tflite


def of(content: bytes, phone: profiles.Profile) -> dict[str, Any]:
    """Latency, energy and memory, under the names they have in scorecard.json.

    A file that the predictors cannot read has none: the report then goes without.
    """
    try:
        return flatbuffer.guarded("the baseline .tflite", lambda: _of(content, phone))
    except errors.BadInput as e:
        logging.warning("nothing is predicted for the baseline: %s", e)
        return {}


def _of(content: bytes, phone: profiles.Profile) -> dict[str, Any]:
    file = tflite.read(content)
    found = {
        "phone_estimate": phone_latency.estimate(content, phone),
        "energy_mj_estimate": energy.estimate(file),
        "memory": footprint.of(file),
    }
    return {name: dataclasses.asdict(each) for name, each in found.items() if each is not None}

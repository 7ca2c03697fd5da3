"""What a folder says of a model that was made, beside its figures: in its manifest and reports."""

from typing import Any

from absl import logging

from tfedge import judging, making
from tfedge.device.file import tflite
from tfedge.release import app_facts
from tfedge.release.publishing import rejected
from tfedge.release.report.wording import RESET


def facts(made: making.Made) -> dict[str, Any]:
    """What an app has to know about the model beside its files.

    That is its task, see `app_facts`; how its inputs are made from pictures, columns of the input
    that it does not read, and whether it remembers earlier examples unless the app resets it.
    """
    found: dict[str, Any] = {app_facts.KEY: app_facts.of(made.name, made.task).to_json()}
    if made.task.preprocessing:
        found["preprocessing"] = made.task.preprocessing
    if tflite.read(made.tflite).keeps_state:
        logging.warning("a fused LSTM: %s", RESET)
        found["reset_variable_tensors"] = True
    if made.dropped_inputs is not None:
        found[rejected.DROPPED] = made.dropped_inputs
    return found


def held_out(judged: judging.Judged) -> dict[str, Any]:
    """For the manifest: what the verdict rests on, and how often that was used."""
    looks, candidates = (judged.use.number, judged.use.candidates) if judged.use else (None, None)
    told = {"candidates_judged": candidates, "looks": looks}
    return {"held_out": {"fingerprint": judged.scorecard.held_out, **told}}


def reports(made: making.Made) -> list[dict[str, Any]]:
    """One of each pass."""
    return [each.to_json() for each in made.reports]

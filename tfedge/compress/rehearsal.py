"""A recipe without its training: what becomes of the file's size, and how long it would all take.

Every pass is run with no epochs, so that its zeros, values and bits are there; then a few steps of
the training it would do are timed. Nothing that is trained here is kept.
"""

import dataclasses
import itertools
import time
from typing import Any

from absl import logging

from tfedge.compress.applying import Start
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.compress.training import finetune
from tfedge.data.task import Task

_STEPS = 5  # timed, after one that also builds what runs


@dataclasses.dataclass(frozen=True, eq=False)
class Rehearsal:
    """What was found.

    Attributes:
        candidate: as all passes leave it without training.
        seconds: pass by pass, an estimate of this computer's time.
    """

    candidate: Candidate
    seconds: tuple[float, ...]


def of(start: Start) -> Rehearsal:
    """Runs the passes without epochs.

    Args:
        start: of the recipe.

    Raises:
        BadInput: a pass cannot work on what the ones before it leave.
    """
    logging.info("trying each pass without its training, and timing a few steps of that")
    candidate, seconds = start.candidate, []
    for each in start.passes:
        began = time.monotonic()
        candidate = _untrained(each)(candidate, start.task)
        spent = time.monotonic() - began
        seconds.append(spent + _training_seconds(each, candidate, start.task))
    return Rehearsal(candidate, tuple(seconds))


def _untrained(each: Any) -> base.Pass:
    return dataclasses.replace(each, epochs=0) if getattr(each, "epochs", 0) else each


def _training_seconds(each: Any, candidate: Candidate, task: Task) -> float:
    """What the epochs of a pass would take, by a few steps under what it has promised."""
    epochs = getattr(each, "epochs", 0)
    if not epochs:
        return 0.0
    began = time.monotonic()
    parts = finetune.assemble(candidate, task, finetune.Plan(epochs, each.learning_rate))
    for number, batch in enumerate(itertools.islice(parts.feed.epoch(0), 1 + _STEPS)):
        float(parts.step(batch))
        if not number:
            parts.judge(0)
            built = time.monotonic()
    a_step = (time.monotonic() - built) / max(1, number)
    stepped = time.monotonic()
    parts.judge(0)
    judged = time.monotonic() - stepped
    return built - began + epochs * (parts.feed.steps * a_step + judged)

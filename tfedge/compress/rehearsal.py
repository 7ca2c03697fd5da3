"""A recipe without its training: what becomes of the file's size, and how long it would all take.

Every pass is run with no epochs, so that its zeros, values and bits are there; then a few steps of
the training it would do are timed. Nothing that is trained here is kept.
"""

import dataclasses
import itertools
import time
from typing import Any

import numpy as np
from absl import logging

from tfedge import progress
from tfedge.compress.applying import Start
from tfedge.compress.candidate import Candidate
from tfedge.compress.passes import base
from tfedge.compress.training import finetune
from tfedge.data.task import Task

# Timed, after one step that also builds what runs.
_FEWEST_STEPS, _MOST_STEPS = 5, 50
_LONG_ENOUGH = 3.0  # seconds


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
        candidate = base.untrained(each)(candidate, start.task)
        spent = time.monotonic() - began
        with progress.phase(f"timing {each.name}"):
            seconds.append(spent + _training_seconds(each, candidate, start.task))
    return Rehearsal(candidate, tuple(seconds))


def _training_seconds(each: Any, candidate: Candidate, task: Task) -> float:
    """What the epochs of a pass would take, by a few steps under what it has promised."""
    epochs = getattr(each, "epochs", 0)
    if not epochs:
        return 0.0
    began = time.monotonic()
    parts = finetune.assemble(candidate, task, finetune.Plan(epochs, each.learning_rate))
    stamps: list[float] = []
    for batch in itertools.islice(parts.feed.epoch(0), 1 + _MOST_STEPS):
        float(parts.step(batch))
        if not stamps:
            parts.judge(0)
        stamps.append(time.monotonic())
        if len(stamps) > _FEWEST_STEPS and stamps[-1] - stamps[0] > _LONG_ENOUGH:
            break
    # Of the others' work on this computer a median takes less in than a mean.
    a_step = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
    stepped = time.monotonic()
    parts.judge(0)
    judged = time.monotonic() - stepped
    return stamps[0] - began + epochs * (parts.feed.steps * a_step + judged)

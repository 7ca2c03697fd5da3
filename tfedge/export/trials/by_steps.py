"""Whether a file with caches answers each step as the same network does that sees all steps."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data import splits
from tfedge.data.task import ArraySplit, Task
from tfedge.device.decoding import caches, sequences
from tfedge.device.file import tflite
from tfedge.export import options
from tfedge.export.parity import snr
from tfedge.export.trials import dry_run

Finish = Callable[[options.Export, Task | None], bytes]

_WITHOUT: dict[str, Any] = {"cache": 0, "prefill": 0, "cache_type": "activations"}
_EXAMPLES = 4
_LEAST_DB = 30.0  # noise of a thousandth of the energy; a look ahead makes far more


def check(finished: Finish, export: options.Export, task: Task | None) -> None:
    """Runs both on a few sequences; their kernels hold the same integers.

    Args:
        finished: (export, task) -> the bytes of the file.
        export: with caches.
        task: whose calibration examples are taken; without one, tokens are drawn.

    Raises:
        BadInput: an answer hangs on tokens that come later.
    """
    data, whole = (
        finished(dataclasses.replace(export, **changes), task)
        for changes in ({"cache_type": "activations"}, _WITHOUT)
    )
    few = _drawn(data, whole) if task is None else _taken(task)
    (x,) = splits.named(few.x).values()
    counts = sequences.counted(few.y, *x.shape) & (np.arange(x.shape[1]) < export.cache)
    few = ArraySplit(x, np.where(counts, 0, -1))
    made = task or Task("drawn tokens", "language", few, few, few)
    runs = (dry_run.run(each, few, made) for each in (whole, data))
    expected, found = (next(iter(run.outputs.values()))[counts] for run in runs)
    if snr.decibels(expected, found) < _LEAST_DB:
        raise errors.BadInput(
            f"--export={export.to_text()}",
            "no caches are possible: answers hang on tokens that come later",
            "Give the network's attention a causal mask, or leave cache out.",
        )


def _taken(task: Task) -> ArraySplit:
    return task.calibration.take(np.arange(min(_EXAMPLES, len(task.calibration))))


def _drawn(data: bytes, whole: bytes) -> ArraySplit:
    """Tokens but 0, which may stand for none, and targets at every step."""
    facts = caches.find(tflite.read(data))
    known = facts.known if facts else 0
    (tokens,) = tflite.read(whole).named_inputs.values()
    shape = (_EXAMPLES, tokens.shape[-1])
    x = np.random.default_rng(0).integers(1, max(known, 2), shape, dtype=np.int32)
    return ArraySplit(x, np.zeros(shape, np.int32))

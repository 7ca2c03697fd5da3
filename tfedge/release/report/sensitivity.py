"""How much a model's answers owe to what was done to each layer: one layer at a time.

The baseline is run on validation examples as it is, and once more for each layer with the
candidate's weights in that layer alone. How far its outputs move, as a share of their own spread,
is the layer's sensitivity. Held-out examples are not touched, and nothing is chosen by it.
"""

import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import splits
from tfedge.device import inference, sandbox
from tfedge.device.file import layer_weights, tflite

if TYPE_CHECKING:
    from tfedge.data.task import Task
    from tfedge.device.file.graph import Tensor

EXAMPLES = 128
_SECONDS = 15.0  # a release does not wait for it any longer
_MEMORY_BYTES = 2**32


def of(
    baseline: bytes, candidate: bytes, task: "Task", seconds: float = _SECONDS
) -> dict[str, float]:
    """Sensitivity by layer, 0 for a layer whose weights moved nothing; see above.

    Args:
        baseline: the file compared with; layers that it keeps in float32 are looked at.
        candidate: the release.
        task: up to 128 examples of validation are run.
        seconds: after that no further layer is begun.

    Returns:
        Layer -> share. Layers of another shape in the two files, and those no time was left for,
        are not in it.
    """
    started = time.monotonic()
    before, after = tflite.read(baseline), tflite.read(candidate)
    few = task.validation.take(np.arange(min(EXAMPLES, len(task.validation))))
    found: dict[str, float] = {}
    try:
        outputs = _run(baseline, few, task)
        for name, changed in _one_by_one(before, after):
            if time.monotonic() - started > seconds:
                logging.info("no time for the sensitivity of %s and what follows", name)
                break
            found[name] = _moved(outputs, _run(changed, few, task))
    except errors.BadInput as error:  # the report then goes without
        logging.warning("the sensitivity of layers is not known: %s", error)
    return found


def _one_by_one(before: tflite.TfliteFile, after: tflite.TfliteFile) -> Iterator[tuple[str, bytes]]:
    """(layer, the baseline's file with the candidate's weights in this layer)."""
    old, new = layer_weights.read(before), layer_weights.read(after)
    kernel_of = dict(zip(map(id, old), before.kernels(), strict=True))
    pairs = layer_weights.paired(old, new)
    for (was, now), kernel in zip(pairs, after.kernels(), strict=True):
        if was is None or was.dtype != "FLOAT32" or was.shape != now.shape:
            continue
        kept, values = kernel_of[id(was)].tensor.data, _written(kernel.tensor)
        place = None if kept is None else _offset(before.content, kept)
        if kept is not None and place is not None and len(values) == len(kept):
            content = before.content[:place] + values + before.content[place + len(values) :]
            yield layer_weights.short_name(now.name), content


def _written(weight: "Tensor") -> bytes:
    """A weight as the baseline would store it."""
    return weight.real(weight.values()).astype("<f4").tobytes()


def _offset(content: bytes, part: np.ndarray) -> int | None:
    """Where the part begins, of which the content is what it was read from."""
    start, inside = (
        each.__array_interface__["data"][0] for each in (np.frombuffer(content, np.uint8), part)
    )
    place = inside - start
    whole = 0 <= place <= len(content) - len(part)
    return place if whole and content[place : place + len(part)] == part.tobytes() else None


def _run(content: bytes, few: splits.Split, task: "Task") -> dict[str, np.ndarray]:
    file = tflite.read(content, "the baseline .tflite")
    run = inference.run(file, few, task.normalization, sandbox.Limits(_MEMORY_BYTES, threads=2))
    if run.outcome.failure:
        raise errors.BadInput("the baseline .tflite", str(run.outcome.failure), "Run it here.")
    return run.outputs


def _moved(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> float:
    """Root mean square of the difference over that of the outputs around their means."""
    moves, spreads = 0.0, 0.0
    for name, was in before.items():
        spread = float(np.var(was.astype(np.float64), axis=0).mean())
        if spread > 0:  # outputs count alike, whatever their units
            moves += float(np.square(after[name].astype(np.float64) - was).mean()) / spread
            spreads += 1
    return math.sqrt(moves / spreads) if spreads else 0.0

"""How much a model's answers owe to what was done to each layer: one layer at a time.

The baseline is run on validation examples as it is, and once more for each layer with the
candidate's weights in that layer alone. How far its outputs move, as a share of their own spread,
is the layer's sensitivity. Held-out examples are not touched, and nothing is chosen by it.
"""

import dataclasses
import math
import time
from collections.abc import Mapping
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

EXAMPLES = 64
_SECONDS = 30.0  # a release does not wait for it any longer
_MEMORY_BYTES = 2**32
_NO_TIME = "no time was left for it"


@dataclasses.dataclass(frozen=True)
class Sensitivities:
    """What is known of each layer.

    Attributes:
        shares: layer -> how far the outputs move, as a share of their spread; 0 moves nothing.
        missing: layer -> why it has none.
    """

    shares: Mapping[str, float] = dataclasses.field(default_factory=dict)
    missing: Mapping[str, str] = dataclasses.field(default_factory=dict)


def of(baseline: bytes, candidate: bytes, task: "Task", seconds: float = _SECONDS) -> Sensitivities:
    """Looks at one layer after the other, the largest first; see above.

    Args:
        baseline: the file compared with; layers that it keeps in float32 are looked at.
        candidate: the release.
        task: up to 64 examples of validation are run.
        seconds: after that no further layer is begun.
    """
    started = time.monotonic()
    layers = _one_by_one(tflite.read(baseline), tflite.read(candidate))
    missing = {name: what for name, what in layers.items() if isinstance(what, str)}
    changed = {name: what for name, what in layers.items() if isinstance(what, _Change)}
    few = task.validation.take(np.arange(min(EXAMPLES, len(task.validation))))
    shares: dict[str, float] = {}
    try:
        outputs = _run(baseline, few, task) if changed else {}
        for name in sorted(changed, key=lambda each: -len(changed[each].values)):
            if time.monotonic() - started > seconds:
                missing[name] = _NO_TIME
                continue
            shares[name] = _moved(outputs, _run(changed[name].made(baseline), few, task))
    except errors.BadInput as error:  # the report then goes without
        logging.warning("the sensitivity of layers is not known: %s", error)
        missing |= dict.fromkeys(changed.keys() - shares, "the baseline does not run alone")
    return Sensitivities(shares, missing)


@dataclasses.dataclass(frozen=True)
class _Change:
    """The candidate's weights of a layer, as the baseline would store them, and where."""

    place: int
    values: bytes

    def made(self, content: bytes) -> bytes:
        """The baseline's file with these."""
        return content[: self.place] + self.values + content[self.place + len(self.values) :]


def _one_by_one(before: tflite.TfliteFile, after: tflite.TfliteFile) -> dict[str, _Change | str]:
    """Layer -> what of it to change in the baseline's file, or why that cannot be."""
    old, new = layer_weights.read(before), layer_weights.read(after)
    kernel_of = dict(zip(map(id, old), before.kernels(), strict=True))
    pairs = layer_weights.paired(old, new)
    found: dict[str, _Change | str] = {}
    for (was, now), kernel in zip(pairs, after.kernels(), strict=True):
        name = layer_weights.short_name(now.name)
        if was is None:
            found[name] = "the baseline has no such layer"
        elif was.shape != now.shape:
            found[name] = "it has another shape in the baseline"
        elif was.dtype != "FLOAT32":
            found[name] = "the baseline does not keep it in float32"
        else:
            found[name] = _change(before, kernel_of[id(was)].tensor, kernel.tensor)
    return found


def _change(before: tflite.TfliteFile, was: "Tensor", now: "Tensor") -> _Change | str:
    kept, values = was.data, _written(now)
    place = None if kept is None else _offset(before.content, kept)
    if kept is None or place is None or len(values) != len(kept):
        return "it is stored in another way in the baseline"
    return _Change(place, values)


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
    limits = sandbox.Limits(_MEMORY_BYTES, threads=2)
    run = inference.run(file, few, task.normalization, limits, timed_seconds=0)
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

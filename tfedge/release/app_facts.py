"""What a manifest tells of a model for the code of an app: its task, in plain data, under `app`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge import errors, foreign
from tfedge.data import kinds
from tfedge.data.task import Normalization, Task
from tfedge.release.golden import synthetic

KEY = "app"
_NUMBERS = "biuf"


@dataclasses.dataclass(frozen=True)
class AppFacts:
    """What no file of a release says elsewhere.

    Attributes:
        name: of the model.
        task: of its data.
        kind: the name of a file of `data.kinds`.
        labels: the class names, in the order of the class numbers.
        normalization: from raw inputs to what the model was trained on.
        inputs: the ranges of raw inputs, by name, as `synthetic.ranges` has them.
        preprocessing: how raw inputs were made from pictures, in words; "" where they were not.
    """

    name: str
    task: str
    kind: str
    labels: tuple[str, ...]
    normalization: Normalization
    inputs: Mapping[str, synthetic.Range]
    preprocessing: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the manifest holds it; `preprocessing` has a key of its own there."""
        scale, offset = (
            np.asarray(each, np.float64).tolist()
            for each in (self.normalization.scale, self.normalization.offset)
        )
        return {
            "name": self.name,
            "task": self.task,
            "kind": self.kind,
            "labels": list(self.labels),
            "normalization": {"scale": scale, "offset": offset},
            "inputs": {name: dataclasses.asdict(each) for name, each in self.inputs.items()},
        }


def of(name: str, task: Task) -> AppFacts:
    """Of a model and what it is for; the calibration split is read once."""
    one = task.calibration.take(np.arange(1)).x
    arrays = one.values() if isinstance(one, dict) else [one]
    numbers = all(array.dtype.kind in _NUMBERS for array in arrays)
    return AppFacts(
        name,
        task.name,
        task.kind,
        tuple(task.labels),
        task.normalization,
        synthetic.ranges(task.calibration) if numbers else {},
        task.preprocessing,
    )


def read(listing: Mapping[str, Any], where: str) -> AppFacts:
    """What a manifest tells.

    Args:
        listing: the manifest.
        where: what to call the release in errors.

    Raises:
        BadInput: it tells nothing, or not as tfedge writes it.
    """
    if KEY not in listing:
        cause = "its manifest was written before apps were thought of: it has no 'app'"
        raise errors.BadInput(where, cause, "Release again with this tfedge.")
    with foreign.reading(f"{where}, manifest.json", "Release again."):
        told = listing[KEY]
        kinds.named(told["kind"])
        scale, offset = (_numbers(told["normalization"][each]) for each in ("scale", "offset"))
        return AppFacts(
            str(told["name"]),
            str(told["task"]),
            str(told["kind"]),
            tuple(str(each) for each in told["labels"]),
            Normalization(scale, offset),
            {name: _range(each) for name, each in told["inputs"].items()},
            str(listing.get("preprocessing", "")),
        )


def _numbers(told: Any) -> float | tuple[float, ...]:
    return tuple(float(each) for each in told) if isinstance(told, list) else float(told)


def _range(told: Mapping[str, Any]) -> synthetic.Range:
    shape = tuple(int(size) for size in told["shape"])
    least, most = float(told["least"]), float(told["most"])
    return synthetic.Range(np.dtype(str(told["dtype"])).name, shape, least, most)

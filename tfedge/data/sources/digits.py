"""digits: 1,797 8x8 grey images of scikit-learn, on disk wherever that is installed."""

import dataclasses
import gzip
import importlib.util
import pathlib

import numpy as np

from tfedge import errors, settings
from tfedge.data import task
from tfedge.data.provenance import origins
from tfedge.data.reading import options
from tfedge.data.source import Source
from tfedge.data.splitting import stratify


@settings.declared
class Digits(Source):
    """Train 997, validation 200, held-out 600, calibration 500 of train.

    Images are (8, 8, 1) uint8 from 0 to 16. The splits keep every class's share.
    """

    metric: str | None = options.metric()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`. BadInput where scikit-learn is not installed."""
        made = _task(seed)
        return dataclasses.replace(made, metric=self.metric, class_weight=self.class_weight)


def _task(seed: int) -> task.Task:
    rows = _rows()
    images, labels = rows[:, :64].reshape(-1, 8, 8, 1), rows[:, 64].astype(np.int32)
    holdout, rest = stratify.draw(labels, 600, seed)
    validation, train = (rest[part] for part in stratify.draw(labels[rest], 200, seed))
    calibration, _ = stratify.draw(labels[train], 500, seed)
    everything = task.ArraySplit(images, labels)
    parts = {"train": train, "calibration": train[calibration], "validation": validation}
    return task.Task(
        name="digits",
        kind="classification",
        train=everything.take(parts["train"]),
        calibration=everything.take(parts["calibration"]),
        validation=everything.take(parts["validation"]),
        holdout=everything.take(holdout),
        labels=tuple("0123456789"),
        normalization=task.Normalization(1 / 16),
        batch_size=32,
        holdout_drawn=True,
        origins={
            role: origins.Rows("", len(rows), chosen)
            for role, chosen in {**parts, "holdout": holdout}.items()
        },
        seed=seed,
    )


def _rows() -> np.ndarray:
    """(1797, 65) uint8; the file is read directly because importing scikit-learn takes a second."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise errors.BadInput(
            "--data=digits", "scikit-learn, which brings it, is missing", "pip install scikit-learn"
        )
    path = pathlib.Path(found.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    with gzip.open(path, "rt") as lines:
        return np.loadtxt(lines, delimiter=",", dtype=np.uint8)

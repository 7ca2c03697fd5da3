"""npz:FILE: the arrays x_train, y_train, x_test, y_test and, if there, x_val, y_val, x_calib.

With kind=language the targets are made from x: the next token of each.
How much each training example counts may be given as w_train.
Several inputs or outputs are x_train__NAME, y_train__NAME; class names may be given as `labels`,
groups of the held-out examples, which are judged one by one, as slice_NAME.
"""

import pathlib
from collections.abc import Mapping

import numpy as np

from tfedge import settings
from tfedge.data import splits, task
from tfedge.data.answers import Answers
from tfedge.data.provenance import origins
from tfedge.data.reading import npz_contents, options
from tfedge.data.source import Source
from tfedge.data.splitting import npz_parts

_SHORT = {"validation": "val", "holdout": "test", "calibration": "calib"}


@settings.declared
class Npz(Source):
    """The task in an .npz file, in memory but for large arrays that are not compressed.

    The kind is inferred from y_train unless given. A tenth of train becomes validation where
    there is none; 500 of train become calibration where there is none. Outputs of different kinds
    make a custom task, each judged by the usual metric of its kind, whose losses expect
    probabilities.
    """

    kind: str | None = options.kind()
    metric: str | None = options.metric()
    padding: int | None = options.padding()
    scale: float | tuple[float, ...] | None = options.scale("1")
    offset: float | tuple[float, ...] | None = options.offset()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`.

        Args:
            address: the file.
            data_dir: not used.
            seed: of everything random later; validation and calibration are drawn by the content
                of each example, so that none changes sides when others come or go.

        Raises:
            BadInput: not an .npz file, truncated, pickled, or arrays that are missing or do not
                match.
        """
        return _task(address, self, seed)


def _task(path: str, asked: Npz, seed: int) -> task.Task:
    file = npz_contents.read(path, asked.kind, asked.padding)
    drawn = npz_parts.of(file)
    each_usual = ",".join(f"{own.metrics[0]}:{name}" for name, own in file.kinds.items())
    losses = {
        name: None if own.answers is Answers.VALUES else own.loss  # a share of their variance
        for name, own in file.kinds.items()
    }
    return task.Task(
        name=pathlib.Path(path).stem,
        kind=file.kind.name,
        train=drawn.train,
        calibration=drawn.calibration,
        validation=drawn.validation,
        holdout=file.split("test"),
        metric=asked.metric or (each_usual if file.is_mixed else None),
        class_weight=asked.class_weight,
        sample_weight=drawn.weights,
        labels=file.class_names,
        normalization=task.Normalization(
            1.0 if asked.scale is None else asked.scale,
            0.0 if asked.offset is None else asked.offset,
        ),
        loss=losses if file.is_mixed else None,
        is_scale_given=asked.scale is not None,
        seed=seed,
        origins={
            **{role: _rows(f"x_{short}", file.parts) for role, short in _SHORT.items()},
            **{role: _rows("x_train", file.parts, rows) for role, rows in drawn.rows.items()},
        },
        slices=file.slices,
    )


def _rows(
    array: str, parts: Mapping[str, splits.Arrays], chosen: np.ndarray | None = None
) -> origins.Rows:
    """These rows of an array, or all."""
    length = splits.count(parts[array]) if array in parts else 0
    return origins.Rows(array, length, np.arange(length) if chosen is None else chosen)

"""The splits of an .npz file: those it has, and validation and calibration drawn from train.

They are drawn by the content of each example, so that none changes sides when others come or go.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import splits, targets, task, task_targets
from tfedge.data.reading import npz_contents, npz_file
from tfedge.data.reading.npz_contents import File
from tfedge.data.scanning import inputs
from tfedge.data.splitting import content_split, stratify


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """The splits that training uses.

    Attributes:
        train, calibration, validation: the splits.
        rows: role -> rows of the file's x_train that it is, of those that were drawn from it.
        weights: how much each example of `train` counts.
    """

    train: splits.Split
    calibration: splits.Split
    validation: splits.Split
    rows: Mapping[str, np.ndarray]
    weights: np.ndarray | None


def of(file: File) -> Drawn:
    """Validation and calibration as they are given, else drawn.

    Raises:
        BadInput: values in train that nothing can be drawn from by content.
    """
    given, weights = file.split("train"), file.weights
    calibration: splits.Split | None = _calibration(file, given)
    rows = {"train": np.arange(len(given))}
    keys = _keys(given, file.forget) if "x_val" not in file.parts or calibration is None else []
    train: splits.Split = given
    if "x_val" in file.parts:
        validation: splits.Split = file.split("val")
    else:
        _check_values(file, given)
        rows["train"], rows["validation"] = _drawn_validation(file, given, keys)
        weights = _weights_of(file, given, rows["train"])
        train, validation = (_chosen(given, rows[role]) for role in ("train", "validation"))
    if calibration is None:
        own = [keys[row] for row in rows["train"]]
        some = content_split.some(own, stratify.classes(train, file.kind), 500)
        rows["calibration"] = rows["train"][some]
        calibration = _chosen(given, rows["calibration"])
    return Drawn(train, calibration, validation, rows, weights)


def _calibration(file: File, train: task.ArraySplit) -> task.ArraySplit | None:
    """The calibration inputs there are, which may come without targets."""
    if "x_calib" not in file.parts:
        return None
    if "y_calib" in file.parts:
        return file.split("calib")
    x = file.parts["x_calib"]
    return task.ArraySplit(x, targets.unlabelled(train.y, splits.count(x)))


def _check_values(file: File, train: task.ArraySplit) -> None:
    """Refuses what `hygiene` would, by the indices of the file: drawing from it changes them."""
    for name, array in splits.named(train.x).items():
        if array.dtype.kind != "f" or not array.size:
            continue
        for piece in npz_file.pieces(array):
            where = f"{file.path}, x_train" + (f"__{name}" if name else "")
            inputs.value_range(array[piece], piece.start, where)
            file.forget()
    labels = file.class_names
    for name, array in splits.named(train.y).items():
        where = f"{file.path}, y_train" + (f"__{name}" if name else "")
        kind = file.kinds[name]
        classes = len(labels) or targets.num_classes(array, kind)
        task_targets.check_values(array, kind, classes, where)
        counted = kind.classes is not None and kind.classes.are_counted and not labels
        gap = task_targets.missing_classes(array, kind, classes) if counted else ""
        if gap:
            raise errors.BadInput(where, f"there is {gap}", "Number the classes from 0.")


def _drawn_validation(
    file: File, train: task.ArraySplit, keys: list[bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """(rows that stay in train, rows that become validation)."""
    sides = content_split.sides(keys, stratify.classes(train, file.kind), holdout=False)
    drawn, rest = np.flatnonzero(sides == "validation"), np.flatnonzero(sides == "train")
    logging.info(
        "%s: no x_val; %d of the training examples become validation", file.path, len(drawn)
    )
    return rest, drawn


def _chosen(train: task.ArraySplit, rows: np.ndarray) -> splits.RowSplit:
    return splits.RowSplit(train.x, rows, splits.pick(train.y, rows))


def _weights_of(file: File, train: task.ArraySplit, rows: np.ndarray) -> np.ndarray | None:
    weights = file.weights
    if weights is not None and weights.shape != (len(train),):
        raise errors.BadInput(
            file.path,
            f"{npz_contents.WEIGHTS} has shape {weights.shape}, x_train {len(train)} examples",
            "Give each training example one number.",
        )
    return None if weights is None else weights[rows]


def _keys(split: task.ArraySplit, forget: Callable[[], None]) -> list[bytes]:
    """What decides where each example goes: the bytes of its inputs and targets."""
    arrays = [
        array for side in (split.x, split.y) for _, array in sorted(splits.named(side).items())
    ]
    keys = []
    for piece in npz_file.pieces(max(arrays, key=lambda array: array.nbytes)):
        parts = [array[piece] for array in arrays]
        keys += [
            content_split.key_of(b"".join(row.tobytes() for row in rows))
            for rows in zip(*parts, strict=True)
        ]
        forget()
    return keys

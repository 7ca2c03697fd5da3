"""npz:FILE: the arrays x_train, y_train, x_test, y_test and, if there, x_val, y_val, x_calib.

How much each training example counts may be given as w_train.
Several inputs or outputs are x_train__NAME, y_train__NAME; class names may be given as `labels`,
groups of the held-out examples, which are judged one by one, as slice_NAME.
"""

import pathlib
import re
from collections.abc import Callable, Mapping

import numpy as np
from absl import logging

from tfedge import errors, foreign, settings
from tfedge.data import kinds, origins, splits, targets, task, task_targets
from tfedge.data.kind import Kind
from tfedge.data.reading import npz_file, options
from tfedge.data.scanning import inputs
from tfedge.data.source import Source
from tfedge.data.splitting import content_split, stratify

_KEY = re.compile(r"(x|y)_(train|val|test|calib)(?:__(.+))?")
_SLICE = "slice_"
_SHORT = {"validation": "val", "holdout": "test", "calibration": "calib"}
_WEIGHTS = "w_train"


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
    arrays = npz_file.read(pathlib.Path(path))
    with foreign.reading(path, "Store class names as text.", "labels cannot be read"):
        labels = tuple(str(label) for label in np.atleast_1d(arrays.pop("labels", ())))
    slices = {key: arrays.pop(key) for key in sorted(arrays) if key.startswith(_SLICE)}
    weights = arrays.pop(_WEIGHTS, None)
    parts = _parts(path, arrays)
    if not splits.count(parts["y_train"]):
        raise errors.BadInput(f"{path}, y_train", "it has no examples", "Add some.")
    found = {
        name: kinds.named(asked.kind) if asked.kind else kinds.of_targets(y)
        for name, y in splits.named(parts["y_train"]).items()
    }
    several = len(set(found.values())) > 1
    kind = kinds.named("custom") if several else next(iter(found.values()))
    each_usual = ",".join(f"{own.metrics[0]}:{name}" for name, own in found.items())
    logging.info("%s: targets are taken as %s", path, _shown(found))
    labels = labels or targets.names(parts["y_train"], kind)
    given = _split(path, parts, "train", found)
    calibration: splits.Split | None = _calibration(path, parts, given, found)
    holdout = _split(path, parts, "test", found)
    rows = {"train": np.arange(len(given))}
    keys = _keys(given, arrays.forget) if "x_val" not in parts or calibration is None else []
    train: splits.Split = given
    if "x_val" in parts:
        validation: splits.Split = _split(path, parts, "val", found)
    else:
        _check_values(path, given, found, labels, arrays.forget)
        rows["train"], rows["validation"] = _drawn_validation(path, given, keys, kind)
        weights = _weights_of(path, weights, given, rows["train"])
        train, validation = (_chosen(given, rows[role]) for role in ("train", "validation"))
    if calibration is None:
        own = [keys[row] for row in rows["train"]]
        some = content_split.some(own, stratify.classes(train, kind), 500)
        rows["calibration"] = rows["train"][some]
        calibration = _chosen(given, rows["calibration"])
    return task.Task(
        name=pathlib.Path(path).stem,
        kind=kind.name,
        train=train,
        calibration=calibration,
        validation=validation,
        holdout=holdout,
        metric=asked.metric or (each_usual if several else None),
        class_weight=asked.class_weight,
        sample_weight=weights,
        labels=labels,
        normalization=task.Normalization(
            1.0 if asked.scale is None else asked.scale,
            0.0 if asked.offset is None else asked.offset,
        ),
        loss={name: each.loss for name, each in found.items()} if several else None,
        is_scale_given=asked.scale is not None,
        seed=seed,
        origins={
            **{role: _rows(f"x_{short}", parts) for role, short in _SHORT.items()},
            **{role: _rows("x_train", parts, chosen) for role, chosen in rows.items()},
        },
        slices={key.removeprefix(_SLICE): column for key, column in slices.items()},
    )


def _parts(path: str, arrays: dict[str, np.ndarray]) -> dict[str, splits.Arrays]:
    """The arrays grouped by key: "x_train" -> one array, or a dict of them by name."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    known = {key: match for key in arrays if (match := _KEY.fullmatch(key))}
    if unused := [key for key in arrays if key not in known]:
        logging.warning("%s: arrays that are not used: %s", path, ", ".join(unused))
    if wrong := [fault for key in known if (fault := _no_rows(key, arrays[key]))]:
        raise errors.BadInput(path, "; ".join(wrong), "Give every array one row per example.")
    for key, match in known.items():
        side, role, name = match.groups()
        groups.setdefault(f"{side}_{role}", {})[name or ""] = arrays[key]
    needed = {"x_train", "y_train", "x_test", "y_test"}
    needed |= {"y_val" if "x_val" in groups else "", "x_val" if "y_val" in groups else ""} - {""}
    if missing := sorted(needed - set(groups)):
        raise errors.BadInput(
            path,
            f"it lacks {', '.join(missing)}; it has {', '.join(sorted(arrays)) or 'nothing'}",
            "Add them; keys are x_train, y_train, x_val, y_val, x_test, y_test, x_calib.",
        )
    for group, found in groups.items():
        expected = groups[f"{group[0]}_train"]
        if set(found) != set(expected) or ("" in found and len(found) > 1):
            raise errors.BadInput(
                path,
                f"{group} has the names {_names(found)}, {group[0]}_train {_names(expected)}",
                "Give every split the same inputs and outputs, all named or a single one unnamed.",
            )
    _check_lengths(path, groups)
    return {group: found.get("", found) for group, found in groups.items()}


def _no_rows(key: str, array: np.ndarray) -> str:
    """What keeps an array from being one row per example, if anything."""
    if not array.ndim:
        return f"{key} is the single value {array}"
    return f"{key} has records" if array.dtype.names else ""


def _check_lengths(path: str, groups: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """The arrays of a role have as many examples; those of all roles that differ are named."""
    lengths: dict[str, dict[str, int]] = {}
    for group, found in groups.items():
        for name, array in found.items():
            key = group + (f"__{name}" if name else "")
            lengths.setdefault(group.partition("_")[2], {})[key] = len(array)
    wrong = [
        ", ".join(f"{key} has {n}" for key, n in of_role.items())
        for of_role in lengths.values()
        if len(set(of_role.values())) > 1
    ]
    if wrong:
        cause = f"{'; '.join(wrong)} examples"
        raise errors.BadInput(path, cause, "Give every array one row per example.")


def _split(
    path: str, parts: dict[str, splits.Arrays], role: str, found: dict[str, Kind]
) -> task.ArraySplit:
    """One split with canonical targets."""
    x, y = parts[f"x_{role}"], parts[f"y_{role}"]
    where = f"{path}, y_{role}"
    ready = {
        name: found[name].canonical(array, f"{where}__{name}" if name else where)
        for name, array in splits.named(y).items()
    }
    return task.ArraySplit(x, ready[""] if "" in ready else ready)


def _calibration(
    path: str, parts: dict[str, splits.Arrays], train: task.ArraySplit, found: dict[str, Kind]
) -> task.ArraySplit | None:
    """The calibration inputs there are, which may come without targets."""
    if "x_calib" not in parts:
        return None
    if "y_calib" in parts:
        return _split(path, parts, "calib", found)
    x = parts["x_calib"]
    return task.ArraySplit(x, targets.unlabelled(train.y, splits.count(x)))


def _check_values(
    path: str,
    train: task.ArraySplit,
    found: dict[str, Kind],
    labels: tuple[str, ...],
    forget: Callable[[], None],
) -> None:
    """Refuses what `hygiene` would, by the indices of the file: drawing from it changes them."""
    for name, array in splits.named(train.x).items():
        if array.dtype.kind != "f" or not array.size:
            continue
        for piece in npz_file.pieces(array):
            where = f"{path}, x_train" + (f"__{name}" if name else "")
            inputs.value_range(array[piece], piece.start, where)
            forget()
    for name, array in splits.named(train.y).items():
        where = f"{path}, y_train" + (f"__{name}" if name else "")
        kind = found[name]
        classes = len(labels) or targets.num_classes(array, kind)
        task_targets.check_values(array, kind, classes, where)
        counted = kind.classes is not None and kind.classes.are_counted and not labels
        gap = task_targets.missing_classes(array, kind, classes) if counted else ""
        if gap:
            raise errors.BadInput(where, f"there is {gap}", "Number the classes from 0.")


def _drawn_validation(
    path: str, train: task.ArraySplit, keys: list[bytes], kind: Kind
) -> tuple[np.ndarray, np.ndarray]:
    """(rows that stay in train, rows that become validation)."""
    sides = content_split.sides(keys, stratify.classes(train, kind), holdout=False)
    drawn, rest = np.flatnonzero(sides == "validation"), np.flatnonzero(sides == "train")
    logging.info("%s: no x_val; %d of the training examples become validation", path, len(drawn))
    return rest, drawn


def _chosen(train: task.ArraySplit, rows: np.ndarray) -> splits.RowSplit:
    return splits.RowSplit(train.x, rows, splits.pick(train.y, rows))


def _weights_of(
    path: str, weights: np.ndarray | None, train: task.ArraySplit, rows: np.ndarray
) -> np.ndarray | None:
    if weights is not None and weights.shape != (len(train),):
        raise errors.BadInput(
            path,
            f"{_WEIGHTS} has shape {weights.shape}, x_train {len(train)} examples",
            "Give each training example one number.",
        )
    return None if weights is None else weights[rows]


def _rows(
    array: str, parts: dict[str, splits.Arrays], chosen: np.ndarray | None = None
) -> origins.Rows:
    """These rows of an array, or all."""
    length = splits.count(parts[array]) if array in parts else 0
    return origins.Rows(array, length, np.arange(length) if chosen is None else chosen)


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


def _shown(found: dict[str, Kind]) -> str:
    return ", ".join(f"{name} {kind.name}".strip() for name, kind in found.items())


def _names(found: dict[str, np.ndarray]) -> str:
    return ", ".join(name or "(unnamed)" for name in found)

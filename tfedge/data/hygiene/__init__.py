"""Looks at data before anything is trained on it: refuses what would poison or flatter a result."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import class_weights, metrics, task, task_targets
from tfedge.data.fit import check_fits
from tfedge.data.hygiene import drift, duplicates, inputs, scale

__all__ = ["ROLES", "Findings", "check", "check_fits", "examine"]

ROLES = ("train", "calibration", "validation", "holdout")
FEWEST_CALIBRATION = 100
_UNEVEN = 0.8  # share of one class from which plain accuracy says little


@dataclass(frozen=True, eq=False)
class Findings:
    """What `examine` saw in data it did not refuse.

    Args:
        warnings: one line each.
        near_duplicates: sorted held-out indices of images that training nearly saw; results on
            the held-out split are to be given without them too.
        pairs: what each of them is nearly the same as.
        drifts: how train and calibration differ from held-out, largest effect first; those that
            matter are among the warnings.
    """

    warnings: tuple[str, ...]
    near_duplicates: np.ndarray
    pairs: tuple[duplicates.Pair, ...] = ()
    drifts: tuple[drift.Drift, ...] = ()


def check(task: "task.Task", roles: Sequence[str] = ROLES) -> tuple[str, ...]:
    """`examine`, for its warnings alone."""
    return examine(task, roles).warnings


def examine(task: "task.Task", roles: Sequence[str] = ROLES) -> Findings:
    """Reads every example of a task once and refuses what cannot be worked with.

    Refused: empty splits, splits of different shape or dtype, NaN and infinity, labels out of
    range, classes missing from train, validation or held-out, an unknown metric, calibration data
    without variation, images of different scale, and held-out examples that train, calibration or
    validation hold too. Warned about: plain accuracy where one class is most of train, less than
    100 calibration examples, classes missing from calibration, a scale unusual for images, repeated
    held-out examples, validation examples that are in train, near duplicates of held-out images,
    and held-out examples not drawn like those of train or calibration.

    Args:
        task: with or without its held-out split.
        roles: the splits to look at, those of them there are; ("holdout",) reads nothing else,
            and compares nothing.

    Raises:
        BadInput: naming the split, the first index, the counts and what to do.
    """
    chosen = {role: split for role, split in task.splits().items() if role in roles}
    for role, split in chosen.items():
        if not len(split):
            raise errors.BadInput(_where(task, role), "it has no examples", "Add some.")
    metric = metrics.resolve(task)
    warnings = [
        warning
        for role, split in chosen.items()
        for warning in task_targets.check(task, role, split.targets())
    ]
    if metric.name == "accuracy" and "train" in chosen:
        warnings += _check_balance(task)
    scans = {}
    for role, split in chosen.items():
        logging.info("Reading the %d examples of %s", len(split), role)
        scans[role] = inputs.scan(split, _where(task, role))
    if not scans:
        return Findings((), duplicates.NONE)
    _check_same_form(task, scans)
    if "calibration" in scans:
        warnings += _check_calibration(task, scans["calibration"])
    _check_channels(task, next(iter(scans.values())))
    warnings += scale.check(task, scans)
    if "holdout" not in scans:
        return Findings(tuple(warnings), duplicates.NONE)
    warnings += _check_overlap(task, scans)
    pairs = _near(task, chosen, scans, warnings)
    drifts = drift.compare(task, scans)
    warnings += drift.warnings(drifts, _where(task, "holdout"))
    near = np.unique(np.array([pair.index for pair in pairs], np.int64))
    return Findings(tuple(warnings), near, pairs, drifts)


def _near(
    task: "task.Task",
    chosen: "dict[str, task.Split]",
    scans: dict[str, inputs.Scan],
    warnings: list[str],
) -> tuple[duplicates.Pair, ...]:
    """Near duplicates of held-out images; adds to `warnings` what was found or not looked for."""
    fixed = {role: (split, scans[role]) for role, split in chosen.items() if _is_fixed(split)}
    pairs = duplicates.near(fixed) if "holdout" in fixed else ()
    warnings += [
        f"{_where(task, role)}: it has an order of its own, so near duplicates of held-out"
        " examples were not looked for"
        for role in chosen
        if role not in fixed
    ]
    if pairs:
        count = len({pair.index for pair in pairs})
        warnings.append(
            f"{_where(task, 'holdout')}: {count} of {len(scans['holdout'].digests)} images are"
            f" nearly the same as one the model is made with, the first at index {pairs[0].index}"
        )
    return pairs


def _where(task: "task.Task", role: str) -> str:
    return f"task {task.name}, {role}"


def _is_fixed(split: "task.Split") -> bool:
    return not (isinstance(split, task.BatchSplit) and split.own_order)


def _check_channels(task: "task.Task", scan: inputs.Scan) -> None:
    """A scale per channel has to meet as many channels."""
    for values in (task.normalization.scale, task.normalization.offset):
        for name, (shape, _) in scan.form.items():
            if isinstance(values, tuple) and len(values) != (shape[-1] if shape else 1):
                raise errors.BadInput(
                    f"task {task.name}, input {name}".removesuffix(" "),
                    f"the normalization has {len(values)} channels, examples are {shape}",
                    "Give one number, or one for each channel of the last axis.",
                )


def _check_balance(task: "task.Task") -> list[str]:
    """Says where always giving one answer has a high accuracy."""
    found = class_weights.imbalance(task)
    if found is None or found[1] < _UNEVEN:
        return []
    number, share = found
    label = task.labels[number] if number < len(task.labels) else number
    return [
        f"{_where(task, 'train')}: {share:.0%} of the labels are {label}, so always saying it has"
        " an accuracy as high: judge by the metric macro_f1 or auc (in --data: ?metric=macro_f1)"
    ]


def _check_same_form(task: "task.Task", scans: dict[str, inputs.Scan]) -> None:
    (first, expected), *others = ((role, scan.form) for role, scan in scans.items())
    for role, form in others:
        if form != expected:
            raise errors.BadInput(
                _where(task, role),
                f"its inputs are {inputs.shown(form)}, those of {first} {inputs.shown(expected)}",
                "Store all splits with one shape, dtype and scale.",
            )


def _check_calibration(task: "task.Task", scan: inputs.Scan) -> list[str]:
    where = _where(task, "calibration")
    for name, (low, high) in scan.ranges.items():
        if low == high:
            raise errors.BadInput(
                f"{where} {name}".strip(),
                f"every value of its {len(scan.digests)} examples is {low:g}",
                "Calibrate on examples like those the app will see.",
            )
    if len(scan.digests) < FEWEST_CALIBRATION:
        return [
            f"{where}: {len(scan.digests)} examples; activation ranges are safer with at least"
            f" {FEWEST_CALIBRATION}"
        ]
    return []


def _check_overlap(task: "task.Task", scans: dict[str, inputs.Scan]) -> list[str]:
    """Refuses held-out examples that any other split holds; counts the harmless repetitions."""
    digests = {role: scan.digests for role, scan in scans.items()}
    held_out = digests["holdout"]
    for role in ROLES[:-1]:
        if role not in digests:
            continue
        shared = np.flatnonzero(np.isin(held_out, digests[role]))
        if len(shared):
            twin = int(np.flatnonzero(digests[role] == held_out[shared[0]])[0])
            rows = int(np.isin(digests[role], held_out).sum())
            raise errors.BadInput(
                _where(task, "holdout"),
                f"{len(shared)} of {len(held_out)} examples are also in {role} ({rows} of"
                f" {len(digests[role])} there), the first: {shared[0]} = {role} {twin}",
                f"Remove them from {role}: a result on data already seen proves nothing.",
            )
    warnings = []
    repeated = len(held_out) - len(np.unique(held_out))
    if repeated:
        warnings.append(
            f"{_where(task, 'holdout')}: {repeated} of {len(held_out)} examples repeat an earlier"
            " one, so it proves less than its size says"
        )
    if "train" in digests and "validation" in digests:
        known = np.isin(digests["validation"], digests["train"])
        if known.any():
            warnings.append(
                f"{_where(task, 'validation')}: {known.sum()} of {len(known)} examples are also"
                " in train, so choices made on it favour overfitting"
            )
    return warnings

"""Exports a stranger's SavedModel in a child: opening one runs its graph, converting folds it.

`loading.saved_model_safety` has looked at every operator before. This is the second line: the child
has no network, writes nowhere but in a folder of its own, and is ended when it takes too much
memory or time. It does the whole export, the run of the finished file included.
"""

import contextlib
import dataclasses
import json
import logging as stdlib_logging
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.compress import loading
from tfedge.data.splits import Arrays, ArraySplit, Split
from tfedge.data.task import Normalization, Task
from tfedge.device import sandbox
from tfedge.device.sandbox import child, confinement, limits
from tfedge.export import choices, options

_MEMORY_BYTES = 2**34
_SECONDS = 3600.0
_REMEDY = "Export the model again with Keras, or give it as .keras or .h5."
_FIELDS = ("name", "kind", "labels", "seed")


def to_tflite(source: loading.SavedModel, export: options.Export, task: Task | None) -> bytes:
    """The file of a SavedModel; see `tfedge.export.to_tflite`.

    Raises:
        BadInput: what the export refuses, or that the child was ended or crashed.
    """
    with tempfile.TemporaryDirectory(prefix="tfedge_apart_") as place:
        folder = pathlib.Path(place)
        job = {
            "path": str(source.path.resolve()),
            "export": export.to_text(),
            "task": None if task is None else _written(task, export, folder),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        allowed = sandbox.Limits(_MEMORY_BYTES, limits.usable_cores(), _SECONDS, _SECONDS)
        outcome = sandbox.run(f"{__name__}:work", folder, allowed)
        _say_again(folder)
        refusal = folder / "refusal.json"
        if refusal.exists():
            raise errors.BadInput(**json.loads(refusal.read_text(encoding="utf-8")))
        if outcome.failure is not None:
            raise errors.BadInput(
                str(source.path),
                f"its export ended in a child ({outcome.failure.kind}): {outcome.failure.detail}",
                _REMEDY,
            )
        return (folder / "model.tflite").read_bytes()


def work(place: child.Workplace) -> None:
    """What the child does."""
    tempfile.tempdir = str(place.folder)
    open_ends = {name: why for name, why in confinement.enter([place.folder]).items() if why}
    from tfedge.export import exporting

    job = json.loads((place.folder / "job.json").read_text(encoding="utf-8"))
    with _kept_log(place.folder / "said.jsonl"):
        if open_ends:
            logging.warning("%s: opened without these limits: %s", job["path"], open_ends)
        place.ready_to_load()
        try:
            source = loading.SavedModel(pathlib.Path(job["path"]))
            task = None if job["task"] is None else _read(job["task"], place.folder)
            export = options.Export.parse(job["export"])
            data = exporting.to_tflite(source, export, task)
            (place.folder / "model.tflite").write_bytes(data)
        except errors.BadInput as error:
            told = {"where": error.where, "cause": error.cause, "remedy": error.remedy}
            place.write_json("refusal.json", told)


def _written(task: Task, export: options.Export, folder: pathlib.Path) -> dict[str, Any]:
    """What an export reads of a task, its examples in a file."""
    splits = {"calibration": task.calibration}
    if export.precision == choices.AUTO:
        splits["validation"] = task.validation
    arrays: dict[str, np.ndarray] = {}
    for role, split in splits.items():
        whole = split.take(np.arange(len(split)))
        for side, part in (("x", whole.x), ("y", whole.y)):
            arrays |= {f"{role}/{side}/{key}": array for key, array in _by_key(part)}
    np.savez(folder / "examples.npz", **arrays)  # type: ignore[arg-type]
    if export.precision == choices.AUTO and not isinstance(task.metric, str | None):
        raise errors.BadInput(
            f"--export={export.to_text()}",
            "a SavedModel is exported in a process that does not know a metric of your own",
            "Give a metric by name, or choose precision by layer.",
        )
    metric = task.metric if isinstance(task.metric, str) else None
    normalization = dataclasses.asdict(task.normalization)
    fields = {name: getattr(task, name) for name in _FIELDS}
    return {**fields, "metric": metric, "normalization": normalization}


def _by_key(part: Arrays) -> Iterator[tuple[str, np.ndarray]]:
    """A lone array goes by ".", which no input is called."""
    yield from part.items() if isinstance(part, dict) else [(".", np.asarray(part))]


def _read(told: Mapping[str, Any], folder: pathlib.Path) -> Task:
    with np.load(folder / "examples.npz", allow_pickle=False) as file:
        arrays = dict(file)

    def split(role: str) -> Split:
        sides = []
        for side in "xy":
            start = f"{role}/{side}/"
            found = {k.removeprefix(start): a for k, a in arrays.items() if k.startswith(start)}
            sides.append(found.get(".", found))
        return ArraySplit(*sides)

    calibration = split("calibration")
    is_validated = any(key.startswith("validation/") for key in arrays)
    normalization = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in told["normalization"].items()
    }
    told = {**told, "labels": tuple(told["labels"])}
    return Task(
        **{**told, "normalization": Normalization(**normalization)},
        train=calibration,
        calibration=calibration,
        validation=split("validation") if is_validated else calibration,
    )


@contextlib.contextmanager
def _kept_log(path: pathlib.Path) -> Iterator[None]:
    """What is logged, line by line, for the parent to say."""
    with path.open("w", encoding="utf-8") as file:

        class Kept(stdlib_logging.Handler):
            def emit(self, record: stdlib_logging.LogRecord) -> None:
                file.write(json.dumps([record.levelno, record.getMessage()]) + "\n")

        handler = Kept()
        logger = logging.get_absl_logger()
        logging.set_verbosity(logging.INFO)
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def _say_again(folder: pathlib.Path) -> None:
    said = folder / "said.jsonl"
    for line in said.read_text(encoding="utf-8").splitlines() if said.exists() else ():
        level, words = json.loads(line)
        logging.get_absl_logger().log(level, "%s", words)

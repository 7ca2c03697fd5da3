"""A candidate on disk between two passes, so that a killed run goes on after the last one."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfedge import foreign, versions
from tfedge.compress import bridge
from tfedge.compress import keras as k
from tfedge.compress.candidate import Candidate, Quantization, Report, Teacher
from tfedge.compress.loading import config_safety
from tfedge.compress.teaching import teachers
from tfedge.compress.training import training_state
from tfedge.data import origins
from tfedge.data.splits import ArraySplit, RowSplit
from tfedge.data.task import Task
from tfedge.errors import BadInput

_REMEDY = "Delete it."


def fingerprint(content: Iterable[bytes], task: Task) -> str:
    """What a run starts from: a model, the task with its data and seed, and the libraries.

    Data in memory and files count whole. Of what else is read when it is needed all targets count,
    but only the first inputs.

    Args:
        content: of the model, see `of_model`; or of its file.
        task: as it trains.
    """
    digest = hashlib.sha256(f"{sorted(versions.installed().items())}".encode())
    for part in content:
        digest.update(part)
    chosen = [_name(choice) for choice in (task.metric, task.loss, task.optimizer)]
    digest.update(f"{task.kind} {task.seed} {task.batch_size} {chosen}".encode())
    digest.update(f"{task.normalization} {task.preprocessing} {task.augment}".encode())
    digest.update(f"{task.class_weight}".encode())
    if task.sample_weight is not None:
        digest.update(np.ascontiguousarray(task.sample_weight).data)
    for role in ("train", "calibration", "validation"):
        for array in _arrays_of(task, role):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def of_model(model: k.Model) -> Iterator[bytes]:
    """Graph and weights of a flat model."""
    yield model.to_json().encode()
    for weight in model.get_weights():
        yield weight.tobytes()


def _arrays_of(task: Task, role: str) -> Iterator[np.ndarray]:
    """All that is known of a split without reading it twice."""
    split, origin = task.splits()[role], task.origins.get(role)
    if isinstance(origin, origins.Files):
        yield np.array(list(origin.digests(split)))
        yield from _arrays(split.targets())
        return
    few = np.arange(64) % len(split)
    some = split if isinstance(split, ArraySplit | RowSplit) else split.take(few)
    yield from (*_arrays(some.x), *_arrays(split.targets()))


def _name(choice: Any) -> str:
    """Of a metric, loss or optimizer: code has no fingerprint, so its name has to do."""
    if isinstance(choice, Mapping):
        return str({output: _name(choice[output]) for output in sorted(choice)})
    return getattr(choice, "name", None) or getattr(choice, "__qualname__", None) or f"{choice}"


def extend(key: str, text: str, files: Sequence[str] = ()) -> str:
    """The key after one more pass, written so, that reads these files (or py:FILE:FUNCTION)."""
    read = "".join(f" {teachers.digest(path, text)}" for path in files)
    return hashlib.sha256(f"{key} {text}{read}".encode()).hexdigest()[:16]


def save(candidate: Candidate, folder: pathlib.Path) -> None:
    """Write `candidate.npz` into the folder; it is whole or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {}
    index: dict[str, Any] = {
        "model": _pack_model(candidate.model, "weight", arrays),
        "holds": training_state.pack(candidate.holds, "hold", arrays),
        "reports": [report.to_json() for report in candidate.reports],
        "quantization": None,
        "teacher": None,
    }
    if candidate.teacher is not None:
        index["teacher"] = {
            "model": _pack_model(candidate.teacher.model, "teacher", arrays),
            "methods": candidate.teacher.methods,
            "temperature": candidate.teacher.temperature,
            "weight": candidate.teacher.weight,
            "layers": dict(candidate.teacher.layers),
        }
    if candidate.quantization is not None:
        index["quantization"] = dataclasses.asdict(candidate.quantization)
    training_state.write(folder / "candidate.npz", index, arrays)


def load(folder: pathlib.Path, like: Any) -> Candidate | None:
    """What `save` wrote, or None.

    Args:
        folder: of one pass.
        like: the model the run started from; its layer classes are known when reading.
    """
    found = training_state.read(folder / "candidate.npz")
    if found is None:
        return None
    path = folder / "candidate.npz"
    try:
        with foreign.reading(path, _REMEDY):
            return _candidate(*found, like)
    except BadInput as error:
        logging.warning("%s cannot be used, its work is done again: %s", path, error)
        return None


def _candidate(index: dict[str, Any], arrays: dict[str, np.ndarray], like: Any) -> Candidate:
    classes = {type(layer).__name__: type(layer) for layer in like.layers}
    quantization = index["quantization"]
    if quantization is not None:
        ranges = {name: (low, high) for name, (low, high) in quantization.pop("ranges").items()}
        quantization = Quantization(ranges=ranges, **quantization)
    return Candidate(
        model=_model(index["model"], "weight", arrays, classes),
        holds=training_state.unpack(index["holds"], "hold", arrays),
        reports=tuple(Report.from_json(entry) for entry in index["reports"]),
        quantization=quantization,
        teacher=_teacher(index["teacher"], arrays, classes),
    )


def _pack_model(model: k.Model, prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """A model as JSON; its weights go into `arrays`."""
    weights = model.get_weights()
    arrays |= {f"{prefix}/{number}": weight for number, weight in enumerate(weights)}
    return {
        "graph": model.to_json(),
        "output_names": model.output_names,
        "weights": len(weights),
    }


def _model(packed: Mapping[str, Any], prefix: str, arrays: Mapping, classes: Mapping) -> k.Model:
    """Checked like a model file of someone else's: the folder may have been written by one."""
    described = foreign.parse_json(packed["graph"].encode(), "its graph", _REMEDY)
    config_safety.check(described, "its graph", lambda name: _trusted(name, classes))
    bridge.know_layers()
    model = k.tf_keras.models.model_from_json(packed["graph"], custom_objects=classes)
    model.output_names = packed["output_names"]
    model.set_weights([arrays[f"{prefix}/{number}"] for number in range(packed["weights"])])
    return model


def _trusted(name: str, classes: Mapping[str, Any]) -> bool:
    return name in classes or k.tf_keras.saving.get_registered_object(name) is not None


def _teacher(packed: Mapping[str, Any] | None, arrays: Mapping, classes: Mapping) -> Teacher | None:
    if packed is None:
        return None
    model = _model(packed["model"], "teacher", arrays, classes)
    return Teacher(**{**packed, "model": model, "methods": tuple(packed["methods"])})


def _arrays(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else [value]

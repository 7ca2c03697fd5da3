"""The key of a stage: a number made of all that its bytes depend on.

Two runs that come to the same key make the same, so what one has finished serves the other.
"""

import hashlib
import inspect
import itertools
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfedge import versions
from tfedge.compress import bridge, loading
from tfedge.compress import keras as k
from tfedge.compress.passes import base
from tfedge.compress.teaching import teachers
from tfedge.compress.training import distribution
from tfedge.data.provenance import origins
from tfedge.data.splits import ArraySplit, RowSplit
from tfedge.data.task import Task

_LOOKED_AT = ("calibration", "validation")
_FEW = 64  # inputs of a split that is not read twice
_PLAIN = (bool, int, float, str, tuple)
_WITH_VERSION = {"builtins", "keras", "numpy", "tensorflow", "tf_keras", "tfedge"}


def fingerprint(
    content: Iterable[bytes], task: Task, roles: Sequence[str] = ("train", *_LOOKED_AT)
) -> str:
    """What a run starts from: a model, the task with its data and seed, what computes, and where.

    Data in memory and files count whole. Of what else is read when it is needed all targets count,
    but only the first inputs.

    Args:
        content: of the model, see `of_model`; or of its file.
        task: as it trains.
        roles: the splits that are read.
    """
    computes = (
        *(sorted(versions.installed().items()), versions.code(), versions.processor()),
        _threads(),
    )
    digest = hashlib.sha256(f"{computes} {distribution.devices()}".encode())
    for part in content:
        digest.update(part)
    chosen = [_told(choice) for choice in (task.metric, task.loss, task.optimizer)]
    digest.update(f"{task.kind} {task.seed} {task.batch_size} {chosen}".encode())
    digest.update(f"{task.normalization} {task.preprocessing} {task.augment}".encode())
    digest.update(f"{task.class_weight}".encode())
    if task.sample_weight is not None:
        digest.update(np.ascontiguousarray(task.sample_weight).data)
    for role in roles:
        for array in _arrays_of(task, role):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


def _threads() -> int:
    """As a program has set it, who must have loaded TensorFlow for that; else as they are."""
    tensorflow = sys.modules.get("tensorflow")
    chosen = tensorflow and tensorflow.config.threading.get_intra_op_parallelism_threads()
    return chosen or versions.threads()


def of_model(model: k.Model) -> Iterator[bytes]:
    """Graph, weights and code of a functional model."""
    yield model.to_json().encode()
    for weight in model.get_weights():
        yield weight.tobytes()
    yield f"{own_code(model)}".encode()


def own_code(model: k.Model) -> list[str]:
    """The code of layers of a functional model that comes with no library."""
    layers = list(model._flatten_layers())
    values = itertools.chain.from_iterable(vars(layer).values() for layer in layers)
    own = {*map(_code, layers), *map(_code, filter(inspect.isfunction, values))}
    return sorted(own - {""})


def of_source(model: Any) -> Iterable[bytes] | None:
    """Of what was opened as a model; None where not all that its file depends on can be told."""
    if isinstance(model, loading.TfliteModel):
        return [model.content]
    if not bridge.is_functional(model):
        return None
    try:
        return list(of_model(model))
    except (NotImplementedError, TypeError, ValueError):  # a layer that cannot say how it is set
        return None


def _arrays_of(task: Task, role: str) -> Iterator[np.ndarray]:
    """All that is known of a split without reading it twice."""
    split, origin = task.splits()[role], task.origins.get(role)
    if isinstance(origin, origins.Files):
        yield np.array(list(origin.digests(split)))
        yield from _arrays(split.targets())
        return
    few = np.arange(_FEW) % len(split)
    some = split if isinstance(split, ArraySplit | RowSplit) else split.take(few)
    yield from (*_arrays(some.x), *_arrays(split.targets()))


def _told(choice: Any) -> str:
    """A metric, loss or optimizer: its name, its settings and its code."""
    if isinstance(choice, Mapping):
        return str({output: _told(choice[output]) for output in sorted(choice)})
    name = getattr(choice, "name", None) or getattr(choice, "__qualname__", None) or f"{choice}"
    settings = choice.get_config() if hasattr(choice, "get_config") else ""
    held = [_code(each) for each in vars(choice).values()] if hasattr(choice, "__dict__") else []
    return f"{name} {settings} {_code(choice)} {held}"


def _code(thing: Any) -> str:
    """The source of someone's own function or class, as far as Python finds it.

    With the plain values that a function closes over. That of libraries has a version.
    """
    if inspect.isfunction(thing):
        closed = [cell.cell_contents for cell in thing.__closure__ or () if _is_filled(cell)]
        plain = [value for value in closed if isinstance(value, _PLAIN)]
        own = "" if _has_version(thing) else _source(thing)
        return own + (f" {plain}" if plain else "")
    kinds = thing.__mro__ if inspect.isclass(thing) else type(thing).__mro__
    return "".join(_source(kind) for kind in kinds if not _has_version(kind))


def _has_version(thing: Any) -> bool:
    return thing.__module__.partition(".")[0] in _WITH_VERSION


def _source(thing: Any) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):  # typed in, or made by a program
        return f"{thing.__module__}.{thing.__qualname__}"


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def after(key: str, each: base.Pass) -> str:
    """The key after one more pass, which may be one that a program defines."""
    return extend(key, f"{each} {_source(type(each))}", each.reads())


def extend(key: str, text: str, files: Sequence[str] = ()) -> str:
    """The key after one more step, told so, that reads these files (or py:FILE:FUNCTION)."""
    read = "".join(f" {teachers.digest(path, text)}" for path in files)
    return hashlib.sha256(f"{key} {text}{read}".encode()).hexdigest()[:16]


def _arrays(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else [value]

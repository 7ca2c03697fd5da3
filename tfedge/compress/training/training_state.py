"""Where a killed training goes on: the state after each finished epoch, on disk.

Nothing is written outside `resumable(folder)`. A file is complete or not there.
"""

import contextlib
import contextvars
import dataclasses
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import foreign
from tfedge.compress import holds as holds_lib

_FORMAT = 3  # of the files; another one's are not read

_FOLDER: contextvars.ContextVar[pathlib.Path | None] = contextvars.ContextVar(
    "training_state", default=None
)


@dataclasses.dataclass(frozen=True, eq=False)
class Best:
    """The epoch that a training keeps.

    Attributes:
        score: by the validation metric; more is better.
        weights: of the model in training.
        holds: in force then.
    """

    score: float
    weights: tuple[np.ndarray, ...]
    holds: tuple[holds_lib.Hold, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """All that the next epoch depends on.

    Attributes:
        history: an entry per epoch.
        weights: of the model in training.
        variables: all others; the optimizer's, latents, random numbers', what else a training has.
        holds: in force.
        best: the epoch to keep, if there is one yet.
    """

    history: tuple[Mapping[str, float], ...]
    weights: tuple[np.ndarray, ...]
    variables: tuple[np.ndarray, ...]
    holds: tuple[holds_lib.Hold, ...]
    best: Best | None


@contextlib.contextmanager
def resumable(folder: pathlib.Path | None) -> Iterator[None]:
    """Trainings inside the block keep their state in `folder` and go on from what is there."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


def save(label: str, state: State) -> None:
    """Replace the saved state of this training."""
    folder = _FOLDER.get()
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {}
    best = state.best or Best(0.0, (), ())
    index = {
        "history": [dict(entry) for entry in state.history],
        "holds": pack(state.holds, "hold", arrays),
        "best_score": None if state.best is None else best.score,
        "best_holds": pack(best.holds, "best_hold", arrays),
    }
    for name, values in (
        ("weights", state.weights),
        ("variables", state.variables),
        ("best_weights", best.weights),
    ):
        index[name] = len(values)
        arrays |= {f"{name}/{i}": value for i, value in enumerate(values)}
    write(folder / f"{label}.npz", index, arrays)


def latest(label: str) -> State | None:
    """The saved state of this training, if there is one."""
    folder = _FOLDER.get()
    found = None if folder is None else read(folder / f"{label}.npz")
    if found is None:
        return None
    index, arrays = found
    weights, variables, best_weights = (
        tuple(arrays[f"{name}/{i}"] for i in range(index[name]))
        for name in ("weights", "variables", "best_weights")
    )
    best = None
    if index["best_score"] is not None:
        best_holds = unpack(index["best_holds"], "best_hold", arrays)
        best = Best(index["best_score"], best_weights, best_holds)
    holds = unpack(index["holds"], "hold", arrays)
    return State(tuple(index["history"]), weights, variables, holds, best)


def write(path: pathlib.Path, index: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """An .npz with a JSON index inside; a reader sees the old file or this one."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps({**index, "format": _FORMAT}).encode(), np.uint8)
    np.savez(buffer, index=text, **dict(arrays))  # type: ignore[arg-type]
    aside = path.with_suffix(".writing")
    with open(aside, "wb") as file:
        file.write(buffer.getvalue())
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def read(path: pathlib.Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """What `write` wrote, or None; a file that is damaged or another's is as good as none."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = dict(found)
        text = arrays.pop("index").tobytes()
        index = foreign.parse_json(text, str(path), "Delete it.")
        if index["format"] != _FORMAT:
            raise ValueError(f"its format is {index['format']}, not {_FORMAT}")
    except (OSError, EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
        logging.warning("%s cannot be used, its work is done again: %s", path, error)
        return None
    return index, arrays


def pack(holds: tuple[holds_lib.Hold, ...], prefix: str, arrays: dict) -> list[dict[str, Any]]:
    """Holds as JSON; their arrays go into `arrays`."""
    packed = []
    for number, hold in enumerate(holds):
        entry: dict[str, Any] = {"class": type(hold).__name__}
        for field in dataclasses.fields(hold):
            value = getattr(hold, field.name)
            if isinstance(value, np.ndarray):
                arrays[f"{prefix}/{number}/{field.name}"] = value
            else:
                entry[field.name] = value
        packed.append(entry)
    return packed


def unpack(packed: list[dict[str, Any]], prefix: str, arrays: Mapping) -> tuple[Any, ...]:
    """What `pack` packed."""
    holds = []
    for number, entry in enumerate(packed):
        kind = holds_lib.known()[entry["class"]]
        own = {
            field.name: arrays[f"{prefix}/{number}/{field.name}"]
            for field in dataclasses.fields(kind)
            if f"{prefix}/{number}/{field.name}" in arrays
        }
        plain = {name: value for name, value in entry.items() if name != "class"}
        holds.append(kind(**plain, **own))
    return tuple(holds)

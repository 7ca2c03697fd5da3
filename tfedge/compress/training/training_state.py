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

_FORMAT = 1  # of the files; another one's are not read

_FOLDER: contextvars.ContextVar[pathlib.Path | None] = contextvars.ContextVar(
    "training_state", default=None
)


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """All that the next epoch depends on."""

    history: tuple[Mapping[str, float], ...]
    weights: tuple[np.ndarray, ...]
    optimizer: tuple[np.ndarray, ...]
    latents: Mapping[str, np.ndarray]
    holds: tuple[holds_lib.Hold, ...]
    best_score: float
    best_weights: tuple[np.ndarray, ...]
    best_holds: tuple[holds_lib.Hold, ...]


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
    index = {
        "history": [dict(entry) for entry in state.history],
        "best_score": state.best_score,
        "latents": list(state.latents),
        "holds": pack(state.holds, "hold", arrays),
        "best_holds": pack(state.best_holds, "best_hold", arrays),
    }
    for name in ("weights", "optimizer", "best_weights"):
        index[name] = len(getattr(state, name))
        arrays |= {f"{name}/{i}": value for i, value in enumerate(getattr(state, name))}
    arrays |= {f"latent/{i}": value for i, value in enumerate(state.latents.values())}
    write(folder / f"{label}.npz", index, arrays)


def latest(label: str) -> State | None:
    """The saved state of this training, if there is one."""
    folder = _FOLDER.get()
    found = None if folder is None else read(folder / f"{label}.npz")
    if found is None:
        return None
    index, arrays = found
    lists = {
        name: tuple(arrays[f"{name}/{i}"] for i in range(index[name]))
        for name in ("weights", "optimizer", "best_weights")
    }
    return State(
        history=tuple(index["history"]),
        latents={name: arrays[f"latent/{i}"] for i, name in enumerate(index["latents"])},
        holds=unpack(index["holds"], "hold", arrays),
        best_score=index["best_score"],
        best_holds=unpack(index["best_holds"], "best_hold", arrays),
        **lists,
    )


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

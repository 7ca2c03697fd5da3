"""Where a killed training goes on: the state after each finished epoch, in a cache.

Nothing is written outside `resumable(stages, key)`.
"""

import contextlib
import contextvars
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfedge import cache, errors, foreign
from tfedge.compress import holds as holds_lib

_FORMAT = 3  # of the file; another one's is not read

_FILE = "state.npz"

_STAGE: contextvars.ContextVar[tuple[cache.Cache, str] | None] = contextvars.ContextVar(
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
def resumable(stages: cache.Cache, key: str) -> Iterator[None]:
    """Trainings inside the block keep their state as parts of a stage and go on from those."""
    token = _STAGE.set((stages, key))
    try:
        yield
    finally:
        _STAGE.reset(token)


def save(label: str, state: State) -> None:
    """Replace the saved state of this training."""
    found = _STAGE.get()
    if found is None:
        return
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
    stages, key = found
    stages.write(key, {_FILE: to_bytes(index, arrays)}, label)


def latest(label: str) -> State | None:
    """The saved state of this training, if there is one."""
    place = _STAGE.get()
    files = place[0].read(place[1], label) if place else None
    if place is None or files is None:
        return None
    stages, key = place
    try:
        with foreign.reading(_FILE, cache.REMEDY):
            return _state(*from_bytes(files[_FILE]))
    except errors.BadInput as error:
        stages.refuse(key, error, label)
        return None


def _state(index: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> State:
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


def to_bytes(index: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """An .npz with a JSON index inside."""
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps({**index, "format": _FORMAT}).encode(), np.uint8)
    np.savez(buffer, index=text, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `to_bytes` was given.

    Raises:
        Exception: whatever another content makes the reading raise; see `foreign.reading`.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        arrays = dict(found)
    index = foreign.parse_json(arrays.pop("index").tobytes(), "its index", cache.REMEDY)
    if index["format"] != _FORMAT:
        raise ValueError(f"its format is {index['format']}, not {_FORMAT}")
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

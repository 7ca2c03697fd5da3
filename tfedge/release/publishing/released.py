"""A release folder, a rejected one, or a scorecard alone, read back as plain data."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tfedge import errors, foreign
from tfedge.device.file import layer_weights, tflite
from tfedge.release.publishing import manifest, rejected

MODEL = "model.tflite"
PACKED = "model.tflite.packed"
MODELS = (MODEL, rejected.MODEL)  # of a release, of a rejected candidate
_REMEDY = "Give a release folder, its DIR.rejected, or a scorecard.json."
_MOST_BYTES = 2**28
_NEEDED = ("schema_version", "profile", "file_bytes", "download_bytes")


@dataclasses.dataclass(frozen=True)
class Released:
    """What is there of one release.

    Attributes:
        path: as it was given.
        scorecard: the content of scorecard.json.
        verdict, recipe: of these files; {} where there are none.
        layers: the weights in its model; None where there is none.
        notes: what a reader has to know, such as files that are not as they were released.
    """

    path: str
    scorecard: Mapping[str, Any]
    verdict: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    layers: tuple[layer_weights.Layer, ...] | None = None
    notes: tuple[str, ...] = ()


def read(path: str | os.PathLike) -> Released:
    """Reads what is there; nothing is run.

    Raises:
        BadInput: no such folder or file, no scorecard, or files that cannot be read.
    """
    given = pathlib.Path(path)
    if not given.is_dir():
        return Released(str(path), _scorecard(given))
    folder = given
    model = model_file(folder)
    layers = None
    if model is not None:
        layers = layer_weights.read(tflite.read(_content(model), str(model)))
    return Released(
        str(path),
        _scorecard(folder / "scorecard.json"),
        _listing(folder / "verdict.json", "checks", ("name", "outcome")),
        recipe_of(folder),
        layers,
        tuple(_notes(folder)),
    )


def model_file(folder: pathlib.Path) -> pathlib.Path | None:
    """The .tflite of a release folder or of a rejected one; None where neither is there."""
    found = (folder / name for name in MODELS)
    return next((path for path in found if path.is_file()), None)


def tflite_bytes(path: str | os.PathLike, where: str) -> bytes:
    """What a .tflite holds, named by its path or by that of its release folder.

    Args:
        path: of a file, or of a folder: a release, or a rejected one.
        where: what to call it in messages.

    Raises:
        BadInput: it cannot be read, or the folder holds none.
    """
    given, remedy = pathlib.Path(path), "Name a .tflite file or a release folder."
    if given.is_dir():
        found = model_file(given)
        if found is None:
            raise errors.BadInput(where, f"the folder holds no {MODEL}", remedy)
        given = found
    return foreign.read_bytes(given, remedy, where)


def readable_tflite(flag: str, path: str | os.PathLike) -> bytes:
    """Likewise, of a file that can be read as a .tflite.

    Raises:
        BadInput: it is none, with the flag that named it.
    """
    where = f"{flag}={path}"
    return tflite.read(tflite_bytes(path, where), where).content


def recipe_of(path: str | os.PathLike) -> Mapping[str, Any]:
    """The recipe.json of a .tflite that is named as for `tflite_bytes`; {} where there is none.

    Raises:
        BadInput: it cannot be read.
    """
    given = pathlib.Path(path)
    folder = given if given.is_dir() else given.parent
    return _listing(folder / "recipe.json", "passes", ("name", "settings"))


def _notes(folder: pathlib.Path):
    if not (folder / manifest.NAME).exists():
        yield f"there is no {manifest.NAME}: nothing says that these files belong together"
        return
    try:
        manifest.verify(folder)
    except errors.BadInput as error:
        yield error.cause


def _scorecard(path: pathlib.Path) -> Mapping[str, Any]:
    found = _json(path)
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise errors.BadInput(str(path), f"no scorecard: it lacks {', '.join(missing)}", _REMEDY)
    return found


def _listing(path: pathlib.Path, rows: str, needed: tuple[str, ...]) -> Mapping[str, Any]:
    """A file that may not be there, with a list of objects in it."""
    if not path.exists():
        return {}
    found = _json(path)
    listed = found.get(rows)
    if not isinstance(listed, list) or not all(
        isinstance(row, dict) and all(name in row for name in needed) for row in listed
    ):
        raise errors.BadInput(str(path), f"its {rows} are not as tfedge writes them", _REMEDY)
    return found


def _json(path: pathlib.Path) -> Mapping[str, Any]:
    found = foreign.parse_json(_content(path), str(path), _REMEDY)
    if not isinstance(found, dict):
        raise errors.BadInput(str(path), "not a JSON object", _REMEDY)
    return found


def _content(path: pathlib.Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError as error:
        raise errors.BadInput(str(path), (error.strerror or str(error)).lower(), _REMEDY) from error

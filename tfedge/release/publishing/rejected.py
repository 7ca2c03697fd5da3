"""What is kept of a candidate that was not released: the same command judges it again, untrained.

The file is called so that nobody ships it by its name. Whether the same is asked for is told by a
number in the manifest, made of all that determines the bytes of the file: `preparing.Ready.key`.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from absl import logging

from tfedge import errors, foreign
from tfedge.release.publishing import manifest

MODEL = "not_released.tflite"
MADE_FROM, DROPPED = "made_from", "dropped_inputs"
_REMEDY = "Delete it."
_FIGURES = ("p50", "p90", "p95", "mean", "energy_mj")


@dataclasses.dataclass(frozen=True)
class Found:
    """A promise that was looked for in these very bytes before; a `device.evaluate.Hold`."""

    kind: str
    layer: str
    promised: Any
    found: Any
    kept: bool

    def read(
        self, values: np.ndarray, channel_axis: int, scales: np.ndarray | None
    ) -> tuple[Any, Any, bool]:
        """What was found, whatever is given now: it is the same."""
        return self.promised, self.found, self.kept


@dataclasses.dataclass(frozen=True)
class Kept:
    """A candidate that was not released.

    Attributes:
        folder: where it is.
        tflite: the file.
        holds: its promises.
        reports: what each pass did, as `Report.to_json` wrote it.
        class_weight: as in recipe.json.
        dropped_inputs: columns that it does not read; None where it reads all.
        measured: fields of the scorecard that a phone has measured since, see `measured`.
    """

    folder: str
    tflite: bytes
    holds: tuple[Found, ...]
    reports: tuple[Mapping[str, Any], ...]
    class_weight: Mapping[str, Any]
    dropped_inputs: Any = None
    measured: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def facts(key: str) -> dict[str, Any]:
    """For the manifest of a rejected candidate: what `read` asks for, and that it may not ship."""
    return {manifest.RELEASED: False, MADE_FROM: key}


def files(tflite: bytes, reports: list[dict[str, Any]]) -> dict[str, bytes]:
    """What is kept beside the papers."""
    return {MODEL: tflite, "reports.json": manifest.as_json({"passes": reports})}


def read(folder: str | os.PathLike, key: str) -> Kept | None:
    """The candidate in a rejected folder, if it was made from the same.

    None too where the folder is not as it was written; that is logged.
    """
    if not (pathlib.Path(folder) / MODEL).exists():
        return None
    try:
        content = manifest.read_release(folder)
        listing = manifest.parse(content[manifest.NAME]) or {}
        if listing.get(MADE_FROM) != key:
            return None
        with foreign.reading(folder, _REMEDY):
            return _kept(str(folder), content, listing)
    except errors.BadInput as error:
        logging.warning("%s cannot be used, its work is done again: %s", folder, error.cause)
        return None


def _kept(folder: str, content: Mapping[str, bytes], listing: Mapping[str, Any]) -> Kept:
    """Raises whatever a file that is not as it was written makes the reading raise."""
    recipe, scorecard, reports = (
        dict(foreign.parse_json(content[name], name, _REMEDY))
        for name in ("recipe.json", "scorecard.json", "reports.json")
    )
    holds = {(str(each["kind"]), str(each["tensor"])): each for each in scorecard["holds"]}
    return Kept(
        folder,
        content[MODEL],
        tuple(
            Found(kind, layer, each["promised"], each["found"], bool(each["kept"]))
            for (kind, layer), each in holds.items()
        ),
        tuple(dict(each) for each in reports["passes"]),
        dict(recipe.get("class_weight") or {}),
        listing.get(DROPPED),
        dict(_measured(scorecard["latency_ms"])),
    )


def _measured(latency_ms: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in ("phone_measured", "browser_wasm"):
        found = latency_ms[name]
        if found is not None:
            numbers = (found.get(each) for each in _FIGURES)
            if not all(each is None or isinstance(each, int | float) for each in numbers):
                raise ValueError(f"{name} has figures that are no numbers")
            yield name, found

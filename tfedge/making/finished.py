"""What a recipe came to, as a finished stage of a cache: the file, and what is told of it.

It is read without TensorFlow; the candidate itself is what the last pass has kept.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from absl import logging

from tfedge import cache
from tfedge.device import evaluate

if TYPE_CHECKING:
    from tfedge.compress.candidate import Candidate, Report

_FILE, _TOLD = "model.tflite", "told.npz"  # in an entry


@dataclasses.dataclass(frozen=True, eq=False)
class Finished:
    """A file, and what is told of it.

    Attributes:
        tflite: the file.
        candidate: that it was made of; None where it was taken over, or nothing was compressed.
        holds: promises about its weights.
        reports: one per pass.
        dropped_inputs: columns of the input that it does not read; None where it reads all.
        class_weight: that it was trained with, as in recipe.json.
    """

    tflite: bytes
    candidate: "Candidate | None" = None
    holds: tuple[evaluate.Hold, ...] = ()
    reports: "tuple[Report, ...]" = ()
    dropped_inputs: Any = None
    class_weight: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def of(tflite: bytes, candidate: "Candidate | None") -> Finished:
    """What was just made; no candidate where there was nothing to compress."""
    from tfedge.compress.channels import input_columns

    if candidate is None:
        return Finished(tflite)
    return Finished(
        tflite,
        candidate,
        candidate.holds,
        candidate.reports,
        input_columns.dropped(candidate.model) or None,
        candidate.class_weight,
    )


def read(stages: cache.Cache, key: str, what: str) -> Finished | None:
    """What `kept` has kept, or None.

    Args:
        stages: to look into.
        key: of the file.
        what: was made, for the log.
    """
    files = stages.read(key)
    if files is None:
        return None
    try:
        found = _read(files)
    except Exception as error:  # whatever another content leads NumPy and dataclasses to
        stages.refuse(key, error)
        return None
    logging.info("%s: taken over from %s", what, stages.folder)
    return found


def kept(
    stages: cache.Cache,
    key: str,
    what: str,
    candidate: "Candidate | None",
    export: Callable[[], bytes],
) -> Finished:
    """A candidate with its file, which is taken over, or made and kept."""
    made = stages.made(key, what, lambda: _files(of(export(), candidate)))
    return of(made[_FILE], candidate)


def _files(made: Finished) -> cache.Files:
    from tfedge.compress.training import training_state

    arrays: dict[str, Any] = {}
    told = {
        "holds": training_state.pack(made.holds, "hold", arrays),  # type: ignore[arg-type]
        "reports": [each.to_json() for each in made.reports],
        "dropped_inputs": made.dropped_inputs,
        "class_weight": dict(made.class_weight),
    }
    return {_FILE: made.tflite, _TOLD: training_state.to_bytes(told, arrays)}


def _read(files: cache.Files) -> Finished:
    from tfedge.compress.candidate import Report
    from tfedge.compress.training import training_state

    told, arrays = training_state.from_bytes(files[_TOLD])
    return Finished(
        files[_FILE],
        holds=training_state.unpack(told["holds"], "hold", arrays),
        reports=tuple(
            dataclasses.replace(Report.from_json(each), taken_over=True) for each in told["reports"]
        ),
        dropped_inputs=told["dropped_inputs"],
        class_weight=dict(told["class_weight"]),
    )

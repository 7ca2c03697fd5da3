"""What a search makes as small as it can: one figure of a `.tflite`, known before it is trained."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tfedge import errors, settings

if TYPE_CHECKING:
    from tfedge.device.scorecard import Scorecard

Figures = Mapping[str, float | None]


@dataclasses.dataclass(frozen=True)
class Goal:
    """One figure.

    Attributes:
        heading: what tables and lines call it.
        help: what it is.
        unit: of it.
        of: the scorecard of a file and the size of its packed form -> the figure; None where
            nobody can say.
        is_coded: whether zeros and few values make it smaller.
    """

    heading: str
    help: str
    unit: str
    of: "Callable[[Scorecard, int], float | None]"
    is_coded: bool = False


def _latency(scorecard: "Scorecard", packed: int) -> float | None:
    found = scorecard.phone_estimate
    return None if found is None else found.value


def _memory(scorecard: "Scorecard", packed: int) -> float | None:
    found = scorecard.memory
    return None if found is None else found.app_free_bytes_estimate


GOALS: Mapping[str, Goal] = {
    "download": Goal(
        "packed download",
        "the packed file, as an app downloads it",
        "bytes",
        lambda scorecard, packed: packed,
        is_coded=True,
    ),
    "file": Goal("file", "the .tflite", "bytes", lambda scorecard, packed: scorecard.file_bytes),
    "latency": Goal("latency", "of one inference on the phone, predicted", "ms", _latency),
    "memory": Goal("memory", "of an app with the model, predicted", "bytes", _memory),
}


def figures(scorecard: "Scorecard", packed: int) -> Figures:
    """Goal -> what it is of a file."""
    return {name: goal.of(scorecard, packed) for name, goal in GOALS.items()}


def check(name: str) -> None:
    """Refuse a goal that there is not.

    Raises:
        BadInput: with the nearest one there is.
    """
    if name not in GOALS:
        raise errors.BadInput(
            f"--objective={name}", "there is no such objective", settings.nearest(name, GOALS)
        )

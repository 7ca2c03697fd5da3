"""Winners that the gate refused on the held-out split: a search that goes on releases the next."""

import dataclasses
import json
import pathlib
from collections.abc import Callable

from tfedge import errors, foreign
from tfedge.search.trial import Trial

_FILE = "set_aside.json"
_OBSTACLE = {"held out": "The gate refused it on the held-out examples."}
_REMEDY = "Delete it: the search then releases its winner again, which takes another look."


def marker(folder: pathlib.Path) -> Callable[[Trial], Trial]:
    """What marks a trial: one that was set aside has an obstacle more and nothing to spare.

    So it cannot win, and what a search goes on to try is not held against it.

    Args:
        folder: of the study; has what was set aside, if anything was.

    Raises:
        BadInput: the file there is none of ours.
    """
    refused = _read(folder / _FILE)

    def mark(trial: Trial) -> Trial:
        if [trial.recipe, trial.export] not in refused:
            return trial
        obstacles = {**trial.obstacles, **_OBSTACLE}
        return dataclasses.replace(trial, obstacles=obstacles, slack=min(trial.slack, 0.0))

    return mark


def add(trial: Trial, folder: pathlib.Path) -> None:
    """Sets one aside; the file is there whole, or as it was."""
    path = folder / _FILE
    told = [*_read(path), [trial.recipe, trial.export]]
    writing = path.with_suffix(".writing")
    writing.write_text(json.dumps(told, indent=1) + "\n")
    writing.replace(path)


def _read(path: pathlib.Path) -> list[list[str]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise errors.BadInput(str(path), error.strerror or str(error), _REMEDY) from error
    found = foreign.parse_json(content, str(path), _REMEDY)
    if not isinstance(found, list) or not all(map(_is_pair, found)):
        raise errors.BadInput(str(path), "not a list of recipes and exports", _REMEDY)
    return found


def _is_pair(entry: object) -> bool:
    return isinstance(entry, list) and [type(each) for each in entry] == [str, str]

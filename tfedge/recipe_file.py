"""recipe.json: all that repeats a release, written beside it and read back."""

import hashlib
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfedge import foreign, versions
from tfedge.errors import BadInput

if TYPE_CHECKING:
    from tfedge.compress.recipe import Recipe
    from tfedge.data.task import Task

SCHEMA_VERSION = 1
LARGEST_SEED = 2**32 - 1  # of NumPy's and Keras' generators
_KEYS = {
    **dict.fromkeys(("export", "augment", "model", "source", "data_dir"), str),
    "class_weight": dict,
    "epochs_scale": float,
    "input_shape": list,
}


def read(text: str) -> Mapping[str, Any]:
    """What the recipe.json named by a recipe's text holds; nothing where it names none.

    Raises:
        BadInput: no JSON, or not that of a release.
    """
    path = pathlib.Path(text.strip())
    if path.suffix != ".json" or not path.is_file():
        return {}
    found = foreign.read_json(path, "Use a recipe.json.", f"--recipe={text}")
    if not isinstance(found, dict):
        raise BadInput(f"--recipe={text}", "it holds no passes by name", "Use a recipe.json.")
    for key, kind in _KEYS.items():
        _check(found, key, isinstance(found.get(key), kind | None), kind.__name__, text)
    shape, seed = found.get("input_shape") or [], found.get("seed")
    sizes = all(type(size) is int and size > 0 for size in shape)
    _check(found, "input_shape", sizes, "a list of whole numbers above 0", text)
    fine = seed is None or (type(seed) is int and 0 <= seed <= LARGEST_SEED)
    _check(found, "seed", fine, f"a whole number of 0 to {LARGEST_SEED}", text)
    return found


def content(
    recipe: "Recipe", export: str, task: "Task", baseline: bytes, **given: Any
) -> dict[str, Any]:
    """All that repeats a release, and what it started from.

    Args:
        recipe: that was applied.
        export: as `--export` takes it.
        task: that was trained on.
        baseline: the input model as a float32 file.
        **given: what was asked for besides, as `read` gives it back.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "recipe": str(recipe),
        **recipe.to_json(),
        "export": export,
        "seed": task.seed,
        "augment": task.augment,
        "model_float32_sha256": sha256(baseline),
        "data": task.name,
        **given,
        "versions": dict(versions.installed()),
    }


def class_weight(
    found: Mapping[str, Any], task: "Task", baseline: bytes
) -> Mapping[str, Any] | None:
    """The class weights that were found in this model and trained with, of these data; if any.

    Args:
        found: what `read` gave.
        task: the data.
        baseline: the input model as a float32 file.
    """
    made_of = (found.get("model_float32_sha256"), found.get("data"))
    return found.get("class_weight") if made_of == (sha256(baseline), task.name) else None


def sha256(content: bytes) -> str:
    """As hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _check(found: Mapping[str, Any], key: str, fine: bool, expected: str, text: str) -> None:
    if not fine:
        raise BadInput(
            f"--recipe={text}",
            f"{key} is {str(found[key])[:80]!r}, expected {expected}",
            "Use the recipe.json of a release as it was written.",
        )

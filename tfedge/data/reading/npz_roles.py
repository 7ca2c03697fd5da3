"""The arrays of an .npz file by what they are for: x_train, y_test and so on."""

import re
from collections.abc import Collection, Mapping

import numpy as np
from absl import logging

from tfedge import errors
from tfedge.data import splits

KEY = re.compile(r"(x|y)_(train|val|test|calib)(?:__(.+))?")
Groups = Mapping[str, Mapping[str, np.ndarray]]  # "x_train" -> name, or "", -> array


def parts(path: str, arrays: Mapping[str, np.ndarray]) -> dict[str, splits.Arrays]:
    """The arrays grouped by key: "x_train" -> one array, or a dict of them by name.

    Raises:
        BadInput: some are missing, or do not match.
    """
    groups: dict[str, dict[str, np.ndarray]] = {}
    known = {key: match for key in arrays if (match := KEY.fullmatch(key))}
    if unused := [key for key in arrays if key not in known]:
        logging.warning("%s: arrays that are not used: %s", path, ", ".join(unused))
    if wrong := [fault for key in known if (fault := _no_rows(key, arrays[key]))]:
        raise errors.BadInput(path, "; ".join(wrong), "Give every array one row per example.")
    for key, match in known.items():
        side, role, name = match.groups()
        groups.setdefault(f"{side}_{role}", {})[name or ""] = arrays[key]
    _check_complete(path, groups, arrays)
    _check_names(path, groups)
    _check_lengths(path, groups)
    return {group: found.get("", found) for group, found in groups.items()}


def _check_complete(path: str, groups: Groups, arrays: Collection[str]) -> None:
    needed = {"x_train", "y_train", "x_test", "y_test"}
    needed |= {"y_val" if "x_val" in groups else "", "x_val" if "y_val" in groups else ""} - {""}
    if missing := sorted(needed - set(groups)):
        raise errors.BadInput(
            path,
            f"it lacks {', '.join(missing)}; it has {', '.join(sorted(arrays)) or 'nothing'}",
            "Add them; keys are x_train, y_train, x_val, y_val, x_test, y_test, x_calib.",
        )


def _check_names(path: str, groups: Groups) -> None:
    """Every split has the same inputs and outputs."""
    for group, found in groups.items():
        expected = groups[f"{group[0]}_train"]
        if set(found) != set(expected) or ("" in found and len(found) > 1):
            raise errors.BadInput(
                path,
                f"{group} has the names {_names(found)}, {group[0]}_train {_names(expected)}",
                "Give every split the same inputs and outputs, all named or a single one unnamed.",
            )


def _no_rows(key: str, array: np.ndarray) -> str:
    """What keeps an array from being one row per example, if anything."""
    if not array.ndim:
        return f"{key} is the single value {array}"
    return f"{key} has records" if array.dtype.names else ""


def _check_lengths(path: str, groups: Groups) -> None:
    """The arrays of a role have as many examples; those of all roles that differ are named."""
    lengths: dict[str, dict[str, int]] = {}
    for group, found in groups.items():
        for name, array in found.items():
            key = group + (f"__{name}" if name else "")
            lengths.setdefault(group.partition("_")[2], {})[key] = len(array)
    wrong = [
        ", ".join(f"{key} has {n}" for key, n in of_role.items())
        for of_role in lengths.values()
        if len(set(of_role.values())) > 1
    ]
    if wrong:
        cause = f"{'; '.join(wrong)} examples"
        raise errors.BadInput(path, cause, "Give every array one row per example.")


def _names(found: Collection[str]) -> str:
    return ", ".join(name or "(unnamed)" for name in found)

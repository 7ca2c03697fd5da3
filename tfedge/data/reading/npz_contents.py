"""What an .npz file holds, read and its kinds of targets known; nothing is drawn from it yet."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, MutableMapping

import numpy as np
from absl import logging

from tfedge import errors, foreign
from tfedge.data import kinds, splits, targets, task
from tfedge.data.kind import Kind
from tfedge.data.reading import npz_file, npz_roles

SLICE, WEIGHTS, LABELS = "slice_", "w_train", "labels"


@dataclasses.dataclass(frozen=True, eq=False)
class File:
    """What a file holds.

    Attributes:
        path: of it.
        parts: its arrays by role, such as "x_train".
        kinds: of each output by name.
        labels: names of the classes; empty without.
        slices: groups of the held-out examples, by name.
        weights: how much each training example counts.
        forget: gives back the memory of what was read of mapped arrays.
    """

    path: str
    parts: Mapping[str, splits.Arrays]
    kinds: Mapping[str, Kind]
    labels: tuple[str, ...]
    slices: Mapping[str, np.ndarray]
    weights: np.ndarray | None
    forget: Callable[[], None]

    @property
    def kind(self) -> Kind:
        """That of all outputs, or custom."""
        found = set(self.kinds.values())
        return found.pop() if len(found) == 1 else kinds.named("custom")

    @property
    def is_mixed(self) -> bool:
        """Whether outputs are of several kinds."""
        return len(set(self.kinds.values())) > 1

    @property
    def class_names(self) -> tuple[str, ...]:
        """Given, or those that the targets have."""
        return self.labels or targets.names(self.parts["y_train"], self.kind)

    def split(self, role: str) -> task.ArraySplit:
        """One split with canonical targets."""
        where = f"{self.path}, y_{role}"
        ready = {
            name: self.kinds[name].canonical(array, f"{where}__{name}" if name else where)
            for name, array in splits.named(self.parts[f"y_{role}"]).items()
        }
        return task.ArraySplit(self.parts[f"x_{role}"], ready[""] if "" in ready else ready)


def read(path: str, kind: str | None, padding: int | None = None) -> File:
    """Reads a file.

    Args:
        path: of it.
        kind: of the targets; None finds it in them.
        padding: the token that stands for none; its steps get no target.

    Raises:
        BadInput: not an .npz file, truncated, pickled, or arrays that are missing or do not match.
    """
    arrays = npz_file.read(pathlib.Path(path))
    with foreign.reading(path, "Store class names as text.", "labels cannot be read"):
        labels = tuple(str(label) for label in np.atleast_1d(arrays.pop(LABELS, ())))
    keys = [key for key in sorted(arrays) if key.startswith(SLICE)]
    slices = {key.removeprefix(SLICE): arrays.pop(key) for key in keys}
    weights = arrays.pop(WEIGHTS, None)
    _make_targets(path, arrays, kind, padding)
    parts = npz_roles.parts(path, arrays)
    if not splits.count(parts["y_train"]):
        raise errors.BadInput(f"{path}, y_train", "it has no examples", "Add some.")
    found = {
        name: kinds.named(kind) if kind else kinds.of_targets(y)
        for name, y in splits.named(parts["y_train"]).items()
    }
    shown = ", ".join(f"{name} {each.name}".strip() for name, each in found.items())
    logging.info("%s: targets are taken as %s", path, shown)
    return File(path, parts, found, labels, slices, weights, arrays.forget)


def _make_targets(
    path: str, arrays: MutableMapping[str, np.ndarray], kind: str | None, padding: int | None
) -> None:
    """Adds the targets that a kind makes of tokens, and takes out those of padding."""
    of_tokens = kinds.named(kind).of_tokens if kind else None
    if of_tokens is None:
        if padding is not None:
            raise errors.BadInput(
                f"{path}?padding={padding}",
                f"targets of kind {kind or 'unknown'} have no steps to leave out",
                "Write ?kind=tokens&padding=... or ?kind=language&padding=...",
            )
        return
    for role in ("train", "val", "test", "calib"):
        x, y = arrays.get(f"x_{role}"), arrays.get(f"y_{role}")
        if x is None or (padding is None and y is not None):
            continue
        if x.ndim != 2 or x.dtype.kind not in "iu":
            raise errors.BadInput(
                f"{path}, x_{role}",
                f"expected whole numbers of tokens (n, steps), got {x.shape} {x.dtype}",
                "Store the numbers of tokens as int32, shorter sequences padded.",
            )
        arrays[f"y_{role}"] = of_tokens(x, y, padding, f"{path}, y_{role}")

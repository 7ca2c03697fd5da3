"""Folders with one folder per class in them, whole or already split: what lies where."""

import pathlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from tfedge import errors

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
Files = tuple[np.ndarray, np.ndarray]  # (n,) paths as objects, (n,) class numbers
Parts = dict[str, Files]  # by role; "all" before they are drawn
NAMES = {"train": ("train",), "validation": ("val", "validation"), "holdout": ("test", "holdout")}


def find(root: pathlib.Path) -> tuple[tuple[str, ...], dict[str, pathlib.Path]]:
    """The classes, and the folder of each role: of "all" where DIR/train does not split them.

    Raises:
        BadInput: fewer than two classes, others in one role than in another, or none held out.
    """
    if not _has_splits(root):
        return _classes(root), {"all": root}
    found = {role: root / name for role in NAMES for name in NAMES[role] if (root / name).is_dir()}
    if "holdout" not in found:
        raise errors.BadInput(
            f"images:{root}",
            "there is DIR/train but neither DIR/test nor DIR/holdout",
            "Keep images the model has never seen in DIR/test.",
        )
    labels = _classes(found["train"])
    different = {
        folder.name: sorted(set(_classes(folder)) ^ set(labels)) for folder in found.values()
    }
    if wrong := [f"{name} in {', '.join(each)}" for name, each in different.items() if each]:
        raise errors.BadInput(
            f"images:{root}",
            f"class folders differ from those of train: of {'; of '.join(wrong)}",
            "Give every split the same class folders.",
        )
    return labels, found


def listed(folders: Mapping[str, pathlib.Path], labels: Sequence[str]) -> tuple[Parts, list[str]]:
    """The image files below each class folder, sorted, by role; and all files that are none.

    Raises:
        BadInput: a class has no images.
    """
    parts: Parts = {}
    others: list[str] = []
    for role, folder in folders.items():
        sides = [_below_class(folder / label) for label in labels]
        parts[role] = _files(folder, labels, [images for images, _ in sides])
        others += [path for _, rest in sides for path in rest]
    return parts, others


def without(found: Parts, bad: Collection[str]) -> Parts:
    """The parts without files that cannot be read.

    Raises:
        BadInput: a class has no others.
    """
    parts: Parts = {}
    for role, (paths, numbers) in found.items():
        is_good = np.array([path not in bad for path in paths.tolist()])
        parts[role] = rows_of((paths, numbers), np.flatnonzero(is_good))
        if len(gone := np.setdiff1d(numbers, numbers[is_good])):
            where = str(pathlib.Path(paths[numbers == gone[0]][0]).parent)
            raise errors.BadInput(
                where, "none of the images of this class can be read", "Replace them."
            )
    return parts


def rows_of(files: Files, rows: np.ndarray) -> Files:
    """Some of the files."""
    return files[0][rows], files[1][rows]


def _has_splits(root: pathlib.Path) -> bool:
    """DIR/train with folders in it; a class may well be called train."""
    train = root / "train"
    return train.is_dir() and any(child.is_dir() for child in train.iterdir())


def _classes(folder: pathlib.Path) -> tuple[str, ...]:
    labels = sorted(
        child.name for child in folder.iterdir() if child.is_dir() and child.name[0] != "."
    )
    if len(labels) < 2:
        raise errors.BadInput(
            str(folder),
            f"at least two class folders were expected, found {len(labels)}",
            "Put the images of each class into a folder named for it.",
        )
    return tuple(labels)


def _files(folder: pathlib.Path, labels: Sequence[str], of_class: Sequence[Sequence[str]]) -> Files:
    """All files of some classes, each with its class's number."""
    if empty := [label for label, paths in zip(labels, of_class, strict=True) if not paths]:
        raise errors.BadInput(
            ", ".join(str(folder / label) for label in empty),
            "the class has no images" if len(empty) == 1 else "the classes have no images",
            f"Add {', '.join(SUFFIXES)} files.",
        )
    numbers = np.repeat(np.arange(len(labels), dtype=np.int32), list(map(len, of_class)))
    return np.array([path for paths in of_class for path in paths], dtype=object), numbers


def _below_class(folder: pathlib.Path) -> tuple[list[str], list[str]]:
    """(images, other files), each sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sides: tuple[list[str], list[str]] = [], []
    for path in files:
        sides[path.suffix.lower() not in SUFFIXES].append(str(path))
    return sides

"""images:DIR: one folder per class, decoded from disk when needed, never all in memory.

DIR/train, DIR/val (or validation) and DIR/test (or holdout) each hold the class folders; without
DIR/train the class folders in DIR are split.
"""

import hashlib
import os
import pathlib
import re
from collections.abc import Callable, Sequence
from concurrent import futures

import numpy as np
from absl import logging

from tfedge import errors, settings
from tfedge.data import origins, task
from tfedge.data.reading import decoding, options, resizing, written
from tfedge.data.source import Source
from tfedge.data.splitting import content_split

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_Files = tuple[np.ndarray, np.ndarray]  # (n,) paths as objects, (n,) class numbers


@settings.declared
class Images(Source):
    """The task of telling class folders apart.

    Images are decoded to uint8 (height, width, channels) and resized as Keras'
    image_dataset_from_directory does (see `decoding`, `resizing`). Values go to 0..1 unless scale
    and offset are given. Plain class folders are split by the hash of each file's bytes into some
    20 % held-out, 10 % validation and the rest (see `content_split`), so that no file changes
    sides when others come or go; DIR/train without DIR/val gives a tenth to validation.
    """

    size: tuple[int, int] | None = settings.setting(
        None, written.Size(), "What images are brought to. Default: the size they all share."
    )
    channels: int = settings.setting(3, written.Word((1, 3)), "1 for grey, 3 for RGB.")
    resize: str = settings.setting(
        "bilinear", written.Word(resizing.INTERPOLATIONS), "How images are brought to a size."
    )
    fit: str = settings.setting(
        "stretch", written.Word(resizing.FITS), "What becomes of another aspect ratio."
    )
    group: re.Pattern[str] | None = settings.setting(
        None,
        written.Pattern("person[0-9]+"),
        "Files whose path below DIR gives the same match, or the same groups of it, stay on one "
        "side: those of a person, a device, a recording.",
    )
    metric: str | None = options.metric()
    scale: float | tuple[float, ...] | None = options.scale("1/255")
    offset: float | tuple[float, ...] | None = options.offset()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`.

        Args:
            address: DIR.
            data_dir: not used.
            seed: of everything random later; it moves no file.

        Raises:
            BadInput: no class folders, classes that differ between splits, images of several sizes
                without a size, or paths without a group; when read, an image that cannot be
                decoded.
        """
        return _task(address, self, seed)


def _task(folder: str, asked: Images, seed: int) -> task.Task:
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise errors.BadInput(f"images:{folder}", "no such folder", "Check the path.")
    drawn = not _has_splits(root)
    labels, parts = _drawn_parts(root, asked.group) if drawn else _given_parts(root)
    if "validation" not in parts:
        parts |= _without_holdout(parts["train"], root, asked.group)
    parts["calibration"] = _calibration(parts["train"], root)
    size = asked.size or _shared_size(
        root, [path for part in parts.values() for path in part[0].tolist()]
    )
    channels, interpolation, fit = asked.channels, asked.resize, asked.fit

    def read(path: str) -> np.ndarray:
        return resizing.resize(decoding.decode(path, channels), size, interpolation, fit)

    shape = (*size, channels)
    return task.Task(
        name=root.resolve().name,
        kind="classification",
        train=_stream(parts["train"], read, shape),
        calibration=_stream(parts["calibration"], read, shape),
        validation=_stream(parts["validation"], read, shape),
        holdout=_stream(parts["holdout"], read, shape),
        metric=asked.metric,
        class_weight=asked.class_weight,
        labels=labels,
        normalization=task.Normalization(
            1 / 255 if asked.scale is None else asked.scale,
            0.0 if asked.offset is None else asked.offset,
        ),
        batch_size=32,
        seed=seed,
        preprocessing=resizing.words(size, channels, interpolation, fit),
        holdout_drawn=drawn,
        origins={role: origins.Files(root, part[0].tolist()) for role, part in parts.items()},
    )


def _stream(
    files: _Files, one: Callable[[str], np.ndarray], shape: tuple[int, int, int]
) -> task.StreamSplit:
    paths, numbers = files

    def read(indices: np.ndarray) -> np.ndarray:
        """Pillow decodes outside the interpreter lock, so threads help."""
        batch = np.empty((len(indices), *shape), np.uint8)
        with futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            chosen: list[str] = paths[indices].tolist()
            for row, image in enumerate(pool.map(one, chosen)):
                batch[row] = image
        return batch

    return task.StreamSplit(read, lambda: numbers)


def _has_splits(root: pathlib.Path) -> bool:
    """DIR/train with folders in it; a class may well be called train."""
    train = root / "train"
    return train.is_dir() and any(child.is_dir() for child in train.iterdir())


def _given_parts(root: pathlib.Path) -> tuple[tuple[str, ...], dict[str, _Files]]:
    names = {
        "train": ("train",),
        "validation": ("val", "validation"),
        "holdout": ("test", "holdout"),
    }
    found = {role: root / name for role in names for name in names[role] if (root / name).is_dir()}
    if "holdout" not in found:
        raise errors.BadInput(
            f"images:{root}",
            "there is DIR/train but neither DIR/test nor DIR/holdout",
            "Keep images the model has never seen in DIR/test.",
        )
    labels = _classes(found["train"])
    for folder in found.values():
        if different := sorted(set(_classes(folder)) ^ set(labels)):
            raise errors.BadInput(
                str(folder),
                f"its class folders differ from those of train in {', '.join(different)}",
                "Give every split the same class folders.",
            )
    return labels, {role: _files(folder, labels) for role, folder in found.items()}


def _drawn_parts(
    root: pathlib.Path, group: re.Pattern[str] | None
) -> tuple[tuple[str, ...], dict[str, _Files]]:
    labels = _classes(root)
    files = _files(root, labels)
    sides = content_split.sides(_keys(files, root, group), files[1])
    parts = {role: _rows(files, np.flatnonzero(sides == role)) for role in content_split.ROLES}
    logging.info(
        "%s: split by content into %d train, %d validation and %d held-out images",
        *(root, *(len(parts[role][0]) for role in ("train", "validation", "holdout"))),
    )
    return labels, parts


def _without_holdout(
    files: _Files, root: pathlib.Path, group: re.Pattern[str] | None
) -> dict[str, _Files]:
    """Train and validation, of files none of which is held out."""
    sides = content_split.sides(_keys(files, root, group), files[1], holdout=False)
    return {role: _rows(files, np.flatnonzero(sides == role)) for role in ("train", "validation")}


def _calibration(files: _Files, root: pathlib.Path) -> _Files:
    """Up to 500 files of train; drawn by their paths, for which no file needs to be read."""
    keys = [content_split.key_of(_below(root, path).encode()) for path in files[0].tolist()]
    return _rows(files, content_split.some(keys, files[1], 500))


def _keys(files: _Files, root: pathlib.Path, group: re.Pattern[str] | None) -> list[bytes]:
    """What decides each file's side: the hash of its bytes, or of its group."""
    paths: list[str] = files[0].tolist()
    if group is None:
        with futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            return list(pool.map(_digest, paths))
    found = [group.search(_below(root, path)) for path in paths]
    if None in found:
        raise errors.BadInput(
            f"images:{root}",
            f"group={group.pattern} is not found in {found.count(None)} of {len(paths)} paths,"
            f" the first: {_below(root, paths[found.index(None)])}",
            "Match each path below DIR, or leave out group.",
        )
    return [
        content_split.key_of(repr(match.groups() or match.group()).encode())
        for match in found
        if match
    ]


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _below(root: pathlib.Path, path: str) -> str:
    return pathlib.Path(path).relative_to(root).as_posix()


def _rows(files: _Files, rows: np.ndarray) -> _Files:
    return files[0][rows], files[1][rows]


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


def _files(folder: pathlib.Path, labels: Sequence[str]) -> _Files:
    """The image files below each class folder, sorted; other files are counted and left out."""
    paths: list[str] = []
    numbers: list[int] = []
    others = 0
    for number, label in enumerate(labels):
        files = sorted(path for path in (folder / label).rglob("*") if path.is_file())
        images = [str(path) for path in files if path.suffix.lower() in SUFFIXES]
        others += len(files) - len(images)
        if not images:
            raise errors.BadInput(
                str(folder / label), "the class has no images", f"Add {', '.join(SUFFIXES)} files."
            )
        paths += images
        numbers += [number] * len(images)
    if others:
        logging.warning("%s: %d files are not images and are left out", folder, others)
    return np.array(paths, dtype=object), np.array(numbers, np.int32)


def _shared_size(root: pathlib.Path, paths: Sequence[str]) -> tuple[int, int]:
    """(height, width) when all images have it, read from their headers."""
    sizes: dict[tuple[int, int], str] = {}
    for path in paths:
        sizes.setdefault(decoding.size(path), path)
        if len(sizes) > 1:
            break
    if len(sizes) > 1:
        (first, one), (second, other) = list(sizes.items())[:2]
        raise errors.BadInput(
            f"images:{root}",
            f"{one} is {first[0]}x{first[1]}, {other} is {second[0]}x{second[1]}",
            "Give the model's size: images:DIR?size=HEIGHTxWIDTH",
        )
    return next(iter(sizes))

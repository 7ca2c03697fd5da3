"""images:DIR: one folder per class, decoded from disk when needed, never all in memory.

DIR/train, DIR/val (or validation) and DIR/test (or holdout) each hold the class folders; without
DIR/train the class folders in DIR are split.
"""

import os
import pathlib
from collections.abc import Sequence
from concurrent import futures

import numpy as np
from absl import logging
from PIL import Image

from tfedge import errors
from tfedge.data import task
from tfedge.data.sources import options, stratify

OPTIONS = ("size", "channels", "metric", "scale", "offset")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_Files = tuple[np.ndarray, np.ndarray]  # (n,) paths as objects, (n,) class numbers


def load(folder: str, settings: options.Options, seed: int = 0) -> task.Task:
    """The task of telling class folders apart.

    Images are decoded to uint8 (height, width, channels) and resized by Pillow's bilinear filter;
    like Keras' loader it does not turn them by their EXIF tag. Values go to 0..1 unless scale and
    offset are given. Plain class folders are split into 20 % held-out, 10 % validation and the
    rest, each class by its share; DIR/train without DIR/val gives a tenth to validation.

    Args:
        folder: DIR.
        settings: size (default: the size all images share), channels (3), metric, scale, offset.
        seed: of the split.

    Raises:
        BadInput: no class folders, classes that differ between splits, or images of several sizes
            without a size; when read, an image that cannot be decoded.
    """
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise errors.BadInput(f"images:{folder}", "no such folder", "Check the path.")
    labels, parts = _given_parts(root) if _has_splits(root) else _drawn_parts(root, seed)
    if "validation" not in parts:
        parts["validation"], parts["train"] = _draw(parts["train"], 10, seed)
    number = min(500, len(parts["train"][1]))
    calibration, _ = stratify.draw(parts["train"][1], number, seed)
    parts["calibration"] = _rows(parts["train"], calibration)
    size = settings.size or _shared_size(
        root, [path for part in parts.values() for path in part[0].tolist()]
    )
    shape = (*size, settings.channels or 3)
    return task.Task(
        name=root.resolve().name,
        kind="classification",
        train=_stream(parts["train"], shape),
        calibration=_stream(parts["calibration"], shape),
        validation=_stream(parts["validation"], shape),
        holdout=_stream(parts["holdout"], shape),
        metric=settings.metric,
        labels=labels,
        normalization=task.Normalization(
            1 / 255 if settings.scale is None else settings.scale,
            0.0 if settings.offset is None else settings.offset,
        ),
        batch_size=32,
        seed=seed,
    )


def decode(path: str, shape: tuple[int, int, int]) -> np.ndarray:
    """One image file as uint8 of (height, width, channels).

    Raises:
        BadInput: it cannot be decoded, is too large to be an honest image, or has 16 bits.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise errors.BadInput(
                    str(path),
                    f"8 bits per channel were expected, got mode {image.mode}",
                    "Convert it.",
                )
            return fit(image, shape)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, errors.BadInput):
            raise
        raise errors.BadInput(
            path, f"the image cannot be decoded ({error})", "Remove or replace the file."
        ) from error


def fit(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """An opened image as uint8 of (height, width, channels), resized where it has to be."""
    pixels = image.convert("L" if shape[2] == 1 else "RGB")
    if pixels.size != (shape[1], shape[0]):
        pixels = pixels.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(pixels).reshape(shape)


def _stream(files: _Files, shape: tuple[int, int, int]) -> task.StreamSplit:
    paths, numbers = files

    def read(indices: np.ndarray) -> np.ndarray:
        """Pillow decodes outside the interpreter lock, so threads help."""
        batch = np.empty((len(indices), *shape), np.uint8)
        with futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            chosen: list[str] = paths[indices].tolist()
            for row, image in enumerate(pool.map(lambda path: decode(path, shape), chosen)):
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


def _drawn_parts(root: pathlib.Path, seed: int) -> tuple[tuple[str, ...], dict[str, _Files]]:
    labels = _classes(root)
    holdout, rest = _draw(_files(root, labels), 5, seed)
    validation, train = _draw(rest, 9, seed)
    logging.info(
        "%s: split into %d train, %d validation and %d held-out images by seed %d",
        *(root, len(train[0]), len(validation[0]), len(holdout[0]), seed),
    )
    return labels, {"train": train, "validation": validation, "holdout": holdout}


def _draw(files: _Files, divisor: int, seed: int) -> tuple[_Files, _Files]:
    drawn, rest = stratify.draw(files[1], -(-len(files[1]) // divisor), seed)
    return _rows(files, drawn), _rows(files, rest)


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
        try:
            with Image.open(path) as image:
                sizes.setdefault((image.height, image.width), path)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise errors.BadInput(
                path, f"the image cannot be opened ({error})", "Remove or replace the file."
            ) from error
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

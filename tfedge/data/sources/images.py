"""images:DIR: one folder per class, decoded from disk when needed, never all in memory.

DIR/train, DIR/val (or validation) and DIR/test (or holdout) each hold the class folders; without
DIR/train the class folders in DIR are split.
"""

import hashlib
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from absl import logging

from tfedge import errors, patterns, settings
from tfedge.data import task
from tfedge.data.provenance import origins
from tfedge.data.reading import (
    class_folders,
    decoding,
    image_files,
    options,
    resizing,
    written,
)
from tfedge.data.reading.class_folders import Files, Parts
from tfedge.data.source import Source
from tfedge.data.splitting import content_split


@settings.declared
class Images(Source):
    """The task of telling class folders apart.

    Images are decoded to uint8 (height, width, channels) and resized as Keras'
    image_dataset_from_directory does. Values go to 0..1 unless scale and offset are given. Plain
    class folders are split by the hash of each file's bytes into some 20 % held-out, 10 %
    validation and the rest, so that no file changes sides when others come or go; DIR/train
    without DIR/val gives a tenth to validation.
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
    group: patterns.Pattern | None = settings.setting(
        None,
        written.Pattern("person[0-9]+"),
        "Files whose path below DIR gives the same match, or the same groups of it, stay on one "
        "side: those of a person, a device, a recording.",
    )
    skip_bad_files: str = settings.setting(
        "no",
        written.Word(("no", "yes")),
        "Whether to go on without images that cannot be read; all are tried first.",
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
                without a size, or paths without a group; here or when read, images that cannot be
                decoded, all of them in one line.
        """
        return _task(address, self, seed)


def _task(folder: str, asked: Images, seed: int) -> task.Task:
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise errors.BadInput(f"images:{folder}", "no such folder", "Check the path.")
    labels, folders = class_folders.find(root)
    drawn = "all" in folders
    found, others = class_folders.listed(folders, labels)
    paths: list[str] = [path for files in found.values() for path in files[0].tolist()]
    is_skipping = asked.skip_bad_files == "yes"
    checked = image_files.check(root, paths, asked.channels, is_skipping, is_skipping)
    parts = class_folders.without(found, checked.bad)
    if drawn:
        parts = _drawn_parts(parts["all"], root, asked.group)
    if "validation" not in parts:
        parts |= _without_holdout(parts["train"], root, asked.group)
    parts["calibration"] = _calibration(parts["train"], root)
    size = asked.size or _shared_size(root, checked.sizes)
    channels, interpolation, fit = asked.channels, asked.resize, asked.fit

    def read(path: str) -> np.ndarray:
        return resizing.resize(decoding.decode(path, channels), size, interpolation, fit)

    def refuse() -> None:
        good = [path for path in paths if path not in checked.bad]
        image_files.check(root, good, channels, is_thorough=True)

    shape = (*size, channels)
    split = {role: _stream(part, read, shape, refuse) for role, part in parts.items()}
    return task.Task(
        name=root.resolve().name,
        kind="classification",
        train=split["train"],
        calibration=split["calibration"],
        validation=split["validation"],
        holdout=split["holdout"],
        metric=asked.metric,
        class_weight=asked.class_weight,
        labels=labels,
        normalization=task.Normalization(
            1 / 255 if asked.scale is None else asked.scale,
            0.0 if asked.offset is None else asked.offset,
        ),
        is_scale_given=asked.scale is not None,
        batch_size=32,
        seed=seed,
        preprocessing=resizing.words(size, channels, interpolation, fit),
        holdout_drawn=drawn,
        origins={role: origins.Files(root, part[0].tolist()) for role, part in parts.items()},
        notes=(*image_files.left_out(root, others), *checked.notes),
    )


def _stream(
    files: Files,
    one: Callable[[str], np.ndarray],
    shape: tuple[int, int, int],
    refuse: Callable[[], None],
) -> task.StreamSplit:
    paths, numbers = files

    def read(indices: np.ndarray) -> np.ndarray:
        batch = np.empty((len(indices), *shape), np.uint8)
        try:
            with image_files.pool() as threads:
                chosen: list[str] = paths[indices].tolist()
                for row, image in enumerate(threads.map(one, chosen)):
                    batch[row] = image
        except decoding.Unreadable:
            refuse()
            raise
        return batch

    return task.StreamSplit(read, lambda: numbers)


def _drawn_parts(files: Files, root: pathlib.Path, group: patterns.Pattern | None) -> Parts:
    sides = content_split.sides(_keys(files, root, group), files[1])
    parts = {
        role: class_folders.rows_of(files, np.flatnonzero(sides == role))
        for role in content_split.ROLES
    }
    logging.info(
        "%s: split by content into %d train, %d validation and %d held-out images",
        *(root, *(len(parts[role][0]) for role in ("train", "validation", "holdout"))),
    )
    return parts


def _without_holdout(files: Files, root: pathlib.Path, group: patterns.Pattern | None) -> Parts:
    """Train and validation, of files none of which is held out."""
    sides = content_split.sides(_keys(files, root, group), files[1], holdout=False)
    return {
        role: class_folders.rows_of(files, np.flatnonzero(sides == role))
        for role in ("train", "validation")
    }


def _calibration(files: Files, root: pathlib.Path) -> Files:
    """Up to 500 files of train; drawn by their paths, for which no file needs to be read."""
    keys = [content_split.key_of(_below(root, path).encode()) for path in files[0].tolist()]
    return class_folders.rows_of(files, content_split.some(keys, files[1], 500))


def _keys(files: Files, root: pathlib.Path, group: patterns.Pattern | None) -> list[bytes]:
    """What decides each file's side: the hash of its bytes, or of its group."""
    paths: list[str] = files[0].tolist()
    if group is None:
        with image_files.pool() as threads:
            return list(threads.map(_digest, paths))
    found = [group.found_in(_below(root, path)) for path in paths]
    if None in found:
        raise errors.BadInput(
            f"images:{root}",
            f"group={group.text} is not found in {found.count(None)} of {len(paths)} paths,"
            f" the first: {_below(root, paths[found.index(None)])}",
            "Match each path below DIR, or leave out group.",
        )
    return [content_split.key_of(repr(each).encode()) for each in found]


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _below(root: pathlib.Path, path: str) -> str:
    return pathlib.Path(path).relative_to(root).as_posix()


def _shared_size(
    root: pathlib.Path, sizes: Mapping[tuple[int, int], Sequence[str]]
) -> tuple[int, int]:
    """(height, width) when all images have it."""
    if len(sizes) > 1:
        known = sorted(sizes.items(), key=lambda each: -len(each[1]))
        shown = ", ".join(
            f"{len(paths):,} of {height}x{width} (such as {_below(root, paths[0])})"
            for (height, width), paths in known[:4]
        )
        raise errors.BadInput(
            f"images:{root}",
            f"images of one size were expected, there are {len(sizes)}: {shown}"
            + (", ..." if len(known) > 4 else ""),
            "Give the model's: images:DIR?size=HEIGHTxWIDTH",
        )
    return next(iter(sizes))

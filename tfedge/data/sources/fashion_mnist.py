"""fashion_mnist: 70,000 28x28 grey images of ten kinds of clothing (Xiao et al., 2017).

Read from a folder given, Debian's dataset-fashion-mnist, Keras' cache, else downloaded into that
cache. Training images are only decompressed when a training split is first read, so that judging
a model on the held-out split stays small.
"""

import dataclasses
import functools
import gzip
import os
import pathlib
import shutil
import struct
import urllib.error
import urllib.request
import zlib

import numpy as np
from absl import logging

from tfedge import errors, settings
from tfedge.data import task
from tfedge.data.provenance import origins
from tfedge.data.reading import options
from tfedge.data.source import Source
from tfedge.data.splitting import stratify

DEBIAN = pathlib.Path("/usr/share/datasets/fashion-mnist")
URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
LABELS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@settings.declared
class FashionMnist(Source):
    """Train 55,000, validation 5,000, held-out 10,000, calibration 500 of train."""

    metric: str | None = options.metric()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`.

        Args:
            address: none.
            data_dir: the folder with the four idx files; None looks in the usual places.
            seed: draws validation from the training files, and calibration from train.

        Raises:
            BadInput: no folder has the files and they cannot be downloaded, or one is damaged.
        """
        made = _task(data_dir, seed)
        return dataclasses.replace(made, metric=self.metric, class_weight=self.class_weight)


def _task(data_dir: str | None, seed: int) -> task.Task:
    folder = _folder(data_dir)
    labels = _read(folder / FILES[1]).astype(np.int32)
    validation, train = stratify.draw(labels, len(labels) // 12, seed)
    calibration, _ = stratify.draw(labels[train], min(500, len(train)), seed)
    images = _Images(folder / FILES[0])
    parts = {"train": train, "calibration": train[calibration], "validation": validation}

    def part(images: "_Images", labels: np.ndarray, rows: np.ndarray) -> task.StreamSplit:
        return task.StreamSplit(lambda indices: images.all[rows[indices]], lambda: labels[rows])

    held_out = _read(folder / FILES[3]).astype(np.int32)
    return task.Task(
        name="fashion_mnist",
        kind="classification",
        train=part(images, labels, parts["train"]),
        calibration=part(images, labels, parts["calibration"]),
        validation=part(images, labels, parts["validation"]),
        holdout=part(_Images(folder / FILES[2]), held_out, np.arange(len(held_out))),
        labels=LABELS,
        normalization=task.Normalization(1 / 255),
        origins={
            **{role: origins.Rows("train", len(labels), rows) for role, rows in parts.items()},
            "holdout": origins.Rows("t10k", len(held_out), np.arange(len(held_out))),
        },
        seed=seed,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Images:
    """The images of one file, decompressed at first use."""

    path: pathlib.Path

    @functools.cached_property
    def all(self) -> np.ndarray:
        """(n, height, width, 1) uint8."""
        return _read(self.path)[..., np.newaxis]


def _folder(data_dir: str | None) -> pathlib.Path:
    cache = pathlib.Path(os.environ.get("KERAS_HOME", pathlib.Path.home() / ".keras"))
    cache = cache / "datasets" / "fashion-mnist"
    places = [pathlib.Path(data_dir)] if data_dir else [DEBIAN, cache]
    for place in places:
        if all((place / name).is_file() for name in FILES):
            return place
    if data_dir:
        raise errors.BadInput(
            f"--data_dir={data_dir}", f"the folder lacks {_missing(places[0])}", _REMEDY
        )
    _download(cache)
    return cache


_REMEDY = "Give a folder with the four *-ubyte.gz files, or apt install dataset-fashion-mnist."


def _missing(folder: pathlib.Path) -> str:
    return ", ".join(name for name in FILES if not (folder / name).is_file())


def _download(folder: pathlib.Path) -> None:
    """Each file is written aside and renamed, so that a killed download leaves no half file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            if (folder / name).is_file():
                continue
            logging.info("Downloading %s", URL + name)
            aside = folder / f"{name}.{os.getpid()}.part"
            with urllib.request.urlopen(URL + name, timeout=60) as source, aside.open("wb") as to:
                shutil.copyfileobj(source, to)
            aside.replace(folder / name)
    except OSError as error:
        raise errors.BadInput(
            "--data=fashion_mnist",
            f"it is neither in {DEBIAN} nor in {folder}, and downloading failed ({error})",
            _REMEDY,
        ) from error


def _read(path: pathlib.Path) -> np.ndarray:
    """The bytes of an idx file (type 8, big-endian sizes), (n, ...) uint8."""
    try:
        content = gzip.decompress(path.read_bytes())
        axes = content[3]
        shape = struct.unpack_from(f">{axes}I", content, 4)
        if content[:3] != b"\0\0\x08" or axes not in (1, 3):
            raise ValueError(f"starts with {content[:4].hex()}")
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, zlib.error, IndexError, struct.error, ValueError) as error:
        raise errors.BadInput(
            str(path), f"it is truncated or not an idx file of bytes ({error})", _REMEDY
        ) from error

"""coloured_fashion_mnist: Fashion-MNIST in three channels, garment and ground in colours.

A bed for what takes pictures of three channels only, such as MediaPipe's tasks. The files are those
of fashion_mnist. The colours of a picture, a light one for the garment and a dark one for what is
behind it, are drawn by its own bytes: they say nothing of the class and are always the same.
"""

import dataclasses
from typing import Any

import numpy as np

from tfedge import settings
from tfedge.data import task
from tfedge.data.reading import options
from tfedge.data.source import Source
from tfedge.data.sources import fashion_mnist
from tfedge.data.splits import Split, StreamSplit

_DARKEST_GARMENT, _LIGHTEST_GROUND = 128, 85
_COLOURS = 6  # numbers of a byte: three of the garment, three of its ground
_SHIFT = 24  # bits of a sum that hang on few of the bytes


@settings.declared
class ColouredFashionMnist(Source):
    """Train 55,000, validation 5,000, held-out 10,000, calibration 500 of train."""

    metric: str | None = options.metric()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `fashion_mnist`, whose options these are."""
        grey = fashion_mnist.FashionMnist(self.metric, self.class_weight)
        made = grey.load(address, data_dir, seed)
        parts: dict[str, Any] = {role: _painted(each) for role, each in made.splits().items()}
        return dataclasses.replace(made, name="coloured_fashion_mnist", **parts)


def _painted(split: Split) -> StreamSplit:
    return StreamSplit(lambda indices: paint(np.asarray(split.take(indices).x)), split.targets)


def paint(grey: np.ndarray) -> np.ndarray:
    """(n, height, width, 1) uint8 to (n, height, width, 3) uint8."""
    flat = grey.reshape(len(grey), -1).astype(np.uint64)
    factors = np.random.default_rng(0).integers(2**32, size=(flat.shape[1], _COLOURS))
    drawn = (flat @ factors.astype(np.uint64)) >> np.uint64(_SHIFT) & np.uint64(255)
    share = drawn.astype(np.float32).reshape(-1, 2, 1, 1, 3) / 255
    garment = _DARKEST_GARMENT + (255 - _DARKEST_GARMENT) * share[:, 0]
    ground = _LIGHTEST_GROUND * share[:, 1]
    return np.rint(ground + (garment - ground) * (grey / np.float32(255))).astype(np.uint8)

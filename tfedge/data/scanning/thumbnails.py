"""Images as 8x8 grids of mean brightness, in which near duplicates stay near."""

import functools
import itertools

import numpy as np

SIDE = 8


def image_input(form: dict[str, tuple[tuple[int, ...], str]]) -> str | None:
    """The name of the first input that is an image, (height, width, channels) of 8x8 or more."""
    for name, (shape, _) in form.items():
        if len(shape) == 3 and min(shape[:2]) >= SIDE:
            return name
    return None


def grey(images: np.ndarray) -> np.ndarray:
    """(n, height, width, channels) -> (n, height, width) float32 means of the channels."""
    channels = images.shape[-1]
    if channels == 1:
        return images[..., 0].astype(np.float32)
    return images.astype(np.float32) @ np.full(channels, 1 / channels, np.float32)


def shrink(images: np.ndarray) -> np.ndarray:
    """(n, height, width) grey -> (n, 64) float32 means over the cells of an 8x8 grid."""
    rows, columns = _means(images.shape[1]), _means(images.shape[2])
    cells = rows @ (images.astype(np.float32) @ columns.T)
    return cells.reshape(len(images), SIDE * SIDE)


@functools.cache
def _means(length: int) -> np.ndarray:
    """(8, length): each row averages one of eight nearly equal pieces."""
    edges = np.linspace(0, length, SIDE + 1).astype(int)
    weights = np.zeros((SIDE, length), np.float32)
    for cell, (start, stop) in enumerate(itertools.pairwise(edges)):
        weights[cell, start:stop] = 1 / (stop - start)
    return weights

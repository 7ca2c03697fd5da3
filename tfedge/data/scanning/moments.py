"""Four numbers of each example and its channels' means: what tells splits apart at little cost."""

import numpy as np

NAMES = ("mean", "standard deviation", "lowest value", "highest value")
MOST_CHANNELS = 16


def take(array: np.ndarray) -> np.ndarray:
    """(n, ...) numbers -> (n, 4 or 4 + channels) float32, in the order of `names`."""
    flat = array.reshape(len(array), -1)
    numbers = flat.astype(np.float32)
    means = numbers.mean(axis=1)
    squares = np.einsum("ij,ij->i", centred := numbers - means[:, np.newaxis], centred)
    columns = [means, np.sqrt(squares / flat.shape[1]), flat.min(axis=1), flat.max(axis=1)]
    channels = _channels(array.shape[1:])
    if channels:
        pixels = numbers.reshape(len(array), -1, channels)
        even = np.full((1, pixels.shape[1]), 1 / pixels.shape[1], np.float32)
        columns.extend((even @ pixels)[:, 0].T)  # a product is 7 times as fast as a mean
    return np.stack(columns, axis=1).astype(np.float32)


def names(shape: tuple[int, ...]) -> tuple[str, ...]:
    """What the columns are, for examples of this shape."""
    return (*NAMES, *(f"mean of channel {channel}" for channel in range(_channels(shape))))


def _channels(shape: tuple[int, ...]) -> int:
    """Channels worth a column each: more than one, and none in examples that are one number."""
    return shape[-1] if shape and 1 < shape[-1] <= MOST_CHANNELS else 0

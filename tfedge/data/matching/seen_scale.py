"""What a model's first layer tells of the numbers it was trained on, compared with the data.

A layer that rescales was given 8-bit values; one that normalises holds the mean and the variance
of each channel it saw. Both are plain numbers here: reading them needs the model.
"""

import numpy as np

from tfedge import errors
from tfedge.data import splits, task

FACTOR = 8.0  # as in `fit`: samples differ by less, 0-1 and 0-255 by 255
_EXAMPLES = 500


def trained_range(scale: float, offset: float) -> tuple[float, float] | None:
    """The range of images that `scale * image + offset` brings to 0..1 or -1..1.

    For `check_bytes` or `fit.check_fits`. None where that range is not 0..255, as then nothing is
    known.

    Example:
        >>> trained_range(1 / 127.5, -1.0)
        (0.0, 255.0)
    """
    ends = np.array([offset, 255 * scale + offset])
    usual = np.array([[0, 1], [-1, 1]])
    return (0.0, 255.0) if np.isclose(ends, usual, atol=0.02).all(axis=1).any() else None


def check_bytes(made: "task.Task", trained: tuple[float, float]) -> None:
    """Refuses data already brought to 0..1 or -1..1, where a first layer does that once more.

    Dark images, or masks of few values, need not fill the range of bytes: those pass.

    Args:
        made: up to 500 examples of calibration are read.
        trained: of `trained_range`.

    Raises:
        BadInput: no value is beyond one, after normalization.
    """
    raw, _ = next(made.calibration.batches(_EXAMPLES))
    for name, array in splits.named(made.normalization(raw)).items():
        low, high = float(array.min()), float(array.max())
        if -1.02 <= low and high <= 1.02 and low < high:
            raise errors.BadInput(
                f"task {made.name}, input {name}".removesuffix(", input "),
                f"the model was trained on values from {trained[0]:g} to {trained[1]:g}, which its"
                f" first layer rescales; after normalization the data goes from {low:g} to"
                f" {high:g}",
                "Give the scale the model was trained with, such as ?scale=1&offset=0.",
            )


def check_moments(made: "task.Task", name: str, means: np.ndarray, variances: np.ndarray) -> None:
    """Compares calibration data, normalised, with the moments a first layer holds of its input.

    Args:
        made: up to 500 examples of calibration are read.
        name: of the input; a single unnamed one needs none.
        means: (channels,) of the last axis.
        variances: (channels,); moments of 0 and 1 everywhere are those of an untrained layer.

    Raises:
        BadInput: half of the channels or more spread eight times wider or narrower, or lie eight
            standard deviations away.
    """
    means, variances = np.ravel(means).astype(float), np.ravel(variances).astype(float)
    if not means.any() and (variances == 1).all():
        return
    raw, _ = next(made.calibration.batches(_EXAMPLES))
    arrays = splits.named(made.normalization(raw))
    array = arrays[name] if name in arrays else next(iter(arrays.values()))
    if array.shape[-1] != len(means):
        return  # another axis was normalised
    rows = array.reshape(-1, len(means)).astype(float)
    spread, trained = rows.std(axis=0), np.sqrt(np.maximum(variances, 0))
    telling = (spread > 0) & (trained > 0)
    if not telling.any():
        return
    spread, trained, means = spread[telling], trained[telling], means[telling]
    centre = rows.mean(axis=0)[telling]
    ratios = np.maximum(spread / trained, trained / spread)
    if np.median(ratios) <= FACTOR and np.median(np.abs(centre - means) / trained) <= FACTOR:
        return
    raise errors.BadInput(
        f"task {made.name}, input {name}".removesuffix(", input "),
        f"the model was trained on values around {np.median(means):.3g} with a standard deviation"
        f" of {np.median(trained):.3g}; after normalization the data has {np.median(centre):.3g}"
        f" and {np.median(spread):.3g}",
        "Give the scale the model was trained with, such as ?scale=1/255&offset=0.",
    )

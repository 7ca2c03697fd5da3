"""tones: 24,000 made-up spectrograms of three tones in noise, by which is highest; needs no file.

32 steps of 16 bands from 0 to 255. The tones come one after the other, each for 4 to 9 steps, with
pauses between; a class is the order of their pitches, such as "low high middle".
"""

import itertools

import numpy as np

from tfedge import settings
from tfedge.data import task
from tfedge.data.reading import options
from tfedge.data.source import Source

STEPS, BANDS, TONES = 32, 16, 3
_ORDERS = np.array(list(itertools.permutations(range(TONES))))
_WORDS = ("low", "middle", "high")
_SIZES = (12_000, 2_000, 10_000)  # of train, validation, held-out
_NOISE = 0.6  # share of the loudness
_APART = 0.4  # bands between two tones at least


@settings.declared
class Tones(Source):
    """Train 12,000, validation 2,000, held-out 10,000, calibration 500 of train."""

    metric: str | None = options.metric()
    class_weight: str | None = options.class_weight()

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`. Only the calibration examples depend on the seed."""
        train, validation, holdout = (
            task.ArraySplit(*_play(size, np.random.default_rng([number, size])))
            for number, size in enumerate(_SIZES)
        )
        chosen = np.random.default_rng(seed).permutation(len(train))[:500]
        return task.Task(
            name="tones",
            kind="classification",
            train=train,
            calibration=train.take(np.sort(chosen)),
            validation=validation,
            holdout=holdout,
            labels=tuple(" ".join(_WORDS[each] for each in order) for order in _ORDERS),
            normalization=task.Normalization(1 / 255),
            metric=self.metric,
            class_weight=self.class_weight,
            seed=seed,
        )


def _play(count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(count, 32, 16) uint8 of loudness, and (count,) the numbers of orders."""
    classes = generator.integers(0, len(_ORDERS), count)
    free = generator.uniform(1, BANDS - 2 - (TONES - 1) * _APART, (count, TONES))
    pitches = np.sort(free, axis=1) + _APART * np.arange(TONES)  # low to high
    pitches = np.take_along_axis(pitches, _ORDERS[classes], axis=1)
    lengths = generator.integers(4, 10, (count, TONES))
    starts = np.cumsum(lengths + generator.integers(0, 2, (count, TONES)), axis=1) - lengths
    since = np.arange(STEPS) - starts[..., np.newaxis]  # (count, tones, steps)
    sounding = (since >= 0) & (since < lengths[..., np.newaxis])
    bands = np.exp(-((np.arange(BANDS) - pitches[..., np.newaxis]) ** 2))
    heard = np.matmul(sounding.transpose(0, 2, 1), bands)
    heard = (1 - _NOISE) * heard + _NOISE * generator.random((count, STEPS, BANDS))
    return np.rint(255 * heard).astype(np.uint8), classes.astype(np.int32)

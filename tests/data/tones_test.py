"""A class is the order of the pitches that are heard."""

import numpy as np

from tfedge.data.sources import tones


def test_the_loudest_bands_of_three_parts_are_ordered_as_the_class_says(monkeypatch):
    monkeypatch.setattr(tones, "_NOISE", 0.0)
    monkeypatch.setattr(tones, "_APART", 3.0)
    x, y = tones._play(200, np.random.default_rng(3))
    assert (x.dtype, x.shape, set(y.tolist())) == (np.uint8, (200, 32, 16), set(range(6)))
    for sound, number in zip(x.astype(float), y, strict=True):
        bands = (sound @ np.arange(16) / np.maximum(sound.sum(axis=1), 1))[sound.sum(axis=1) > 20]
        changes = np.flatnonzero(np.abs(np.diff(bands)) > 1.5)
        pitches = [part.mean() for part in np.split(bands, changes + 1)]
        assert len(pitches) == 3
        assert np.argsort(np.argsort(pitches)).tolist() == tones._ORDERS[number].tolist()

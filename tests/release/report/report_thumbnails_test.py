import base64
import io

import numpy as np
import pytest
from PIL import Image

from tfedge.release.report import thumbnails


def _pictures(inputs):
    found = []
    for uri in thumbnails.data_uris(inputs):
        head, data = uri.split(",")
        assert head == "data:image/png;base64"
        found.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
    return found


@pytest.mark.parametrize(
    ("shape", "are_pictures"),
    [
        ((2, 4, 4), True),
        ((2, 3, 3), False),
        ((2, 4, 3, 1), False),
        ((2, 3, 4, 1), False),
        ((2, 4, 5), False),
        ((2, 4, 5, 1), True),
        ((2, 4, 5, 2), False),
        ((2, 4, 5, 3), True),
        ((2, 4, 5, 4), True),
        ((0, 4, 4), False),
        ((2, 16), False),
        ((2, 4, 4, 4, 1), False),
    ],
)
def test_only_what_looks_like_pictures_is_shown(shape, are_pictures):
    assert len(thumbnails.data_uris(np.zeros(shape, np.uint8))) == (2 if are_pictures else 0)


def test_other_things_are_no_pictures():
    assert thumbnails.data_uris({"image": np.zeros((2, 4, 4))}) == ()
    assert thumbnails.data_uris(np.full((2, 4, 4), "a")) == ()


def test_bytes_stay_and_numbers_are_spread():
    dark = np.arange(16, dtype=np.uint8).reshape(1, 4, 4) * 17 // 4  # to 63
    np.testing.assert_array_equal(_pictures(dark + 2)[0], dark[0] + 2)
    small = (np.arange(16) * 4).astype(np.uint8).reshape(1, 4, 4, 1)  # bytes of little range
    np.testing.assert_array_equal(_pictures(small)[0], np.arange(16).reshape(4, 4) * 17)
    numbers = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 4, 4)
    numbers[0, 0, 0] = np.nan
    found = _pictures(numbers)[0]
    assert found.dtype == np.uint8 and found[3, 3] == 255 and found[0, 1] == 0
    assert np.all(_pictures(np.full((1, 4, 4), 7.0))[0] == 0)


def test_large_ones_are_made_smaller():
    shown = _pictures(np.full((1, 192, 96, 3), 200, np.uint8))[0]
    assert shown.shape == (96, 48, 3)
    assert _pictures(np.full((1, 96, 90, 3), 200, np.uint8))[0].shape == (96, 90, 3)

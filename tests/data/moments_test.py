"""Numbers of an example, by hand."""

import numpy as np
import pytest

from tfedge.data.scanning import moments


def test_four_numbers_of_each_example():
    found = moments.take(np.array([[1, 2, 6], [4, 4, 4]], np.uint8))
    expected = [[3, np.sqrt(14 / 3), 1, 6, 1, 2, 6], [4, 0, 4, 4, 4, 4, 4]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32 and moments.names((3,))[:4] == moments.NAMES


def test_the_mean_of_each_channel():
    images = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    found = moments.take(images)
    np.testing.assert_allclose(found[:, 4:], images.reshape(2, 4, 3).mean(axis=1))
    assert moments.names((2, 2, 3))[4:] == tuple(f"mean of channel {n}" for n in range(3))


@pytest.mark.parametrize(
    ("shape", "channels"), [((), 0), ((4, 4, 1), 0), ((4, 4, 2), 2), ((9, 16), 16), ((9, 17), 0)]
)
def test_channels_that_have_a_column_each(shape, channels):
    assert len(moments.names(shape)) == 4 + channels
    if shape:
        assert moments.take(np.ones((3, *shape), np.float32)).shape == (3, 4 + channels)

"""Expected values are those of tf.image.resize and keras' smart_resize, to three decimals."""

import numpy as np
import pytest

from tfedge.data.reading import resizing

_ROW, _COLUMN, _CHANNEL = np.mgrid[0:7, 0:9, 0:3]
_PICTURE = ((37 * _ROW + 91 * _COLUMN + 53 * _CHANNEL + 11 * _ROW * _COLUMN) % 256).astype(np.uint8)
_SMALL = [
    [51.925, 171.95, 138.375, 85.6, 167.225],
    [124.375, 74.25, 24.125, 204.4, 160.675],
    [107.225, 136.55, 165.875, 156.8, 147.725],
    [166.875, 109.25, 51.625, 122.0, 128.375],
]
_FLAT = [
    [46.25, 151.0, 191.75, 104.5, 145.25, 58.0, 162.75, 203.5, 116.25],
    [175.75, 63.0, 206.25, 93.5, 44.75, 124.0, 75.25, 154.5, 105.75],
]
_NEAREST = [
    [0, 182, 108, 34, 216],
    [74, 44, 14, 240, 210],
    [148, 162, 176, 190, 204],
    [222, 24, 82, 140, 198],
]
_CROPPED = [
    [144.672, 55.141, 137.609, 132.078],
    [139.891, 148.047, 124.203, 152.359],
    [91.109, 76.953, 86.797, 120.641],
    [102.328, 141.859, 185.391, 96.922],
]
_CROPPED_TALL = [
    [17.0, 62.5, 108.0],
    [73.875, 123.844, 173.812],
    [135.125, 101.906, 68.688],
    [196.375, 127.969, 59.562],
    [145.625, 138.031, 130.438],
    [62.875, 92.094, 121.312],
    [124.125, 70.156, 16.188],
    [181.0, 131.5, 82.0],
]
_PADDED = [
    [35.547, 23.516, 111.484, 99.453],
    [139.141, 138.297, 129.453, 144.609],
    [77.859, 64.703, 79.547, 122.391],
    [100.078, 100.859, 141.641, 62.422],
]
_PADDED_TALL = [
    [0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0],
    [166.0, 90.562, 159.125],
    [48.0, 99.438, 118.875],
    [0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0],
]


@pytest.mark.parametrize(("size", "expected"), [((4, 5), _SMALL), ((2, 9), _FLAT)])
def test_bilinear_is_that_of_tensorflow(size, expected):
    found = resizing.bilinear(_PICTURE, size)
    assert found.dtype == np.float32
    assert np.abs(found[..., 0] - expected).max() < 1e-3
    assert np.abs(resizing.resize(_PICTURE, size)[..., 0] - np.array(expected)).max() <= 0.5001


def test_growing_repeats_the_border():
    found = resizing.bilinear(_PICTURE, (10, 13))
    assert np.allclose(found[0, [0, 1, 12], 0], [0, 49, 216], atol=1e-3)
    assert np.allclose(found[1, :3, 0], [20.35, 72.608, 139.796], atol=1e-3)


def test_channels_do_not_mix():
    found = resizing.bilinear(_PICTURE, (4, 5))
    for channel in range(3):
        alone = resizing.bilinear(_PICTURE[..., channel : channel + 1], (4, 5))
        assert np.array_equal(alone[..., 0], found[..., channel])


def test_nearest_is_that_of_tensorflow():
    assert resizing.resize(_PICTURE, (4, 5), "nearest")[..., 0].tolist() == _NEAREST


@pytest.mark.parametrize(
    ("size", "fit", "expected"),
    [
        ((4, 4), "crop", _CROPPED),
        ((8, 3), "crop", _CROPPED_TALL),
        ((4, 4), "pad", _PADDED),
        ((8, 3), "pad", _PADDED_TALL),
    ],
)
def test_crop_and_pad_are_those_of_keras(size, fit, expected):
    found = resizing.resize(_PICTURE, size, fit=fit)[..., 0]
    assert np.abs(found - np.array(expected)).max() <= 0.5001


def test_a_picture_of_that_size_stays_as_it_is():
    assert resizing.resize(_PICTURE, (7, 9), fit="crop") is _PICTURE


def test_stripes_only_survive_without_antialiasing():
    stripes = np.zeros((8, 64, 1), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255
    assert np.unique(resizing.resize(stripes, (8, 8))).tolist() == [128]  # at edges of stripes
    assert resizing.resize(stripes, (8, 16)).max() == 255
    assert resizing.resize(stripes, (8, 16), "antialias").max() < 255
    assert resizing.resize(stripes[:4, :8], (4, 4), "antialias").shape == (4, 4, 1)


def test_the_words_name_what_was_done():
    said = resizing.words((48, 32), 1, "antialias", "pad")
    assert "grey" in said and "48x32 (height x width)" in said
    assert "padded" in said and "with antialiasing" in said
    assert "without antialiasing" in resizing.words((1, 1), 3, "bilinear", "stretch")


@pytest.mark.parametrize(
    ("shape", "size", "padded"),
    [
        ((2, 10), (4, 4), (10, 10)),
        ((10, 2), (4, 4), (10, 10)),
        ((2, 10), (2, 4), (4, 10)),
        ((3, 6), (4, 4), (5, 6)),  # an odd row is left out
        ((6, 6), (4, 4), (6, 6)),
    ],
)
def test_a_picture_is_padded_to_the_form_asked_for(shape, size, padded):
    pixels = np.ones((*shape, 3), np.uint8)
    found = resizing._pad(pixels, size)
    assert found.shape == (*padded, 3) and found.sum() == pixels.sum()
    above, beside = (padded[0] - shape[0]) // 2, (padded[1] - shape[1]) // 2
    assert found[above : above + shape[0], beside : beside + shape[1]].all()

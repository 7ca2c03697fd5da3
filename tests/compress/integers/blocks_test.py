import numpy as np

from tfedge.compress.integers import blocks


def test_each_block_of_a_row_has_the_scale_of_its_own_weights():
    kernel = np.zeros((4, 2), np.float32)
    kernel[:2, 0], kernel[2:, 0], kernel[:2, 1] = (7, -3), (70, 20), (0.875, 0.5)
    # The last block is of zeros alone.
    np.testing.assert_array_equal(blocks.least_squares(kernel, 2, 7), [[1, 0.125], [10, 1]])


def test_scales_are_such_as_half_precision_and_7_bits_of_mantissa_hold():
    kernel = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
    found = blocks.least_squares(kernel, 32, 7)
    assert found.shape == (2, 5)
    np.testing.assert_array_equal(found.astype(np.float16), found)
    assert not np.any(found.view(np.uint32) & 0xFFFF)  # what bfloat16 has no room for
    tiny = blocks.least_squares(kernel * np.float32(1e-9), 32, 7)
    np.testing.assert_array_equal(tiny, np.full((2, 5), 2.0**-14))


def test_scales_are_spread_over_their_blocks_alone():
    scales = np.array([[1.0, 2.0], [3.0, 4.0]])
    spread = blocks.spread(scales, (4, 2))
    np.testing.assert_array_equal(spread, [[1, 2], [1, 2], [3, 4], [3, 4]])
    assert blocks.are(scales, (4, 2))
    for plain in (np.ones((1, 2)), np.ones((1, 1)), np.ones((4, 2))):
        assert blocks.spread(plain, (4, 2)) is plain and not blocks.are(plain, (4, 2))

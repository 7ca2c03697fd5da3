import numpy as np

from tfedge.data.scanning import thumbnails


def test_shrink_averages_the_cells():
    image = np.zeros((1, 16, 24, 1), np.uint8)
    image[0, :2, :3] = 6
    image[0, 2, 0] = 12
    grid = thumbnails.shrink(thumbnails.grey(image)).reshape(8, 8)
    assert grid[0, 0] == 6
    assert grid[1, 0] == 2
    assert grid.sum() == 8


def test_uneven_sides_keep_the_mean_of_even_images():
    assert np.allclose(thumbnails.shrink(thumbnails.grey(np.full((2, 9, 13, 3), 7.0))), 7)


def test_only_images_are_images():
    assert thumbnails.image_input({"t": ((5,), "int32"), "i": ((8, 9, 3), "uint8")}) == "i"
    assert thumbnails.image_input({"": ((7, 9, 3), "uint8")}) is None

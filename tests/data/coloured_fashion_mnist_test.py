import gzip
import struct

import numpy as np

from tfedge.data.sources import coloured_fashion_mnist, load_task


def _write(folder):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for prefix, n in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (n, 4, 4)).astype(np.uint8)
        head = b"\0\0\x08\x03" + struct.pack(">3I", *images.shape)
        written = gzip.compress(head + images.tobytes(), mtime=0)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(written)
        labels = (np.arange(n) % 10).astype(np.uint8)
        head = b"\0\0\x08\x01" + struct.pack(">I", n)
        written = gzip.compress(head + labels.tobytes(), mtime=0)
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(written)


def test_black_is_the_ground_and_white_the_garment_and_grey_between():
    grey = np.zeros((2, 2, 2, 1), np.uint8)
    grey[0, 0, 0], grey[0, 0, 1], grey[1] = 255, 51, 7
    grey[1, 0, 0], grey[1, 1, 1] = 0, 255
    found = coloured_fashion_mnist.paint(grey)
    assert found.shape == (2, 2, 2, 3) and found.dtype == np.uint8
    garment, ground = found[0, 0, 0].astype(int), found[0, 1, 1].astype(int)
    assert (garment >= 128).all() and (ground <= 85).all()
    np.testing.assert_allclose(found[0, 0, 1], ground + (garment - ground) / 5, atol=1)
    np.testing.assert_array_equal(found[0, 1, 0], found[0, 1, 1])
    assert (found[1, 1, 1] != found[0, 0, 0]).any() and (found[1, 0, 0] != found[0, 1, 1]).any()
    np.testing.assert_array_equal(found[:1], coloured_fashion_mnist.paint(grey[:1]))


def test_it_is_fashion_mnist_in_three_channels(tmp_path):
    _write(tmp_path / "idx")
    grey, coloured = (
        load_task(name, str(tmp_path / "idx"), 3)
        for name in ("fashion_mnist", "coloured_fashion_mnist")
    )
    assert coloured.name == "coloured_fashion_mnist" and coloured.labels == grey.labels
    for role, split in grey.splits().items():
        painted = coloured.splits()[role]
        np.testing.assert_array_equal(painted.targets(), split.targets())
        rows = np.array([2, 0])
        wanted = coloured_fashion_mnist.paint(split.take(rows).x)
        np.testing.assert_array_equal(painted.take(rows).x, wanted)

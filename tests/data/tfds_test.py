import sys
import types

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import sources


class Image:
    """Stands for tensorflow_datasets.features.Image, which is known by its name."""

    shape = (None, None, 3)


class _Builder:
    def __init__(self, splits):
        label = types.SimpleNamespace(names=["no", "yes"])
        self.info = types.SimpleNamespace(
            supervised_keys=("image", "label"),
            splits=splits,
            features={"image": Image(), "label": label},
        )

    def download_and_prepare(self):
        if self.info.splits is None:
            raise RuntimeError("no\nnetwork")

    def as_data_source(self, split, decoders=None):
        rng = np.random.default_rng(len(split))
        return [
            {
                "image": b"" if decoders else rng.integers(0, 255, (5 + i % 2, 6, 3)).astype("u1"),
                "label": np.int64(i % 2),
            }
            for i in range(self.info.splits[split])
        ]


@pytest.fixture
def install(monkeypatch):
    def install(splits):
        fake = types.SimpleNamespace(
            builder=lambda name, data_dir, file_format: _Builder(splits),
            decode=types.SimpleNamespace(SkipDecoding=object),
        )
        monkeypatch.setitem(sys.modules, "tensorflow_datasets", fake)
        monkeypatch.setitem(sys.modules, "array_record", fake)

    return install


@pytest.mark.parametrize(
    ("splits", "sizes"),
    [
        ({"train": 40, "test": 10}, [36, 36, 4, 10]),
        ({"train": 40, "validation": 6, "test": 10}, [40, 40, 6, 10]),
        ({"train": 40, "validation": 6}, [36, 36, 4, 6]),
        ({"train": 40}, [28, 28, 4, 8]),
    ],
)
def test_splits_are_found_or_drawn(install, splits, sizes):
    install(splits)
    made = sources.load_task("tfds:toy?size=4x4")
    assert [len(split) for split in made.splits().values()] == sizes
    assert (made.kind, made.labels) == ("classification", ("no", "yes"))
    x, y = next(made.holdout.batches(3))
    assert (x.shape, x.dtype, len(y)) == ((3, 4, 4, 3), np.uint8, 3)


def test_images_of_several_sizes_need_a_size(install):
    install({"train": 40})
    with pytest.raises(errors.BadInput, match=r"tfds:toy\?size=HEIGHTxWIDTH"):
        sources.load_task("tfds:toy")


def test_a_failing_preparation_is_one_line(install):
    install(None)
    with pytest.raises(errors.BadInput, match=r"cannot be prepared .RuntimeError: no."):
        sources.load_task("tfds:toy?size=4x4")


def test_missing_library_says_how_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(errors.BadInput, match=r"pip install .*tfedge\[tfds\]"):
        sources.load_task("tfds:mnist")

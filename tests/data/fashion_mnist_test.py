import gzip
import struct
import time

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import hygiene
from tfedge.data.sources import fashion_mnist, load_task

needs_files = pytest.mark.skipif(
    not all((fashion_mnist.DEBIAN / name).is_file() for name in fashion_mnist.FILES),
    reason="Debian's dataset-fashion-mnist is not installed",
)


def _write(folder, n_train=60, n_test=20):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, n in (("train", n_train), ("t10k", n_test)):
        images = rng.integers(0, 255, (n, 8, 8)).astype(np.uint8)
        content = b"\0\0\x08\x03" + struct.pack(">3I", *images.shape) + images.tobytes()
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
        labels = (np.arange(n) % 10).astype(np.uint8)
        content = b"\0\0\x08\x01" + struct.pack(">I", n) + labels.tobytes()
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))


def test_a_given_folder_is_read(tmp_path):
    _write(tmp_path / "a folder é")
    made = load_task("fashion_mnist", str(tmp_path / "a folder é"))
    assert [len(split) for split in made.splits().values()] == [55, 55, 5, 20]
    x, y = next(made.validation.batches(5))
    assert (x.shape, x.dtype) == ((5, 8, 8, 1), np.uint8)
    assert np.array_equal(made.train.take([3]).x, next(made.train.batches(1, np.array([3])))[0])
    assert y.tolist() == made.validation.targets().tolist()


def test_keras_cache_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "absent")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    _write(tmp_path / "datasets" / "fashion-mnist")
    assert len(load_task("fashion_mnist").holdout) == 20


def test_a_failing_download_is_one_line(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "absent")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", fail)
    with pytest.raises(errors.BadInput, match="no network"):
        load_task("fashion_mnist")
    assert not list(tmp_path.rglob("*.gz"))


def test_a_download_fills_the_cache(tmp_path, monkeypatch):
    _write(tmp_path / "served")
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "absent")
    monkeypatch.setattr(fashion_mnist, "URL", (tmp_path / "served").as_uri() + "/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    assert len(load_task("fashion_mnist").holdout) == 20
    cache = tmp_path / "home" / "datasets" / "fashion-mnist"
    assert sorted(path.name for path in cache.iterdir()) == sorted(fashion_mnist.FILES)


def test_an_incomplete_folder_is_refused(tmp_path):
    with pytest.raises(errors.BadInput, match="lacks train-images"):
        load_task("fashion_mnist", str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"not gzip", gzip.compress(b"\0\0\x08\x01\0\0\0\x09", mtime=0)),
        gzip.compress(b"\0\0\x09\x01\0\0\0\x3c" + bytes(60), mtime=0),  # of another type
        gzip.compress(b"\1\0\x08\x01\0\0\0\x3c" + bytes(60), mtime=0),
        gzip.compress(b"\0\0\x08\x02\0\0\0\x3c\0\0\0\x01" + bytes(60), mtime=0),  # two axes
    ],
)
def test_damaged_files_are_refused(tmp_path, content):
    _write(tmp_path / "data")
    (tmp_path / "data" / fashion_mnist.FILES[1]).write_bytes(content)
    with pytest.raises(errors.BadInput, match="truncated or not an idx file"):
        load_task("fashion_mnist", str(tmp_path / "data"))


def test_a_truncated_file_is_refused(tmp_path):
    _write(tmp_path / "data")
    path = tmp_path / "data" / fashion_mnist.FILES[2]
    path.write_bytes(path.read_bytes()[:-100])
    made = load_task("fashion_mnist", str(tmp_path / "data"))
    with pytest.raises(errors.BadInput, match="truncated"):
        next(made.holdout.batches(1))


@needs_files
def test_the_real_files_are_clean_and_quick():
    start = time.monotonic()
    made = load_task("fashion_mnist")
    findings = hygiene.examine(made)
    seconds = time.monotonic() - start
    assert [len(split) for split in made.splits().values()] == [55000, 500, 5000, 10000]
    assert made.num_classes == 10
    near = [436, 534, 2115, 2436, 2605, 2770, 4222, 4926, 4998, 6210, 8869, 9867]
    assert findings.near_duplicates.tolist() == near
    assert len(findings.warnings) == 1
    assert seconds < 15  # under 3 on a quiet machine

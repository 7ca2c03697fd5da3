"""Damaged HDF5 files over which the library loops, or fills the memory."""

import struct
import zipfile

import h5py
import pytest

from tfedge.compress.loading import hdf5_trial, model_archive
from tfedge.errors import BadInput

_HEAP = b"GCOL"  # where HDF5 has texts of any length
_TEXT = "a description"


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.create_group("layer").attrs["name"] = _TEXT
    return path


def _damage(path, at, number):
    content = bytearray(path.read_bytes())
    content[at : at + len(number)] = number
    path.write_bytes(content)


def _loop(path):
    """The rest of the heap says that it is 0 bytes long, so the next one is itself."""
    content = path.read_bytes()
    text = content.index(_TEXT.encode(), content.index(_HEAP))
    _damage(path, text + 16 + 8, bytes(8))


def _swell(path):
    """The text says that it is 4 GB long."""
    content = path.read_bytes()
    heap = struct.pack("<Q", content.index(_HEAP))
    _damage(path, content.index(struct.pack("<I", len(_TEXT)) + heap), b"\xff" * 4)


def test_a_whole_file_passes(whole):
    hdf5_trial.check(whole, "here")


@pytest.mark.parametrize("damage", [_loop, _swell])
def test_what_the_library_does_not_get_through_is_refused(damage, whole, monkeypatch):
    monkeypatch.setattr(hdf5_trial, "_PROCESSOR_SECONDS", 1)
    damage(whole)
    with pytest.raises(BadInput, match=r"model.h5: damaged: the HDF5 library does not get through"):
        model_archive.read_hdf5(whole)


def _archive(weights):
    path = weights.with_suffix(".keras")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", "{}")
        archive.write(weights, model_archive.WEIGHTS)
    return path


def test_weights_in_an_archive_too(whole, monkeypatch):
    monkeypatch.setattr(hdf5_trial, "_PROCESSOR_SECONDS", 1)
    assert model_archive.read_keras(_archive(whole)).values == 0
    _loop(whole)
    with pytest.raises(BadInput, match=r"model.weights.h5: damaged: the HDF5 library"):
        model_archive.read_keras(_archive(whole))


def test_what_the_library_says_is_left_to_who_opens_it_next(whole):
    whole.write_bytes(whole.read_bytes()[:-100])
    hdf5_trial.check(whole, "here")
    with pytest.raises(BadInput, match="truncated or damaged"):
        model_archive.read_hdf5(whole)

import json
import os

import pytest

from tfedge import errors
from tfedge.cache import entry

KEY = "0123456789abcdef"
FILES = {"model.tflite": b"\x00weights\n", "figures.json": b"{}", "empty": b""}


@pytest.fixture
def path(tmp_path):
    found = entry.path_of(tmp_path, KEY)
    entry.write(found, FILES)
    return found


def test_what_is_written_comes_back_and_nothing_is_left_beside_it(path, tmp_path):
    assert entry.read(path) == FILES
    assert os.listdir(tmp_path) == [f"{KEY}.entry"]
    entry.write(path, {"other": b"bytes"})
    assert entry.read(path) == {"other": b"bytes"}


def test_the_first_line_tells_what_is_in_it(path):
    head, _, content = path.read_bytes().partition(b"\n")
    index = json.loads(head.partition(b" ")[2])
    assert index["key"] == KEY
    assert [each["bytes"] for each in index["files"].values()] == [9, 2, 0]
    assert content == b"\x00weights\n{}"


def _flipped(place):
    def damage(path):
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)

    return damage


def _cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def _longer(path):
    path.write_bytes(path.read_bytes() + b"x")


def _rehashed(path):
    """By someone who knows the format, but leaves the content as it was."""
    _, _, content = path.read_bytes().partition(b"\n")
    other = {name: bytes(len(each)) for name, each in FILES.items()}
    path.write_bytes(entry._head(KEY, other) + content)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_flipped(-1), "figures.json in it was changed"),
        (_flipped(3), "its index was changed"),
        (_flipped(100), "its index was changed"),
        (_cut, "bytes, and there are"),
        (_longer, "bytes, and there are"),
        (_rehashed, "model.tflite in it was changed"),
        (lambda path: path.write_bytes(b""), "its index was changed"),
    ],
)
def test_damage_of_each_kind_is_found(path, damage, said):
    damage(path)
    with pytest.raises(errors.BadInput, match=said):
        entry.read(path)


def test_an_entry_under_another_key_is_refused(path, tmp_path):
    other = entry.path_of(tmp_path, KEY.replace("0", "f"))
    path.rename(other)
    with pytest.raises(errors.BadInput, match=f"it is the entry {KEY}"):
        entry.read(other)


def test_a_pipe_and_a_link_are_not_read(path, tmp_path):
    pipe, link = entry.path_of(tmp_path, "1" * 16), entry.path_of(tmp_path, "2" * 16)
    os.mkfifo(pipe)
    link.symlink_to(path)
    with pytest.raises(errors.BadInput, match="no plain file"):
        entry.read(pipe)
    with pytest.raises(OSError, match="symbolic links"):
        entry.read(link)


@pytest.mark.parametrize(
    ("key", "part"), [("../../etc", ""), ("0123", ""), (KEY, "../x"), (KEY.upper(), ""), ("", "")]
)
def test_a_key_is_no_path(tmp_path, key, part):
    with pytest.raises(ValueError, match="a key is 16 to 64 hexadecimal digits"):
        entry.path_of(tmp_path, key, part)


def test_a_write_that_fails_leaves_the_entry_before(path, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        entry.write(path, {"other": b"bytes"})
    assert entry.read(path) == FILES
    assert os.listdir(tmp_path) == [f"{KEY}.entry"]

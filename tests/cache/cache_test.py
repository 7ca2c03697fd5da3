import contextlib
import os
import subprocess
import sys
import time
import types

import pytest

from tfedge import cache, errors
from tfedge.cache import eviction, marked_folder

A, B, C = ("a" * 16, "b" * 16, "c" * 16)


@pytest.fixture
def stages(tmp_path):
    return cache.open_at(tmp_path / "there" / "cache")


def _names(stages):
    return sorted(os.listdir(stages.folder))


def test_another_process_finds_what_was_written(stages):
    assert stages.read(A) is None
    stages.write(A, {"model.tflite": b"bytes", "figures.json": b"{}"})
    again = cache.open_at(stages.folder)
    assert again.read(A) == {"model.tflite": b"bytes", "figures.json": b"{}"}
    assert again.read(B) is None


def test_parts_of_a_stage_are_apart_and_go_together(stages):
    stages.write(A, {"x": b"1"})
    stages.write(A, {"x": b"2"}, part="0-prune")
    stages.write(B, {"x": b"3"}, part="0-prune")
    assert stages.read(A, "0-prune") == {"x": b"2"}
    stages.drop_parts(A)
    assert stages.read(A) == {"x": b"1"}
    assert stages.read(A, "0-prune") is None
    assert stages.read(B, "0-prune") == {"x": b"3"}


def test_a_damaged_entry_is_told_in_a_line_and_made_again(stages, caplog):
    stages.write(A, {"x": b"right"})
    path = stages.folder / f"{A}.entry"
    path.write_bytes(path.read_bytes().replace(b"right", b"wrong"))
    with caplog.at_level("WARNING", "absl"):
        assert stages.made(A, "export", lambda: {"x": b"right"}) == {"x": b"right"}
    assert [each.getMessage() for each in caplog.records] == [
        f"{path} cannot be used, its work is done again: entry: x in it was changed. It is removed."
    ]
    assert stages.read(A) == {"x": b"right"}


def test_what_is_there_is_not_made_and_it_is_said(stages, caplog):
    made = stages.made(A, "export as int8", lambda: {"x": b"1"})
    with caplog.at_level("INFO", "absl"):
        assert stages.made(A, "export as int8", lambda: pytest.fail("made again")) == made
    assert caplog.messages == [f"export as int8: taken over from {stages.folder}"]


_CHILD = """
import pathlib, sys, time
from tfedge import cache
stages, told = cache.open_at(sys.argv[1]), pathlib.Path(sys.argv[2])
def make():
    told.write_text("making")
    while not told.with_name("go").exists():
        time.sleep(0.01)
    return {"x": b"of the child"}
stages.made("%s", "export", make)
"""


@pytest.fixture
def child(stages, tmp_path):
    """A process that makes A until there is a file "go"."""
    told = tmp_path / "told"
    started = subprocess.Popen([sys.executable, "-c", _CHILD % A, str(stages.folder), str(told)])
    while not told.exists():
        assert started.poll() is None
        time.sleep(0.01)
    yield started
    started.kill()
    started.wait()


def test_two_processes_that_want_the_same_make_it_once(
    stages, child, tmp_path, monkeypatch, caplog
):
    def waited(_):
        (tmp_path / "go").touch()
        child.wait()

    monkeypatch.setattr("tfedge.lock.time.sleep", waited)
    with caplog.at_level("INFO", "absl"):
        made = stages.made(A, "export", lambda: pytest.fail("made twice"))
    assert made == {"x": b"of the child"} and child.returncode == 0
    assert f"export: in use by process {child.pid} " in caplog.messages[0]
    assert _names(stages) == [f"{A}.entry", marked_folder.MARK]


def test_killed_while_it_makes_or_writes_it_leaves_nothing_that_is_read(stages, child):
    child.kill()
    child.wait()
    half = stages.folder / f"{A}.01234567.writing"
    half.write_bytes(b"half of an entry")
    assert stages.made(A, "export", lambda: {"x": b"1"}) == {"x": b"1"}
    cache.open_at(stages.folder)
    assert half.exists()  # it may be that of a process which writes just now
    os.utime(half, (0, 0))
    (stages.folder / f"{B}.lock").touch()
    (stages.folder / "notes.writing").touch()
    cache.open_at(stages.folder)
    assert _names(stages) == [f"{A}.entry", marked_folder.MARK, "notes.writing"]


_WRITER = """
import sys
from tfedge import cache
stages = cache.open_at(sys.argv[1])
while True:
    for letter in (b"x", b"y"):
        stages.write("%s", {"letters": letter * 4_000_000})
"""


def test_killed_in_the_middle_of_a_write_an_entry_is_whole_or_not_there(stages):
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", _WRITER % A, str(stages.folder)])
        before = set(stages.folder.glob("*.writing"))
        while set(stages.folder.glob("*.writing")) <= before:
            assert writer.poll() is None
        writer.kill()
        writer.wait()
        found = stages.read(A)
        assert found is None or set(found["letters"]) in ({ord("x")}, {ord("y")})
        assert found is None or len(found["letters"]) == 4_000_000


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    stages = cache.open_at(tmp_path / "cache", gigabytes=2.5e-6)
    for number, key in enumerate((A, B, C)):
        stages.write(key, {"x": bytes(500)})
        os.utime(stages.folder / f"{key}.entry", (number, number))
    assert stages.read(A) is not None  # used now
    stages.write("d" * 16, {"x": bytes(500)})
    assert [stages.read(key) is not None for key in (A, B, C)] == [True, False, True]


def test_the_folder_is_looked_through_only_when_it_may_be_full(tmp_path, monkeypatch):
    looked, make_room = [], eviction.make_room

    def counted(*arguments):
        looked.append(arguments)
        return make_room(*arguments)

    monkeypatch.setattr(eviction, "make_room", counted)
    stages = cache.open_at(tmp_path / "cache", gigabytes=1e-4)
    for number in range(100):
        stages.write(f"{number:016x}", {"x": bytes(500)})
    assert 4 < len(looked) < 40  # of 70 kB, each time after an eighth of what was free


@pytest.mark.parametrize("held", [A, B])
def test_what_is_made_or_started_from_now_is_never_removed(tmp_path, held):
    stages = cache.open_at(tmp_path / "cache", gigabytes=2e-6)
    stages.write(A, {"x": bytes(500)})
    stages.write(B, {"x": bytes(500)}, part="0-prune")
    other = cache.open_at(tmp_path / "cache", gigabytes=1e-6)
    with stages.making(B, "prune", source=A):
        other.write(C, {"x": bytes(900)})
        assert stages.read(A) and stages.read(B, "0-prune") and stages.read(C)
    other.write(C, {"x": bytes(900)})
    assert _names(stages) == [f"{C}.entry", marked_folder.MARK]


def test_files_of_others_are_not_counted_and_stay(tmp_path):
    stages = cache.open_at(tmp_path / "cache", gigabytes=1e-6)
    (stages.folder / "thesis.entry").write_bytes(bytes(5000))
    stages.write(A, {"x": bytes(700)})
    stages.write(B, {"x": bytes(700)})
    assert _names(stages) == [f"{B}.entry", marked_folder.MARK, "thesis.entry"]


def test_what_is_larger_than_the_cache_is_not_kept_and_drives_nothing_out(tmp_path, caplog):
    stages = cache.open_at(tmp_path / "cache", gigabytes=1e-6)
    stages.write(A, {"x": b"1"})
    stages.write(B, {"x": bytes(1001)})
    assert stages.read(A) and stages.read(B) is None
    assert "1,001 bytes are more than it may hold (1,000): not kept" in caplog.text


def test_a_disk_that_is_full_is_told_once_and_the_run_goes_on(stages, monkeypatch, caplog):
    stages.write(A, {"x": b"1"})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(2):
        assert stages.made(B, "export", lambda: {"x": b"2"}) == {"x": b"2"}
    assert stages.read(A) == {"x": b"1"}
    assert caplog.messages == [
        f"{stages.folder}: cannot be written (No space left on device): "
        "the run goes on, and keeps nothing more"
    ]


def test_deleted_while_in_use_it_is_made_again(stages, caplog):
    stages.write(A, {"x": b"1"})
    for path in stages.folder.iterdir():
        path.unlink()
    stages.folder.rmdir()
    assert stages.read(A) is None
    stages.write(B, {"x": b"2"})
    assert stages.read(B) == {"x": b"2"}
    assert f"{stages.folder} was deleted while in use" in caplog.text


def test_a_folder_of_someone_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(errors.BadInput, match=r"not one of ours.*thesis.txt.*--cache_dir"):
        cache.open_at(tmp_path)
    with pytest.raises(errors.BadInput, match="found a file or link"):
        cache.open_at(tmp_path / "thesis.txt")
    with pytest.raises(errors.BadInput, match="cannot be used as a folder"):
        cache.open_at(tmp_path / "thesis.txt" / "below")
    assert os.listdir(tmp_path) == ["thesis.txt"]


@pytest.mark.parametrize("gigabytes", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(tmp_path, gigabytes):
    with pytest.raises(errors.BadInput, match=r"--cache_gigabytes=.*above 0"):
        cache.open_at(tmp_path / "cache", gigabytes)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_another_process_marks_just_now_is_ours(tmp_path):
    for part in (b"", b"Finished"):
        (tmp_path / marked_folder.MARK).write_bytes(part)
        stages = cache.open_at(tmp_path)
        assert marked_folder.is_ours(stages.folder)
    (tmp_path / marked_folder.MARK).write_bytes(b"my notes")
    with pytest.raises(errors.BadInput, match="not one of ours"):
        cache.open_at(tmp_path)


@pytest.mark.parametrize("may_fail", [False, True])
def test_a_write_that_fails_ends_the_run_where_it_may_not(may_fail):
    said = []
    store = types.SimpleNamespace(_may_fail=may_fail, _say=said.append)
    for error in (OSError(28, "No space left on device"), errors.BadInput("it", "is", "full.")):
        context = contextlib.nullcontext() if may_fail else pytest.raises(type(error))
        with context, cache.Cache._attempt(store):
            raise error
    assert len(said) == (2 if may_fail else 0)
    assert not may_fail or "cannot be written (No space left on device)" in said[0]

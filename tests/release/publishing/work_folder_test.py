import os

import pytest

from tfedge import errors
from tfedge.cache import marked_folder
from tfedge.release.publishing import work_folder

KEY = "0123456789abcdef"


def _fill(stages):
    stages.write(KEY, {"candidate.npz": b"weights"})
    stages.write(KEY, {"state.npz": b"an epoch"}, "0-prune")
    (stages.folder / f"{KEY}.01234567.writing").write_bytes(b"half of it")
    (stages.folder / f"{KEY}.lock").touch()


def test_a_finished_run_leaves_nothing(tmp_path):
    with work_folder.open_for(tmp_path / "out") as work:
        _fill(work)
    assert os.listdir(tmp_path) == []


def test_an_interrupted_run_leaves_what_it_finished_to_the_next(tmp_path):
    with pytest.raises(KeyboardInterrupt), work_folder.open_for(tmp_path / "out") as work:
        _fill(work)
        raise KeyboardInterrupt
    with work_folder.open_for(tmp_path / "out") as work:
        assert work.read(KEY) == {"candidate.npz": b"weights"}
    assert os.listdir(tmp_path) == []


def test_a_refused_run_that_finished_nothing_leaves_nothing(tmp_path):
    with pytest.raises(errors.BadInput, match="no"), work_folder.open_for(tmp_path / "out"):
        raise errors.BadInput("model", "no", "Another.")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("listing", [None, b"", b"my own notes"])
def test_a_folder_of_someone_else_is_refused_and_left_alone(tmp_path, listing):
    stranger = tmp_path / "out.work"
    stranger.mkdir()
    (stranger / "thesis.txt").write_text("precious")
    if listing is not None:
        (stranger / marked_folder.MARK).write_bytes(listing)
    with pytest.raises(errors.BadInput, match=r"out\.work: this folder is not one of ours.*thesis"):
        with work_folder.open_for(tmp_path / "out"):
            pass
    assert (stranger / "thesis.txt").read_text() == "precious"


def test_a_file_or_a_link_in_its_place_is_refused(tmp_path):
    (tmp_path / "out.work").write_text("mine")
    (tmp_path / "real").mkdir()
    (tmp_path / "linked.work").symlink_to(tmp_path / "real")
    for name in ("out", "linked"):
        with pytest.raises(errors.BadInput, match="expected a folder for finished stages"):
            with work_folder.open_for(tmp_path / name):
                pass
    assert (tmp_path / "out.work").read_text() == "mine"


def test_what_others_put_into_ours_stays(tmp_path):
    with work_folder.open_for(tmp_path / "out") as work:
        _fill(work)
        (work.folder / "thesis.txt").write_text("precious")
        (work.folder / "photos.entry").write_text("mine")
    assert sorted(os.listdir(work.folder)) == [marked_folder.MARK, "photos.entry", "thesis.txt"]


@pytest.mark.parametrize(("number", "said"), [(28, "no space left on device"), (27, "file too l")])
def test_a_disk_that_fails_is_told_in_one_line(number, said, tmp_path):
    with pytest.raises(errors.BadInput, match=rf"refused to write \({said}"):
        with work_folder.open_for(tmp_path / "out"):
            raise OSError(number, os.strerror(number), "candidate.npz")
    with pytest.raises(FileNotFoundError), work_folder.open_for(tmp_path / "out"):
        raise FileNotFoundError(2, "No such file", "model.keras")

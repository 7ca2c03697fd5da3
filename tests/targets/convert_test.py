"""The way of a release into a folder, with formats that answer as they are told."""

import json

import numpy as np
import pytest
from tfedge_pipelines import convert as program

from tfedge import errors, targets
from tfedge.release import golden
from tfedge.release.golden import vectors
from tfedge.targets import formats
from tfedge.targets.target import Made, Target


@pytest.fixture
def as_told(monkeypatch):
    """(change of the released answers) -> `--to=told` gives those."""

    def tell(release, change=lambda held: held):
        known = vectors.read((release / golden.NAME).read_bytes()).outputs
        answers = {name: change(held) for name, held in known.items()}
        made = Made({"model.told": b"told", "in/side": b""}, lambda _: answers, ("A note.",))
        monkeypatch.setattr(formats, "find", lambda name: Target("told", lambda *_: made, name))

    return tell


def test_what_answers_alike_is_written_with_the_comparison(kept, as_told, tmp_path):
    release = kept("image_uint8_raw")
    as_told(release)
    found = targets.convert(release, "told", tmp_path / "out")
    assert found.is_written and found.compared.same == 1 and found.notes == ("A note.",)
    assert (found.folder / "model.told").read_bytes() == b"told"
    told = json.loads((found.folder / targets.COMPARISON).read_text())
    assert (told["to"], told["same"], told["examples"]) == ("told", 1, 32)
    assert told["outputs"][0]["largest_difference"] == 0
    targets.convert(release, "told", tmp_path / "out")  # its own is replaced
    (tmp_path / "out" / "model.told").write_bytes(b"mine")
    with pytest.raises(errors.BadInput, match=r"model.told was changed"):
        targets.convert(release, "told", tmp_path / "out")


def test_nothing_is_written_where_answers_differ(kept, as_told, tmp_path, capsys):
    release = kept("image_uint8_raw")
    as_told(release, lambda held: np.roll(held, 1, axis=-1))
    words = ["convert", f"--release={release}", "--to=told", f"--output_dir={tmp_path / 'out'}"]
    program._FLAGS(words)
    assert program.main() == 3
    said = capsys.readouterr().out
    assert "nothing is written: 0.00% of answers are the release's" in said and "0.00%" in said
    assert not (tmp_path / "out").exists()


def test_a_changed_release_and_an_unknown_format_are_refused(kept, tmp_path):
    release = kept("image_float")
    with pytest.raises(errors.BadInput, match=r"--to=onx: there is no such format.*onnx"):
        targets.convert(release, "onx", tmp_path / "out")
    (release / "model.tflite").write_bytes(b"another")
    with pytest.raises(errors.BadInput, match="not as released"):
        targets.convert(release, "saved_model", tmp_path / "out")
    assert not (tmp_path / "out").exists()

"""The command `tfedge fetch`, over a real model and its real examples."""

import pathlib

import numpy as np
import pytest
import repositories
from tfedge_pipelines import fetch

from tfedge.data.task import ArraySplit, Normalization
from tfedge.delivery import names, serving
from tfedge.device.file import tflite
from tfedge.release import golden

CONTENT = (pathlib.Path(__file__).parents[1] / "device/files/image_uint8_raw.tflite").read_bytes()


@pytest.fixture(name="command")
def made_command(tmp_path, monkeypatch):
    """Runs the command with these flags; its exit code."""
    repository = repositories.Repository(tmp_path / "repository")
    repository.publish(7, CONTENT)
    x = np.random.default_rng(3).integers(0, 17, (2, 8, 8, 1)).astype(np.uint8)
    split = ArraySplit(x, np.zeros(2, int))
    examples = golden.of(tflite.read(CONTENT), split, Normalization(1 / 16), "synthetic")
    repository.add(names.golden(repositories.MODEL, 7), examples.to_bytes())
    repository.write()
    trust = tmp_path / "trust.json"
    trust.write_bytes(repository.trust.to_bytes())
    with serving.Server(repository.folder) as server:
        usual = {
            "repository": server.address,
            "trust": trust,
            "model": repositories.MODEL,
            "store": tmp_path / "store",
        }

        def run(**flags):
            told = [f"--{name}={value}" for name, value in {**usual, **flags}.items()]
            monkeypatch.setattr("sys.argv", ["fetch.py", *told])
            fetch._FLAGS.unparse_flags()
            with pytest.raises(SystemExit) as ended:
                fetch.run()
            return ended.value.code

        yield run


def test_a_model_comes_is_tried_and_written(command, tmp_path, capsys):
    assert command(output=tmp_path / "model.tflite") == 0
    assert (tmp_path / "model.tflite").read_bytes() == CONTENT
    said = capsys.readouterr().out
    assert said.startswith("updated: version 7 is used (")
    assert "version 7 is written to" in said
    assert command(most_bytes=5) == 3
    assert command(channel="beta", store=tmp_path / "other") == 4


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"trust": "none.json"}, "--trust=none.json: cannot be read"),
        ({"repository": "/srv/models"}, "--repository=/srv/models: expected the http"),
        ({"model": "../x"}, "--model=../x: expected letters"),
        ({"channel": "Stable"}, "--channel=Stable: expected small letters"),
        ({"store": "/dev/null"}, "expected a folder"),
        ({"app_version": "two"}, "the version of the app: expected numbers"),
        ({"model": ""}, "--model: missing. See --help."),
    ],
)
def test_bad_flags_are_one_line(flags, words, command, capsys):
    assert command(**flags) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1

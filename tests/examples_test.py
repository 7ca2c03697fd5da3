"""Each script of examples/ runs as it stands, in an empty folder, and what it makes may ship."""

import pathlib
import runpy

import pytest

EXAMPLES = sorted((pathlib.Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_and_passes(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = runpy.run_path(str(path), run_name="__main__")
    assert made["verdict"].outcome == "PASS"
    assert made["verdict"].sentence in capsys.readouterr().out

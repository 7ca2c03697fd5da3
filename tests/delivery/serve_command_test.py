"""The step `serve` of `tfedge publish`, and the text of faults."""

import subprocess
import sys
import urllib.request

import pytest
import repositories
from tfedge_pipelines import publish

from tfedge import errors
from tfedge.delivery import serving
from tfedge.delivery.serving import faults


def test_a_repository_is_served_with_its_faults(tmp_path):
    repositories.Repository(tmp_path / "repository").write()
    command = [sys.executable, publish.__file__, "serve", str(tmp_path / "repository")]
    command += ["--port=0", "--faults=drop(at=5, times=1)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().split()[0]
            with urllib.request.urlopen(f"{address}metadata/timestamp.json") as cut:
                assert cut.read(100) == b'{"sig'
            with urllib.request.urlopen(f"{address}metadata/timestamp.json") as whole:
                assert (
                    whole.read() == (tmp_path / "repository/metadata/timestamp.json").read_bytes()
                )
        finally:
            server.terminate()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none"], "it holds no folder metadata"),
        (["none", "--faults=dorp"], "Did you mean 'drop'?"),
        (["none", "--faults=drop(after=1)"], "there is no such setting"),
    ],
)
def test_bad_flags_are_one_line(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["publish.py", "serve", *arguments])
    with pytest.raises(SystemExit) as ended:
        publish.run()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (1, 1)
    assert words in said


@pytest.mark.parametrize("name", faults.known())
def test_every_fault_is_written_and_read_and_spoils_an_answer(name):
    made = faults.known()[name]()
    assert serving.read_faults(str(made)) == (made,)
    assert made.__doc__ and made.name == name


def test_the_first_answers_a_share_and_some_paths_are_spoiled():
    drop, request = faults.known()["drop"], serving.replies.Request("a/b", b"x" * 9, "e")
    draws = iter([0.2, 0.4])
    assert drop(times=2).concerns(request, 1, lambda: 0.0)
    assert not drop(times=2).concerns(request, 2, lambda: 0.0)
    assert [drop(share=0.3).concerns(request, 9, lambda: next(draws)) for _ in range(2)] == [
        True,
        False,
    ]
    assert not drop(only="b/*").concerns(request, 0, lambda: 0.0)
    assert (
        drop(anywhere=True).spoiled(serving.replies.right(request), request, lambda: 0.5).cut == 4
    )


def test_a_share_of_nothing_is_refused():
    with pytest.raises(errors.BadInput, match="0 < share <= 1"):
        serving.read_faults("drop(share=0)")

"""`tfedge NAME`: which programs there are, which name means which, and what they are given."""

import pathlib
import subprocess
import sys

import pytest
from tfedge_tools import command

import tfedge
from tfedge import errors

ROOT = pathlib.Path(__file__).parents[2]
FILE = ROOT / "tests" / "device" / "files" / "image_int8.tflite"
KNOWN = ["compare", "compare-releases", "compress", "inspect-tflite", "check-data"]


def test_every_script_is_a_command_and_nothing_else_is():
    scripts = [
        path.stem.replace("_", "-")
        for folder in ("pipelines", "tools")
        for path in sorted((ROOT / folder).glob("*.py"))
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    ]
    assert {"release", "parity", "check-data", "inspect-tflite"} <= set(scripts)
    assert sorted(command.programs()) == sorted(scripts)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("inspect", "inspect-tflite"),
        ("inspect-tflite", "inspect-tflite"),
        ("inspect_tflite", "inspect-tflite"),
        ("check", "check-data"),
        ("compare", "compare"),
    ],
)
def test_the_first_words_of_a_name_are_enough(asked, name):
    assert command.find(asked, KNOWN) == name


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("inspekt", "Did you mean 'inspect'?"),
        ("insp", "Did you mean 'inspect'?"),
        ("tflite", "no such command"),
        ("", "no such command"),
    ],
)
def test_what_names_none_is_refused_with_the_nearest(asked, said):
    with pytest.raises(errors.BadInput, match=said.replace("?", r"\?")):
        command.find(asked, KNOWN)


def test_what_names_several_is_refused_with_all_of_them():
    with pytest.raises(errors.BadInput, match="several begin so: compare-peers, compare-releases"):
        command.find("compare", ["compare-peers", "compare-releases", "compress"])


def _run(*arguments, folder):
    code = "from tfedge_tools import command; command.run()"
    whole = [sys.executable, "-c", code, *arguments]
    return subprocess.run(whole, cwd=folder, capture_output=True, text=True, check=False)


def test_help_lists_each_with_its_first_line_and_loads_none_of_them(tmp_path):
    code = (
        "import contextlib, sys\n"
        "from tfedge_tools import command\n"
        "with contextlib.suppress(SystemExit): command.run(['tfedge', '--help'])\n"
        "loaded = {'tensorflow', 'numpy', 'tfedge_tools.parity'} & set(sys.modules)\n"
        "sys.exit(len(loaded))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  ")]
    said = {words[0]: words[1] for words in lines if len(words) == 2}
    assert set(command.programs()) <= set(said)
    assert said["parity"].startswith("Compares a Keras model with its .tflite, layer by layer")


def test_the_rest_of_the_line_is_the_programs(tmp_path):
    done = _run("inspect", str(FILE), "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"operators"' in done.stdout
    assert _run("inspect", "--no", folder=tmp_path).stderr.startswith("--no: unknown flag")


@pytest.mark.parametrize("arguments", [("--version",), ("release", "--version")])
def test_the_version_is_told_by_the_command_and_by_each_program(arguments, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", sys.argv)  # the command gives each program its own
    with pytest.raises(SystemExit) as left:
        command.run(["tfedge", *arguments])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"tfedge {tfedge.__version__}\n"


def test_the_module_is_the_command(tmp_path):
    whole = [sys.executable, "-m", "tfedge", "relase"]
    done = subprocess.run(whole, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Did you mean 'release'?" in done.stderr


def test_a_command_that_is_none_is_one_line_and_exit_code_1(tmp_path):
    done = _run("relase", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tfedge relase: no such command. Did you mean 'release'? There ")
    assert done.stderr.count("\n") == 1

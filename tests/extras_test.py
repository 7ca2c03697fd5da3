import configparser
import pathlib
import sys
from importlib import metadata

import pytest
from tfedge_pipelines import compress, convert, release, search, train
from tfedge_tools import parity, sensitivity

import tfedge
from tfedge import errors, extras
from tfedge.compress import keras as k

ASKED_FOR = ("compress", "onnx", "phone", "ray", "signing", "tensorboard")


@pytest.fixture
def installed(monkeypatch):
    """Says which requirements tfedge's metadata have; those of `gone` lead nowhere."""

    def say(*requirements, gone=()):
        monkeypatch.setattr(metadata, "requires", lambda name: list(requirements))
        monkeypatch.setattr(
            extras.importlib.util, "find_spec", lambda name: None if name in gone else name
        )

    return say


@pytest.fixture
def bare(installed):
    installed('tensorflow>=2.18; extra == "compress"', gone=["tensorflow"])


def test_what_is_missing_is_named_with_the_command_that_installs_it(installed):
    installed("numpy", 'h5py; extra == "x"', "tf-keras>=2; extra == 'x'", gone=["tf_keras"])
    with pytest.raises(errors.BadInput) as refused:
        extras.require("release.py", "x")
    assert str(refused.value) == (
        "release.py: it needs what is not installed here (tf-keras). "
        f'Run {sys.executable} -m pip install "tfedge[x]"'
    )


def test_packages_of_other_extras_and_of_none_are_not_asked_for(installed):
    installed("numpy", 'ray; extra == "xy"', 'h5py; extra == "x"', gone=["numpy", "ray"])
    extras.require("release.py", "x")


def test_an_environment_marker_does_not_hide_the_extra(installed):
    installed('ray; python_version < "3.14" and extra == "x"', gone=["ray"])
    with pytest.raises(errors.BadInput, match=r"not installed here \(ray\)"):
        extras.require("--ray=auto", "x")


@pytest.mark.parametrize(
    "program", [compress, convert, parity, release, search, sensitivity, train]
)
def test_what_makes_models_says_so_in_one_line(program, bare, capfd, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["bin/program.py"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        program.run()
    said = capfd.readouterr().err
    assert ended.value.code == 1 and said.count("\n") == 1
    assert "not installed here (tensorflow)" in said and 'pip install "tfedge[compress]"' in said
    assert not list(tmp_path.iterdir())


def test_a_public_name_says_so_too(bare, monkeypatch):
    monkeypatch.setitem(tfedge._HOME, "load_model", "tfedge.compress.no_such_module")
    with pytest.raises(
        errors.BadInput, match=r'tfedge.load_model: .*tensorflow.*"tfedge\[compress'
    ):
        tfedge.load_model  # noqa: B018


def test_a_name_whose_module_is_broken_is_no_missing_extra(installed, monkeypatch):
    installed()
    monkeypatch.setitem(tfedge._HOME, "load_model", "tfedge.compress.no_such_module")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        tfedge.load_model  # noqa: B018


def test_tensorflow_is_asked_for_where_it_is_loaded(bare):
    with pytest.raises(errors.BadInput, match=r"Keras models: it needs .*tensorflow"):
        k._load.__wrapped__()


def test_the_page_on_installing_has_every_extra():
    root = pathlib.Path(__file__).parents[1]
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg")
    page = (root / "docs" / "installing.md").read_text(encoding="utf-8")
    for extra in setup["options.extras_require"]:
        assert f"`tfedge[{extra}]`" in page, extra


def test_every_package_of_an_extra_is_imported_by_its_own_name():
    """Else `require` would look for another, and refuse where it is installed."""
    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[1] / "setup.cfg")
    listed = setup["options.extras_require"]
    files = [
        file.read_text(encoding="utf-8")
        for room in ("tfedge", "pipelines", "tools", "models")
        for file in (pathlib.Path(__file__).parents[1] / room).rglob("*.py")
    ]
    for extra in ASKED_FOR:
        for requirement in listed[extra].split():
            name = extras.re.match(r"[\w-]+", requirement)[0].replace("-", "_")
            if name in extras.IMPORTED_AS:  # by a package that is imported here
                continue
            assert any(f"import {name}" in text or f"from {name}" in text for text in files), name

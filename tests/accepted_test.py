"""What the code accepts against what it shows: in --help every name, in docs/ every setting too.

Both sides are read from the code and from the text as they are, so whatever is added to the one is
missed in the other until it is there.
"""

import contextlib
import importlib
import io
import pathlib
import re
import sys

import pytest
from tfedge_pipelines import publish, publishing, train
from tfedge_tools import command, topics
from tfedge_tools.docs import pages

import tfedge
from tfedge import settings
from tfedge.compress import recipe, recipes
from tfedge.data import augmentation, detection, kinds, metrics, sources
from tfedge.data.reading import class_folders, npz_contents, npz_roles
from tfedge.device import profiles
from tfedge.export import options, routes


def _names(kind):
    return [each.name for each in settings.of(kind)]


def _help(program, *words):
    said, argv = io.StringIO(), sys.argv
    sys.argv = [program, *words, "--help"]
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            importlib.import_module(command.programs()[program]).run()
    finally:
        sys.argv = argv
    return " ".join(said.getvalue().split())


def _page(name):
    return (pages.FOLDER / f"{name}.md").read_text(encoding="utf-8")


def _codes(text):
    """Every word of code in a text; a link's too."""
    spans = re.findall(
        r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    )
    return {word for span in spans for word in re.findall(r"\w+", span)}


SOURCES = {form: sources.class_of(form) for form in sources.forms()}
OPTIONS = sorted({name for kind in SOURCES.values() for name in _names(kind)})
VARIATIONS = augmentation.KINDS
IN_HELP = {
    "passes": list(recipe.available()),
    "recipes": list(recipes.RECIPES),
    "exports": list(routes.names()),
    "export options": _names(options.Export),
    "sources": list(SOURCES),
    "source options": OPTIONS,
    "variations": list(VARIATIONS),
    "profiles": list(profiles.names()),
}
IN_DOCS = {
    "data": [
        *(form.partition(":")[0] for form in SOURCES),
        *OPTIONS,
        *kinds.names(),
        *metrics.explained(),
        *(name for kind in detection.KINDS.values() for name in _names(kind)),
        *VARIATIONS,
        *(name for kind in VARIATIONS.values() for name in _names(kind)),
    ],
    "exports": [*routes.names(), *_names(options.Export)],
    "passes": [*recipe.available(), *recipes.RECIPES],
    "phones": [*profiles.names(), *_names(profiles.Profile)],
}


@pytest.mark.parametrize("what", IN_HELP)
def test_help_names_all_there_are(what):
    words = set(re.findall(r"[\w:]+", _help("release")))
    assert IN_HELP[what] and not set(IN_HELP[what]) - words


@pytest.mark.parametrize("page", IN_DOCS)
def test_docs_have_all_there_are(page):
    assert not set(IN_DOCS[page]) - _codes(_page(page))


@pytest.mark.parametrize("name", recipe.available())
def test_the_section_of_a_pass_has_its_settings(name):
    section = re.split(rf"^### {name}$", _page("passes"), flags=re.MULTILINE)[1].partition("\n### ")
    kind = recipe.available()[name]
    assert not set(_names(kind)) - _codes(section[0])
    shown = re.findall(r"^\| `(\w+)` \|", section[0], flags=re.MULTILINE)
    assert shown == _names(kind)  # and no other


@pytest.mark.parametrize("form", SOURCES)
def test_the_options_of_a_source_are_told_apart_from_those_of_others(form):
    heading = f"### {form.partition(':')[0]}\n"
    section = topics.data().partition(heading)[2].partition("\n### ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == _names(SOURCES[form])


def test_the_keys_of_an_npz_and_the_folders_of_images_are_told():
    text = topics.data()
    roles = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test", "x_calib")
    assert all(npz_roles.KEY.fullmatch(key) for key in (*roles, "x_train__NAME", "y_train__NAME"))
    words = (
        *roles,
        "x_train__NAME",
        "y_train__NAME",
        "labels",
        npz_contents.WEIGHTS,
        npz_contents.SLICE,
    )
    folders = (f"DIR/{names[0]}" for names in class_folders.NAMES.values())
    others = (name for names in class_folders.NAMES.values() for name in names[1:])
    assert not [each for each in (*words, *folders, *others) if each not in text]


@pytest.mark.parametrize("program", sorted(command.programs().keys() - {"publish"}))
def test_help_explains_every_flag(program):
    _check_help(_help(program), importlib.import_module(command.programs()[program])._FLAGS)


@pytest.mark.parametrize("step", publish.steps())
def test_help_of_each_step_of_publish_explains_every_flag(step):
    flags = importlib.import_module(f"{publishing.__name__}.{step}").FLAGS
    _check_help(_help("publish", step), flags)
    told = _help("publish")
    assert not [name for name in flags if f"--{name}" not in told]


def _check_help(said, values):
    assert "verbose" in values and "--version " in said
    for name in values:
        assert f"--{name} " in said and len(values[name].help.split()) > 1, name


def test_networks_to_train_are_named():
    assert not set(train.networks()) - set(re.findall(r"\w+", _help("train")))


def test_variables_of_the_environment_are_told():
    files = (pathlib.Path(tfedge.__file__).parent).rglob("*.py")
    found = {name for file in files for name in re.findall(r"TFEDGE_[A-Z_]+\b", file.read_text())}
    told = "".join(_page(path.stem) for path in pages.FOLDER.glob("*.md"))
    assert found and not [name for name in found if name not in told]

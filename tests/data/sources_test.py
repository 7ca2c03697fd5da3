"""What every source promises. Runs whatever file it finds in tfedge/data/sources."""

import importlib
import os
import pathlib
import subprocess
import sys

import pytest

from tfedge import errors, settings
from tfedge.data import sources
from tfedge.data.reading import written
from tfedge.data.source import Source

NAMES = sorted(
    path.stem for path in pathlib.Path(sources.__file__).parent.glob("*.py") if path.stem[0] != "_"
)
FORMS = sources.forms()

every_source = pytest.mark.parametrize("name", NAMES)


def _kind(name):
    module = importlib.import_module(f"tfedge.data.sources.{name}")
    (found,) = (
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Source) and kind is not Source
    )
    return found


@every_source
def test_the_first_line_of_its_file_says_how_it_is_written_and_what_it_is(name):
    (form,) = (form for form in FORMS if form.partition(":")[0] == name)
    assert form == name or form.startswith(f"{name}:")
    assert len(FORMS[form]) > 20
    assert form in sources.grammar()


@every_source
def test_each_option_is_read_from_its_example_and_explained(name):
    for each in settings.of(_kind(name)):
        assert isinstance(each.kind, written.Written)
        assert each.kind.fits(each.kind.read(each.kind.example))
        assert each.kind.fits(each.default)
        assert not each.kind.fits(object())
        assert each.help.endswith(".") and each.expected


@every_source
def test_what_is_not_there_is_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    (form,) = (form for form in FORMS if form.partition(":")[0] == name)
    if ":" in form:
        with pytest.raises(errors.BadInput) as caught:
            sources.load_task(f"{name}:{tmp_path / 'nothing'}")
    else:
        with pytest.raises(errors.BadInput, match=f"Write {name}") as caught:
            sources.load_task(f"{name}:address")
    assert "\n" not in str(caught.value)


@every_source
def test_an_option_that_is_none_is_refused_with_those_there_are(name):
    names = [each.name for each in settings.of(_kind(name))]
    address = f"{name}:x" if f"{name}:" in sources.grammar() else name
    if names:
        with pytest.raises(errors.BadInput, match=f"no option 'colour'.*{sorted(names)[0]}"):
            sources.load_task(f"{address}?colour=blue")


def test_a_metric_may_follow_any_name():
    assert sources.load_task("digits?metric=macro_f1", seed=3).seed == 3
    assert sources.load_task("digits?metric=macro_f1").metric == "macro_f1"
    assert sources.load_task("digits?metric=accuracy:a").metric == "accuracy:a"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digit", "Did you mean 'digits'"),
        ("npz:", "Write npz:FILE"),
        ("npz", "Write npz:FILE"),
        ("digits:", "expected digits"),
        ("", "There are: coloured_fashion_mnist, digits, fashion_mnist, images, npz"),
        ("digits?size=8x8", "no option 'size'"),
        ("images:" + "x" * 5000, "cannot be read.*too long"),
    ],
)
def test_unknown_sources_are_refused_in_one_line(source, message):
    with pytest.raises(errors.BadInput, match=message) as caught:
        sources.load_task(source)
    assert "\n" not in str(caught.value)


def test_importing_and_loading_brings_no_tensorflow_or_scikit_learn():
    code = (
        "import sys; from tfedge.data import sources; sources.grammar();"
        "light = {'numpy'} & set(sys.modules);"
        "from tfedge.data import hygiene, metrics;"
        "task = sources.load_task('digits'); metrics.chance(task);"
        "hygiene.check(task, ('holdout',));"
        "print(light | ({'tensorflow', 'sklearn', 'PIL', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a/b.npz?metric=f1", "npz:a/b.npz?metric=f1"),
        ("my.py", "py:my.py:FUNCTION"),
        ("my.py:make", "py:my.py:FUNCTION"),
    ],
)
def test_a_file_alone_is_told_with_its_source(written, meant):
    with pytest.raises(errors.BadInput) as caught:
        sources.load_task(written)
    assert str(caught.value).endswith(f"Write {meant}.")


def test_a_misspelt_source_is_told_whatever_its_file_ends_in():
    with pytest.raises(errors.BadInput, match="Did you mean 'npz'"):
        sources.load_task("nzp:a.npz")

import functools

import pytest

from tfedge import errors
from tfedge.data import sources
from tfedge.data.reading import options
from tfedge.data.sources import images, npz, py


def test_every_option_is_read():
    text = "images:a/b?size=96x64&channels=1&scale=1/255&offset=-1,0.5&metric=auc&resize=nearest"
    address, asked = options.split(f"{text}&class_weight=balanced", images.Images)
    assert address == "images:a/b"
    assert asked == images.Images(
        *((96, 64), 1, "nearest"),
        scale=1 / 255,
        offset=(-1, 0.5),
        metric="auc",
        class_weight="balanced",
    )


def test_an_option_is_added_to_a_source_with_or_without_others():
    added = functools.partial(sources.with_option, name="skip_bad_files", text="yes")
    assert added("images:my photos") == "images:my photos?skip_bad_files=yes"
    assert added("images:a?size=8x8") == "images:a?size=8x8&skip_bad_files=yes"
    assert added("images:why?/a") == "images:why?/a?skip_bad_files=yes"
    with pytest.raises(errors.BadInput, match="--skip_bad_files: npz has no such option"):
        added("npz:a.npz")


def test_a_pattern_may_hold_what_separates_options():
    address, asked = options.split("images:a?group=x?[&=]y", images.Images)
    assert (address, asked.group.text) == ("images:a", "x?[&=]y")


@pytest.mark.parametrize("source", ["npz:what?.npz", "npz:a?b=c/d.npz?", "npz:what?/a=b.npz"])
def test_other_question_marks_belong_to_the_path(source):
    assert options.split(source, npz.Npz) == (source, npz.Npz())


def test_a_source_without_options_leaves_its_address_alone():
    assert options.split("py:a?kind=b.py:make", py.Py) == ("py:a?kind=b.py:make", py.Py())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("knid=binary", "no option 'knid'. Did you mean 'kind'"),
        ("size=96x96", "no option 'size'. There are: class_weight, kind"),
        ("kind=custom", "expected one of binary, .*, got kind=custom"),
        ("scale=1/0", "expected a number, or one per channel, got scale=1/0"),
        ("scale=big", "Write, for example, scale=1/255"),
        ("kind=", "got kind=. Write, for example, kind=regression"),
        ("class_weight=much", "expected one of balanced, none"),
        ("kind=binary&class_weight=much", "got class_weight=much"),
    ],
)
def test_misspelt_options_are_refused(query, message):
    with pytest.raises(errors.BadInput, match=message):
        options.split(f"npz:a.npz?{query}", npz.Npz)


@pytest.mark.parametrize("size", ["96", "0x3", "axb", "1x2x3"])
def test_sizes_that_are_none_are_refused(size):
    with pytest.raises(errors.BadInput, match="HEIGHTxWIDTH"):
        options.split(f"images:a?size={size}", images.Images)


def test_a_wrong_value_in_python_is_refused_too():
    with pytest.raises(errors.BadInput, match="expected one of 1, 3, got 2"):
        images.Images(channels=2)

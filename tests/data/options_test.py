import pytest

from tfedge import errors
from tfedge.data.sources import options


def test_every_option_is_read():
    text = "images:a/b?size=96x64&channels=1&scale=1/255&offset=-1,0.5&metric=auc"
    address, settings = options.split(text, options.NAMES)
    assert address == "images:a/b"
    assert settings == options.Options(
        size=(96, 64), channels=1, scale=1 / 255, offset=(-1, 0.5), metric="auc"
    )


@pytest.mark.parametrize("source", ["npz:what?.npz", "npz:a?b=c/d.npz?", "npz:what?/a=b.npz"])
def test_other_question_marks_belong_to_the_path(source):
    assert options.split(source, ("kind",)) == (source, options.Options())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("knid=binary", "did you mean kind"),
        ("size=96x96", "no option 'size'"),
        ("kind=custom", "kind=custom is not one of binary"),
        ("scale=1/0", "scale=1/0 is not a number"),
        ("scale=big", "For example scale=1/255"),
        ("kind=", "kind= is not"),
    ],
)
def test_misspelt_options_are_refused(query, message):
    with pytest.raises(errors.BadInput, match=message):
        options.split(f"npz:a.npz?{query}", ("kind", "scale"))


@pytest.mark.parametrize("size", ["96", "0x3", "axb", "1x2x3"])
def test_sizes_that_are_none_are_refused(size):
    with pytest.raises(errors.BadInput, match="HEIGHTxWIDTH"):
        options.split(f"images:a?size={size}", ("size",))

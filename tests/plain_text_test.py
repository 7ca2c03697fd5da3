import pytest

from tfedge import errors, plain_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc \u00e4\u4e16\U0001f600 \u05d0", "a\tb\nc \u00e4\u4e16\U0001f600 \u05d0"),
        ("\x1b[31m\x07\r\x00\x7f\x9b", r"\x1b[31m\x07\x0d\x00\x7f\x9b"),
        ("\u202e\u2066\u2069\u200f\u061c", r"\u202e\u2066\u2069\u200f\u061c"),
        ("\u2028\ufeff\ud800\udfff", r"\u2028\ufeff\ud800\udfff"),
    ],
)
def test_only_what_acts_is_escaped(text, shown):
    assert plain_text.printable(text) == shown
    shown.encode()


def test_errors_are_printable():
    assert str(errors.BadInput("a\x1bb", "c\udcff", "d")) == r"a\x1bb: c\udcff. d"

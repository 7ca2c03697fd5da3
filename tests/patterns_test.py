import pytest

from tfedge import patterns


def test_a_pattern_stands_for_the_whole_text_or_is_found_in_it():
    pattern = patterns.Pattern("p([0-9]+)")
    assert pattern.matches("p12") and not pattern.matches("p12/")
    assert pattern.found_in("a/p12/p3") == ("12",)
    assert patterns.Pattern("p[0-9]+").found_in("a/p12/p3") == "p12"
    assert patterns.Pattern("(a)|(b)").found_in("b") == (None, "b")
    assert patterns.Pattern("(x*)b").found_in("b") == ("",)
    assert pattern.found_in("p") is None


def test_letters_beyond_ascii_and_halves_of_them():
    assert patterns.Pattern("[éß]+").matches("éßé")
    assert patterns.Pattern("a.b").matches("a\udc80b")


@pytest.mark.parametrize(
    "text", ["(", "a**", "(?!a)", r"(a)\1", "a{1001}", "(?:a{99}){99}", "ab" * 50_000]
)
def test_what_is_none_says_why(text):
    with pytest.raises(ValueError, match=r"\w"):
        patterns.Pattern(text)

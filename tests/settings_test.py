import dataclasses

import pytest

from tfedge import errors, grammar, settings

LANGUAGE = grammar.Language("--thing", "thing", "slice(share=0.5)")


@settings.declared
class Slice(settings.Settings):
    """Takes a part."""

    share: float = settings.setting(
        0.5,
        settings.Real(above=0, below=1),
        "Share that goes.",
        search=settings.Search(0.1, 0.9, log=True, when={"mode": ("even",)}),
    )
    mode: str = settings.setting("even", settings.Choice(("even", "odd")), "Which ones.")
    sizes: tuple[int, int] = settings.setting(
        (1, 2), settings.Several(settings.Whole(1), 2), "Height and width.", unit="pixels"
    )
    names: dict = settings.setting({}, settings.Table(settings.Text("a name"), "{'a': 'b'}"), "Of.")
    most: int | None = settings.setting(None, settings.optional(settings.Whole(0, 9)), "At most.")


def _refusal(text):
    with pytest.raises(errors.BadInput) as caught:
        settings.make({"slice": Slice}, grammar.read_one(text, LANGUAGE), LANGUAGE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "words", "fitting", "others"),
    [
        (settings.Real(above=0, below=1), "0 < it < 1", (0.5, 1e-9), (0, 1, 1.0, "0.5", True)),
        (settings.Real(at_least=0, at_most=1), "0 <= it <= 1", (0, 1, 0.5), (-0.1, 1.1)),
        (settings.Real(above=2), "more than 2", (3, 2.5), (2, float("inf"), float("nan"))),
        (settings.Real(at_least=2), "a number of 2 or more", (2, 1e300), (1.9, None)),
        (settings.Real(below=2), "it < 2", (-5, 1.9), (2, float("-inf"))),
        (settings.Real(), "a number", (-5, 0.0), (float("nan"), False)),
        (settings.Whole(1), "a whole number of 1 or more", (1, 10**9), (0, 1.0, True)),
        (settings.Whole(0, 9), "a whole number of 0 to 9", (0, 9), (10, -1)),
        (settings.Whole(-3, 0), "a whole number of -3 to 0", (-3, 0), (1, -4)),
        (settings.Flag(), "True or False", (True, False), (0, 1, "True")),
        (settings.Text("a name"), "a name", ("x",), ("", 3, None)),
        (settings.Text("a name", empty=True), "a name", ("x", ""), (3,)),
        (settings.Choice(("a", "b")), 'one of "a", "b"', ("a",), ("c", 0, ["a"])),
        (settings.Choice((0, 32)), "one of 0, 32", (0, 32), (False, 1, 32.0)),
        (
            settings.Several(settings.Whole(1), 2),
            "(a, b), each a whole number of 1 or more",
            ((1, 2), [3, 4]),
            ((1,), (1, 2, 3), (0, 1), 1),
        ),
        (
            settings.Several(settings.Whole(1)),
            "(a, b, ...), each a whole number of 1 or more",
            ((1,), (1, 2, 3)),
            ((), (0,)),
        ),
        (
            settings.Table(settings.Whole(1), "{'a': 1}"),
            "{'a': 1}",
            ({}, {"a": 1}),
            ({"a": 0}, {1: 1}, "a"),
        ),
        (
            settings.optional(settings.Whole(1)),
            "a whole number of 1 or more or None",
            (None, 1),
            (0, "None"),
        ),
    ],
)
def test_kinds_say_what_fits_and_in_which_words(kind, words, fitting, others):
    assert kind.words("it") == words
    assert [value for value in fitting if not kind.fits(value)] == []
    assert [value for value in others if kind.fits(value)] == []


def test_a_value_out_of_range_is_refused_with_what_came_and_what_to_write():
    assert _refusal("slice(share=1.0)") == (
        "slice(share=1.0): expected 0 < share < 1, got 1.0. Write slice(share=0.5)."
    )
    assert "expected a whole number of 0 to 9 or None, got 10" in _refusal("slice(most=10)")


def test_unknown_names_and_settings_get_the_nearest_and_all_there_are():
    assert _refusal("slcie") == (
        "--thing thing 'slcie': there is no such thing. Did you mean 'slice'? There are: slice."
    )
    refusal = _refusal("slice(shar=1)")
    assert refusal.startswith("--thing slice(shar=...): there is no such setting. Did you mean 's")
    assert settings.nearest("zzz", ("b", "a")) == "There are: a, b."


def test_only_what_differs_is_written_and_text_gives_it_back():
    made = Slice(sizes=(3, 4), names={"a b": 'say "c"'})
    assert str(made) == 'slice(sizes=(3, 4), names={"a b": "say \\"c\\""})'
    assert made == settings.make({"slice": Slice}, grammar.read_one(str(made), LANGUAGE), LANGUAGE)
    assert str(Slice()) == "slice()"


def test_a_default_that_can_change_is_not_shared():
    first = Slice()
    first.names["a"] = "b"
    assert Slice().names == {}


def test_what_is_declared_can_be_read():
    share, _, sizes, *_ = settings.of(Slice)
    assert (share.name, share.default, share.expected) == ("share", 0.5, "0 < share < 1")
    assert share.search.log and share.search.when == {"mode": ("even",)}
    assert sizes.unit == "pixels" and sizes.search is None
    assert "        share: Share that goes. (0 < share < 1)" in Slice.__doc__
    assert next(settings.table(Slice)) == ("share", "0.5", "0 < share < 1", "Share that goes.")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Slice().share = 0.1


def test_a_class_without_settings_keeps_its_docstring():
    @settings.declared
    class Plain:
        """Nothing to set."""

    assert Plain.__doc__ == "Nothing to set."

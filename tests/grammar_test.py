import pytest

from tfedge import errors, grammar

LANGUAGE = grammar.Language("--thing", "thing", "flip(axis=1)")
RECIPE = grammar.Language("recipe", "pass", "prune")


def _read(text):
    return [(call.name, dict(call.settings)) for call in grammar.read(text, LANGUAGE)]


def test_names_and_settings_are_read_in_order():
    assert _read(" flip,\n crop(padding=2, fill='a') ") == [
        ("flip", {}),
        ("crop", {"padding": 2, "fill": "a"}),
    ]
    assert _read("") == _read("  ") == []
    assert _read("a(b=[1, [2]], c={'d': [3]}, e=-1.5, f=None)") == [
        ("a", {"b": (1, (2,)), "c": {"d": (3,)}, "e": -1.5, "f": None})
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flip(", "--thing=flip(: cannot be read"),
        ("(" * 300, "cannot be read"),
        ("flip(1)", "--thing=flip(1): expected a thing with named settings. Write: flip(axis=1)"),
        ("[flip]", "expected a thing with named settings"),
        ("flip.crop()", "expected a thing with named settings"),
        ("flip(axis=1/2)", "--thing flip(axis=1 / 2): expected a plain value"),
        ("flip(axis=open('x'))", "nothing to compute. Write the value itself."),
        ("flip(axis=uint8)", 'compute. Write axis="uint8", all of it in single quotes.'),
        ("flip(axis=true)", "Write axis=True, all of it in single quotes."),
        ("flip(axis=1, axis=2)", "--thing flip: names a setting twice"),
        ("flip(axis=99999999999999999999)", "beyond 64 bits"),
    ],
)
def test_anything_else_is_refused_in_one_line(text, said):
    with pytest.raises(errors.BadInput) as caught:
        grammar.read(text, LANGUAGE)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_flag_stands_in_quotes():
    with pytest.raises(errors.BadInput, match=r"^recipe 'prune\(1\)': expected a pass"):
        grammar.read("prune(1)", RECIPE)


def test_one_call_is_one():
    assert grammar.read_one("flip", LANGUAGE) == grammar.Call("flip", {})
    for text, count in (("", 0), ("flip, flip", 2)):
        with pytest.raises(errors.BadInput, match=f"expected one thing, got {count}"):
            grammar.read_one(text, LANGUAGE)


def test_what_is_written_is_read_again():
    values = {"a": 'it\'s "b"\n', "b": (1,), "c": {"d": (True, None)}, "e": 1e-5, "f": ()}
    text = grammar.write("name", values)
    assert text.startswith('name(a="it\'s \\"b\\"\\n", b=(1,), c={"d": (True, None)}, e=1e-05')
    assert _read(text) == [("name", values)]

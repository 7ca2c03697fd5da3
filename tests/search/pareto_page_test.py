import shlex

from tfedge.search import page
from tfedge.search.trial import Trial

RECIPE = 'prune(rules={"<b>": None}), quantize'
TRIALS = [
    Trial(RECIPE, "int8", {}, 1.0, 8, {"download": 4000.0}, "accuracy", 0.91, 0.92, 0.4),
    Trial(
        "quantize",
        "int8",
        {},
        1.0,
        4,
        {"download": 9000.0},
        "accuracy",
        0.915,
        0.92,
        -0.5,
        {"metric": "x"},
    ),
    Trial("cluster", "int8", {}, 1.0, 4, failure="refused"),
]


def _render(winner):
    return page.render(TRIALS, "download", winner, "python pipelines/release.py").decode()


def test_the_page_needs_no_network():
    text = _render(TRIALS[0])
    assert "<script src=" not in text and "<link" not in text
    assert text.startswith("<!DOCTYPE html>")
    assert len(text) > 1_000_000 and text.count("Plotly.newPlot") >= 1  # the library is inside
    assert text.count("<html") == 1


def test_it_says_why_and_escapes_what_came_from_a_file():
    text = _render(TRIALS[0])
    assert "3 recipes tried." in text
    assert "has the smallest download, 4,000 bytes" in text
    head = text[: text.index("<script")]
    assert "<b>" not in head and "&lt;b&gt;" in head


def test_a_page_without_a_winner_names_the_nearest():
    bad = [TRIALS[1]]
    text = page.render(bad, "download", None, "x").decode()
    assert "None of 1 recipes keeps all limits" in text


def test_a_page_of_nothing_is_a_page():
    assert b"0 recipes tried." in page.render([], "download", None, "x")


def test_the_command_repeats_the_recipe():
    words = shlex.split(page.repeat(TRIALS[0], "python pipelines/release.py --model=m"))
    assert f"--recipe={RECIPE}" in words and "--export=int8" in words and "--model=m" in words

import pytest

from tfedge.release.report import wording

SHARE, VALUE = {"name": "accuracy", "paired": None}, {"name": "box_iou", "paired": None}
COUNTED = {"name": "own", "paired": {"both": 1}}


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "not measured"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (999_949, "999.9 KB"),
        (1_000_000, "1.00 MB"),
        (12_345_678, "12.35 MB"),
        (1_000_000_000, "1,000 MB"),
        (1_234_567_890, "1,235 MB"),
    ],
)
def test_bytes(size, words):
    assert wording.amount(size) == words


def test_a_row_says_all_in_the_unit_of_the_smallest():
    say = wording.in_one_unit(None, 2_000_000, 500_000, 0)
    assert [say(size) for size in (None, 2_000_000, 500_000)] == [
        "not measured",
        "2,000 KB",
        "500.0 KB",
    ]
    assert wording.in_one_unit(999, 5_000)(5_000) == "5,000 B"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (360, 100, "3.6 times smaller"),
        (100, 250, "2.5 times larger"),
        (100, 100, "1.0 times smaller"),
        (None, 100, ""),
        (0, 100, ""),
        (100, 0, ""),
    ],
)
def test_how_many_times(before, after, words):
    assert wording.times_smaller(before, after) == words


def test_shares_are_said_in_per_cent_and_points():
    assert wording.metric_value(SHARE, 0.98765) == wording.metric_value(COUNTED, 0.98765)
    assert wording.metric_value(SHARE, 0.98765) == "98.77%"
    assert wording.metric_value({"name": "top5"}, 0.5) == "50.00%"
    assert wording.metric_value(VALUE, 0.98765) == "0.9877"
    assert wording.metric_value(VALUE, None) == "not measured"
    assert wording.metric_value(SHARE, float("nan")) == "no number"
    assert wording.difference(SHARE, -0.0123) == "-1.23 points"
    assert wording.difference(VALUE, 0.0123) == "+0.0123"
    assert wording.difference(VALUE, float("inf")) == ""
    assert wording.percent(0.1234) == "12.3%" and wording.percent(0.1234, 2) == "12.34%"
    assert wording.percent(None) == "not measured"


def test_identifiers_as_words():
    assert wording.words("peak_memory") == "peak memory"
    assert wording.words("CONV_2D") == "conv 2d"
    assert wording.words("Conv_2D") == "Conv 2D"
    assert wording.words("sparsity: My_Layer") == "sparsity: My_Layer"
    assert wording.count(1, "layer") == "1 layer"
    assert [wording.count(n, "layer") for n in (0, 1200)] == ["0 layers", "1,200 layers"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(999.9, "1e+03"), (1000, "1,000"), (-1234.5, "-1,234"), (0.01234, "0.0123")],
)
def test_numbers_have_three_digits(value, words):
    assert wording.number(value) == words


def test_values_of_notes():
    assert [wording.plain(each) for each in (True, False, 0.123456, 3, None)] == [
        *("yes", "no", "0.1235", "3", "None")
    ]
    assert wording.plain({"a": [1, 0.5], "b": True}) == "a: 1, 0.5, b: yes"
    assert wording.plain(range(3)) == "range(0, 3)"
    assert wording.plain(tuple(range(12))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    assert wording.plain(list(range(14))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, and 2 more"

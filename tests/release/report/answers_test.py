import numpy as np

from tfedge.device import scorecard
from tfedge.release.report import answers, heat

CLASSES = (scorecard.ClassValue("bag", 2, 0.0), scorecard.ClassValue("shirt", 2, 0.5))
NOW, BEFORE = np.eye(2)[[1, 1, 1, 0]], np.eye(2)[[1, 0, 1, 1]]
TARGETS = np.array([0, 0, 1, 1])


def test_rows_are_the_truth(card):
    found = answers.of(
        card(per_class=CLASSES, targets=TARGETS, candidate_outputs=NOW, baseline_outputs=BEFORE)
    )
    assert found.before == ((1, 1), (0, 2)) and found.after == ((0, 2), (1, 1))
    assert found.pairs[0] == answers.Pair("bag", "shirt", 1, 2)
    assert answers.mistakes(found) == {
        "bag": "shirt: 2 (baseline 1)",
        "shirt": "bag: 1 (baseline 0)",
    }


def test_an_output_that_is_no_number_is_no_answer(card):
    broken = np.where([[False], [True], [False], [False]], np.nan, NOW)
    fields = {"candidate_outputs": broken, "baseline_outputs": None}
    found = answers.of(card(per_class=CLASSES, targets=TARGETS, **fields))
    assert found.after == ((0, 1), (1, 1))


def test_one_output_is_read_by_what_was_right(card):
    """Whether it is a probability or a logit does not matter."""
    logits = np.array([[-3.0], [4.0], [9.0], [-9.0]])
    right = np.array([True, False, True, False])
    fields = {"candidate_outputs": logits, "candidate_correct": right, "baseline_outputs": None}
    found = answers.of(card(per_class=CLASSES, targets=TARGETS, **fields))
    assert found.before is None and found.after == ((1, 1), (1, 1))


def test_of_many_classes_only_the_most_confused(card):
    many = tuple(scorecard.ClassValue(str(k), 2, 0.5) for k in range(40))
    targets = np.repeat(np.arange(40), 2)
    said = targets.copy()
    said[[0, 1, 2]] = 7, 7, 5
    outputs = {"candidate_outputs": np.eye(40)[said], "baseline_outputs": np.eye(40)[targets]}
    found = answers.of(card(per_class=many, targets=targets, **outputs))
    assert found.after is None
    assert found.pairs == (answers.Pair("0", "7", 0, 2), answers.Pair("1", "5", 0, 1))


def test_nothing_to_confuse_without_classes(card):
    assert answers.of(card(per_class=())) is None


def test_cells_are_shaded_by_their_share_of_the_row():
    (label, (hit, miss)), _ = heat.cells(("a", "b"), ((75, 25), (0, 0)))
    assert (label, hit.kind, miss.kind) == ("a", "hit", "miss")
    assert hit.shade == 0.637 and miss.shade == 0.8 and miss.style == "miss dark"
    assert miss.says == "a taken for b: 25 of 100"


def test_intervals_share_an_axis():
    group = {"before": 0.9, "after": 0.85, "low": -0.1, "high": 0.0}
    half = heat.axis([group])
    assert heat.interval(group, half) == {"low": 0.0, "high": 50.0, "change": 25.0}
    assert heat.interval(None, half) is None and heat.axis([]) == 0

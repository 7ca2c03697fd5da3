import types

import numpy as np
import pytest

from tfedge.data.task import ArraySplit, Task
from tfedge.release.report import answers, heat

NOW, BEFORE = np.eye(2)[[1, 1, 1, 0]], np.eye(2)[[1, 0, 1, 1]]
TARGETS = np.array([0, 0, 1, 1])


@pytest.fixture
def told(card):
    """told(kind, targets, **fields of the scorecard) -> what `answers` needs of Facts."""

    def make(kind="classification", targets=TARGETS, labels=("bag", "shirt"), **fields):
        split = ArraySplit(np.zeros((len(targets), 2), np.float32), targets)
        task = Task("t", kind, split, split, split, split, labels=labels)
        facts = types.SimpleNamespace(task=task, scorecard=card(targets=targets, **fields))
        facts.answered = answers.answered(facts)
        return facts

    return make


def test_rows_are_the_truth(told):
    found = answers.of(told(candidate_outputs=NOW, baseline_outputs=BEFORE))
    assert found.before == ((1, 1), (0, 2)) and found.after == ((0, 2), (1, 1))
    assert found.pairs[0] == answers.Pair("bag", "shirt", 1, 2)
    assert answers.mistakes(found) == {
        "bag": "shirt: 2 (baseline 1)",
        "shirt": "bag: 1 (baseline 0)",
    }


def test_an_output_that_is_no_number_is_no_answer(told):
    broken = np.where([[False], [True], [False], [False]], np.nan, NOW)
    found = answers.of(told(candidate_outputs=broken, baseline_outputs=None))
    assert found.after == ((0, 1), (1, 1))


@pytest.mark.parametrize("logits", [False, True])
def test_one_output_is_read_as_the_kind_reads_it(told, logits):
    outputs = np.array([[0.1], [0.7], [0.9], [0.2]]) - (0.5 if logits else 0)
    fields = {"candidate_outputs": outputs, "baseline_outputs": None, "logits": logits}
    found = answers.of(told("binary", **fields))
    assert found.before is None and found.after == ((1, 1), (1, 1))


def test_places_are_counted_one_by_one(told):
    y = np.array([[0, 1, 1], [1, 1, 0]])
    now = y.copy()
    now[0] = 0
    outputs = {"candidate_outputs": np.eye(2)[now], "baseline_outputs": np.eye(2)[y]}
    found = answers.of(told("segmentation", y, **outputs))
    assert found.after == ((2, 0), (2, 2)) and found.before == ((2, 0), (0, 4))


def test_of_many_classes_only_the_most_confused(told):
    targets = np.repeat(np.arange(40), 2)
    said = targets.copy()
    said[[0, 1, 2]] = 7, 7, 5
    outputs = {"candidate_outputs": np.eye(40)[said], "baseline_outputs": np.eye(40)[targets]}
    found = answers.of(told(targets=targets, labels=(), **outputs))
    assert found.after is None
    assert found.pairs == (answers.Pair("0", "7", 0, 2), answers.Pair("1", "5", 0, 1))


def test_nothing_to_confuse_without_classes(told):
    values = np.zeros((4, 1), np.float32)
    assert answers.of(told("regression", values, labels=())) is None
    labels = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    assert answers.of(told("multilabel", labels, candidate_outputs=labels)) is None
    assert answers.of(told(candidate_outputs=None)) is None


def test_cells_are_shaded_by_their_share_of_the_row():
    (label, (hit, miss)), _ = heat.cells(("a", "b"), ((75, 25), (0, 0)))
    assert (label, hit.kind, miss.kind) == ("a", "hit", "miss")
    assert hit.shade == 0.637 and miss.shade == 0.8 and miss.style == "miss dark"
    assert (hit.text, miss.text) == ("75", "25")
    assert miss.says == "a taken for b: 25 of 100"


def test_cells_of_very_many_are_shares():
    rows = heat.cells(("a", "b"), ((9_980, 20), (5_000, 5_000)))
    assert [[cell.text for cell in cells] for _, cells in rows] == [["100%", "<1%"], ["50%", "50%"]]
    (_, (none, _)), _ = heat.cells(("a", "b"), ((0, 20_000), (1, 1)))
    assert none.text == ""


def test_intervals_share_an_axis():
    group = {"before": 0.9, "after": 0.85, "low": -0.1, "high": 0.0}
    half = heat.axis([group])
    assert heat.interval(group, half) == {"low": 0.0, "high": 50.0, "change": 25.0}
    assert heat.interval(None, half) is None and heat.axis([]) == 0

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import class_weights, kinds, metrics
from tfedge.data.task import ArraySplit, Task


def _task(y, kind="classification", **fields):
    n = len(next(iter(y.values()))) if isinstance(y, dict) else len(y)
    split = ArraySplit(np.zeros((n, 1)), y)
    return Task("toy", kind, split, split, split, **fields)


def test_balanced_weights_count_every_class_the_same():
    weights = class_weights.of(_task([0, 0, 0, 1], class_weight="balanced"))
    assert weights[""].tolist() == pytest.approx([2 / 3, 2])


def test_given_weights_have_a_mean_of_1_and_a_class_without_one_counts_1():
    weights = class_weights.of(_task([0, 0, 2, 1], class_weight={"1": 5}))
    assert weights[""].tolist() == [0.5, 2.5, 0.5]


def test_balanced_labels_weigh_their_positives_against_the_rest():
    y = np.array([[0, 1], [0, 1], [0, 0], [1, 0]])
    assert class_weights.of(_task(y, "multilabel", class_weight="balanced"))[""].tolist() == [3, 1]


def test_outputs_have_weights_of_their_own():
    y = {"a": np.array([0, 0, 1, 1]), "b": np.array([0, 0, 0, 1])}
    weights = class_weights.of(_task(y, "binary", class_weight={"b": {1: 5}}))
    assert {name: each.tolist() for name, each in weights.items()} == {"b": [0.5, 2.5]}


@pytest.mark.parametrize("word", [None, "none"])
def test_no_weights_are_none(word):
    assert class_weights.of(_task([0, 1, 1], class_weight=word)) == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class_weight": "balance"}, "no such word"),
        ({"class_weight": [1, 2]}, "got a list"),
        ({"class_weight": {3: 1}}, "expected a class of 0..1"),
        ({"class_weight": {1: 0}}, "a weight above 0"),
        ({"class_weight": {1: "much"}}, "is no weight"),
        ({"sample_weight": [1, 2]}, r"expected 3 numbers.*got \(2,\)"),
        ({"sample_weight": [1, -1, 1]}, "from -1 to 1"),
        ({"sample_weight": [1, np.nan, 1]}, "expected 3 numbers"),
    ],
)
def test_what_is_no_weight_is_refused(fields, message):
    with pytest.raises(errors.BadInput, match=message):
        class_weights.of(_task([0, 1, 1], **fields))


def test_a_right_answer_counts_by_the_weight_of_its_class_while_training():
    outputs = np.array([[0.9, 0.1]] * 3 + [[0.2, 0.8]])
    weighted = metrics.for_training(_task([0, 0, 0, 1], class_weight="balanced"))
    assert weighted.name == "weighted_accuracy"
    assert weighted.value(outputs, np.array([0, 0, 1, 1])) == pytest.approx((4 / 3 + 2) / (16 / 3))
    plain = _task([0, 0, 0, 1], class_weight="balanced", metric="macro_f1")
    assert metrics.for_training(plain).name == "macro_f1"
    assert metrics.for_training(_task([0, 0, 0, 1])).name == "accuracy"


def test_a_mapping_is_recorded_as_it_is_and_words_as_numbers():
    y = {"a": np.array([0, 0, 1, 1]), "b": np.array([0, 0, 0, 1])}
    given = _task(y, "binary", class_weight={"b": {1: 5}})
    assert class_weights.to_json(given) == {"b": {"1": 5}}
    balanced = _task([0, 0, 0, 1], class_weight="balanced")
    assert class_weights.to_json(balanced) == {"0": 0.6667, "1": 2.0}
    assert class_weights.to_json(_task([0, 1], class_weight={0: 3, 1: 3})) == {}


def test_weights_in_words_are_not_endless():
    assert class_weights.words({"a": {"0": 1, "1": 3}, "b": {"0": 2}}) == (
        "a 0: 1, 1: 3 (1 : 3); b 0: 2 (1 : 1)"
    )
    many = class_weights.words({str(number): 1.0 for number in range(12)})
    assert many.endswith("9: 1, and 2 more (1 : 1)")


def test_when_classes_are_uneven():
    kind = kinds.named("classification", "it").classes
    assert not kind.is_uneven(np.repeat([0, 1], [3, 1]))  # three quarters of two
    assert kind.is_uneven(np.repeat([0, 1], [31, 9]))
    assert not kind.is_uneven(np.repeat([0, 1, 2], [2, 1, 1]))  # half of three
    assert kind.is_uneven(np.repeat([0, 1, 3], [21, 10, 9]))
    assert kind.is_uneven(np.zeros(4, int))  # of at least two
    labels = kinds.named("multilabel", "it").classes
    assert not labels.is_uneven(np.array([[1, 0], [1, 1], [1, 1], [0, 0]]))
    assert labels.is_uneven(np.array([[1, 0], [1, 1], [1, 1], [1, 0]]))
    assert labels.is_uneven(np.array([[0, 0], [0, 1], [0, 1], [0, 0]]))

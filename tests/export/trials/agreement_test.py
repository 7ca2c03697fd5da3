import numpy as np
import pytest

from tfedge.data.task import ArraySplit, Task
from tfedge.export.trials import agreement

RNG = np.random.default_rng(0)


def _task(kind):
    targets = {"classification": RNG.integers(0, 3, 40), "binary": np.arange(40) % 2}
    split = ArraySplit(np.zeros((40, 2)), targets.get(kind, RNG.random((40, 1), np.float32)))
    return Task("t", kind, split, split, split)


def _probabilities(classes):
    return np.eye(3, dtype=np.float32)[classes] * 0.7 + 0.1


@pytest.mark.parametrize(("changed", "said"), [(2, None), (3, "3 of 40 answers changed")])
@pytest.mark.parametrize("kind", ["classification", "custom"])
def test_more_than_one_answer_in_twenty(kind, changed, said):
    classes = np.arange(40) % 3
    other = classes.copy()
    other[:changed] = (other[:changed] + 1) % 3
    found = agreement.find(
        {"p": _probabilities(classes)}, {"p": _probabilities(other)}, _task(kind)
    )
    assert (found and found.described) == said


def test_sides_of_a_threshold_whether_probabilities_or_logits():
    logits = np.linspace(-4, 4, 40)[:, None]
    other = logits + 0.7  # four lie less far under zero
    for values, moved in ((logits, other), (1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-other)))):
        found = agreement.find({"p": values}, {"p": moved}, _task("binary"))
        assert found.described == "3 of 40 answers changed"


@pytest.mark.parametrize(("noise", "agrees"), [(0.17, True), (0.19, False)])
def test_values_by_decibels(noise, agrees):
    values = np.array([[1.0], [-1.0]] * 20)
    found = agreement.find({"y": values}, {"y": values + noise}, _task("regression"))
    assert (found is None) == agrees


def test_outputs_of_other_names_go_by_order_and_each_counts():
    one, two = np.ones((40, 1)), RNG.normal(size=(40, 1))
    found = agreement.find({"a": one, "b": two}, {"c": one, "d": -two}, None)
    assert found.output == "d"


def test_numbers_that_are_not_finite_and_integers():
    one = np.ones((40, 3), np.float32)
    broken = np.where(np.arange(40)[:, None] == 7, np.nan, one)
    assert "finite" in agreement.find({"y": one}, {"y": broken}, _task("classification")).described
    numbers = np.arange(40)
    assert agreement.find({"y": numbers}, {"y": numbers.astype(np.float32)}, None) is None
    assert agreement.find({"y": numbers}, {"y": numbers + 1}, None)

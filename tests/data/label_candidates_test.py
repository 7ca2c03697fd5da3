import dataclasses
import types

import numpy as np
import pytest

from tfedge.data import task
from tfedge.data.hygiene import label_candidates
from tfedge.data.sources import load_task


def test_confident_learning_by_hand():
    probabilities = np.array(
        [[0.9, 0.1], [0.7, 0.3], [0.05, 0.95], [0.2, 0.8], [0.1, 0.9], [0.97, 0.03]]
    )
    labels = np.array([0, 0, 0, 1, 1, 1])
    # Class 0 counts from (0.9 + 0.7 + 0.05) / 3 = 0.55 on, class 1 from 0.577 on.
    found = label_candidates.candidates(probabilities, labels, least_score=0.0)
    assert found.indices.tolist() == [5, 2]
    assert found.suggested.tolist() == [0, 1]
    assert found.scores == pytest.approx([0.94, 0.9])
    assert label_candidates.candidates(probabilities, labels, 0.92).indices.tolist() == [5]
    binary = label_candidates.candidates(probabilities[:, 1:], labels, 0.0)
    assert binary.indices.tolist() == [5, 2]


def test_a_class_without_an_example_is_never_suggested():
    probabilities = np.array([[0.0, 0.0, 1.0], [0.0, 0.1, 0.9]])
    assert not len(label_candidates.candidates(probabilities, np.array([0, 1]), 0.0).indices)


@pytest.mark.parametrize("role", ["train", "holdout"])
def test_changed_labels_of_digits_are_found(role):
    made, random = load_task("digits"), np.random.default_rng(3)
    split = made.splits()[role]
    changed = random.choice(len(split), 30, replace=False)
    y = split.y.copy()
    y[changed] = (y[changed] + random.integers(1, 10, 30)) % 10
    noisy = dataclasses.replace(made, **{role: task.ArraySplit(split.x, y)})
    found = label_candidates.by_neighbours(noisy, role)
    right = np.isin(found.indices, changed)
    assert right.mean() >= 0.9
    assert right.sum() >= 22
    truth = split.y[found.indices[right]]
    assert (found.suggested[right] == truth).mean() >= 0.95
    assert found.looked_at == len(split)


def test_digits_have_few_candidates():
    assert len(label_candidates.by_neighbours(load_task("digits")).indices) <= 3


def test_what_has_no_classes_is_left_alone():
    split = task.ArraySplit(np.random.default_rng(0).random((30, 4)), np.linspace(0, 1, 30))
    made = task.Task("toy", "regression", split, split, split, split)
    assert label_candidates.by_neighbours(made) is None
    wide = task.ArraySplit(np.zeros((30, 600)), np.arange(30) % 3)
    made = task.Task("toy", "classification", wide, wide, wide, wide)
    assert label_candidates.by_neighbours(made) is None


def test_shares_are_those_of_the_nearest_others(monkeypatch):
    monkeypatch.setattr(label_candidates, "NEIGHBOURS", 2)
    features = np.array([[0.0], [1.0], [2.1], [10.0], [11.0], [12.1]], np.float32)
    labels = np.array([0, 0, 1, 1, 2, 1])
    expected = [[0.5, 0.5, 0], [0.5, 0.5, 0], [1, 0, 0], [0, 0.5, 0.5], [0, 1, 0]]
    for block in (1, 2, 512):
        monkeypatch.setattr(label_candidates, "_BLOCK", block)
        found = label_candidates._shares(features, labels, 5)
        np.testing.assert_array_equal(found, expected)
    monkeypatch.setattr(label_candidates, "NEIGHBOURS", 20)
    everyone = label_candidates._shares(features, labels, 1)[0]
    np.testing.assert_allclose(everyone, [1 / 5, 3 / 5, 1 / 5], rtol=1e-6)


def test_features_count_by_their_spread_but_for_those_that_hardly_vary():
    features = np.array([[0.0, 0.0, 5.0], [2.0, 0.02, 5.0]])
    found = label_candidates._standardised(features)
    np.testing.assert_allclose(found, [[-1, -0.1, 0], [1, 0.1, 0]])


def _examined(kind="classification", width=4, y=None, is_patient=False, **fields):
    y = np.arange(30) % 3 if y is None else y
    x = np.random.default_rng(0).random((30, width)).astype(np.float32)
    split = task.ArraySplit({"a": x[:, :1], "b": x[:, 1:]}, y)
    made = task.Task("toy", kind, split, split, split, split, **fields)
    return types.SimpleNamespace(task=made, splits=made.splits(), is_patient=is_patient)


def test_columns_of_several_inputs_stand_together():
    made = _examined(width=512).task
    features = label_candidates._features(made.train, np.array([3, 1]))
    assert features.shape == (2, 512)
    np.testing.assert_array_equal(features[1, 1:], made.train.x["b"][1])
    assert label_candidates._features(_examined(width=513).task.train, np.arange(2)) is None


def test_why_labels_are_not_looked_at(monkeypatch):
    assert label_candidates._why_not(_examined()) == ""
    said = label_candidates._look(_examined()).looked
    assert said[0][0] == "Doubtful labels" and "of 30 held-out labels" in said[0][1]
    said = label_candidates._look(_examined("regression", y=np.linspace(0, 1, 30))).looked
    assert said[0][1] == "not looked for: a regression task has no single class for each example"
    wide = label_candidates._look(_examined(width=600)).looked
    assert wide[0][1].startswith("not looked for: examples are neither images nor short rows")
    monkeypatch.setattr(label_candidates, "MOST_BYTES", 30 * 16)
    assert label_candidates._why_not(_examined()) == ""
    monkeypatch.setattr(label_candidates, "MOST_BYTES", 30 * 16 - 1)
    assert "the examples are large" in label_candidates._why_not(_examined())
    assert label_candidates._why_not(_examined(is_patient=True)) == ""

import dataclasses

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

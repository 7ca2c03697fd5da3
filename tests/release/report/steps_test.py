"""The report of sequences: steps without a label are in none of its tables."""

import types

import numpy as np

from tfedge.data import kinds
from tfedge.release.report import answers
from tfedge.release.report.sections import overlaps

Y = np.array([[0, 1, -1], [1, -1, -1]])
SAID = np.array([[0, 0, 1], [1, 1, 0]])


def _facts(kind):
    scorecard = types.SimpleNamespace(
        targets=Y,
        candidate_outputs=np.eye(2)[SAID],
        baseline_outputs=np.eye(2)[np.maximum(Y, 0)],
        logits=False,
    )
    task = types.SimpleNamespace(kind_facts=kinds.named(kind), labels=("a", "b"), num_classes=2)
    facts = types.SimpleNamespace(scorecard=scorecard, task=task)
    facts.answered = answers.answered(facts)
    return facts


def test_only_labels_are_counted():
    facts = _facts("tokens")
    assert np.asarray(answers.of(facts).after).tolist() == [[1, 0], [1, 1]]
    found = overlaps.of(facts)
    assert {row.label: row.places for row in found.rows} == {"a": 1, "b": 2}
    assert (found.mean.places, found.mean.before, found.mean.after) == (3, 1.0, 0.5)


def test_words_of_a_vocabulary_have_no_rows():
    assert overlaps.of(_facts("language")) is None

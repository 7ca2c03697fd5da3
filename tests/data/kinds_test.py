"""What every kind of task promises. Runs whatever file it finds in tfedge/data/kinds."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import kinds, metrics
from tfedge.data.answers import Answers
from tfedge.data.task import ArraySplit, Task

NAMES = kinds.names()
EXAMPLES = (
    np.array([0, 1, 1, 0, 1, 0]),
    np.array([0, 2, 1, 2, 0, 1]),
    np.array([[0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]]),
    np.array([[0, 2, 1], [1, 1, 0], [2, 0, 0], [1, 0, 1], [2, 1, 1], [0, 1, 0]]),
    np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    np.array([0.5, 2.0, -1.0, 3.5, 0.25, 1.0]),
    np.eye(2, dtype=np.float32)[np.array([[[0, 1], [1, 1]]] * 6)],
    np.arange(24).reshape(6, 2, 2) % 3,
    np.array([[0, 2, 1], [1, -1, -1], [2, 0, 0], [1, 0, -1], [2, 1, 1], [0, 1, 0]]),
)

every_kind = pytest.mark.parametrize("name", NAMES)


def _targets(kind):
    """Targets that are of this kind where nobody says so, else any it takes."""
    found = [y for y in EXAMPLES if kind.looks_like(y)] or [EXAMPLES[3 if kind.has_places else 1]]
    return kind.canonical(found[0], "y")


def _task(kind, **fields):
    y = _targets(kind)
    split = ArraySplit(np.zeros((len(y), 4), np.float32), y)
    return Task("toy", kind.name, split, split, split, split, **fields)


@every_kind
def test_its_name_is_that_of_its_file(name):
    assert kinds.named(name).name == name


@every_kind
def test_canonical_targets_are_kept_and_pass_its_own_check(name):
    kind = kinds.named(name)
    y = _targets(kind)
    assert kind.canonical(y, "y") is y
    if kind.classes is not None:
        classes = kind.classes.count(y)
        kind.classes.check(y, name, classes, "y")
        assert kind.classes.present(y).tolist() == list(range(classes))
        assert kind.classes.shares(y, classes).shape == (classes,)
        with pytest.raises(errors.BadInput, match="label at index 0 is -2"):
            kind.classes.check(np.full_like(y, -2), name, classes, "y")


@every_kind
def test_a_guess_has_the_form_of_an_output_and_is_decided_alike_for_all(name):
    kind = kinds.named(name)
    y = _targets(kind)
    for guess in kind.guesses(y):
        assert len(guess) == len(y) and (guess == guess[:1]).all()
        if kind.decide is not None:
            said = kind.decide(guess, False)
            assert said.shape == y.shape and (said == said[:1]).all()
            broken = kind.decide(np.full(guess.shape, np.nan), False)
            assert (broken == -1).all()


@every_kind
def test_it_has_the_metrics_it_names_and_chance_reaches_something(name):
    kind = kinds.named(name)
    for metric in kind.metrics:
        if metric == "top5":
            continue  # of more classes than these
        assert np.isfinite(metrics.chance(_task(kind, metric=metric)))
    if kind.metrics:
        assert metrics.resolve(_task(kind)).name == kind.metrics[0]
        assert (metrics.resolve(_task(kind)).correct is not None) == kind.one_class


@every_kind
def test_a_kind_has_a_loss_and_a_metric_or_leaves_both_open(name):
    kind = kinds.named(name)
    assert bool(kind.loss) == bool(kind.metrics) == (not kind.is_open)
    assert (kind.classes is None) == (kind.decide is None)
    assert (kind.answers is Answers.UNKNOWN) == kind.is_open


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_one_kind_alone_claims_targets(number):
    y = EXAMPLES[number]
    claiming = [name for name in NAMES if kinds.named(name).looks_like(y)]
    assert claiming == [kinds.of_targets(y).name]


def test_an_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(errors.BadInput, match="'clasification' is none of binary, classification"):
        kinds.named("clasification")

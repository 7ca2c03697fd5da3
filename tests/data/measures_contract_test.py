"""What every measure promises. Runs whatever file it finds in tfedge/data/measures."""

import numpy as np
import pytest

from tfedge.data import kinds, measures
from tfedge.data.answers import Answers

NAMES = measures.names()
OF = [
    (name, kind)
    for name in NAMES
    for kind in map(kinds.named, kinds.names())
    if name in kind.metrics
]


def _example(kind):
    """(outputs, targets) of 40 examples of a kind; each class has some."""
    random = np.random.default_rng(0)
    shape = (40, 3) if kind.has_places or kind.per_label else (40,)
    y = np.arange(np.prod(shape)).reshape(shape) % (7 if kind.one_of_many or kind.has_places else 2)
    if kind.answers is Answers.ONE_OF_MANY:
        return random.dirichlet(np.ones(7), shape), y
    return random.random(shape), y.astype(np.float32) if kind.classes is None else y


def _perfect(kind, y):
    return np.eye(7)[y] if kind.answers is Answers.ONE_OF_MANY else y


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_what_it_is_and_some_kind_has_it(name):
    words = measures.explained()[name]
    assert words.endswith((" Higher is better.", " Lower is better."))
    assert any(of == name for of, _ in OF)


@pytest.mark.parametrize(("name", "kind"), OF, ids=lambda each: getattr(each, "name", each))
def test_its_name_is_its_files_and_its_direction_as_told(name, kind):
    metric = measures.named(name, kind, False)
    outputs, y = _example(kind)
    assert metric.name == name
    assert metric.higher_is_better == measures.explained()[name].endswith("Higher is better.")
    best, some = metric.value(_perfect(kind, y), y), metric.value(outputs, y)
    assert best == (1 if metric.higher_is_better or name == "perplexity" else 0)
    assert some < best if metric.higher_is_better else some > best


@pytest.mark.parametrize(("name", "kind"), OF, ids=lambda each: getattr(each, "name", each))
def test_drawn_examples_give_what_they_give_from_the_start(name, kind):
    metric = measures.named(name, kind, False)
    outputs, y = _example(kind)
    ready, rows = metric.prepared(outputs, y), np.random.default_rng(1).integers(0, 40, 40)
    assert len(ready) == 40
    for chosen in (np.arange(40), rows):
        drawn = metric.value(outputs[chosen], y[chosen])
        assert ready[chosen].value() == pytest.approx(drawn, nan_ok=True)


def test_every_metric_of_a_kind_is_one():
    named = {metric for kind in map(kinds.named, kinds.names()) for metric in kind.metrics}
    assert named == set(NAMES)


def test_a_measure_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "half_right.py").write_text(
        '"""Half of what is right. Higher is better."""\n\n'
        "from tfedge.data.metric import Metric\n\n\n"
        "def of(kind, logits):\n"
        "    return Metric.mean('half_right', True, lambda outputs, y: (outputs == y) / 2)\n"
    )
    monkeypatch.setattr(measures, "__path__", [*measures.__path__, str(tmp_path)])
    metric = measures.named("half_right", kinds.named("regression"), False)
    assert metric.value(np.array([1.0, 2.0]), np.array([1.0, 3.0])) == 0.25
    assert measures.explained()["half_right"] == "Half of what is right. Higher is better."

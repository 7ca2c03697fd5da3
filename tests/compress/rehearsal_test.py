import itertools
import types

import numpy as np
import pytest

from tfedge.compress import rehearsal
from tfedge.compress.recipe import Recipe


def test_promises_are_there_and_nothing_is_trained(network, task, monkeypatch):
    text = "prune(final_sparsity=0.5, epochs={0}), cluster(epochs={0}), equalize"
    whole = Recipe.parse(text.format(0)).apply(network, task)
    judged = []
    monkeypatch.setattr(
        rehearsal, "_training_seconds", lambda each, *_: judged.append(each.name) or 1.0
    )
    found = rehearsal.of(Recipe.parse(text.format(9)).start(network, task))
    assert judged == ["prune", "cluster", "equalize"] and min(found.seconds) >= 1.0
    assert found.candidate.holds and len(found.candidate.holds) == len(whole.holds)
    weights = zip(found.candidate.model.get_weights(), whole.model.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in weights)


def _seconds(monkeypatch, each, ticks, batches):
    """With a clock that gives these numbers, and 10 steps an epoch."""
    clock = iter(ticks)
    monkeypatch.setattr(rehearsal.time, "monotonic", lambda: next(clock))
    parts = types.SimpleNamespace(
        feed=types.SimpleNamespace(steps=10, epoch=lambda _: itertools.repeat(0, batches)),
        step=lambda _: 0.0,
        judge=lambda _: 0.0,
    )
    monkeypatch.setattr(rehearsal.finetune, "assemble", lambda *_: parts)
    return rehearsal._training_seconds(each, None, None)


def test_the_time_is_that_of_all_steps_and_judgements(monkeypatch):
    each = types.SimpleNamespace(epochs=3, learning_rate=1e-3)
    # Begun at 0, built at 4, five steps, of which one was held up, judged from 20 to 21.
    ticks = (0, 4, *(6, 8, 10, 17, 19), 20, 21)
    assert _seconds(monkeypatch, each, ticks, 60) == 4 + 3 * (10 * 2 + 1)
    each = types.SimpleNamespace(epochs=1, learning_rate=1e-3)
    assert _seconds(monkeypatch, each, (0, 4, 4, 5), 1) == 4 + 1  # a single batch is all
    quick = (0, *(1 + number / 100 for number in range(51)), 2, 3)
    assert _seconds(monkeypatch, each, quick, 60) == pytest.approx(1 + 10 * 0.01 + 1)
    assert rehearsal._training_seconds(types.SimpleNamespace(), None, None) == 0.0


def test_a_real_training_can_be_timed(network, task):
    found = rehearsal.of(Recipe.parse("quantize(epochs=2)").start(network, task))
    assert found.seconds[0] > 0 and found.candidate.quantization is not None

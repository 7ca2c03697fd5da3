"""A file with key/value caches answers each step as the file that sees all steps at once."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.data.task import ArraySplit, Normalization
from tfedge.device import inference, sandbox
from tfedge.device.decoding import caches
from tfedge.device.file import tflite
from tfedge.device.prediction import work

TOKENS = np.random.default_rng(0).integers(0, 11, (5, 6), dtype=np.int32)


def _run(content, x, y):
    limits = sandbox.Limits(64 * 2**20, seconds=30)
    return inference.run(
        tflite.read(content), ArraySplit(x, y), Normalization(), limits, timed_seconds=0
    )


def test_what_a_file_says_of_its_caches(stored):
    found = caches.find(tflite.read(stored("cached_float")))
    assert found == caches.Caches(room=6, at_once=3, known=11, bytes=4 * 4 * 2 * 6 * 4)
    assert caches.find(tflite.read(stored("steps_float"))) is None


def test_steps_that_count_are_those_of_the_whole(stored):
    # Prompts of 1, 2, 4 (one call of prefill and one of decode), 5 and 6 tokens.
    y = np.full(TOKENS.shape, -1)
    for row, first in enumerate((0, 1, 3, 4, 5)):
        y[row, first:] = 0
    y[1, 4:] = -1
    found = _run(stored("cached_float"), TOKENS, y).outputs["logits"]
    expected = _run(stored("steps_float"), TOKENS, y).outputs["scores"]
    np.testing.assert_allclose(found[y >= 0], expected[y >= 0], atol=1e-5 * np.abs(expected).max())
    assert not found[y < 0].any()


def test_gaps_are_read_and_a_sequence_without_targets_is_not(stored):
    y = np.array([[-1, 3, -1, -1, 5, -1], [-1] * 6])
    found = _run(stored("cached_float"), TOKENS[:2], y).outputs["logits"]
    expected = _run(stored("steps_float"), TOKENS[:2], y).outputs["scores"]
    np.testing.assert_allclose(found[0, 1:5], expected[0, 1:5], atol=1e-5 * np.abs(expected).max())
    assert not found[1].any()


def test_speed_is_measured(stored):
    run = _run(stored("cached_float"), TOKENS, np.zeros_like(TOKENS))
    assert run.tokens_per_second.prefill > 0
    assert run.tokens_per_second.decode == 1000 / run.host.p50
    whole = _run(stored("steps_float"), TOKENS, np.zeros_like(TOKENS))
    assert whole.tokens_per_second is None


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (TOKENS.astype(np.float32), r"expected whole numbers .n, steps. .*got .5, 6. float32"),
        (TOKENS + 1, r"it knows tokens of 0..10, got 11. Use the vocabulary"),
        (TOKENS - 1, r"tokens of 0..10, got -1"),
        (
            np.zeros((5, 7), np.int32),
            r"room for 6 tokens, a sequence has 7. Export it with cache=7",
        ),
    ],
)
def test_what_no_cache_can_take(stored, x, words):
    with pytest.raises(errors.BadInput, match=words):
        _run(stored("cached_float"), x, np.zeros(x.shape, int))


def test_what_is_behind_the_caches_may_be_there_if_it_does_not_count(stored):
    longer = np.pad(TOKENS, ((0, 0), (0, 2)))
    y = np.where(np.arange(8) < 6, 0, -1) * np.ones((5, 1), int)
    found = _run(stored("cached_float"), longer, y).outputs["logits"]
    assert found.shape == (5, 8, 11)
    assert found[:, :6].any(axis=-1).all()


def test_inputs_of_one_call_are_still_taken(stored):
    file = tflite.read(stored("cached_float"))
    x = {
        name: np.zeros((2, *tensor.shape[1:]), tensor.dtype.lower())
        for name, tensor in file.named_inputs.items()
    }
    found = _run(stored("cached_float"), x, np.zeros(2)).outputs
    assert found["logits"].shape == (2, 1, 11)
    assert found["kv_cache_k_0"].shape == (2, *file.named_inputs["kv_cache_k_0"].shape[1:])


def test_what_is_foreseen_is_of_one_token(stored):
    file = tflite.read(stored("cached_float"))
    turns = {o.subgraph: w.turns for o, w in zip(file.operators, work.of(file), strict=True)}
    assert turns == {0: 1, 1: 0}

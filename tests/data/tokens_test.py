"""Labels of steps: padding counts for nothing, sequences are what is drawn again."""

import numpy as np
import pytest

from tfedge import errors
from tfedge.data import class_weights, kinds, measures, metrics
from tfedge.data.matching import token_table
from tfedge.data.scoring import overlaps
from tfedge.data.sources import load_task
from tfedge.data.task import ArraySplit, Task

TOKENS, LANGUAGE = kinds.named("tokens"), kinds.named("language")
Y = np.array([[0, 2, 1, -1], [1, -1, -1, -1], [2, 2, 0, 1]])
SAID = np.array([[0, 2, 0, 1], [1, 1, 1, 1], [2, 2, 0, 1]])
OUTPUTS = np.eye(3)[SAID] * 0.7 + 0.1  # 0.8 of what is said, 0.1 of the others


def _value(name, logits=False, outputs=OUTPUTS):
    return measures.named(name, TOKENS, logits).value(outputs, Y)


def test_steps_without_a_label_count_for_nothing():
    assert _value("token_accuracy") == pytest.approx(7 / 8)
    assert _value("exact_match") == pytest.approx(2 / 3)
    assert _value("perplexity") == pytest.approx(np.exp(-(7 * np.log(0.8) + np.log(0.1)) / 8))
    assert _value("perplexity", True, np.log(OUTPUTS) + 5) == pytest.approx(_value("perplexity"))
    f1 = np.mean([2 * 2 / (3 + 2), 2 * 2 / (2 + 3), 1])
    assert _value("macro_f1") == pytest.approx(f1)
    assert overlaps.of(SAID, Y).both.sum() == 7
    assert TOKENS.classes.shares(Y, 3).tolist() == [2 / 8, 3 / 8, 3 / 8]


def test_an_answer_that_is_no_number_is_not_right_where_nothing_was_to_say():
    assert _value("token_accuracy", outputs=np.full_like(OUTPUTS, np.nan)) == 0
    assert _value("exact_match", outputs=np.full_like(OUTPUTS, np.nan)) == 0


def test_whole_sequences_are_drawn_each_by_its_steps():
    ready = measures.named("token_accuracy", TOKENS, False).prepared(OUTPUTS, Y)
    assert len(ready) == 3
    assert ready[np.array([0, 0, 1])].value() == pytest.approx(5 / 7)


def test_perplexity_of_a_rounded_zero_stays_finite():
    assert _value("perplexity", outputs=np.eye(3)[SAID]) == pytest.approx(1e6 ** (1 / 8))


def test_labels_are_checked_but_for_gaps():
    assert TOKENS.canonical(np.where(Y < 0, -100, Y), "y").tolist() == Y.tolist()
    TOKENS.classes.check(Y, "tokens", 3, "y")
    with pytest.raises(errors.BadInput, match=r"label at index 2 is 2, expected 0\.\.1"):
        TOKENS.classes.check(Y[[1, 1, 2]], "tokens", 2, "y")
    with pytest.raises(errors.BadInput, match="sequence at index 1 has no label but -1"):
        TOKENS.classes.check(np.where(np.arange(3)[:, None] == 1, -1, Y), "tokens", 3, "y")


def test_class_weights_are_those_of_the_steps_that_count():
    split = ArraySplit(np.zeros((3, 4), np.int32), Y)
    task = Task("t", "tokens", split, split, split, class_weight="balanced")
    weights = class_weights.of(task)[""]
    np.testing.assert_allclose(weights * [2, 3, 3], 8 / 3)
    assert TOKENS.classes.of_decisions(Y, weights)[1].tolist() == [weights[1], 0, 0, 0]


def _npz(path, **more):
    x = np.array([[5, 6, 7, 0, 0], [7, 8, 8, 6, 5], [6, 5, 0, 0, 0]] * 4, np.int32)
    x[:, 0] += np.arange(12, dtype=np.int32) % 3
    np.savez(path, x_train=x, x_val=x, x_test=x, x_calib=x, **more)
    return x


def test_a_file_of_tokens_alone_is_a_language_task(tmp_path):
    x = _npz(tmp_path / "a.npz")
    task = load_task(f"npz:{tmp_path / 'a.npz'}?kind=language&padding=0")
    assert task.holdout.y[0].tolist() == [x[0, 1], x[0, 2], -1, -1, -1]
    assert task.holdout.y[1].tolist() == [*x[1, 1:], -1]
    assert metrics.resolve(task).name == "perplexity"
    assert (load_task(f"npz:{tmp_path / 'a.npz'}?kind=language").train.y[:, -1] == -1).all()


def test_padding_takes_labels_out(tmp_path):
    y = np.tile(np.arange(5, dtype=np.int32), (12, 1)) % 2
    roles = ("train", "val", "test", "calib")
    x = _npz(tmp_path / "a.npz", **{f"y_{role}": y for role in roles})
    task = load_task(f"npz:{tmp_path / 'a.npz'}?kind=tokens&padding=0")
    np.testing.assert_array_equal(task.train.y, np.where(x == 0, -1, y))
    assert metrics.resolve(task).name == "token_accuracy"


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ({}, "?kind=tokens&padding=0", "expected a label for each of the steps"),
        ({}, "?padding=0", "Write .kind=tokens&padding"),
        ({}, "?kind=language&padding=x", "expected a whole number, got padding=x"),
        ({"y_train": np.zeros((12, 4), int)}, "?kind=tokens&padding=0", r"labels \(12, 4\)"),
        ({"x_train": np.ones((12, 5))}, "?kind=language", "whole numbers of tokens"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(tmp_path, arrays, options, words):
    _npz(tmp_path / "a.npz")
    given = {**np.load(tmp_path / "a.npz"), **arrays}
    np.savez(tmp_path / "a.npz", **given)
    with pytest.raises(errors.BadInput, match=words) as caught:
        load_task(f"npz:{tmp_path / 'a.npz'}{options}")
    assert "\n" not in str(caught.value)


def test_tokens_without_a_row_are_refused_by_their_index():
    x = np.zeros((300, 4), np.int32)
    split = ArraySplit(x, np.zeros(300, int))
    x = x.copy()
    x[280, 1] = 9
    task = Task("t", "classification", split, split, ArraySplit(x, np.zeros(300, int)))
    token_table.check(task, "words", 10)
    with pytest.raises(errors.BadInput, match=r"0..8, .* got 9 in example validation:280"):
        token_table.check(task, "words", 9)


@pytest.mark.parametrize("token", [2.5, np.nan])
def test_tokens_that_are_not_whole_are_refused(token):
    x = np.full((5, 4), 3.0, np.float32)
    split = ArraySplit(x, np.zeros(5, int))
    token_table.check(Task("t", "classification", split, split, split), "words", 4)
    x = x.copy()
    x[2, 0] = token
    broken = ArraySplit(x, np.zeros(5, int))
    with pytest.raises(
        errors.BadInput, match=f"whole numbers .* got {token} in example validation:2"
    ):
        token_table.check(Task("t", "classification", split, split, broken), "words", 4)

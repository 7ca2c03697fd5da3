"""Which epoch is kept, of validation values made up by hand."""

import types

import pytest

from tfedge.compress.training import selection


class _Validation:
    """Gives one value after the other."""

    metric = types.SimpleNamespace(name="error")

    def __init__(self, values, sign):
        self._left, self._sign = list(values), sign

    def __call__(self):
        return self._left.pop(0)

    def score(self, value):
        return self._sign * value

    def left(self):
        return len(self._left)


def _selection(values, settled=0, higher_is_better=True):
    """Of a model whose weights are the number of values seen."""
    validation = _Validation(values, 1 if higher_is_better else -1)
    given = []
    model = types.SimpleNamespace(
        get_weights=lambda: [len(values) - validation.left()], set_weights=given.append, given=given
    )
    projection = types.SimpleNamespace(settled=settled, holds=("hold",))
    return selection.Selection(model, projection, validation)


def _restored(made):
    """What the model's weights are after `restore`, None where they are left as they were."""
    assert made.restore() == ("hold",)
    return made._model.given.pop() if made._model.given else None


@pytest.mark.parametrize(
    ("values", "higher", "kept"),
    [([1, 3, 2], True, 2), ([1, 3, 3, 2], True, 3), ([3, 1, 2], False, 2), ([1, 1], False, 2)],
)
def test_the_best_is_kept_the_later_of_equals(values, higher, kept):
    made = _selection(values, higher_is_better=higher)
    assert [made.judge(step) for step in range(1, len(values) + 1)] == values
    assert _restored(made) == (kept,)


def test_nothing_is_kept_before_holds_have_settled():
    made = _selection([9, 8, 1, 2], settled=20)
    for step in (10, 20):
        made.judge(step)
    assert made.best is None and _restored(made) is None
    made.judge(21)
    made.judge(31)
    assert _restored(made) == (4,) and made.best.score == 2


@pytest.mark.parametrize(
    ("values", "patience", "stale"),
    [
        ([1, 2, 2, 2], 2, True),
        ([1, 2, 3, 2], 2, False),
        ([1, 2, 2, 3], 2, False),
        ([2, 1, 3], 2, False),
        ([3, 1, 2], 2, True),
        ([3, 1], 2, False),
        ([3, 3], 1, True),
        ([3, 2, 1, 0], 0, False),
    ],
)
def test_patience_ends_where_the_last_epochs_brought_nothing(values, patience, stale):
    made = _selection(values)
    history = [{"validation_error": value} for value in values]
    assert made.name == "validation_error"
    assert made.is_stale(patience, history, 10) is stale


def test_epochs_before_holds_settled_do_not_count():
    made = _selection([], settled=20)
    history = [{"validation_error": value} for value in (9, 9, 1, 0)]
    assert not made.is_stale(2, history, 10) and made.is_stale(1, history, 10)
    fewer = _selection([], settled=-1)
    assert fewer.is_stale(2, history, 10)
    lower = _selection([], higher_is_better=False)
    assert not lower.is_stale(2, history, 10)

"""The lists are sorted, and only what is to be written is a target."""

import numpy as np

from tfedge.data import hygiene
from tfedge.data.sources import load_task


def test_what_comes_behind_the_one_is_the_list_in_order():
    task = load_task("sorting?metric=exact_match")
    assert [len(split) for split in task.splits().values()] == [20_000, 500, 2_000, 12_000]
    for tokens, y in zip(task.holdout.x[:300], task.holdout.y[:300], strict=True):
        size = int(np.flatnonzero(tokens == 1)[0])
        letters = tokens[:size].tolist()
        assert 4 <= size <= 10 and len(set(letters)) == size and min(letters) >= 3
        wanted = [*sorted(letters), 2]
        assert tokens.tolist() == [*letters, 1, *wanted, *[0] * (22 - 2 * size - 2)]
        assert y.tolist() == [*[-1] * size, *wanted, *[-1] * (22 - 2 * size - 1)]
    assert not hygiene.check(task)

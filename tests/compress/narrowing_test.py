import itertools

import numpy as np
import pytest

from tfedge.compress.channels import Block, narrowing


def _order(sizes, scores, multiple=8, scope="global", shares=None, each=1):
    """Blocks of these sizes, one after the other."""
    ends = np.cumsum([0, *sizes])
    blocks = [
        Block(np.arange(a, b), (f"layer{number}",), each)
        for number, (a, b) in enumerate(itertools.pairwise(ends))
    ]
    return narrowing.order(
        blocks, np.asarray(scores, float), multiple, scope=scope, shares=shares or {}
    )


@pytest.mark.parametrize(
    ("width", "multiple", "left"),
    [
        (24, 8, [16, 8]),
        (20, 8, [16, 8]),  # the odd four go first
        (16, 8, [8]),
        (8, 8, [4]),  # no wider than a multiple: of the half then
        (6, 8, [4]),
        (3, 8, [2]),
        (2, 8, [1]),
        (1, 8, []),
        (5, 1, [4, 3, 2, 1]),
    ],
)
def test_widths_become_multiples_and_never_zero(width, multiple, left):
    order = _order([width], np.arange(width), multiple)
    found = [int(order.alive(n + 1).sum()) for n in range(len(order.steps))]
    assert found == left
    assert order.alive(1)[-1] or not left, "the most important one stays"


def test_units_of_several_channels_count_as_several():
    order = _order([12], np.arange(12), multiple=8, each=2)  # 24 channels
    assert [len(step) for step in order.steps] == [4, 4]
    odd = _order([12], np.arange(12), multiple=8, each=3)
    assert [len(step) for step in odd.steps] == [4]


def test_the_least_important_of_all_layers_go_first():
    # In units of each layer's own mean the second half of the second layer is worth least.
    order = _order([4, 4], [2, 2, 2, 2, 900, 900, 100, 100], multiple=2)
    np.testing.assert_array_equal(order.steps[0], [6, 7])


def test_a_layer_never_loses_a_better_channel_before_a_worse():
    order = _order([6, 4], [0, 0, 0, 0, 9, 9, 1, 1, 1, 1], multiple=2)
    assert [sorted(step) for step in order.steps] == [[0, 1], [2, 3], [6, 7]]


def test_by_layer_all_lose_the_same_share():
    order = _order([4, 8], [1, 2, 3, 4, *range(90, 98)], multiple=2, scope="layer")
    left = [(order.alive(n)[:4].sum(), order.alive(n)[4:].sum()) for n in range(5)]
    assert left == [(4, 8), (4, 6), (2, 6), (2, 4), (2, 2)]


def test_a_share_of_its_own_goes_in_any_case():
    order = _order([8, 8], np.arange(16), multiple=2, shares={1: 0.3})
    np.testing.assert_array_equal(np.flatnonzero(~order.alive(0)), [8, 9])
    assert all(step.max() < 8 for step in order.steps)


def test_fewest_steps_for_a_target():
    asked = []

    def cost(number):
        asked.append(number)
        return 100 - 10 * number

    assert narrowing.fewest(cost, 9, 55) == 5
    assert narrowing.fewest(cost, 9, 100) == 0
    assert narrowing.fewest(cost, 9, -1) == 9
    assert len(asked) <= 12 and len(set(asked)) <= 10


def test_what_need_not_have_gone_comes_back():
    order = _order([4, 2, 2], [1, 1, 3, 3, 1.5, 2.5, 1, 2], multiple=1)
    prices = np.array([1, 1, 1, 1, 2, 2, 9, 9])

    def cost(alive):
        return float(prices[alive].sum())

    number = narrowing.fewest(lambda n: cost(order.alive(n)), len(order.steps), 18)
    assert cost(order.alive(number)) < 17
    left = narrowing.spared(cost, order, number, 18)
    assert 16 < cost(left) <= 18 and (left >= order.alive(number)).all()

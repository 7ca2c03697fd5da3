import numpy as np
import pytest

from tfedge.compress.ranges import mask_bounds
from tfedge.compress.ranges.mask_bounds import Seen


def test_masks_are_told_from_scores():
    found = mask_bounds.seen(np.array([-4.0, 3.0, -1e9, -1e4, -np.inf, np.nan]))
    assert found == Seen(-4.0, 3.0, below=-1e4)
    assert found | Seen(-5.0, 1.0, above=1e9) == Seen(-5.0, 3.0, -1e4, 1e9)


def test_the_floor_lies_16_below_the_least_score_and_below_zero():
    assert mask_bounds.floor(Seen(-4.0, 3.0, below=-1e9)) == -20
    assert mask_bounds.floor(Seen(2.0, 3.0, below=-1e9)) == -16
    assert mask_bounds.floor(Seen(-4.0, 3.0)) is None


_SCORES, _MASK = Seen(-4.0, 3.0), Seen(0.0, 0.0, below=-1e9)
_MASKED = Seen(-4.0, 3.0, below=-1e9 - 4)
_FACTOR = Seen(above=1e9)


@pytest.mark.parametrize(
    ("rule", "output", "operands", "expected"),
    [
        (mask_bounds.same, _MASKED, [_SCORES, Seen(below=-np.inf)], [None, -20]),
        (mask_bounds.add, _MASKED, [_SCORES, _MASK], [None, -23]),
        (mask_bounds.add, _MASKED, [_MASKED, _MASK], [-20, -23]),
        (mask_bounds.subtract, _MASKED, [_SCORES, Seen(0.0, 0.0, above=1e9)], [None, 23]),
        (mask_bounds.subtract, _MASK, [Seen(0.0, 0.0, above=1e9), _FACTOR], [20, 20]),
        (mask_bounds.multiply, _MASK, [Seen(-1.0, 0.0), _FACTOR], [None, 20]),
        (mask_bounds.multiply, Seen(below=-2e9), [Seen(-2.0, 0.0), _FACTOR], [None, 10]),
        (mask_bounds.negative, _MASK, [Seen(0.0, 0.0, above=1e9)], [20]),
        (mask_bounds.multiply, _SCORES, [_SCORES, _SCORES], [None, None]),
    ],
)
def test_bounds_of_operands(rule, output, operands, expected):
    found = mask_bounds.of_operands(rule, -20, output, operands)
    assert [None if each is None else pytest.approx(each) for each in expected] == found


def test_a_mask_is_cut_on_the_side_of_its_bound():
    assert mask_bounds.clip(np.array([-1e9, 0.0, 2.0]), -20).tolist() == [-20, 0, 2]
    assert mask_bounds.clip(np.array([1e9, 0.0, -2.0]), 20).tolist() == [20, 0, -2]
    assert mask_bounds.further(-20, -23) == -23
    assert mask_bounds.further(None, 5) == 5

import math

import numpy as np
import pytest

from tfedge.data import kinds
from tfedge.data.scoring import overlaps

Y = np.array([[[0, 0], [1, 1]], [[0, 2], [2, 2]]])
SAID = np.array([[[0, 1], [1, 1]], [[0, 2], [0, -1]]])


def test_overlaps_by_hand():
    found = overlaps.of(SAID, Y, 4)
    assert found.both.tolist() == [[1, 2, 0, 0], [1, 0, 1, 0]]
    assert found.either.tolist() == [[2, 3, 0, 0], [2, 0, 3, 0]]
    *some, never = found.of_classes()
    assert some == pytest.approx([1 / 2, 2 / 3, 1 / 3]) and math.isnan(never)
    assert found.value() == pytest.approx(0.5)


def test_an_example_that_is_drawn_twice_counts_twice():
    found = overlaps.of(SAID, Y)
    assert found[np.array([1, 1])].of_classes()[[0, 2]].tolist() == [2 / 4, 2 / 6]
    assert found[np.array([0])].value() == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize("logits", [False, True])
def test_one_unit_at_each_place_is_read_as_its_kind_reads_it(logits):
    outputs = np.array([[[0.9], [0.3]]]) - (0.5 if logits else 0)
    found = overlaps.of_outputs(outputs, np.array([[1, 1]]), kinds.named("segmentation"), logits)
    assert found.both.tolist() == [[0, 1]] and found.either.tolist() == [[1, 2]]

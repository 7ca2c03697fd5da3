import numpy as np
import pytest

from tfedge import errors
from tfedge.data.scanning import inputs


def test_lowest_and_highest():
    assert inputs.value_range(np.array([[3, -2], [5, 4]], np.int8), 0, "x") == (-2.0, 5.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_told_by_its_example(value):
    x = np.zeros((4, 2, 3))
    x[2, 1, 0] = x[2, 1, 2] = x[3, 0, 0] = value
    with pytest.raises(errors.BadInput) as refused:
        inputs.value_range(x, 100, "task t")
    assert refused.value.where == "task t"
    assert refused.value.cause == (f"example 102 holds {value} at (1, 0) (2 such examples among 4)")


def test_examples_without_values_are_refused():
    with pytest.raises(errors.BadInput, match=r"an example of shape \(0, 3\) is empty"):
        inputs.value_range(np.zeros((4, 0, 3)), 0, "x")

import types

import numpy as np
import pytest

from tfedge import errors
from tfedge.release.golden.vectors import Vectors
from tfedge.targets import comparison


def _tensor(scale=None):
    scales = np.array([] if scale is None else [scale], np.float32)
    dtype = "FLOAT32" if scale is None else "UINT8"
    real = lambda held: (held.astype(np.float64) - 10) * scale  # noqa: E731
    return types.SimpleNamespace(dtype=dtype, scales=scales, real=real, index=0)


def _compared(kind, held, found, scale=None):
    file = types.SimpleNamespace(named_outputs={"y": _tensor(scale)}, producers={}, tensors={})
    told = types.SimpleNamespace(kind=kind)
    source = types.SimpleNamespace(file=file, told=told, where="--release=x")
    vectors = Vectors("", "held_out", {"x": np.zeros(len(held))}, {"y": held}, {"y": 0})
    return comparison.compare(source, vectors, {"y": found} if found is not None else {})


def test_answers_of_a_classifier_are_classes():
    held = np.array([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]], np.float32)
    found = np.array([[0.4, 0.6], [0.3, 0.7], [0.7, 0.3]], np.float32)
    compared = _compared("classification", held, found)
    assert compared.same == pytest.approx(2 / 3) and compared.examples == 3
    (row,) = compared.rows
    assert row.largest_difference == pytest.approx(0.5)
    assert (row.lowest, row.highest) == pytest.approx((0.1, 0.9)) and row.step == 0
    assert compared.to_json()["outputs"][0]["output"] == "y"


def test_a_yes_hangs_on_a_half_of_probabilities_and_on_zero_of_logits():
    held = np.array([[0.4], [0.9]], np.float32)
    assert _compared("binary", held, np.array([[0.1], [0.6]], np.float32)).same == 1
    held = np.array([[-1.0], [3.0]], np.float32)
    assert _compared("binary", held, np.array([[-0.1], [0.1]], np.float32)).same == 1


def test_values_are_the_same_within_a_hundredth_of_their_range():
    held = np.array([[0.0], [50.0], [100.0]], np.float32)
    found = np.array([[0.9], [48.8], [100.0]], np.float32)
    assert _compared("regression", held, found).same == pytest.approx(2 / 3)
    assert _compared("regression", held, found * np.nan).same == 0
    assert _compared("regression", held, found * np.nan).rows[0].largest_difference == np.inf


def test_codes_count_as_what_they_stand_for_and_reals_as_they_are():
    codes = np.array([[10, 12], [14, 10]], np.uint8)
    one = _compared("classification", codes, np.array([[10, 13], [14, 10]], np.uint8), 0.5)
    assert one.rows[0].largest_difference == 0.5 and one.rows[0].highest == 2
    reals = np.array([[0, 1.25], [2, 0]], np.float32)
    assert _compared("classification", codes, reals, 0.5).rows[0].largest_difference == 0.25


@pytest.mark.parametrize("found", [None, np.zeros((2, 3), np.float32)])
def test_other_outputs_are_refused(found):
    with pytest.raises(errors.BadInput, match="output 'y'"):
        _compared("classification", np.zeros((2, 2), np.float32), found)

import dataclasses

import numpy as np
import pytest

from tfedge.data.task import ArraySplit, Normalization, Task
from tfedge.errors import BadInput
from tfedge.export import calibration


def _task(x, n=None):
    n = len(next(iter(x.values())) if isinstance(x, dict) else x) if n is None else n
    split = ArraySplit(x, np.zeros(n, np.float32))
    return Task("t", "regression", split, split, split)


def _some(n=100):
    return np.linspace(0, 1, n * 2, dtype=np.float32).reshape(n, 2)


def test_yields_one_normalised_example_at_a_time():
    task = dataclasses.replace(
        _task(np.array([[0, 255]] * 120, np.uint8)), normalization=Normalization(1 / 255, -1.0)
    )
    given = list(calibration.examples(task, ["image"], "int8")())
    assert len(given) == 120
    assert list(given[0]) == ["image"]
    np.testing.assert_allclose(given[0]["image"], [[-1.0, 0.0]], atol=1e-6)


def test_several_inputs_come_in_the_models_order():
    task = _task({"b": _some(), "a": _some()})
    assert list(next(calibration.examples(task, ["a", "b"], "int8")())) == ["a", "b"]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((0, 2), np.float32), "it is empty"),
        (np.full((100, 2), np.nan, np.float32), "example 0 of input 'image' holds NaN"),
        (np.full((100, 2), 0.5, np.float32), "every value is 0.5"),
        (np.where(np.arange(200).reshape(100, 2) == 86, np.inf, _some()), "example 43"),
    ],
)
def test_examples_the_converter_would_silently_take_are_refused(x, words):
    with pytest.raises(BadInput, match=words):
        calibration.examples(_task(x.astype(np.float32)), ["image"], "int8")


def test_no_data_is_refused():
    with pytest.raises(BadInput, match="there is no data"):
        calibration.examples(None, ["image"], "int8")


def test_inputs_by_other_names_are_refused():
    with pytest.raises(BadInput, match="'mask' is not among the data's"):
        calibration.examples(_task({"image": _some()}), ["image", "mask"], "int8")
    with pytest.raises(BadInput, match="'mask' is not among the data's"):
        calibration.examples(_task(_some()), ["image", "mask"], "int8")


def test_few_examples_are_warned_of(caplog):
    calibration.examples(_task(_some(99)), ["image"], "int8")
    assert "99 examples" in caplog.text
    caplog.clear()
    calibration.examples(_task(_some(100)), ["image"], "int8")
    assert caplog.text == ""

"""Scales of channels meet as many channels."""

import types

import numpy as np
import pytest

from tfedge import errors
from tfedge.data.hygiene import form
from tfedge.data.task import Normalization


def _check(shape, scale=1.0, offset=0.0):
    task = types.SimpleNamespace(name="t", normalization=Normalization(scale, offset))
    form._check_channels(types.SimpleNamespace(task=task), {"": (shape, np.dtype("uint8"))})


@pytest.mark.parametrize(
    ("shape", "count"), [((4, 4, 3), 3), ((4, 2), 2), ((5,), 5), ((), 1), ((4, 1), 1)]
)
def test_one_number_or_one_for_each_channel_of_the_last_axis(shape, count):
    _check(shape)
    _check(shape, (0.5,) * count, (1.0,) * count)
    for wrong in (count - 1, count + 1):
        if wrong:
            with pytest.raises(errors.BadInput, match=f"has {wrong} channels, examples are"):
                _check(shape, (0.5,) * wrong)
            with pytest.raises(errors.BadInput, match=r"^task t, input: "):
                _check(shape, 1.0, (0.5,) * wrong)

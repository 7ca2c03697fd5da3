"""In what units several numbers are predicted, so that a price does not outweigh a rate."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tfedge.data.answers import Answers

if TYPE_CHECKING:
    from tfedge.data import task


def of(task: "task.Task") -> Mapping[str, float]:
    """Output -> how far its training targets lie from their mean, the root of the mean square.

    Outputs that say anything but numbers, and constant ones, are left out. A single output has
    nothing to be weighed against: there are none then.
    """
    y = task.train.targets()
    if not isinstance(y, dict) or len(y) < 2:
        return {}
    are_values = [name for name in y if task.kind_of(y[name]).answers is Answers.VALUES]
    found = {name: _spread(y[name]) for name in are_values}
    return {name: spread for name, spread in found.items() if spread > 0}


def _spread(y: np.ndarray) -> float:
    values = np.asarray(y, np.float64)
    return float(np.sqrt(np.mean(np.square(values - values.mean(axis=0)))))

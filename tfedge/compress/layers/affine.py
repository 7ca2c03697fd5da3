"""`scale * x + offset`, in whatever layer it comes."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Map:
    """`scale * x + offset`, and the mean and deviation of x where a layer has measured them."""

    scale: np.ndarray
    offset: np.ndarray
    mean: Any = np.nan
    deviation: Any = np.nan

"""Whether an edit of a quantized file leaves its answers where they were.

Some networks (MobileNetV2 and V3 are known for it) carry so much quantization noise that every
further rounding shows: on random weights, scales in few bits cost them 5 % of their answers.
"""

from collections.abc import Mapping

import numpy as np

STEADY_DB = 25.0  # what is moved is then 6 % of how outputs differ from example to example


def is_steady(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> bool:
    """Whether outputs moved by no more than `STEADY_DB` below their spread over examples.

    Args:
        before: (n, ...) real values by output.
        after: likewise, of the edited file.
    """
    for name, expected in before.items():
        spread = float(np.var(expected, axis=0).mean())
        moved = float(np.mean((after[name] - expected) ** 2))
        if moved > 10 ** (-STEADY_DB / 10) * spread:
            return False
    return True

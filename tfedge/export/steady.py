"""Whether an edit of a quantized file leaves its answers where they were.

Some networks (MobileNetV2 and V3 are known for it) carry so much quantization noise that every
further rounding shows: on random weights, scales in few bits cost them 5 % of their answers.
"""

import numpy as np

from tfedge.data.task import Task
from tfedge.export import trial

_EXAMPLES = 32
STEADY_DB = 25.0  # what is moved is then 6 % of how outputs differ from example to example


def is_steady(before: bytes, after: bytes, task: Task) -> bool:
    """Whether outputs moved by no more than `STEADY_DB` below their spread over examples.

    Raises:
        DoesNotRunError: one of the files has no outputs.
    """
    few = task.calibration.take(np.arange(min(_EXAMPLES, len(task.calibration))))
    first, second = (trial.run(data, few, task).outputs for data in (before, after))
    for name, expected in first.items():
        spread = float(np.var(expected, axis=0).mean())
        moved = float(np.mean((second[name] - expected) ** 2))
        if moved > 10 ** (-STEADY_DB / 10) * spread:
            return False
    return True

"""Whether an edit of a quantized file leaves its answers where they were.

Some networks (MobileNetV2 and V3 are known for it) carry so much quantization noise that every
further rounding shows: on random weights, scales in few bits cost them 5 % of their answers.
"""

import itertools
from typing import Any

import numpy as np

from tfedge.device import limits, tflite
from tfedge.export import calibration

_EXAMPLES = 32
STEADY_DB = 25.0  # what is moved is then 6 % of how outputs differ from example to example


def is_steady(before: bytes, after: bytes, examples: calibration.Examples) -> bool:
    """Whether outputs moved by no more than `STEADY_DB` below their spread over examples."""
    first, second = (_outputs(data, examples) for data in (before, after))
    for name, expected in first.items():
        spread = float(np.var(expected, axis=0).mean())
        moved = float(np.mean((second[name] - expected) ** 2))
        if moved > 10 ** (-STEADY_DB / 10) * spread:
            return False
    return True


def _outputs(data: bytes, examples: calibration.Examples) -> dict[str, np.ndarray]:
    """(n, ...) real outputs by name."""
    interpreter = tflite.interpreter(data, limits.usable_cores())
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner()
    given, put_out = runner.get_input_details(), runner.get_output_details()
    found = []
    for example in itertools.islice(examples(), _EXAMPLES):
        interpreter.reset_all_variables()  # a fused LSTM's, which begins anew
        found.append(runner(**{name: _coded(example[name], end) for name, end in given.items()}))
    return {
        name: np.stack([_real(each[name], end) for each in found]) for name, end in put_out.items()
    }


def _coded(values: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    scale, zero_point = end["quantization"]
    if not scale:
        return values.astype(end["dtype"])
    allowed = np.iinfo(end["dtype"])
    codes = np.round(values / scale) + zero_point
    return np.clip(codes, allowed.min, allowed.max).astype(end["dtype"])


def _real(codes: np.ndarray, end: dict[str, Any]) -> np.ndarray:
    scale, zero_point = end["quantization"]
    return (codes.astype(np.float64) - zero_point) * (scale or 1.0)

"""The least time of a .tflite on this host: what contention adds, it never takes away."""

import time
from typing import Any

import numpy as np

from tfedge.device.file import tflite

_BLOCK_MS = 0.4
_INTERPRETERS = 4


def least_ms(content: bytes, threads: int, seconds: float = 0.03) -> float:
    """Milliseconds of one run: the best of many short blocks of runs.

    A block is so short that most are not interrupted even on a busy machine. Two threads may share
    a core for as long as their interpreter lives, so that several interpreters are tried.

    Args:
        content: the file.
        threads: for the kernels.
        seconds: how long to look for the best.
    """
    tries = 1 if threads == 1 else _INTERPRETERS
    return min(_least_ms(_ready(content, threads), seconds / tries) for _ in range(tries))


def _least_ms(interpreter: Any, seconds: float) -> float:
    invoke = interpreter.invoke
    for _ in range(3):
        invoke()
    started = time.perf_counter()
    invoke()
    once = max(1e-6, time.perf_counter() - started)
    runs = max(1, int(_BLOCK_MS / 1e3 / once))
    best, stop, blocks = float("inf"), time.perf_counter() + seconds, 0
    while blocks < 5 or time.perf_counter() < stop:
        started = time.perf_counter()
        for _ in range(runs):
            invoke()
        best = min(best, (time.perf_counter() - started) / runs)
        blocks += 1
    return best * 1e3


def _ready(content: bytes, threads: int) -> Any:
    interpreter = tflite.interpreter(content, threads)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        values = random.uniform(-100, 100, detail["shape"])
        interpreter.set_tensor(detail["index"], values.astype(detail["dtype"]))
    return interpreter

"""Shows what a large network takes: CPU-seconds and memory, stage by stage.

    python tools/benchmarks/scale.py --width=2048
    python tools/benchmarks/scale.py --width=4096 --limit

A stack of six wide Dense layers with random weights (width 2048 is 25 million, 4096 is 101
million) is loaded from its .keras file, exported as float32, run through quantize(epochs=0),
exported as int8 and evaluated beside the float file; before that TensorFlow's converter makes the
same two files alone.
Memory is the proportional set size (Pss of smaps_rollup) of all processes together, read ten times
a second, so what two processes share counts once. With --limit the exit code is 1 where tfedge
takes more than 120 CPU-seconds, or more than 4 times the bytes of the float weights and 1 GiB.
Linux only.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from absl import flags
from tfedge_pipelines import entry
from tfedge_tools import wide_console

_FLAGS = flags.FlagValues()
_WIDTH = flags.DEFINE_integer("width", 2048, "Units of every layer.", flag_values=_FLAGS)
_LIMIT = flags.DEFINE_boolean("limit", False, "Fail above the limits.", flag_values=_FLAGS)
_JOURNEY = flags.DEFINE_string("journey", None, "Used by the program itself.", flag_values=_FLAGS)
_LAYERS, _CLASSES, _EXAMPLES = 6, 10, 40
_EVERY_SECONDS, _TRIES = 0.1, 5
_BEFORE = "(the file is made)"
_LIMIT_SECONDS, _LIMIT_COPIES, _LIMIT_BYTES = 120.0, 4, 2**30
_MODEL = """
import keras

keras.utils.set_random_seed(1)
given = dict(activation="relu", kernel_initializer="he_normal")
stack = [keras.layers.Dense({width}, name=f"dense_{{n}}", **given) for n in range({layers})]
head = keras.layers.Dense({classes}, "softmax", name="classes")
keras.Sequential([keras.Input(({width},)), *stack, head]).save({path!r})
"""


@dataclasses.dataclass
class Stage:
    """One stage of a journey.

    Attributes:
        journey: whose it is.
        name: what was done.
        seconds: of CPU, of all processes.
        peak_bytes: the largest sum of proportional set sizes that was seen in it.
    """

    journey: str
    name: str
    seconds: float = 0.0
    peak_bytes: int = 0


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Prints a row for each stage; the exit code."""
    if _JOURNEY.value:
        _JOURNEYS[_JOURNEY.value](_WIDTH.value)
        return entry.OK
    stages = [stage for journey in _JOURNEYS for stage in watched(journey, _WIDTH.value)]
    weights = 4 * _LAYERS * _WIDTH.value**2
    _show(stages, weights)
    ours = [stage for stage in stages if stage.journey == "tfedge" and stage.name != _BEFORE]
    seconds, peak = sum(s.seconds for s in ours), max(s.peak_bytes for s in ours)
    allowed = _LIMIT_COPIES * weights + _LIMIT_BYTES
    entry.tell(
        f"tfedge: {seconds:.0f} CPU-seconds of {_LIMIT_SECONDS:.0f}, "
        f"{_gib(peak)} GiB of {_gib(allowed)}"
    )
    is_within = seconds <= _LIMIT_SECONDS and peak <= allowed
    return entry.OK if is_within or not _LIMIT.value else entry.BAD_INPUT


def watched(journey: str, width: int) -> list[Stage]:
    """Runs a journey in a process of its own and looks at its memory."""
    stages = [Stage(journey, "start")]
    command = [sys.executable, __file__, f"--journey={journey}", f"--width={width}"]
    quietly = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quietly) as process:

        def follow() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                stages[-1].seconds = said["seconds"]
                stages.append(Stage(journey, said["next"]))

        follower = threading.Thread(target=follow)
        follower.start()
        while process.poll() is None:
            stages[-1].peak_bytes = max(stages[-1].peak_bytes, _tree_bytes(process.pid))
            time.sleep(_EVERY_SECONDS)
        follower.join()
    if process.returncode:
        raise SystemExit(process.returncode)
    return stages[:-1]


def _tree_bytes(pid: int) -> int:
    """Of a process and all that it has started, in a moment in which none of them began.

    What a new one shares with the process it came from would count in both.
    """
    for _ in range(_TRIES):
        processes = _tree(pid)
        total = sum(map(_process_bytes, processes))
        if _tree(pid) == processes:
            return total
    return 0


def _tree(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):  # it may end meanwhile
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _tree(int(child))
    return found


def _process_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        said = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return 1024 * sum(map(int, re.findall(r"Pss:\s+(\d+)", said)))
    return 0


class _Teller:
    """Says on stdout which stage begins, and what the one before it took."""

    def __init__(self) -> None:
        self._before = 0.0

    def __call__(self, following: str) -> None:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        used = [resource.getrusage(kind) for kind in kinds]
        now = sum(each.ru_utime + each.ru_stime for each in used)
        told = {"seconds": now - self._before, "next": following}
        self._before = now
        os.write(1, (json.dumps(told) + "\n").encode())


@contextlib.contextmanager
def _model(width: int) -> Iterator[str]:
    """A .keras file, made by a process that ends, as one that was trained another day."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder, "wide.keras"))
        program = _MODEL.format(width=width, layers=_LAYERS, classes=_CLASSES, path=path)
        subprocess.run([sys.executable, "-c", program], check=True)
        yield path


def _data(width: int, model: Any) -> Any:
    """What the untrained network answers is right."""
    import numpy as np

    from tfedge.data.task import ArraySplit, Task

    draw = np.random.default_rng(0)
    x = draw.normal(size=(4 * _EXAMPLES, width)).astype(np.float32)
    y = np.argmax(model(x), axis=1)
    train, calibration, validation, holdout = (ArraySplit(x[n::4], y[n::4]) for n in range(4))
    return Task("random", "classification", train, calibration, validation, holdout)


def _by_converter(width: int) -> None:
    """TensorFlow's converter alone, on the tf_keras model of the same layers."""
    tell = _Teller()
    import numpy as np
    import tensorflow as tf
    import tf_keras

    tell("build")
    tf_keras.utils.set_random_seed(1)
    model = tf_keras.Sequential([tf_keras.Input((width,))])
    for _ in range(_LAYERS):
        model.add(tf_keras.layers.Dense(width, "relu", kernel_initializer="he_normal"))
    model.add(tf_keras.layers.Dense(_CLASSES, "softmax"))
    draw = np.random.default_rng(0)
    examples = draw.normal(size=(_EXAMPLES, 1, width)).astype(np.float32)
    for name in ("float32", "int8"):
        tell(f"convert to {name}")
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if name == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([each] for each in examples)
        converter.convert()
    tell("end")


def _by_tfedge(width: int) -> None:
    """The whole journey in one process, as from Python."""
    tell = _Teller()
    import tfedge

    tell(_BEFORE)
    with _model(width) as path:
        tell("load")
        model = tfedge.load_model(path)
    task = _data(width, model)
    tell("export float32")
    baseline = tfedge.to_tflite(model, "float32", task)
    tell("quantize(epochs=0)")
    candidate = tfedge.Recipe.parse("quantize(epochs=0)").apply(model, task)
    tell("export int8")
    data = tfedge.to_tflite(candidate, "int8", task)
    tell("evaluate")
    tfedge.evaluate(data, task, "mid_range_phone", baseline=baseline, holds=candidate.holds)
    tell("end")


_JOURNEYS: dict[str, Callable[[int], None]] = {"converter": _by_converter, "tfedge": _by_tfedge}


def _show(stages: list[Stage], weights: int) -> None:
    from rich import table

    shown = table.Table("by", "stage", "CPU-seconds", "peak GiB", "times the weights")
    for each in stages:
        shown.add_row(
            *(each.journey, each.name, f"{each.seconds:.1f}", _gib(each.peak_bytes)),
            f"{each.peak_bytes / weights:.1f}",
        )
    wide_console.make().print(shown)


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f}"


if __name__ == "__main__":
    run()

"""Runs a .tflite on emulated ARM cores and compares what it computes with this host, bit by bit.

    python tools/benchmarks/arm_check.py --tflite=FILE --data=fashion_mnist --examples=1000

The held-out examples go through the aarch64 build of LiteRT under qemu-user, as a Cortex-A53 and as
a Cortex-A76, and through this host's. An integer network has to give the same bits (where a mean
or a softmax rounds otherwise on ARM, one code of difference from equal inputs is let pass); a float
one has to stay within 1e-4. Without --tflite and --data: the embedded digits network as int8. The
first call fetches Debian's arm64 Python, qemu and two wheels into the user's cache (about a minute,
150 MB), without installing anything. The emulator's speed says nothing about a phone's.

Exit codes: 0 the cores agree, 1 bad input or no emulator can be had here (one line says why), 2 an
error of ours, 3 a core computes something else.
"""

import dataclasses
import json
import pathlib
import sys
from typing import TYPE_CHECKING, Any

from absl import flags, logging
from tfedge_pipelines import data_flags, entry
from tfedge_tools import wide_console

from tfedge import errors, settings

if TYPE_CHECKING:
    from tfedge_tools.benchmarks.arm.comparison import Comparison

    from tfedge.data.task import Task
    from tfedge.device.file.tflite import TfliteFile

_FLAGS = flags.FlagValues()
_TFLITE = flags.DEFINE_string("tflite", None, "The file to run.", flag_values=_FLAGS)
_DATA, _DATA_DIR = data_flags.define(_FLAGS)
_EXAMPLES = flags.DEFINE_integer(
    "examples", 1000, "How many held-out examples.", lower_bound=1, flag_values=_FLAGS
)
_CORES = flags.DEFINE_list(
    "cores", ["cortex-a53", "cortex-a76"], "Which cores to run as.", flag_values=_FLAGS
)
_JSON = flags.DEFINE_boolean("json", False, "Print JSON instead of a table.", flag_values=_FLAGS)
_DIFFERS = 3


def run() -> None:
    """The program."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Runs the file here and there; the exit code."""
    from tfedge_tools.benchmarks.arm import cores, machine

    known = {core.name: core for core in cores.CORES}
    for name in _CORES.value:
        if name not in known:
            raise errors.BadInput(
                "--cores", f"no core {name!r}", settings.nearest(name, list(known))
            )
    if (_TFLITE.value is None) != (_DATA.value is None):
        missing = "--tflite" if _TFLITE.value is None else "--data"
        raise errors.BadInput(missing, "missing", "Give both --tflite and --data, or neither.")
    file = None if _TFLITE.value is None else _read(_TFLITE.value)
    emulated = machine.set_up()  # where it cannot be had, that is said before any work
    task = _task()
    file = file or _embedded(task)
    found = check(file, task, [known[name] for name in _CORES.value], emulated)
    if _JSON.value:
        rows = [{**dataclasses.asdict(each), "agrees": each.agrees} for each in found]
        sys.stdout.write(json.dumps({"schema_version": 1, "cores": rows}, indent=2) + "\n")
    else:
        show(found)
    return entry.OK if all(each.agrees for each in found) else _DIFFERS


def check(file: "TfliteFile", task: "Task", chosen: Any, emulated: Any) -> list["Comparison"]:
    """Runs held-out examples on this host and on each core."""
    from tfedge_tools.benchmarks.arm import comparison

    inputs, content = _inputs(file, task), comparison.observed(file)
    here = comparison.run([sys.executable], content, inputs, "this host")
    found = []
    for core in chosen:
        logging.info("%d examples as %s: %s", len(here["ms"]), core.name, core.about)
        there = comparison.run(emulated.command(core), content, inputs, core.name)
        found.append(comparison.compare(core.name, file, here, there))
    return found


def _inputs(file: "TfliteFile", task: "Task") -> dict[int, Any]:
    """Tensor number -> the first held-out examples as it takes them, (n, 1, ...)."""
    import numpy as np

    from tfedge.device import inference

    if task.holdout is None:
        raise errors.BadInput("--data", "no held-out split", "Add one: the file is run on it.")
    count = min(_EXAMPLES.value, len(task.holdout))
    x = task.holdout.take(np.arange(count)).x
    return {
        port.tensor: port.prepare(x[port.name] if isinstance(x, dict) else x, task.normalization)
        for port in inference.input_ports(file, x, "--tflite")
    }


def _read(path: str) -> "TfliteFile":
    from tfedge.device.file import tflite

    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as e:
        cause = (e.strerror or str(e)).lower()
        raise errors.BadInput(f"--tflite={path}", cause, "Name a .tflite file.") from e
    return tflite.read(content, f"--tflite={path}")


def _task() -> "Task":
    from tfedge.data import sources

    return sources.load_task(_DATA.value or "digits", _DATA_DIR.value)


def _embedded(task: "Task") -> "TfliteFile":
    """The digits network, exported here: this alone needs TensorFlow."""
    import tfedge_models

    import tfedge
    from tfedge.device.file import tflite

    folder = pathlib.Path(next(iter(tfedge_models.__path__)))
    model = tfedge.load_model(folder / "checkpoints" / "digits_cnn_digits.keras")
    return tflite.read(tfedge.to_tflite(model, "int8", task))


def show(found: list["Comparison"]) -> None:
    """A row for each core."""
    from rich import box, table

    screen = wide_console.make()
    shown = table.Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown.add_column("emulated core")
    headings = (
        *("examples", "bit-identical", "differing from", "same answer"),
        *("largest difference", "emulated ms"),
    )
    for heading in headings:
        shown.add_column(heading, justify="right")
    shown.add_column("")
    for each in found:
        begins = ", ".join(f"{kind} {count:,}" for kind, count in each.begins_in.items())
        shown.add_row(
            *(each.core, f"{each.examples:,}", f"{each.identical:,}"),
            *(begins, f"{each.same_answer:,}"),
            *(f"{each.largest_difference:.2g}", f"{each.ms:.1f}"),
            "agrees" if each.agrees else "DIFFERS",
        )
    screen.print(shown)
    if any(each.begins_in for each in found):
        screen.print("LiteRT rounds means and softmaxes otherwise on ARM, by one code at most.")


if __name__ == "__main__":
    run()

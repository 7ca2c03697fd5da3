"""Damages .tflite files and puts each through the evaluator: what comes back must have a type.

    python tools/benchmarks/fuzz_evaluate.py [--count=10000] [--seed=0] [--spawned=100] [--kept=DIR]

The small files in tests/device/files are cut, flipped and overwritten by turns. Whatever the
damage, `evaluate` must return a scorecard (of a model that ran, or of a failure: memory, signal,
timeout, error) or refuse the file with one line. Expect 10,000 files in about ten minutes on two
quiet cores. The first `--spawned` children are started as evaluate.py starts them, the others
forked, which is ten times as fast. Exit code 1 if anything else came back; those files go to DIR.
"""

import collections
import hashlib
import pathlib
import sys
import time
import traceback
from collections.abc import Iterator

import numpy as np
from absl import flags
from tfedge_pipelines import entry

_FLAGS = flags.FlagValues()
_COUNT = flags.DEFINE_integer("count", 10_000, "How many files.", flag_values=_FLAGS)
_SEED = flags.DEFINE_integer("seed", 0, "Of the damage.", flag_values=_FLAGS)
_SPAWNED = flags.DEFINE_integer("spawned", 100, "Files run by new processes.", flag_values=_FLAGS)
_KEPT = flags.DEFINE_string(
    "kept", "out/fuzz", "Folder for files that came back untyped.", flag_values=_FLAGS
)
_FILES = pathlib.Path(__file__).resolve().parents[2] / "tests" / "device" / "files"
_IMAGES = ("image_int8", "image_float", "image_float16", "image_uint8_raw")
_SECONDS = 20.0  # for one file; they take milliseconds
_UNTYPED = "UNTYPED"
_SAID_EVERY = 500


def run() -> None:
    """Prints what became of the files; the exit code says whether all had a type."""
    entry.run(main, _FLAGS, __doc__)


def main() -> int:
    """Damages and evaluates as the flags say."""
    found: collections.Counter[str] = collections.Counter()
    started = time.monotonic()
    for number, (content, task) in enumerate(_damaged(_COUNT.value, _SEED.value)):
        _start_children_as(number < _SPAWNED.value)
        found[_outcome(content, task)] += 1
        if (number + 1) % _SAID_EVERY == 0:
            _say(found, number + 1, started)
    _say(found, _COUNT.value, started)
    return int(found[_UNTYPED] > 0)


def _damaged(count: int, seed: int) -> Iterator[tuple[bytes, object]]:
    """(content, a task that fits the file it was), each kind of file and damage by turns."""
    from tfedge_tools.benchmarks.fuzzing import damage

    random = np.random.default_rng(seed)
    originals = [(_read(name), task) for name, task in _tasks().items()]
    for number in range(count):
        content, task = originals[number // len(damage.WAYS) % len(originals)]
        yield damage.WAYS[number % len(damage.WAYS)](content, random), task


def _tasks() -> dict[str, object]:
    random = np.random.default_rng(0)
    images = random.integers(0, 17, (8, 8, 8, 1)).astype(np.uint8)
    steps = {"extra": random.normal(size=(8, 2)), "steps": random.normal(size=(8, 5, 3))}
    groups = {"group": np.arange(8) % 3, "score": np.zeros((8, 1), np.float32)}
    classes = np.arange(8) % 4
    return {
        **{name: _task(images, classes) for name in _IMAGES},
        "sequence_float": _task(steps, groups, kind="custom", metric="accuracy:group"),
        "block_sparse": _task(random.normal(size=(8, 16)), classes),
    }


def _task(x, y, **settings) -> object:
    from tfedge.data.task import ArraySplit, Task

    split = ArraySplit(x, y)
    given = {"name": "damaged", "kind": "classification", **settings}
    return Task(train=split, calibration=split, validation=split, holdout=split, **given)


def _read(name: str) -> bytes:
    return (_FILES / f"{name}.tflite").read_bytes()


def _start_children_as(spawned: bool) -> None:
    from tfedge_tools.benchmarks.fuzzing import forking

    from tfedge.device import sandbox

    # What forking starts is like a Popen as far as the sandbox asks it.
    sandbox.starter = sandbox.spawn if spawned else forking.start  # type: ignore[assignment]


def _outcome(content: bytes, task) -> str:
    """What became of one file, in a word."""
    from tfedge import errors
    from tfedge.device import evaluate

    try:
        card = evaluate.evaluate(content, task, "wearable", seconds=_SECONDS)
        card.to_json()
    except errors.BadInput:
        return "refused"
    except Exception:  # whatever else it is, it is what this program looks for
        _keep(content)
        return _UNTYPED
    return card.failure.kind if card.failure else "ran"


def _keep(content: bytes) -> None:
    folder = pathlib.Path(_KEPT.value)
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(content).hexdigest()[:16]
    (folder / f"{name}.tflite").write_bytes(content)
    (folder / f"{name}.txt").write_text(traceback.format_exc())


def _say(found: collections.Counter[str], number: int, started: float) -> None:
    counts = ", ".join(f"{word} {count:,}" for word, count in found.most_common())
    seconds = time.monotonic() - started
    sys.stdout.write(f"{number:,} files in {seconds:,.0f} s: {counts}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run()

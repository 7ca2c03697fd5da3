"""In the child: loads one model, times it, and runs every example that the parent feeds.

Examples come as a count and then the raw bytes of each input; a count of 0 ends them. Outputs go
to one file each as they are computed, so neither side holds more than a batch.
"""

import contextlib
import dataclasses
import json
import pathlib
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

import numpy as np

from tfedge.data import task as data_task
from tfedge.device import latency, xnnpack_coverage
from tfedge.device.file import tflite
from tfedge.device.model_io import Input, Output
from tfedge.device.sandbox import child, memory
from tfedge.device.sandbox.progress import Progress

MODEL = "model.tflite"
COUNT = struct.Struct("<q")
# Below this, waking threads costs more than they bring, the more so on a busy host.
_THREADS_PAY_FROM_MS = 1.0
_COPIES = 4  # of a batch, as raw, prepared, collected and real values


@dataclasses.dataclass(frozen=True)
class Job:
    """What to run.

    Attributes:
        inputs: in the order in which their bytes are fed.
        outputs: of the model.
        threads: of the interpreter that is timed.
        scale, offset: of the task's normalisation.
        keeps_state: whether the model would remember an example when it sees the next one.
        timed_seconds: how long the host's times are taken for, before the examples are run.
        room: how many tokens the file's caches hold; 0 of one without.
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    threads: int
    scale: Any = 1.0
    offset: Any = 0.0
    keeps_state: bool = False
    timed_seconds: float = latency.TIMED_SECONDS
    room: int = 0

    @classmethod
    def read(cls, folder: pathlib.Path) -> "Job":
        """The job that `write` left in a folder."""
        content = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        inputs = tuple(Input(**{**i, "shape": tuple(i["shape"])}) for i in content["inputs"])
        outputs = tuple(Output(**output) for output in content["outputs"])
        return cls(**{**content, "inputs": inputs, "outputs": outputs})

    def write(self, folder: pathlib.Path) -> None:
        """As JSON."""
        (folder / "job.json").write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")


class Runner(Protocol):
    """What makes outputs of examples."""

    def prepare(self, feeds: list[np.ndarray]) -> None:
        """Sets the inputs of one inference, to be timed."""

    def output_bytes(self) -> int:
        """Of one example, once an inference has run."""

    def run(self, feeds: list[np.ndarray], steps: memoryview) -> list[np.ndarray]:
        """The outputs of one batch, (n, ...) each; counts inferences in `steps`."""

    def measured(self, seconds: float) -> dict[str, Any]:
        """What else there is to be measured, for result.json."""


def work(place: child.Workplace) -> None:
    """Runs the job of a workplace; leaves result.json and a file of values for each output."""
    carry_out(place, Single)


def carry_out(place: child.Workplace, make: Callable[[Any, Job], Runner]) -> None:
    """The same with a runner made of (interpreter, job)."""
    job = Job.read(place.folder)
    batches = _batches(place.examples, job)
    feeds = next(batches)
    tflite.runtime()  # before the baseline of memory and the load time are taken
    place.ready_to_load()
    place.progress.is_busy = True
    started = time.perf_counter_ns()
    interpreter = _load(place.folder, job.threads)
    load_ms = (time.perf_counter_ns() - started) / 1e6
    place.progress.steps = 1
    runner = make(interpreter, job)
    runner.prepare(feeds)
    invoke = _counted(interpreter.invoke, place.progress)
    timed = latency.measure(invoke, load_ms, job.threads, job.timed_seconds)
    more = runner.measured(job.timed_seconds)
    fraction, rest = xnnpack_coverage.left_out(interpreter)
    measured = {
        "latency": dataclasses.asdict(timed),
        "peak_memory_bytes": max(memory.peak_bytes() - place.progress.baseline_bytes, 0),
        "delegated_fraction": fraction,
        "not_delegated": rest,
        **more,
    }
    own_bytes = _own_bytes(runner, feeds)  # of one that has run: outputs have sizes now
    if job.threads > 1 and timed.p50 < _THREADS_PAY_FROM_MS:
        runner = make(_load(place.folder, 1), job)
    place.progress.is_busy = False
    place.allow(own_bytes)
    n, shapes = _run_all(runner, job, feeds, batches, place)
    place.write_json("result.json", {"n": n, "outputs": shapes, **measured})


def _load(folder: pathlib.Path, threads: int) -> Any:
    interpreter = tflite.interpreter(folder / MODEL, threads)
    interpreter.allocate_tensors()
    return interpreter


def _own_bytes(runner: Runner, feeds: list[np.ndarray]) -> int:
    """What batches of examples and outputs take in this program: no memory of the model's."""
    outputs = len(feeds[0]) * runner.output_bytes()
    return _COPIES * (outputs + sum(feed.nbytes for feed in feeds))


def _batches(examples: BinaryIO, job: Job) -> Iterator[list[np.ndarray]]:
    """For each batch the prepared arrays, (n, 1, ...), in the order of the inputs."""
    normalization = data_task.Normalization(_frozen(job.scale), _frozen(job.offset))
    while n := COUNT.unpack(_receive(examples, COUNT.size))[0]:
        prepared = []
        for port in job.inputs:
            content = _receive(examples, n * port.example_bytes)
            array = np.frombuffer(content, port.dtype).reshape(n, *port.shape)
            prepared.append(port.prepare(array, normalization))
        yield prepared


def _receive(examples: BinaryIO, size: int) -> bytearray:
    content = bytearray(size)
    if examples.readinto(content) != size:  # type: ignore[attr-defined]
        raise EOFError("the examples ended early")
    return content


def _counted(invoke: Callable[[], None], progress: Progress) -> Callable[[], None]:
    """The same, which tells the parent of each inference."""

    def counted() -> None:
        invoke()
        progress.steps += 1

    return counted


def _run_all(
    runner: Runner,
    job: Job,
    first: list[np.ndarray],
    rest: Iterator[list[np.ndarray]],
    place: child.Workplace,
) -> tuple[int, list[dict]]:
    """Runs `first` and `rest`; returns the number of examples and each output's shape and type."""
    shapes: list[dict] = []
    n, feeds = 0, first
    with contextlib.ExitStack() as stack:
        files = [
            stack.enter_context((place.folder / f"output_{k}").open("wb"))
            for k in range(len(job.outputs))
        ]
        while feeds is not None:
            place.progress.is_busy = True
            found = runner.run(feeds, place.progress.numbers)
            place.progress.is_busy = False
            values = [port.real(codes) for port, codes in zip(job.outputs, found, strict=True)]
            for file, value in zip(files, values, strict=True):
                file.write(value.data)
            shapes = [{"shape": v.shape[1:], "dtype": v.dtype.name} for v in values]
            n += len(feeds[0])
            feeds = next(rest, None)  # type: ignore[arg-type]
    return n, shapes


class Single:
    """Each example is one inference of the main signature."""

    def __init__(self, interpreter: Any, job: Job):
        self._interpreter, self._job = interpreter, job

    def prepare(self, feeds: list[np.ndarray]) -> None:
        """See `Runner`."""
        for port, feed in zip(self._job.inputs, feeds, strict=True):
            self._interpreter.set_tensor(port.tensor, feed[0])

    def output_bytes(self) -> int:
        """See `Runner`."""
        outputs = self._job.outputs
        return sum(self._interpreter.get_tensor(port.tensor).nbytes for port in outputs)

    def run(self, feeds: list[np.ndarray], steps: memoryview) -> list[np.ndarray]:
        """See `Runner`. The loop is as bare as it gets."""
        n, at = len(feeds[0]), child.Progress.STEPS
        interpreter, job = self._interpreter, self._job
        set_tensor, invoke, get_tensor = (
            interpreter.set_tensor,
            interpreter.invoke,
            interpreter.get_tensor,
        )
        examples = [(port.tensor, feed) for port, feed in zip(job.inputs, feeds, strict=True)]
        wanted = [port.tensor for port in job.outputs]
        found: list[list[np.ndarray]] = [[] for _ in wanted]
        done = steps[at]
        for i in range(n):
            for tensor, feed in examples:
                set_tensor(tensor, feed[i])
            if job.keeps_state:
                interpreter.reset_all_variables()
            invoke()
            for values, tensor in zip(found, wanted, strict=True):
                values.append(get_tensor(tensor))
            steps[at] = done + i + 1
        return [_without_batch(np.stack(values)) for values in found]

    def measured(self, seconds: float) -> dict[str, Any]:
        """See `Runner`."""
        del seconds
        return {}


def _without_batch(values: np.ndarray) -> np.ndarray:
    """(n, ...) from (n, 1, ...)."""
    return values[:, 0] if values.ndim > 1 and values.shape[1] == 1 else values


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

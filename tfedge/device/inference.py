"""Runs a .tflite over a whole split in a sandbox, batch by batch."""

import contextlib
import dataclasses
import itertools
import json
import math
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data import splits
from tfedge.data import task as data_task
from tfedge.device import latency, sandbox, worker
from tfedge.device.decoding import caches, sequences
from tfedge.device.file import graph, tflite
from tfedge.device.model_io import Input, Output
from tfedge.device.sandbox import limits as child_limits
from tfedge.device.sandbox import memory

Batch = tuple[splits.Arrays, splits.Arrays]

_BATCH_BYTES = 2**20
_LARGEST_BATCH = 256
_MAPPED_FROM_BYTES = 2**26  # larger outputs stay on the disk
_SPARE_OUTPUT_BYTES = 2**26
_REAL = ("FLOAT32", "FLOAT16", "FLOAT64")
_CODES = ("INT8", "UINT8", "INT16", "UINT16", "INT32", "INT64", "BOOL")


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What running a file over a split gave.

    Attributes:
        file: what was run.
        where: what it is called in errors.
        targets: of the examples, as they came.
        outputs: by output name, (n, ...) real values, in the order of the examples.
        host: None where the model failed, as are the next two.
        peak_memory_bytes: the most the process grew by when the model was loaded and first run.
        delegated_fraction: share of operators inside a delegate.
        outcome: the failure, if any, and the limits.
        not_delegated: how many operators of each kind are outside of delegates.
        tokens_per_second: of a file with key/value caches.
    """

    file: tflite.TfliteFile
    where: str
    targets: splits.Arrays
    outputs: dict[str, np.ndarray]
    host: latency.HostLatency | None
    peak_memory_bytes: int | None
    delegated_fraction: float | None
    outcome: sandbox.Outcome
    not_delegated: dict[str, int] = dataclasses.field(default_factory=dict)
    tokens_per_second: latency.TokenRates | None = None


def run(
    file: tflite.TfliteFile,
    split: splits.Split,
    normalization: data_task.Normalization,
    limits: sandbox.Limits,
    where: str = ".tflite",
    *,
    timed_seconds: float = latency.TIMED_SECONDS,
    as_codes: bool = False,
) -> Run:
    """Runs every example of `split`, in order, through one interpreter.

    Args:
        file: read from its bytes.
        split: with raw inputs; pulled once, a batch at a time.
        normalization: the task's; left out where the file says that it is baked in.
        limits: of the child.
        where: what to call the file in errors.
        timed_seconds: how long to take the host's times for; with 0 they are rough.
        as_codes: outputs are what the tensors hold, in place of real values.

    Raises:
        BadInput: the examples do not fit the model's inputs.
    """
    batches = split.batches(_LARGEST_BATCH)
    first = next(batches, None)
    if first is None:
        raise errors.BadInput("held-out split", "it is empty", "Give it examples.")
    way = _way(file, first[0], where)
    inputs, outputs = way.inputs, way.outputs
    if as_codes:
        outputs = tuple(Output(port.name, port.tensor) for port in outputs)
    with _private_folder() as folder:
        # More threads than cores wait for each other and measure nothing.
        threads = min(limits.threads, child_limits.usable_cores())
        plain = {
            **_plain(normalization),
            "keeps_state": file.keeps_state,
            "timed_seconds": timed_seconds,
            "room": way.room,
        }
        _write_job(folder, file, worker.Job(inputs, outputs, threads, **plain))
        allowed = dataclasses.replace(limits, output_bytes=way.largest_file(len(split)))
        targets: list[splits.Arrays] = []
        fed = way.fed(itertools.chain([first], batches))
        outcome = sandbox.run(
            way.function, folder, allowed, _chunks(fed, inputs, way.rows, targets)
        )
        if outcome.failure:
            failure = _explained(outcome.failure, file, limits)
            outcome = dataclasses.replace(outcome, failure=failure)
            return Run(file, where, _joined(targets), {}, None, None, None, outcome)
        return Run(file, where, _joined(targets), **_collect(folder, outputs), outcome=outcome)


@dataclasses.dataclass(frozen=True)
class _Way:
    """How examples go through a file.

    Attributes:
        function: of the child.
        inputs, outputs: what is fed of each example and read for it.
        output_bytes: of an example.
        fed: what is fed in place of batches.
        room: of the file's caches.
    """

    function: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    output_bytes: int
    fed: Callable[[Iterator[Batch]], Iterator[Batch]] = iter
    room: int = 0

    @property
    def rows(self) -> int:
        """Examples that take about a megabyte, going in or coming out."""
        fed = sum(port.example_bytes for port in self.inputs)
        return max(1, _BATCH_BYTES // max(1, fed, self.output_bytes))

    def largest_file(self, n: int) -> int:
        """Bytes of the largest file of outputs, with room for dynamic shapes."""
        return 2 * n * self.output_bytes + _SPARE_OUTPUT_BYTES


def _way(file: tflite.TfliteFile, x: splits.Arrays, where: str) -> _Way:
    """One call for each example, or one for each step of it where the file has caches for that."""
    outputs = output_ports(file, where)
    sizes = [8 * math.prod(tensor.shape) for tensor in file.named_outputs.values()]
    found = sequences.of(file, x, where)
    if found is None:
        ports = input_ports(file, x, where)
        return _Way("tfedge.device.worker:work", ports, outputs, sum(sizes))
    at = [port.name for port in outputs].index(caches.LOGITS)
    return _Way(
        "tfedge.device.decoding.stepwise:work",
        found.inputs,
        (outputs[at],),
        found.steps * sizes[at],
        found.with_spans,
        found.room,
    )


@contextlib.contextmanager
def _private_folder() -> Iterator[pathlib.Path]:
    """For the model and its outputs; gone afterwards."""
    try:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tfedge-"))
    except OSError as e:
        raise _no_room(tempfile.gettempdir(), e) from e
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_job(folder: pathlib.Path, file: tflite.TfliteFile, job: worker.Job) -> None:
    try:
        (folder / worker.MODEL).write_bytes(file.content)
        job.write(folder)
    except OSError as e:
        raise _no_room(str(folder.parent), e) from e


def _no_room(folder: str, error: OSError) -> errors.BadInput:
    cause = f"it cannot be written to ({error.strerror or error})"
    return errors.BadInput(folder, cause, "Set TMPDIR to a folder with free space.")


def input_ports(file: tflite.TfliteFile, x: splits.Arrays, where: str) -> tuple[Input, ...]:
    """How examples such as `x`, (n, ...) each, go into the inputs of the signature.

    Raises:
        BadInput: they do not fit.
    """
    tensors = file.named_inputs
    arrays = x if isinstance(x, dict) else {name: x for name in tensors}
    if set(arrays) != set(tensors) or (not isinstance(x, dict) and len(tensors) != 1):
        given = ", ".join(x) if isinstance(x, dict) else "one array without a name"
        raise errors.BadInput(
            where,
            f"its inputs are {', '.join(tensors)}; the data has {given}",
            "Give the data as a dict with the model's input names.",
        )
    return tuple(
        _input(name, tensors[name], np.asarray(arrays[name]), file, where) for name in tensors
    )


def _input(
    name: str, tensor: graph.Tensor, x: np.ndarray, file: tflite.TfliteFile, where: str
) -> Input:
    _check_shape(name, tensor, x, where)
    if x.dtype.kind not in "biuf" or tensor.dtype not in _REAL + _CODES:
        raise errors.BadInput(
            f"{where}, input {name!r}",
            f"the data is {x.dtype}, the model takes {tensor.dtype}",
            "Only numbers can be fed; turn the examples into arrays of numbers.",
        )
    return Input(
        name=name,
        tensor=tensor.index,
        shape=x.shape[1:],
        dtype=x.dtype.name,
        model_dtype=tensor.dtype.lower(),
        raw=file.takes_raw_input,
        **_scale(tensor),
    )


def _check_shape(name: str, tensor: graph.Tensor, x: np.ndarray, where: str) -> None:
    """A dynamic dimension takes one, as the interpreter plans it."""
    expected, found = tensor.shape[1:], x.shape[1:]
    if tensor.shape[:1] != (1,):
        raise errors.BadInput(
            f"{where}, input {name!r}",
            f"its shape is {tensor.shape}, a batch of 1 was expected",
            "Export it with a batch of 1.",
        )
    if expected != found:
        raise errors.BadInput(
            f"{where}, input {name!r}",
            f"it takes examples of shape {expected}, the data's have {found}",
            "Use the data the model was trained for, or export a fixed shape.",
        )


def output_ports(file: tflite.TfliteFile, where: str) -> tuple[Output, ...]:
    """The outputs of the signature, to be read as real values.

    Raises:
        BadInput: one that holds no numbers.
    """
    for name, tensor in file.named_outputs.items():
        if tensor.dtype not in _REAL + _CODES:
            raise errors.BadInput(
                f"{where}, output {name!r}", f"it is {tensor.dtype}", "Only numbers can be judged."
            )
    return tuple(Output(n, t.index, **_scale(t)) for n, t in file.named_outputs.items())


def _scale(tensor: graph.Tensor) -> dict[str, Any]:
    if not len(tensor.scales):
        return {}
    zero_point = int(tensor.zero_points[0]) if len(tensor.zero_points) else 0
    return {"scale": float(tensor.scales[0]), "zero_point": zero_point}


def _chunks(
    batches: Iterator[tuple[splits.Arrays, splits.Arrays]],
    inputs: tuple[Input, ...],
    rows: int,
    targets: list[splits.Arrays],
) -> Iterator[memoryview | bytes]:
    """Each batch as its count and the bytes of each input, in pieces of up to `rows` examples.

    The targets that come along are put into `targets`.
    """
    for x, y in batches:
        targets.append(y)
        arrays = [_checked(port, x[port.name] if isinstance(x, dict) else x) for port in inputs]
        for start in range(0, len(arrays[0]), rows):
            pieces = [np.ascontiguousarray(array[start : start + rows]) for array in arrays]
            yield worker.COUNT.pack(len(pieces[0]))
            yield from (piece.reshape(-1).view(np.uint8).data for piece in pieces)
    yield worker.COUNT.pack(0)


def _checked(port: Input, x: np.ndarray) -> np.ndarray:
    if x.shape[1:] != port.shape or x.dtype.name != port.dtype:
        raise errors.BadInput(
            f"input {port.name!r}",
            f"examples of {port.dtype} {port.shape} first, then of {x.dtype} {x.shape[1:]}",
            "Give every example the same shape and type.",
        )
    return x


def _collect(folder: pathlib.Path, outputs: tuple[Output, ...]) -> dict[str, Any]:
    """What the child left, as fields of a `Run`."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    values = {
        port.name: _read(folder / f"output_{k}", (result["n"], *shape["shape"]), shape["dtype"])
        for k, (port, shape) in enumerate(zip(outputs, result["outputs"], strict=True))
    }
    host, prefill = latency.HostLatency(**result["latency"]), result.get("prefill_per_second")
    rates = None if prefill is None else latency.TokenRates(prefill, 1000 / host.p50)
    return {
        "outputs": values,
        "host": host,
        "tokens_per_second": rates,
        "peak_memory_bytes": result["peak_memory_bytes"],
        "delegated_fraction": result["delegated_fraction"],
        "not_delegated": result["not_delegated"],
    }


def _joined(parts: list[splits.Arrays]) -> splits.Arrays:
    if isinstance(parts[0], dict):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}  # type: ignore[index]
    return np.concatenate(parts)  # type: ignore[arg-type]


def _read(path: pathlib.Path, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """In memory, or mapped where large; a mapping outlives its file's name."""
    if path.stat().st_size < _MAPPED_FROM_BYTES:
        return np.fromfile(path, dtype).reshape(shape)
    return np.memmap(path, dtype, "r", shape=shape)


def _explained(
    failure: sandbox.Failure, file: tflite.TfliteFile, limits: sandbox.Limits
) -> sandbox.Failure:
    """A refused allocation ends in any error or crash; the graph tells whether it had to come."""
    needed = memory.least_bytes(file)
    if failure.kind not in ("error", "signal") or needed <= limits.memory_bytes:
        return failure
    return sandbox.Failure(
        "memory",
        f"one operator needs {needed:,} bytes, {limits.memory_bytes:,} are allowed "
        f"({failure.detail})",
    )


def _plain(normalization: data_task.Normalization) -> dict[str, Any]:
    """Its numbers as JSON takes them."""
    return {
        field: np.asarray(getattr(normalization, field), np.float64).tolist()
        for field in ("scale", "offset")
    }

"""What a phone is compared with: examples as a model takes them, and what it answers here.

They come out of a release's golden.npz, or are made of a task's held-out examples.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.data.task import Task
from tfedge.device import inference, sandbox, scoring
from tfedge.device.file import tflite
from tfedge.release.golden import tolerances
from tfedge.release.golden.vectors import Vectors

_MEMORY_BYTES, _SECONDS = 2**32, 600.0
_MOST_BYTES = 2**24  # of inputs to send to the phone, or of outputs to send back
_MOST_CODES = 2**31
_TOLERANCE = 1e-4  # of a float model, whose sums may be taken in another order


@dataclasses.dataclass(frozen=True, eq=False)
class Golden:
    """Examples and answers.

    Attributes:
        file: the model.
        examples: how many.
        layout: (input name, bytes of one example), in the order of `inputs`.
        inputs: for each example the bytes of each input.
        outputs: by name, (examples, ...) real values, as the interpreter of this host answers.
        judged: what the model is for, and its run, by which a metric can be told; None where only
            the answers are known.
    """

    file: tflite.TfliteFile
    examples: int
    layout: tuple[tuple[str, int], ...]
    inputs: bytes
    outputs: Mapping[str, np.ndarray]
    judged: tuple[Task, inference.Run] | None = None

    @property
    def output_bytes(self) -> dict[str, int]:
        """Output name -> bytes of all examples' answers."""
        return {
            name: self.examples * _bytes(tensor) for name, tensor in self.file.named_outputs.items()
        }


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How another runtime's answers differ from this host's.

    Attributes:
        examples: compared.
        identical: of which every output has the same bits.
        same_answer: whose largest output is the same one.
        largest_difference: of any output, in real values.
        largest_codes: the same in steps of a quantized output; 0 for floats.
        metric: the task's, None where so few examples have none.
        value, here: of it, there and on this host.
        agrees: identical, or as near as another order of additions comes.
    """

    examples: int
    identical: int
    same_answer: int
    largest_difference: float
    largest_codes: int
    metric: str | None
    value: float | None
    here: float | None
    agrees: bool


def make(file: tflite.TfliteFile, task: Task, examples: int, where: str) -> Golden:
    """Runs the first held-out examples here, in a sandbox.

    Args:
        file: of fixed batch 1.
        task: with held-out examples.
        examples: at most so many; fewer where they are large.
        where: what to call the file in errors.

    Raises:
        BadInput: a batch that is not fixed; a file that remembers examples, or does not run; data
            that does not fit.
    """
    _check_runs_elsewhere(file, where)
    if task.holdout is None:
        raise errors.BadInput("--data", "no held-out split", "Add one: the file is run on it.")
    sizes = {name: _bytes(tensor) for name, tensor in file.named_inputs.items()}
    each = max(sum(sizes.values()), sum(map(_bytes, file.named_outputs.values())))
    count = min(examples, len(task.holdout), max(1, _MOST_BYTES // max(1, each)))
    split = task.holdout.take(np.arange(count))
    limits = sandbox.Limits(_MEMORY_BYTES, 1, _SECONDS)
    run = inference.run(file, split, task.normalization, limits, where)
    if run.outcome.failure:
        failure = run.outcome.failure
        raise errors.BadInput(
            where, f"it does not run here: {failure.kind}, {failure.detail}", "Evaluate it first."
        )
    ports = inference.input_ports(file, split.x, where)
    arrays = split.x if isinstance(split.x, dict) else {port.name: split.x for port in ports}
    prepared = [port.prepare(arrays[port.name], task.normalization) for port in ports]
    inputs = b"".join(part[row].tobytes() for row in range(count) for part in prepared)
    layout = tuple((port.name, sizes[port.name]) for port in ports)
    return Golden(file, count, layout, inputs, run.outputs, (task, run))


def of_release(file: tflite.TfliteFile, vectors: Vectors, where: str) -> Golden:
    """Those that the release came with.

    Args:
        file: of the release.
        vectors: its golden.npz.
        where: what to call the release in errors.

    Raises:
        BadInput: a file that cannot be run elsewhere, or that did not give these answers.
    """
    _check_runs_elsewhere(file, where)
    if vectors.model_sha256 != hashlib.sha256(file.content).hexdigest():
        raise errors.BadInput(where, "its golden.npz is of another file", "Release again.")
    inputs = [np.ascontiguousarray(each) for each in vectors.inputs.values()]
    laid_out = b"".join(part[row].tobytes() for row in range(vectors.examples) for part in inputs)
    outputs = {
        port.name: port.real(vectors.outputs[port.name])
        for port in inference.output_ports(file, where)
    }
    layout = tuple((name, _bytes(file.named_inputs[name])) for name in vectors.inputs)
    return Golden(file, vectors.examples, layout, laid_out, outputs)


def compare(golden: Golden, outputs: Mapping[str, bytes]) -> Agreement:
    """Compares what another runtime answered, as bytes by output name, with this host's answers."""
    there = {
        port.name: port.real(_codes(golden, port.name, outputs[port.name]))
        for port in inference.output_ports(golden.file, "the model")
    }
    same = np.ones(golden.examples, bool)
    answer = np.ones(golden.examples, bool)
    largest, codes = 0.0, 0
    for name, ours in golden.outputs.items():
        first, second = (v.reshape(golden.examples, -1) for v in (ours, there[name]))
        same &= ((first == second) | (_nan(first) & _nan(second))).all(axis=1)
        if first.shape[1] > 1:
            answer &= first.argmax(axis=1) == second.argmax(axis=1)
        largest = max(largest, apart := _apart(first, second))
        step = _step(golden, name)
        codes = max(codes, round(min(apart / step, _MOST_CODES)) if step else 0)
    metric, here = _metric(golden, golden.outputs)
    _, value = _metric(golden, there)
    identical = int(same.sum())
    stepped = any(_step(golden, name) for name in golden.outputs)
    close = codes <= 1 if stepped else largest <= _TOLERANCE
    return Agreement(
        golden.examples,
        identical,
        int(answer.sum()),
        largest,
        codes,
        metric,
        value,
        here,
        identical == golden.examples or close,
    )


def _check_runs_elsewhere(file: tflite.TfliteFile, where: str) -> None:
    _check_fixed(file, where)
    if file.keeps_state:
        raise errors.BadInput(
            where,
            "it remembers the example before (a fused LSTM), and LiteRT.js cannot reset it",
            "Measure it with --adb or --import.",
        )


def _check_fixed(file: tflite.TfliteFile, where: str) -> None:
    for name, tensor in file.named_inputs.items():
        if any(size < 0 for size in tensor.shape_signature):
            shape = ", ".join("any" if size < 0 else str(size) for size in tensor.shape_signature)
            raise errors.BadInput(
                f"{where}, input {name!r}",
                f"its shape ({shape}) is not fixed, which LiteRT.js cannot run",
                "Export it with a fixed batch of 1, as pipelines/release.py does.",
            )


def _codes(golden: Golden, name: str, content: bytes) -> np.ndarray:
    dtype = golden.file.named_outputs[name].dtype.lower()
    return np.frombuffer(content, dtype).reshape(golden.outputs[name].shape)


def _metric(golden: Golden, outputs: Mapping[str, Any]) -> tuple[str | None, float | None]:
    """(name, value) of the task's metric; None where there is none of these few examples."""
    if golden.judged is None:
        return None, None
    task, run = golden.judged
    try:
        scores = scoring.score(task, dataclasses.replace(run, outputs=dict(outputs)), None)
    except errors.BadInput:
        return None, None
    return scores.metric.name, float(scores.candidate.value)


def _apart(first: np.ndarray, second: np.ndarray) -> float:
    """The largest difference; infinite where only one is a number."""
    both = _nan(first) & _nan(second)
    apart = np.abs(first.astype(np.float64) - second.astype(np.float64))
    return float(np.where(both, 0.0, np.nan_to_num(apart, nan=np.inf)).max(initial=0.0))


def _step(golden: Golden, name: str) -> float:
    return tolerances.step(golden.file, golden.file.named_outputs[name])


def _nan(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)


def _bytes(tensor: Any) -> int:
    """Of one example."""
    return int(np.prod(tensor.shape, dtype=np.int64)) * np.dtype(tensor.dtype.lower()).itemsize

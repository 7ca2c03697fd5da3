"""The outputs of one file on two processors: bit by bit, and by the largest difference.

Integer kernels give the same bits everywhere but for two that take another way to the last digit:
LiteRT's int8 softmax looks exponentials up in a table of 16-bit integers on ARM and of floats
elsewhere, and XNNPACK's int8 mean multiplies its sum with a float. A value of theirs may come out
one code apart. What goes in and out of them is therefore made an output and compared as well: a
difference is explained where it begins in one of them, from equal inputs.
"""

import dataclasses
import pathlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfedge import errors
from tfedge.device.file import graph, tflite

_PROGRAM = pathlib.Path(__file__).with_name("program.py")
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST")
ROUNDED_OTHERWISE = ("MEAN", "SOFTMAX")
# Float kernels add in another order on every processor: a few roundings of float32.
FLOAT_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a core computed, next to what this host did.

    Attributes:
        core: its name.
        examples: how many.
        identical: how many of them have every output equal, bit by bit.
        begins_in: kind of operator, of `ROUNDED_OTHERWISE` -> how many of the others begin to
            differ there, by one code, from equal inputs.
        largest_codes: the largest difference of an output in codes; 0 where it has none.
        largest_difference: of an output value, in real units.
        same_answer: how many have the same index of the largest value of the first output.
        is_integer: whether the file computes in integers, so that all have to be identical.
        ms: median time of one emulated inference, which says nothing about a phone.
    """

    core: str
    examples: int
    identical: int
    begins_in: dict[str, int]
    largest_codes: int
    largest_difference: float
    same_answer: int
    is_integer: bool
    ms: float

    @property
    def agrees(self) -> bool:
        """Whether the core computed what it should."""
        if not self.is_integer:
            return self.largest_difference <= FLOAT_TOLERANCE
        explained = sum(self.begins_in.values())
        return self.identical + explained == self.examples and self.largest_codes <= 1


def observed(file: tflite.TfliteFile) -> bytes:
    """The file, with what goes in and out of `ROUNDED_OTHERWISE` among its main graph's outputs."""
    from tfedge.export.tree import flatbuffer

    model = flatbuffer.unpack(file.content)
    main = model.subgraphs[0]
    wanted = [index for each in rounded_otherwise(file) for index in (each.given, each.result)]
    main.outputs = [*main.outputs, *dict.fromkeys(i for i in wanted if i not in list(main.outputs))]
    return flatbuffer.pack(model)


@dataclasses.dataclass(frozen=True)
class Rounded:
    """An operator that is rounded otherwise on ARM: its kind, and the tensors in and out."""

    kind: str
    given: int
    result: int


def rounded_otherwise(file: tflite.TfliteFile) -> tuple[Rounded, ...]:
    """The operators of `ROUNDED_OTHERWISE` that compute in integers, in order."""
    return tuple(
        Rounded(operator.kind, operator.inputs[0], operator.outputs[0])
        for operator in file.operators
        if operator.kind in ROUNDED_OTHERWISE
        and operator.subgraph == 0
        and not file.tensors[operator.inputs[0]].dtype.startswith("FLOAT")
    )


def run(
    command: Sequence[str], model: bytes, inputs: Mapping[int, np.ndarray], where: str
) -> dict[str, np.ndarray]:
    """What `program` gave when Python was run by `command`.

    Raises:
        BadInput: the file does not run there.
    """
    with tempfile.TemporaryDirectory(prefix="tfedge-arm-") as folder:
        files = [pathlib.Path(folder, name) for name in ("model.tflite", "in.npz", "out.npz")]
        files[0].write_bytes(model)
        named: dict[str, Any] = {str(index): array for index, array in inputs.items()}
        np.savez(files[1], **named)
        done = subprocess.run(
            [*command, str(_PROGRAM), *map(str, files)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise errors.BadInput(
                "--tflite",
                f"it does not run on {where} ({said[:200]}, exit code {done.returncode})",
                "Evaluate it first: pipelines/evaluate.py.",
            )
        return dict(np.load(files[2], allow_pickle=False))


def compare(
    core: str, file: tflite.TfliteFile, here: Mapping[str, np.ndarray], there: Mapping
) -> Comparison:
    """Compares the results of two runs of one file."""
    names = [str(tensor.index) for tensor in file.outputs]
    examples = len(here["ms"])
    codes, largest = 0, 0.0
    for name, tensor in zip(names, file.outputs, strict=True):
        first, second = (run[name].astype(np.float64) for run in (here, there))
        apart = float(np.abs(first - second).max(initial=0.0))
        step = _step(file, tensor)
        apart *= 1.0 if tensor.dtype.startswith("FLOAT") else step or 1.0
        codes = max(codes, round(apart / step) if step else 0)
        largest = max(largest, apart)
    answers = [run[names[0]].reshape(examples, -1).argmax(axis=1) for run in (here, there)]
    return Comparison(
        core=core,
        examples=examples,
        identical=int(_equal(names, here, there).sum()),
        begins_in=_begins_in(file, ~_equal(names, here, there), here, there),
        largest_codes=codes,
        largest_difference=largest,
        same_answer=int(np.sum(answers[0] == answers[1])),
        is_integer=is_integer(file),
        ms=float(np.median(there["ms"])),
    )


def _step(file: tflite.TfliteFile, tensor: graph.Tensor) -> float:
    """The real size of one code of an output, also where it is turned into a float at the end."""
    producer = file.producers.get(tensor.index)
    if producer is not None and producer.kind == "DEQUANTIZE":
        tensor = file.tensors[producer.inputs[0]]
    return float(tensor.scales[0]) if len(tensor.scales) else 0.0


def _begins_in(
    file: tflite.TfliteFile, differs: np.ndarray, here: Mapping, there: Mapping
) -> dict[str, int]:
    """Kind of operator -> how many of the examples that differ begin to in it, by one code."""
    found: dict[str, int] = {}
    differs = differs.copy()
    for each in rounded_otherwise(file):
        given, result = str(each.given), str(each.result)
        apart = np.abs(here[result].astype(np.int64) - there[result])
        one = apart.reshape(len(differs), -1).max(axis=1) == 1
        begins = differs & _equal([given], here, there) & one
        if begins.any():
            found[each.kind] = found.get(each.kind, 0) + int(begins.sum())
        differs &= ~begins
    return found


def _equal(names: Sequence[str], here: Mapping, there: Mapping) -> np.ndarray:
    """Whether all these tensors have the same bits, (examples,)."""
    equal = np.ones(len(here["ms"]), bool)
    for name in names:
        pairs = zip(here[name], there[name], strict=True)
        equal &= [first.tobytes() == second.tobytes() for first, second in pairs]
    return equal


def is_integer(file: tflite.TfliteFile) -> bool:
    """Whether nothing but the conversions at its ends computes in float."""
    return not any(
        file.tensors[output].dtype.startswith("FLOAT")
        for operator in file.operators
        if operator.kind not in _CONVERSIONS
        for output in operator.outputs
    )

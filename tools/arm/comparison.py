"""The outputs of one file on two processors: bit by bit, and by the largest difference.

Integer kernels give the same bits everywhere but for one: LiteRT's int8 softmax looks exponentials
up in a table of 16-bit integers on ARM and of floats elsewhere, so that a probability may come out
one code apart. What goes into a softmax is therefore made an output and compared as well.
"""

import dataclasses
import pathlib
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np

from tfedge import errors
from tfedge.device import graph, tflite

_PROGRAM = pathlib.Path(__file__).with_name("program.py")
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST")
# Float kernels add in another order on every processor: a few roundings of float32.
FLOAT_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a core computed, next to what this host did.

    Attributes:
        core: its name.
        examples: how many.
        identical: how many of them have every output equal, bit by bit.
        identical_into_softmax: how many have every input of a softmax equal; None without one.
        largest_codes: the largest difference of an output in codes; 0 where it has none.
        largest_difference: of an output value, in real units.
        same_answer: how many have the same index of the largest value of the first output.
        is_integer: whether the file computes in integers, so that all have to be identical.
        ms: median time of one emulated inference, which says nothing about a phone.
    """

    core: str
    examples: int
    identical: int
    identical_into_softmax: int | None
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
        return self.identical == self.examples or self.differs_in_softmax_only

    @property
    def differs_in_softmax_only(self) -> bool:
        """Whether all bits are equal up to a softmax, whose table differs by one code at most."""
        return (
            self.is_integer
            and self.identical < self.examples
            and self.identical_into_softmax == self.examples
            and self.largest_codes <= 1
        )


def observed(file: tflite.TfliteFile) -> bytes:
    """The file, with what goes into each softmax among the outputs of its main graph."""
    from tfedge.export import flatbuffer

    model = flatbuffer.unpack(file.content)
    main = model.subgraphs[0]
    given = [index for index in softmax_inputs(file) if index not in list(main.outputs)]
    main.outputs = [*main.outputs, *given]
    return flatbuffer.pack(model)


def softmax_inputs(file: tflite.TfliteFile) -> tuple[int, ...]:
    """Tensors that a softmax in integers reads."""
    return tuple(
        operator.inputs[0]
        for operator in file.operators
        if operator.kind == "SOFTMAX"
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
        np.savez(files[1], **{str(index): array for index, array in inputs.items()})
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
    read = [str(index) for index in softmax_inputs(file)]
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
        identical=_identical(names, here, there),
        identical_into_softmax=_identical(read, here, there) if read else None,
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


def _identical(names: Sequence[str], here: Mapping, there: Mapping) -> int:
    """Examples of which all these tensors have the same bits."""
    equal = np.ones(len(here["ms"]), bool)
    for name in names:
        pairs = zip(here[name], there[name], strict=True)
        equal &= [first.tobytes() == second.tobytes() for first, second in pairs]
    return int(equal.sum())


def is_integer(file: tflite.TfliteFile) -> bool:
    """Whether nothing but the conversions at its ends computes in float."""
    return not any(
        file.tensors[output].dtype.startswith("FLOAT")
        for operator in file.operators
        if operator.kind not in _CONVERSIONS
        for output in operator.outputs
    )

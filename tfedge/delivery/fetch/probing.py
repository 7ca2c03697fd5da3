"""A model is tried before it is used: in a process of its own, on the examples of its release.

The model goes to the child through a pipe, so what was sealed does not lie open on the disk.
"""

import pathlib
import struct
import tempfile

import numpy as np

from tfedge.delivery.fetch import reasons
from tfedge.device import sandbox
from tfedge.device.file import tflite
from tfedge.device.sandbox import child
from tfedge.release.golden import vectors

_MEMORY_BYTES, _SECONDS = 2**32, 120.0
_LENGTH = struct.Struct("<q")
_GOLDEN = "golden.npz"


def run(model: bytes, golden: bytes) -> None:
    """Compares the answers of a model here with those of its release.

    Args:
        model: the .tflite.
        golden: golden.npz of the release.

    Raises:
        Refused: it ends its process, or answers otherwise.
        OSError: there is no room for temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="tfedge-") as folder:
        place = pathlib.Path(folder)
        (place / _GOLDEN).write_bytes(golden)
        limits = sandbox.Limits(_MEMORY_BYTES, seconds=_SECONDS)
        fed = [_LENGTH.pack(len(model)), model]
        outcome = sandbox.run(f"{__name__}:work", place, limits, fed)
    if outcome.failure:
        raise reasons.Refused(reasons.PROBE, outcome.failure.detail)


def work(place: child.Workplace) -> None:
    """In the child: raises ValueError where an answer is another one."""
    length = _LENGTH.unpack(_received(place, _LENGTH.size))[0]
    content = _received(place, length)
    examples = vectors.read((place.folder / _GOLDEN).read_bytes())
    file = tflite.read(content)
    tflite.runtime()
    place.ready_to_load()
    place.progress.is_busy = True
    interpreter = tflite.interpreter(content, threads=1)
    interpreter.allocate_tensors()
    place.progress.steps = 1
    for row in range(examples.examples):
        for name, array in examples.inputs.items():
            interpreter.set_tensor(file.named_inputs[name].index, array[row][np.newaxis])
        if file.keeps_state:
            interpreter.reset_all_variables()
        interpreter.invoke()
        place.progress.steps += 1
        for name, array in examples.outputs.items():
            found = interpreter.get_tensor(file.named_outputs[name].index)
            _compare(name, found, array[row], examples.tolerances[name])


def _received(place: child.Workplace, size: int) -> bytes:
    content = place.examples.read(size)
    if len(content) != size:
        raise EOFError("the model ended early")
    return content


def _compare(name: str, found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    found = found.reshape(expected.shape).astype(np.float64)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0, np.abs(found - expected)).max(initial=0)
    if not apart <= tolerance:
        raise ValueError(f"{name} is {apart:g} from the release's, {tolerance:g} is allowed")

"""golden.npz of a release: inputs as an app feeds them, and what the released file answers here.

Of a network with key/value caches these are one step of `decode`, with what came before in the
caches. A runtime elsewhere is compared with it: `tools/phone_bench.py` does so in a phone's
browser, an app in its self-check. What is in it is written down at `vectors`.
"""

import numpy as np

from tfedge import errors
from tfedge.data import splits
from tfedge.data.task import Normalization, Task
from tfedge.device import inference, sandbox
from tfedge.device.file import tflite
from tfedge.device.sandbox import limits
from tfedge.release.golden import states, synthetic, tolerances
from tfedge.release.golden.vectors import Vectors

NAME = "golden.npz"
MOST_EXAMPLES = 32
_MOST_BYTES = 2**22  # of all inputs, or of all outputs
_MEMORY_BYTES, _SECONDS = 2**32, 600.0


def make(file: tflite.TfliteFile, task: Task, *, is_private: bool = False) -> Vectors:
    """Runs a few examples in a sandbox; one that remembers examples is reset between them.

    Args:
        file: the released one.
        task: whose held-out examples are taken; of those that are private, only the extremes of
            the calibration split.
        is_private: no user's data may leave: inputs are drawn between those extremes.

    Returns:
        Up to 32 examples, fewer where they are large.

    Raises:
        BadInput: the file does not run, or takes other examples.
    """
    count = min(MOST_EXAMPLES, max(1, _MOST_BYTES // max(1, _example_bytes(file))))
    if is_private or task.holdout is None:
        return of(file, synthetic.split(task.calibration, count), task.normalization, "synthetic")
    held_out = task.holdout.take(np.arange(min(count, len(task.holdout))))
    return of(file, held_out, task.normalization, "held_out")


def of(
    file: tflite.TfliteFile, split: splits.ArraySplit, normalization: Normalization, source: str
) -> Vectors:
    """The vectors of these very examples; see `make`."""
    given = states.of(file, split, lambda step: _answered(file, step, Normalization()))
    if given is not split:
        split, normalization = given, Normalization()  # tokens and caches go in as they are
    run = _answered(file, split, normalization, as_codes=True)
    ports = inference.input_ports(file, split.x, "the released file")
    arrays = split.x if isinstance(split.x, dict) else {port.name: split.x for port in ports}
    tensors = file.named_outputs
    return Vectors(
        model=file.content,
        source=source,
        inputs={p.name: p.prepare(arrays[p.name], normalization)[:, 0] for p in ports},
        outputs={n: v.astype(tensors[n].dtype.lower()) for n, v in run.outputs.items()},
        tolerances=tolerances.of(file),
    )


def _answered(
    file: tflite.TfliteFile,
    split: splits.ArraySplit,
    normalization: Normalization,
    *,
    as_codes: bool = False,
) -> inference.Run:
    allowed = sandbox.Limits(_MEMORY_BYTES, limits.usable_cores(), _SECONDS)
    run = inference.run(
        file, split, normalization, allowed, "the released file", timed_seconds=0, as_codes=as_codes
    )
    if run.outcome.failure:
        failure = run.outcome.failure
        raise errors.BadInput(
            NAME, f"the file does not run: {failure.kind}, {failure.detail}", "Evaluate it first."
        )
    return run


def _example_bytes(file: tflite.TfliteFile) -> int:
    """Of the inputs or of the outputs, whichever is more."""
    return max(
        sum(
            int(np.prod(tensor.shape, dtype=np.int64)) * np.dtype(tensor.dtype.lower()).itemsize
            for tensor in tensors.values()
        )
        for tensors in (file.named_inputs, file.named_outputs)
    )

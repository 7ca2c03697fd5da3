"""Quantizes a float .tflite, which is how PyTorch and ONNX models come in, by AI Edge Quantizer.

TensorFlow's converter cannot read a .tflite back. AI Edge Quantizer can, and takes milliseconds.
"""

import numpy as np

from tfedge import errors, foreign
from tfedge.data.task import Task
from tfedge.device.file import tflite
from tfedge.device.sandbox import memory
from tfedge.export import made, options, post_training
from tfedge.export.post_training import columns, float_model
from tfedge.export.tree import flatbuffer
from tfedge.export.trials import dry_run

_AGAIN = "Convert it again from its model."
_SMALL_BYTES, _LARGEST_EXPANSION = 64 << 20, 1000


def read(data: bytes, where: str) -> float_model.FloatModel:
    """A float .tflite, ready to be quantized.

    Args:
        data: the file.
        where: its path, for messages.

    Raises:
        BadInput: the file is damaged or quantized already, has weights that are not finite, or is
            open beyond the batch.
    """
    file = tflite.read(data, where)
    _check_kernels(file, where)
    _check_declared(file, where)
    with foreign.reading(where, _AGAIN, "no float file that can be edited"):
        return float_model.prepare(flatbuffer.unpack(data), where)


def convert(data: bytes, where: str, export: options.Export, task: Task | None) -> made.Made:
    """A float .tflite on another route.

    Args:
        data: the file.
        where: its path, for messages.
        export: the route and its options. Rules of `precision` go by the names in the file.
        task: whose calibration split is read, for routes that need ranges.

    Raises:
        BadInput: as `read`, or the file has a loop on an integer route, or does not run.
    """
    model = read(data, where)
    if task is not None:
        _check_runs(data, where, task)
    # AI Edge Quantizer and LiteRT raise what they like over a file that nobody's converter wrote.
    with foreign.reading(where, _AGAIN, f"it cannot be quantized on the route {export.route}"):
        model, behind = columns.keep(model, export, task)
        return post_training.quantize(model, behind, task)


def _check_runs(data: bytes, where: str, task: Task) -> None:
    """Refuses what ends LiteRT, in a child, before ranges are read in this process."""
    try:
        dry_run.run(data, task.calibration.take(np.arange(min(1, len(task.calibration)))), task)
    except dry_run.DoesNotRunError as error:
        raise errors.BadInput(where, f"LiteRT does not run it ({error})", _AGAIN) from error


def _check_declared(file: tflite.TfliteFile, where: str) -> None:
    """Refuses results far beyond what comes in: LiteRT allocates what is declared."""
    given = file.file_bytes + sum(map(memory.tensor_bytes, file.inputs))
    needed = memory.least_bytes(file)
    if needed > max(_SMALL_BYTES, _LARGEST_EXPANSION * given):
        raise errors.BadInput(
            where,
            f"one of its operators takes {needed:,} bytes, its inputs and weights are {given:,}",
            _AGAIN,
        )


def _check_kernels(file: tflite.TfliteFile, where: str) -> None:
    """Refuses weights that are not numbers: integers made from them would look like any other."""
    for kernel in file.kernels():
        values = kernel.tensor.values()
        broken = int(values.size - np.count_nonzero(np.isfinite(values)))
        if broken:
            raise errors.BadInput(
                f"{where}, weight {kernel.tensor.name!r}",
                f"{broken} of {values.size} values are NaN or infinite",
                "Convert it again from a model that is whole.",
            )

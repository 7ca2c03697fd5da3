"""Quantizes a float .tflite, which is how PyTorch and ONNX models come in, by AI Edge Quantizer.

TensorFlow's converter cannot read a .tflite back. AI Edge Quantizer can, and takes milliseconds.
"""

from tfedge.data.task import Task
from tfedge.export import options, post_training
from tfedge.export.post_training import float_model


def convert(
    data: bytes, where: str, export: options.Export, task: Task | None
) -> post_training.Quantized:
    """A float .tflite on another route; float32 hands back the same bytes.

    Args:
        data: the file.
        where: its path, for messages.
        export: the route and its options. Rules of `precision` go by the names in the file.
        task: whose calibration split is read, for routes that need ranges.

    Raises:
        BadInput: the file is quantized already, is open beyond the batch, or has a loop on an
            integer route.
    """
    model = float_model.prepare(data, where)
    if export.route == "float32":
        return post_training.Quantized(data, {})
    return post_training.quantize(model, export, task)

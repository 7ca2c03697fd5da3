"""What post-training quantization reads from the calibration split: each activation's range.

One run of the float file over the examples, with every activation among its outputs. Ranges are
the lowest and highest value that was seen, so nothing seen is clipped.
"""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from tfedge import quiet
from tfedge.device.file import tflite, weights
from tfedge.device.sandbox import limits
from tfedge.export import calibration
from tfedge.export.tree import flatbuffer, operators

Ranges = dict[str, dict[str, Any]]  # tensor name -> what AI Edge Quantizer calls its QSV


def collect(tree: Any, examples: calibration.Examples) -> Ranges:
    """Runs the float file over all examples.

    Args:
        tree: of a float .tflite whose tensors have unique names.
        examples: by input name of its signature.

    Returns:
        {"min": (1,), "max": (1,)} by tensor name, for every float activation.
    """
    found: Ranges = {}
    for activations in values(tree, examples):
        for name, value in activations.items():
            before = found.get(name, {"min": np.inf, "max": -np.inf})
            found[name] = {
                "min": np.minimum(before["min"], np.min(value, initial=np.inf)).reshape(1),
                "max": np.maximum(before["max"], np.max(value, initial=-np.inf)).reshape(1),
            }
    return found


def values(
    tree: Any, examples: calibration.Examples, names: Collection[str] | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Every activation (or those named), real numbers, example by example."""
    content, watched = _all_put_out(tree, names)
    with quiet.captured():  # it tells of its delegate
        interpreter = tflite.interpreter(content, limits.usable_cores())
        interpreter.allocate_tensors()
    ends = interpreter.get_signature_runner().get_input_details()
    for example in examples():
        for name, detail in ends.items():
            interpreter.set_tensor(detail["index"], example[name].astype(detail["dtype"]))
        interpreter.reset_all_variables()  # a fused LSTM's, which begins anew
        interpreter.invoke()
        yield {
            name: _real(interpreter.get_tensor(index), scale, zero_point)
            for name, (index, scale, zero_point) in watched.items()
        }


def _all_put_out(
    tree: Any, names: Collection[str] | None
) -> tuple[bytes, dict[str, tuple[int, float, int]]]:
    """The file with its activations as outputs; and their index, scale and zero point."""
    model = flatbuffer.copied(tree)
    graph = model.subgraphs[0]
    computed = [int(index) for operator in graph.operators for index in operator.outputs]
    watched = {}
    for index in [int(each) for each in graph.inputs] + computed:
        tensor = graph.tensors[index]
        name, scaled = (tensor.name or b"").decode(), _scale(tensor)
        if (names is None or name in names) and scaled is not None:
            watched[name] = (index, *scaled)
    shown = {index for index, _, _ in watched.values()} - {int(each) for each in graph.inputs}
    first = [int(index) for index in graph.outputs]
    graph.outputs = np.array([*first, *sorted(shown - set(first))], np.int32)
    return flatbuffer.pack(model), watched


def _scale(tensor: Any) -> tuple[float, int] | None:
    """(1, 0) of a float tensor, None of one whose numbers are no quantities."""
    if operators.type_name(tensor) == "FLOAT32":
        return 1.0, 0
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or len(quantization.scale) != 1:
        return None
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])


def _real(stored: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    return stored if stored.dtype.kind == "f" else weights.dequantize(stored, scale, zero_point)

"""How far another runtime's outputs may be from this host's.

Integer operators give the same bits on x86 and ARM, as `tools/benchmarks/arm_check.py` shows, but
for a mean and a softmax, whose values may come out one code apart; that moves what comes behind
them by a few codes. Sums of floats are taken in another order.
"""

from collections.abc import Iterator

from tfedge.device.file import graph, tflite

ROUNDED_OTHERWISE = ("MEAN", "SOFTMAX")
_EXACT = ("QUANTIZE", "DEQUANTIZE", "CAST", "RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS")
_ITSELF, _BEHIND = 1, 4  # codes, of an operator that rounds otherwise and of what follows it
_FLOAT = 1e-4  # reals


def of(file: tflite.TfliteFile) -> dict[str, float]:
    """Output name -> the largest difference, in what the tensor holds: codes or reals."""
    return {name: _of_output(file, tensor) for name, tensor in file.named_outputs.items()}


def step(file: tflite.TfliteFile, tensor: graph.Tensor) -> float:
    """Between two codes of an output, also of one turned into a float last; 0 for floats."""
    producer = file.producers.get(tensor.index)
    if producer is not None and producer.kind == "DEQUANTIZE":
        tensor = file.tensors[producer.inputs[0]]
    return float(tensor.scales[0]) if len(tensor.scales) == 1 else 0.0


def _of_output(file: tflite.TfliteFile, tensor: graph.Tensor) -> float:
    computed = [each for each in _behind(file, tensor) if each.kind not in _EXACT]
    loose = [each for each in computed if _is_loose(file, each)]
    codes = _BEHIND if loose else 0
    if loose and loose == computed[:1] and not _is_float(file, loose[0]):
        codes = _ITSELF
    if not tensor.dtype.startswith("FLOAT"):
        return float(codes)
    one = step(file, tensor)
    return codes * one if one else _FLOAT


def _is_loose(file: tflite.TfliteFile, operator: graph.Operator) -> bool:
    return operator.kind in ROUNDED_OTHERWISE or _is_float(file, operator)


def _is_float(file: tflite.TfliteFile, operator: graph.Operator) -> bool:
    return any(file.tensors[output].dtype.startswith("FLOAT") for output in operator.outputs)


def _behind(file: tflite.TfliteFile, tensor: graph.Tensor) -> Iterator[graph.Operator]:
    """The operators that a tensor is computed by, the last one first."""
    waiting, seen = [tensor.index], set()
    while waiting:
        producer = file.producers.get(waiting.pop(0))
        if producer is not None and producer.index not in seen:
            seen.add(producer.index)
            yield producer
            waiting += producer.inputs

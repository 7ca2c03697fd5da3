"""An estimate for a neural accelerator: of a file as it is, and as if it were of another type."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfedge import errors
from tfedge.device import delegate_rules
from tfedge.device.file import flatbuffer, tflite
from tfedge.device.prediction import work
from tfedge.device.prediction.accelerators import devices, fitted, formula

# Standard deviation of the logarithm for a network of operators that no published one has: an
# assumption, as for processors.
_UNPUBLISHED, _SAID_FROM = 0.5, 0.05
_PUBLISHED = frozenset(
    (
        *("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL"),
        *("ADD", "SUB", "MUL", "MEAN", "SQUARED_DIFFERENCE", "RSQRT", "SOFTMAX", "LOGISTIC"),
        *("HARD_SWISH", "GELU", "RELU", "RELU_0_TO_1", "MAX_POOL_2D", "AVERAGE_POOL_2D"),
        *("CONCATENATION", "TRANSPOSE", "SPLIT", "GATHER", "GATHER_ND", "ARG_MAX"),
        *("RESIZE_BILINEAR", "DEPTH_TO_SPACE", "PAD", "QUANTIZE", "DEQUANTIZE"),
    )
)
# Between types, or on counts: done in whatever the rest of the network is.
_OF_ANY_TYPE = ("QUANTIZE", "DEQUANTIZE", "CAST", "GATHER", "GATHER_ND", "ARG_MAX", "ARG_MIN")


@dataclasses.dataclass(frozen=True)
class Found:
    """What is estimated.

    Attributes:
        low, value, high: milliseconds; nine of ten networks lie between.
        type: of most of the arithmetic, "float16" or "int8".
        notes: what makes it less sure, in sentences.
    """

    low: float
    value: float
    high: float
    type: str
    notes: tuple[str, ...]


def of(file: tflite.TfliteFile, device: str) -> Found:
    """The time of one inference on the NPU of a device.

    Args:
        file: of `tflite.read`.
        device: as `devices.find` gives it.

    Raises:
        BadInput: a file that such a chip does not take as a whole, or a type that no latency was
            published of.
    """
    _check_shapes(file)
    works = flatbuffer.guarded(".tflite", lambda: work.of(file))
    _check_types(file, works, device)
    taken, notes = _taken(file, works)
    return _estimated(taken, _ends(file), device, notes)


def as_other_type(file: tflite.TfliteFile, device: str) -> Found | None:
    """The same network on floats where it is of integers, and the other way round.

    None where the file, or the other type on this device, cannot be estimated.
    """
    works = flatbuffer.guarded(".tflite", lambda: work.of(file))
    other = fitted.FLOAT16 if _is_integer(works) else fitted.INT8
    if other not in fitted.load().types(device):
        return None
    taken, notes = _taken(file, works)
    changed = tuple(_retyped(each, other == fitted.INT8) for each in taken)
    return _estimated(changed, _ends(file), device, notes)


def shares(file: tflite.TfliteFile, device: str) -> np.ndarray:
    """(operators,) milliseconds of each operator, and of what it has others wait for."""
    works = work.of(file)
    taken = _is_taken(file)
    found = np.zeros(len(works))
    total = _times(works, _ends(file), device).sum(0)
    for kind, amounts in _amounts(works).items():
        each = amounts / np.exp(_rates(device, kind).values)
        found += (each * formula.slopes(total)).sum(1)
    return found * taken


def _estimated(
    works: Sequence[work.Work], ends: formula.Ends, device: str, notes: tuple[str, ...]
) -> Found:
    fit, times = fitted.load(), _times(works, ends, device)
    total = times.sum(0)
    ms = float(formula.parts(total).sum())
    variance = 0.0
    for kind, part in zip(_KINDS, times, strict=True):
        if part.any():
            slope = part * formula.slopes(total) / ms
            variance += slope @ _rates(device, kind).covariance @ slope
    strange, more = _strange(works, device)
    half = fit.widening * float(np.sqrt(fit.noise**2 + variance + strange**2))
    low, high = ms * np.exp(-half), ms * np.exp(half)
    kind = fitted.INT8 if _is_integer(works) else fitted.FLOAT16
    return Found(float(low), ms, float(high), kind, notes + more)


_KINDS = (fitted.FLOAT16, fitted.INT8)


def _times(works: Sequence[work.Work], ends: formula.Ends, device: str) -> np.ndarray:
    """(types, rates) milliseconds, were each rate waited for alone."""
    most = fitted.INT8 if _is_integer(works) else fitted.FLOAT16
    found = np.zeros((len(_KINDS), len(formula.RATES)))
    for kind, amounts in _amounts(works).items():
        row = amounts.sum(0) + (formula.ends(ends) if kind == most else 0.0)
        if row.any():
            found[_KINDS.index(kind)] = row / np.exp(_rates(device, kind).values)
    return found


def _amounts(works: Sequence[work.Work]) -> dict[str, np.ndarray]:
    """Type -> (operators, rates) of the operators that compute on it."""
    most = _is_integer(works)
    integer = np.array([most if w.kind in _OF_ANY_TYPE else w.integer for w in works], bool)
    return {
        kind: formula.amounts(tuple(works), kind == fitted.INT8)
        * (integer == (kind == fitted.INT8))[:, None]
        for kind in _KINDS
    }


def _rates(device: str, kind: str) -> fitted.Rates:
    """Those of the other type for what little a device without floats has of them."""
    rates = fitted.load().rates
    return rates.get((device, kind)) or rates[device, fitted.INT8]


def _retyped(each: work.Work, integer: bool) -> work.Work:
    """With kernels of as many weights; `formula` counts activations by values."""
    if each.integer == integer:
        return each
    biases = min(each.weight_bytes, 4 * each.columns) if each.macs else 0
    weights = each.weight_bytes - biases
    stored = weights // 4 if integer else weights * 4
    return dataclasses.replace(each, integer=integer, weight_bytes=stored + biases)


def _is_integer(works: Sequence[work.Work]) -> bool:
    """Whether most multiply-adds, or without any most operators, are on integers."""
    weights = [w.turns * w.macs if any(v.macs for v in works) else 1 for w in works]
    return 2 * sum(n for n, w in zip(weights, works, strict=True) if w.integer) > sum(weights)


def _check_shapes(file: tflite.TfliteFile) -> None:
    for tensor in file.inputs:
        if -1 in tensor.shape_signature:
            shape = ", ".join(str(n) if n >= 0 else "?" for n in tensor.shape_signature)
            raise errors.BadInput(
                f"input {tensor.name!r}",
                f"its shape ({shape}) is dynamic; an NPU is compiled for fixed ones",
                "Export with a fixed input shape.",
            )


def _check_types(file: tflite.TfliteFile, works: Sequence[work.Work], device: str) -> None:
    for operator, each in zip(file.operators, works, strict=True):
        if not each.macs:
            continue
        where = f"{operator.kind} {delegate_rules.layer(file, operator)!r}"
        computed = file.tensors[operator.outputs[0]].dtype
        if each.plain:
            raise errors.BadInput(
                where, "no latencies of 16-bit activations on NPUs were published", "Export int8."
            )
        if each.integer and computed.startswith("FLOAT"):
            raise errors.BadInput(
                where,
                "multiplies floats by int8 weights (dynamic range), which an NPU does not",
                "Export as int8 or float16.",
            )
        if not each.integer and fitted.FLOAT16 not in fitted.load().types(device):
            raise errors.BadInput(
                where,
                f"computes on floats; no latency of floats on the NPU of {device} was published",
                "Export as int8.",
            )


def _is_taken(file: tflite.TfliteFile) -> np.ndarray:
    return np.array(delegate_rules.taken(file, devices.rules()), bool)


def _taken(
    file: tflite.TfliteFile, works: Sequence[work.Work]
) -> tuple[tuple[work.Work, ...], tuple[str, ...]]:
    """The operators that the NPU takes by its rules, and what is said of the others."""
    flags = _is_taken(file)
    others = [w for w, taken in zip(works, flags, strict=True) if not taken and w.family != "free"]
    taken = tuple(w for w, taken in zip(works, flags, strict=True) if taken)
    if not any(w.family != "free" for w in taken):
        raise errors.BadInput("the .tflite", "the NPU takes none of its operators", "Use the CPU.")
    if not others:
        return taken, ()
    kinds = ", ".join(dict.fromkeys(w.kind for w in others))
    many = f"{len(others)} operators fall" if len(others) > 1 else "One operator falls"
    return taken, (
        f"{many} back to the CPU ({kinds}): their time and the way there are not in the estimate.",
    )


def _strange(works: Sequence[work.Work], device: str) -> tuple[float, tuple[str, ...]]:
    """(deviation, sentences) for operators that the published networks do not have."""
    total = sum(1 for w in works if w.family != "free")
    others = [w.kind for w in works if w.family != "free" and w.kind not in _PUBLISHED]
    share = len(others) / max(1, total)
    if share < _SAID_FROM:
        return _UNPUBLISHED * share, ()
    kinds = ", ".join(dict.fromkeys(others))
    note = f"No network published for {devices.known()[device]} has {kinds}: a guess by their work."
    return _UNPUBLISHED * share, (note,)


def _ends(file: tflite.TfliteFile) -> formula.Ends:
    rows = sum(int(np.prod(t.shape[:-1])) if len(t.shape) > 2 else 1 for t in file.inputs)
    return formula.Ends(rows, sum(int(np.prod(t.shape)) for t in file.outputs))

"""Where the time of one inference goes on the chosen phone: an estimate, operator by operator."""

import dataclasses
from typing import TYPE_CHECKING

from tfedge import errors
from tfedge.device.file import tflite
from tfedge.device.prediction import operators, work
from tfedge.release import layer_weights

if TYPE_CHECKING:
    from tfedge.device.phone_latency import PhoneEstimate


@dataclasses.dataclass(frozen=True)
class OperatorTime:
    """One operator's part of the estimate.

    Attributes:
        kind: the schema's name, "CONV_2D".
        layer: whose weights it reads; empty where it reads none.
        output: the shape it computes.
        multiply_adds: of one inference.
        ms: estimated, in the proportions of the published device.
        share: of the whole, 0..1.
    """

    kind: str
    layer: str
    output: tuple[int, ...]
    multiply_adds: int
    ms: float
    share: float


def of(file: tflite.TfliteFile, estimate: "PhoneEstimate | None") -> tuple[OperatorTime, ...]:
    """The operators in the file's order; together they take the estimate's middle value."""
    if estimate is None:
        return ()
    try:
        found = operators.milliseconds(file, estimate.device, estimate.threads)
    except errors.BadInput:  # the estimate is then without parts
        return ()
    total = float(found.sum())
    if not total > 0:
        return ()
    names = {k.operator.index: layer_weights.short_name(k.tensor.name) for k in file.kernels()}
    rows = zip(file.operators, work.of(file), found / total, strict=True)
    return tuple(
        OperatorTime(
            kind=operator.kind,
            layer=names.get(operator.index, ""),
            output=file.tensors[operator.outputs[0]].shape if operator.outputs else (),
            multiply_adds=done.turns * done.macs,
            ms=float(share) * estimate.value,
            share=float(share),
        )
        for operator, done, share in rows
    )

"""Where the time of one inference goes on the chosen phone: an estimate, operator by operator."""

import dataclasses
from typing import TYPE_CHECKING

from tfedge import errors
from tfedge.device.file import layer_weights, tflite
from tfedge.device.prediction import operators, work

if TYPE_CHECKING:
    from tfedge.device.phone_latency import PhoneEstimate
    from tfedge.release.report.facts import Facts

TITLE = "Where the time goes on a phone"
PLACE = 70
_MOST = 40


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


@dataclasses.dataclass(frozen=True)
class Times:
    """The estimate and its parts.

    Attributes:
        profile: the phone class.
        estimate: the whole.
        rows: in the file's order; of very many operators, those that take longest.
        left_out: how many are not shown; `share_left_out` is what they take together.
    """

    profile: str
    estimate: "PhoneEstimate"
    rows: tuple[OperatorTime, ...]
    left_out: int
    share_left_out: float

    @property
    def longest(self) -> OperatorTime:
        """The one that the bars are drawn by."""
        return max(self.rows, key=lambda each: each.share)


def of(facts: "Facts") -> Times | None:
    """None where the estimate has no parts."""
    estimate = facts.scorecard.phone_estimate
    every = () if estimate is None else _rows(facts.file, estimate)
    if estimate is None or not every:
        return None
    rows = every
    if len(every) > _MOST:
        rows = tuple(sorted(every, key=lambda each: -each.ms)[:_MOST])
    share = 1 - sum(each.share for each in rows)
    profile = facts.scorecard.profile.name
    return Times(profile, estimate, rows, len(every) - len(rows), share)


def _rows(file: tflite.TfliteFile, estimate: "PhoneEstimate") -> tuple[OperatorTime, ...]:
    """The operators in the file's order; together they take the estimate's middle value."""
    try:
        found = operators.milliseconds(
            file, estimate.device, estimate.threads, estimate.accelerator
        )
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

"""What a run would do and give, told without training: size, time, latency, power of the gate."""

import dataclasses
import pathlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfedge import judging
from tfedge.device import compatibility, phone_latency
from tfedge.device.file import tflite
from tfedge.device.prediction import predict
from tfedge.making import preparing, reading, timing
from tfedge.making.order import Order
from tfedge.making.preparing import Ready
from tfedge.release.gate.limits import Limits
from tfedge.release.publishing import bundle, rejected
from tfedge.release.statistics import power_analysis
from tfedge.workflow import readiness

if TYPE_CHECKING:
    from tfedge.compress.reach import Reach


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is expected.

    Attributes:
        passes: name of a pass, what it reaches (None where only its turn tells), seconds.
        file: as it would be exported, with weights that were not trained.
        baseline: the input model as a float32 file.
        export: how it would be exported.
        reason: why so, where nobody asked for it and the recipe does not tell.
        export_seconds: that this took.
        phone: the class it is for; None where nothing is to be judged.
        latency: of the file on that phone; None where it cannot be predicted.
        own_phone: the same on the phone whose measured latencies TFEDGE_PHONE_LATENCY names.
        power: what the held-out examples can show; None where that depends on their values.
        obstacles: limits that the file would not keep, in words.
        kept: the model that would be judged again instead, made from the same; None for none.
    """

    passes: "tuple[tuple[str, Reach | None, float], ...]"
    file: tflite.TfliteFile
    baseline: tflite.TfliteFile
    export: str
    export_seconds: float
    phone: str | None = None
    latency: phone_latency.PhoneEstimate | None = None
    own_phone: predict.Estimate | None = None
    power: power_analysis.Foresight | None = None
    obstacles: tuple[str, ...] = ()
    kept: pathlib.Path | None = None
    reason: str = ""

    @property
    def runtime(self) -> str | None:
        """The oldest that reads the file, where that is not any."""
        return compatibility.needed_runtime(self.file)

    @property
    def seconds(self) -> float:
        """Of all passes and the export, on this computer."""
        return sum(seconds for *_, seconds in self.passes) + self.export_seconds


def compress(order: Order) -> Plan:
    """The plan of `compressing.compress`; nothing is trained, nothing is written.

    Raises:
        BadInput: anything about the input that cannot be used.
    """
    return _plan(preparing.prepare(reading.read(order)))


def make_release(
    order: Order, terms: judging.Terms, output_dir: str | pathlib.Path | None = None
) -> Plan:
    """The plan of `workflow.make_release`; nothing is trained, judged or written.

    Args:
        order: what is to be made.
        terms: what it would be held to.
        output_dir: where it would go; an earlier candidate beside it may be the same.

    Raises:
        BadInput: anything about the input that cannot be used.
    """
    ready = readiness.check(order, terms)
    made = _plan(ready)
    earlier = None if output_dir is None else bundle.rejected_dir(output_dir)
    is_kept = earlier is not None and rejected.read(earlier, ready.key) is not None
    latency = phone_latency.estimate(made.file.content, terms.phone)
    return dataclasses.replace(
        made,
        phone=terms.phone.name,
        latency=latency,
        power=judging.power(ready.given.task, terms),
        obstacles=tuple(_obstacles(made.file.file_bytes, latency, terms.limits)),
        kept=earlier if is_kept else None,
    )


def _obstacles(
    file_bytes: int, latency: phone_latency.PhoneEstimate | None, limits: Limits
) -> Iterator[str]:
    most, slowest = limits.max_file_bytes, limits.max_latency_ms
    if most is not None and file_bytes > most:
        yield f"the file would be too large: {limits.who('max_file_bytes')} allows {most:,} bytes"
    if slowest is not None and latency is not None and latency.low > slowest:
        yield f"it would be too slow: {limits.who('max_latency_ms')} allows {slowest:g} ms"


def _plan(ready: Ready) -> Plan:
    from tfedge.compress import costs, reach, rehearsal
    from tfedge.export import to_tflite

    passes: tuple[tuple[str, Reach | None, float], ...] = ()
    source, task = ready.model, ready.given.task
    if ready.start is not None:
        with costs.measuring(timing.milliseconds(task, ready.phone)):
            found = rehearsal.of(ready.start)
        source = found.candidate
        reached = dict(enumerate(reach.of(ready.start.passes, ready.start.candidate)))
        passes = tuple(
            (each.name, reached.get(number), found.seconds[number])
            for number, each in enumerate(ready.start.passes)
        )
    began, export = time.monotonic(), ready.given.export.to_text()
    content = to_tflite(source, export, task)
    return Plan(
        passes,
        tflite.read(content),
        tflite.read(ready.baseline),
        export,
        time.monotonic() - began,
        own_phone=phone_latency.on_own_phone(content),
        reason=ready.given.reason,
    )

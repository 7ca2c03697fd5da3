"""What a phone sent back: checked, and put into a scorecard.

Two runtimes send results. A native one (benchmark_model) gives `phone_measured`, by which a gate
decides. A phone's browser gives `browser_wasm`, which is reported only: another runtime, with other
kernels. Whatever came over a network is text of a stranger until it has passed through here.
"""

import base64
import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfedge import errors, foreign

if TYPE_CHECKING:
    from tfedge.device.scorecard import Scorecard

SCHEMA_VERSION = 1
_LONGEST_MS = 600_000.0
_MOST_SAMPLES, _MOST_RUNS = 10_000, 1_000_000
_LONGEST_TEXT, _MOST_FACTS = 500, 20
_MOST_BYTES = 64 << 20  # 16 MB of outputs in base64, and room
_TIMES = ("p50", "p90", "p95", "mean", "std", "least", "most", "first", "load")
_BUILDS = ("plain", "compat")
_FAILURES = ("load", "run")
_WHERE = "the phone's result"
_REMEDY = "Open the address again on the phone."


@dataclasses.dataclass(frozen=True)
class Measured:
    """Latencies of single inferences in milliseconds, as one device measured them.

    Attributes:
        device: its name.
        runtime: what ran the model there.
        runs: how many were timed.
        threads: None where it was not told.
        p50, p90, p95, mean, std, least, most: None where the runtime does not tell. One is never
            made up from another.
        first: the first inference.
        load: making the interpreter.
        details: what else is known, for the scorecard.

    Raises:
        BadInput: a number that is not finite or out of range; neither median nor mean above 0.
    """

    device: str
    runtime: str
    runs: int
    threads: int | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    mean: float | None = None
    std: float | None = None
    least: float | None = None
    most: float | None = None
    first: float | None = None
    load: float | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name in _TIMES:
            value = getattr(self, name)
            if value is not None:
                _number(name, value, 0.0, _LONGEST_MS)
        if not (self.p50 or self.mean):
            raise errors.BadInput(
                _WHERE, "its median and its mean are 0 or missing", "Measure again."
            )
        _number("runs", self.runs, 1, _MOST_RUNS * _MOST_SAMPLES)

    def to_json(self) -> dict[str, Any]:
        """The entry of the scorecard; p50 and p90 always, the rest where known."""
        found = {name: getattr(self, name) for name in _TIMES}
        known = {k: v for k, v in found.items() if v is not None or k in ("p50", "p90")}
        own = {"runs": self.runs, "threads": self.threads, "device": self.device}
        return {**known, **own, "runtime": self.runtime, **self.details}


@dataclasses.dataclass(frozen=True)
class PageResult:
    """What the page in a phone's browser found.

    Attributes:
        build: of the runtime, "plain" or "compat".
        device: what the browser says of itself.
        samples_ms: milliseconds of one run, for each batch of `runs_per_sample` runs.
        load_ms, first_ms: loading the model, and its first run.
        outputs: output name -> bytes of all examples, one after another.
        failure: (kind, detail) where it could not "load" or "run" the file; all that is measured
            is then empty.
    """

    build: str = ""
    device: Mapping[str, str | float] = dataclasses.field(default_factory=dict)
    samples_ms: tuple[float, ...] = ()
    runs_per_sample: int = 0
    load_ms: float = 0.0
    first_ms: float = 0.0
    outputs: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    failure: tuple[str, str] | None = None

    def measured(self, device: str, runtime: str, details: Mapping[str, Any]) -> Measured:
        """The latencies; a percentile is one over batches, whose size goes along."""
        p50, p90 = np.percentile(self.samples_ms, [50, 90]).tolist()
        batches = {"runs_per_sample": self.runs_per_sample, "device_facts": dict(self.device)}
        return Measured(
            device=device,
            runtime=runtime,
            runs=len(self.samples_ms) * self.runs_per_sample,
            threads=1,
            p50=p50,
            p90=p90,
            mean=float(np.mean(self.samples_ms)),
            least=min(self.samples_ms),
            most=max(self.samples_ms),
            first=self.first_ms,
            load=self.load_ms,
            details={**batches, **details},
        )


def read_page(content: bytes, sha256: str, output_bytes: Mapping[str, int]) -> PageResult:
    """Reads and checks what the page sent.

    Args:
        content: JSON; see tools/phone/page.js.
        sha256: of the file that was to be run.
        output_bytes: output name -> how many bytes all examples' answers take.

    Raises:
        BadInput: anything but a result of that page for that file.
    """
    said = foreign.parse_json(content, _WHERE, _REMEDY, _MOST_BYTES)
    if not isinstance(said, dict):
        raise _bad("no JSON object")
    device = _device(said.get("device", {}))
    version = said.get("schema_version")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise _bad(f"its schema_version is not {SCHEMA_VERSION}")
    if said.get("model_sha256") != sha256:
        raise _bad("the page ran another file than the one to be measured")
    if said.get("build") not in _BUILDS:
        raise _bad(f"its build is none of {', '.join(_BUILDS)}")
    if "failure" in said:
        return PageResult(said["build"], device, failure=_failure(said["failure"]))
    samples = said.get("samples_ms")
    if not isinstance(samples, list) or not 1 <= len(samples) <= _MOST_SAMPLES:
        raise _bad("samples_ms is no list of times")
    return PageResult(
        build=said["build"],
        device=device,
        samples_ms=tuple(_number("samples_ms", each, 0.0, _LONGEST_MS) for each in samples),
        runs_per_sample=_whole("runs_per_sample", said.get("runs_per_sample")),
        load_ms=_number("load_ms", said.get("load_ms"), 0.0, _LONGEST_MS),
        first_ms=_number("first_ms", said.get("first_ms"), 0.0, _LONGEST_MS),
        outputs=_outputs(said.get("outputs"), output_bytes),
    )


def into(
    scorecard: "Scorecard",
    *,
    phone_measured: Measured | None = None,
    browser_wasm: Measured | None = None,
) -> "Scorecard":
    """The scorecard with these measurements, to be judged by a gate."""
    if phone_measured is not None:
        scorecard = dataclasses.replace(scorecard, phone_measured=phone_measured.to_json())
    if browser_wasm is not None:
        scorecard = dataclasses.replace(scorecard, browser_wasm=browser_wasm.to_json())
    return scorecard


def _outputs(said: Any, expected: Mapping[str, int]) -> dict[str, bytes]:
    if not isinstance(said, dict) or set(said) != set(expected):
        raise _bad(f"its outputs are not {', '.join(expected)}")
    found = {}
    for name, size in expected.items():
        try:
            found[name] = base64.b64decode(said[name], validate=True)
        except (ValueError, TypeError) as e:
            raise _bad(f"output {name!r} is not in base64") from e
        if len(found[name]) != size:
            raise _bad(f"output {name!r} has {len(found[name]):,} bytes, expected {size:,}")
    return found


def _device(said: Any) -> dict[str, str | float]:
    """A flat description: short texts and numbers only."""
    if not isinstance(said, dict) or len(said) > _MOST_FACTS:
        raise _bad("its device is no description")
    return {
        _text(name): _text(value)
        if isinstance(value, str)
        else _number("device", value, 0, _LONGEST_MS)
        for name, value in said.items()
    }


def _failure(said: Any) -> tuple[str, str]:
    if not isinstance(said, dict) or said.get("kind") not in _FAILURES:
        raise _bad(f"its failure is none of {', '.join(_FAILURES)}")
    return said["kind"], _text(str(said.get("detail", "")))


def _text(said: str) -> str:
    """Printable and short: it goes to a terminal and into JSON."""
    return "".join(c if c.isprintable() else " " for c in said[:_LONGEST_TEXT])


def _whole(name: str, value: Any) -> int:
    number = _number(name, value, 1, _MOST_RUNS)
    if number != int(number):
        raise _bad(f"{name} is no whole number")
    return int(number)


def _number(name: str, value: Any, low: float, high: float) -> float:
    """A finite number in a range; a bool is none."""
    if type(value) not in (int, float) or (type(value) is float and not math.isfinite(value)):
        raise _bad(f"{name} is no finite number")
    if not low <= value <= high:  # an int may be too large for a float
        raise _bad(f"{name} is {str(value)[:12]}, expected {low:g} to {high:g}")
    return value


def _bad(cause: str) -> errors.BadInput:
    return errors.BadInput(_WHERE, cause, _REMEDY)

"""What an evaluation found: the content of scorecard.json, and the answers a gate judges by."""

import dataclasses
import math
import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tfedge import shown
from tfedge.data import metric_words, splits
from tfedge.device import correct_bits, footprint, latency, phone_latency, profiles, sandbox
from tfedge.device.compatibility import Compatibility, Incompatibility
from tfedge.device.energy import EnergyEstimate

if TYPE_CHECKING:
    from tfedge.data.metrics import Metric

SCHEMA_VERSION = 1
_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class MetricValue:
    """The metric over the whole held-out split.

    Attributes:
        name: of the metric.
        value: of the candidate.
        baseline: on the same examples; None without a baseline.
        n: examples.
        interval: 95 % Wilson interval of `value` where it is a share of right answers, else
            None. The interval of the difference to the baseline is the gate's.
        paired: how often which of the two is right: both, only_baseline, only_candidate, neither.
        chance: what guessing reaches on these examples; None where nobody can say.
        higher_is_better: its direction.
    """

    name: str
    value: float
    n: int
    baseline: float | None = None
    interval: tuple[float, float] | None = None
    paired: dict[str, int] | None = None
    chance: float | None = None
    higher_is_better: bool = True


@dataclasses.dataclass(frozen=True)
class ClassValue:
    """The share of one class's examples that is answered correctly."""

    label: str
    n: int
    value: float | None
    baseline: float | None = None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Scorecard(shown.Shown):
    """One candidate on one class of phones. `to_json` is the public part.

    Attributes:
        profile: the phone class.
        failure: why it did not run; the measured fields are then None or empty.
        holds: one dict for each promise: kind, tensor, promised, found, kept.
        incompatible: operators the phone's runtime lacks.
        phone_estimate, energy, memory: predicted for the phone; nothing was measured on one.
        phone_measured: milliseconds p50 and p90 (and energy_mj) as a phone measured them with
            its native runtime; None until one has.
        browser_wasm: the same in a phone's browser, which is another runtime.
        compatibility: what the phone's runtime and accelerators would take.
        not_delegated: operators that XNNPACK left to the interpreter when it ran here.
        baseline_host: host latency of the baseline.
        tokens_per_second: on this host, of a network with key/value caches; `host` is then of one
            step of decode.
        calibration_error: of the probabilities, {value, baseline}; see `data.calibration_error`.
        more_metrics: what else the task asks for.
        judged_by, also_judged_by: the metric and those, to be resampled.
        unjudged: outputs of the model, of several, that none of these looks at.
        slices: slice name -> the group of each held-out example, (n,) strings.
        targets, baseline_outputs, candidate_outputs: of the same examples in the same order.
        logits: whether these outputs are before their sigmoid or softmax.
        baseline_correct, candidate_correct: (n,) bool where the metric counts right answers.
        baseline_right, candidate_right: (n,) bool where the kind of task has right answers,
            whatever the metric is; classes and slices are judged by them.
        held_out: which examples these are; see `provenance.split_digest`.
        beside: the same run compared with another model, which decides nothing.
    """

    profile: profiles.Profile
    file_bytes: int
    download_bytes: int
    operators: dict[str, int]
    flex_operators: tuple[str, ...] = ()
    baseline_file_bytes: int | None = None
    metric: MetricValue | None = None
    per_class: tuple[ClassValue, ...] = ()
    per_slice: dict[str, tuple[ClassValue, ...]] = dataclasses.field(default_factory=dict)
    calibration_error: dict[str, float | None] | None = None
    more_metrics: tuple[MetricValue, ...] = ()
    host: latency.HostLatency | None = None
    baseline_host: latency.HostLatency | None = None
    tokens_per_second: latency.TokenRates | None = None
    peak_memory_bytes: int | None = None
    delegated_fraction: float | None = None
    holds: tuple[dict[str, Any], ...] = ()
    incompatible: tuple[Incompatibility, ...] = ()
    phone_estimate: phone_latency.PhoneEstimate | None = None
    phone_measured: dict[str, Any] | None = None
    browser_wasm: dict[str, Any] | None = None
    energy: EnergyEstimate | None = None
    memory: footprint.Footprint | None = None
    compatibility: Compatibility | None = None
    not_delegated: dict[str, int] = dataclasses.field(default_factory=dict)
    failure: sandbox.Failure | None = None
    limits_in_force: dict[str, Any] = dataclasses.field(default_factory=dict)
    unenforced_limits: dict[str, str] = dataclasses.field(default_factory=dict)
    judged_by: "Metric | None" = None
    also_judged_by: "tuple[Metric, ...]" = ()
    unjudged: tuple[str, ...] = ()
    slices: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    targets: splits.Arrays | None = None
    baseline_outputs: splits.Arrays | None = None
    candidate_outputs: splits.Arrays | None = None
    logits: bool = False
    baseline_correct: np.ndarray | None = None
    candidate_correct: np.ndarray | None = None
    baseline_right: np.ndarray | None = None
    candidate_right: np.ndarray | None = None
    held_out: str = ""
    beside: "Scorecard | None" = None

    def figures(self) -> Iterator[tuple[str, str]]:
        """(name, value) of what is asked first, in words."""
        for metric in (*((self.metric,) if self.metric else ()), *self.more_metrics):
            before = "" if metric.baseline is None else f", baseline {metric.baseline:.4f}"
            yield (
                metric_words.in_words(metric.name),
                f"{metric.value:.4f}{before}, on {metric.n:,} held-out examples",
            )
        yield "file", f"{self.file_bytes:,} bytes"
        if self.baseline_file_bytes:
            yield "baseline's file", f"{self.baseline_file_bytes:,} bytes"
        yield "download (deflate)", f"{self.download_bytes:,} bytes"
        if self.tokens_per_second:
            rates = self.tokens_per_second
            told = f"{rates.prefill:,.0f} read, {rates.decode:,.0f} written, on this host"
            yield "tokens per second", told
        if self.phone_estimate:
            estimate = self.phone_estimate
            told = (
                f"{estimate.value:.3g} ms ({estimate.low:.3g} to {estimate.high:.3g}), an estimate"
            )
            told += f", extrapolated from {estimate.device}" if estimate.extrapolated else ""
            yield f"latency on {self.profile.name}", told
            if estimate.sentence:
                yield "on its NPU", estimate.sentence
        if self.memory:
            free = self.memory.app_free_bytes_estimate
            yield "an app must have free", f"{free:,} bytes, an estimate"
        for note in self.compatibility.speed if self.compatibility else ():
            yield "speed", note
        for lacking in self.incompatible:
            yield "not on the phone", str(lacking)
        if self.failure:
            yield "failure", f"{self.failure.kind}: {self.failure.detail}"

    def _shown(self) -> tuple[str, shown.Rows]:
        return f"Scorecard on {self.profile.name}", list(self.figures())

    @property
    def negative_flips(self) -> float | None:
        """Share of the examples that the baseline has right and this model has wrong.

        Yan et al. 2021, "Positive-Congruent Training", arXiv:2011.09161.
        """
        paired = (self.metric.paired if self.metric else None) or {}
        lost = paired.get("only_baseline")
        return None if lost is None or self.metric is None else lost / self.metric.n

    @property
    def latency_ms(self) -> dict[str, dict[str, Any] | None]:
        """Milliseconds by where they come from; None where nothing was measured."""
        return {
            "host": _as_dict(self.host),
            "phone_estimate": _as_dict(self.phone_estimate),
            "phone_measured": self.phone_measured,
            "browser_wasm": self.browser_wasm,
        }

    def to_json(self) -> dict[str, Any]:
        """The content of scorecard.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "profile": self.profile.name,
            "metric": _as_dict(self.metric),
            "file_bytes": self.file_bytes,
            "download_bytes": self.download_bytes,
            "baseline_file_bytes": self.baseline_file_bytes,
            "latency_ms": self.latency_ms,
            "tokens_per_second": _as_dict(self.tokens_per_second),
            "peak_memory_bytes": self.peak_memory_bytes,
            "memory": _as_dict(self.memory),
            "energy_mj_estimate": _as_dict(self.energy),
            "operators": self.operators,
            "delegated_fraction": self.delegated_fraction,
            "flex_operators": list(self.flex_operators),
            "holds": list(self.holds),
            "per_class": [dataclasses.asdict(each) for each in self.per_class],
            "per_slice": {
                name: [dataclasses.asdict(each) for each in values]
                for name, values in self.per_slice.items()
            },
            "more_metrics": [dataclasses.asdict(each) for each in self.more_metrics],
            "negative_flips": self.negative_flips,
            "calibration_error": self.calibration_error,
            "not_delegated": self.not_delegated,
            "compatibility": _as_dict(self.compatibility),
            "held_out": self._held_out(),
            "failure": _as_dict(self.failure),
            "limits_in_force": self.limits_in_force,
            "unenforced_limits": self.unenforced_limits,
        }

    def _held_out(self) -> dict[str, Any]:
        """Which examples, and which of them are right: another scorecard can then be compared."""
        right = self.candidate_correct
        return {
            "fingerprint": self.held_out or None,
            "examples": self.metric.n if self.metric else None,
            "right": None if right is None else correct_bits.pack(right),
        }


def _as_dict(value: Any) -> dict[str, Any] | None:
    """A dataclass as JSON takes it; None stays None."""
    return None if value is None else dataclasses.asdict(value)


def wilson_interval(share: float, n: int, confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927), both ends in 0..1."""
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return max(0.0, middle - half), min(1.0, middle + half)

"""`tfedge.predict_latency`: milliseconds of one inference on a device, with an interval."""

import dataclasses
import functools
import math

import numpy as np

from tfedge import errors, shown
from tfedge.device.file import flatbuffer, tflite
from tfedge.device.prediction import devices, fitted, host, network, operators, own_phone, work
from tfedge.device.prediction.accelerators import devices as npus
from tfedge.device.prediction.accelerators import estimating

_MOST_THREADS = 64
CPU, NPU = "cpu", "npu"
# Standard deviations of the logarithm, for every doubling of threads beyond what was measured and
# beyond the fast cores: assumptions, that an extrapolation may not look as sure as a measurement.
_DOUBLED, _SLOW_CORES = 0.10, 0.25
# The same for a network of operators that no published network has, or of plain loops alone; and
# by how many times a guess for this host may be wrong. Assumptions, too.
_UNPUBLISHED, _PLAIN, _UNMEASURED = 0.5, 0.9, 10.0
_SAID_FROM = 0.05  # of the time
_PUBLISHED = frozenset(
    (
        *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "CONCATENATION"),
        *("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "SOFTMAX", "HARD_SWISH", "PAD"),
    )
)


@dataclasses.dataclass(frozen=True, repr=False)
class Estimate(shown.Shown):
    """An estimated latency in milliseconds.

    Attributes:
        value: the middle.
        low, high: nine of ten networks lie between.
        device, threads, runtime: what it is an estimate for.
        accelerator: "cpu" or "npu".
        notes: what makes it less sure than others, in sentences; empty where nothing does.
    """

    value: float
    low: float
    high: float
    device: str = ""
    threads: int = 1
    runtime: str = ""
    notes: tuple[str, ...] = ()
    accelerator: str = CPU

    def _shown(self) -> tuple[str, shown.Rows]:
        """In one line, and the notes."""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        title = f"Estimate: {self.value:.3g} ms ({self.low:.3g} to {self.high:.3g})"
        by = threads if self.accelerator == CPU else "NPU"
        title += f" on {self.device}, {by}" if self.device else ""
        return title, [("note", note) for note in self.notes]


def predict_latency(
    tflite_bytes: bytes, device: str = "pixel3", threads: int = 4, accelerator: str = CPU
) -> Estimate:
    """Estimates the time of one inference from the file's operators; nothing is run.

        estimate = tfedge.predict_latency(content, device="pixel4", threads=1)
        print(f"{estimate.value:.1f} ms ({estimate.low:.1f} to {estimate.high:.1f})")

        estimate = tfedge.predict_latency(content, device="galaxy_s25", accelerator="npu")

    The rates of a device are fitted on published latencies, so they hold for the runtime of those
    (`Estimate.runtime`), a cool phone and nothing else running.

    Args:
        tflite_bytes: the file.
        device: a name in `devices.names()`; "host" is this computer, once it was measured with
            `tools/benchmarks/fit_latency.py --host`.
        threads: of the interpreter, 1 to 64; an NPU has none.
        accelerator: "cpu", or "npu" for a device of `accelerators.devices.known()`.

    Raises:
        BadInput: no .tflite, an unknown device or one without latencies of this accelerator,
            threads out of range; for an NPU also a file of dynamic shapes or of types that it does
            not take, or that no latencies were published of.
    """
    if type(threads) is not int or not 1 <= threads <= _MOST_THREADS:
        raise errors.BadInput(
            "threads", f"{threads!r} is no number of threads", f"Use 1 to {_MOST_THREADS}."
        )
    found = _plain(tflite_bytes, device, threads, accelerator)
    return _refined(found, tflite_bytes)


def _plain(tflite_bytes: bytes, device: str, threads: int, accelerator: str) -> Estimate:
    """Without a team's own measurements."""
    if accelerator == NPU:
        return _on_npu(tflite_bytes, npus.find(device))
    _check_accelerator(device, accelerator)
    if device == devices.HOST:
        measured = host.load()
        return _on_host(_works(tflite_bytes), measured, threads)
    phone = devices.find(device)
    return _on_phone(_works(tflite_bytes), phone, threads)


def _refined(found: Estimate, tflite_bytes: bytes) -> Estimate:
    """Moved by what a team has measured on this device, the interval as wide as before."""
    own = own_phone.load()
    if own is None or own.accelerator != found.accelerator:
        return found
    device = npus.find(own.device) if own.accelerator == NPU else devices.find(own.device).name
    if (device, own.threads if own.accelerator == CPU else 1) != (found.device, found.threads):
        return found
    alike = _ratios(own, _is_integer(_works(tflite_bytes)))
    if not alike:
        return found
    factor = own_phone.factor(alike)
    many = f"{len(alike)} latencies" if len(alike) > 1 else "one latency"
    note = f"Refined by {many} of {own.path.name}: {found.value:.3g} ms before."
    return dataclasses.replace(
        found,
        value=factor * found.value,
        low=factor * found.low,
        high=factor * found.high,
        notes=(*found.notes, note),
    )


@functools.lru_cache(maxsize=8)
def _ratios(own: own_phone.OwnPhone, integer: bool) -> tuple[float, ...]:
    """Measured over predicted, of the files of one type."""
    files = [(each, each.tflite.read_bytes()) for each in own.latencies]
    return tuple(
        each.ms / _plain(content, own.device, own.threads, own.accelerator).value
        for each, content in files
        if _is_integer(_works(content)) == integer
    )


def _check_accelerator(device: str, accelerator: str) -> None:
    if accelerator != CPU:
        raise errors.BadInput(
            f"accelerator {accelerator!r}", "is none that is predicted", 'Use "cpu" or "npu".'
        )
    if npus.has(device):
        raise errors.BadInput(
            f"device {device!r}",
            "no latencies of its CPU were published, only of its NPU",
            'Use accelerator="npu".',
        )


def _on_npu(tflite_bytes: bytes, device: str) -> Estimate:
    found = estimating.of(tflite.read(tflite_bytes), device)
    return Estimate(found.value, found.low, found.high, device, 1, npus.runtime(), found.notes, NPU)


def _works(tflite_bytes: bytes) -> tuple[work.Work, ...]:
    file = tflite.read(tflite_bytes)
    return flatbuffer.guarded(".tflite", lambda: work.of(file))


def _on_phone(works: tuple[work.Work, ...], device: devices.Device, threads: int) -> Estimate:
    fit, integer = fitted.load(), _is_integer(works)
    parts = network.loads(network.slowed(works, threads))
    value, slope = network.slope(parts, device, threads, fit.names, fit.values)
    extrapolated, notes = _extrapolation(fit, device, threads, integer)
    strange, more = _strange(works, operators.on_phone(works, device, threads))
    unsure = extrapolated**2 + strange**2
    deviation = math.sqrt(slope @ fit.covariance @ slope + fit.noise**2 + unsure)
    low, middle, high = _interval(value, fit.widening * deviation)
    notes = _notes(works) + more + notes
    return Estimate(middle, low, high, device.name, threads, device.runtime, notes)


def _extrapolation(
    fit: fitted.Fitted, device: devices.Device, threads: int, integer: bool
) -> tuple[float, tuple[str, ...]]:
    """(standard deviation of the logarithm, sentences) of what nobody has measured."""
    notes = []
    measured = [t for name, t, kind in fit.measured if name == device.name]
    deviation = _DOUBLED * math.log2(max(1.0, threads / max(measured)))
    if threads not in measured:
        known = ", ".join(map(str, sorted(set(measured))))
        notes.append(f"{device.label} was measured with {known} threads, not {threads}.")
    if threads > device.fast_cores:
        deviation = math.hypot(deviation, _SLOW_CORES * math.log2(threads / device.fast_cores))
        notes.append(f"{device.label} has {device.fast_cores} fast cores for {threads} threads.")
    if not any(name == device.name and kind == integer for name, _, kind in fit.measured):
        kind = "int8" if integer else "float32"
        notes.append(f"No {kind} network was published for {device.label}: others stand in.")
    return deviation, tuple(notes)


def _strange(
    works: tuple[work.Work, ...], milliseconds: np.ndarray
) -> tuple[float, tuple[str, ...]]:
    """The same of operators that the published networks do not have, by their share of the time."""
    total = max(float(milliseconds.sum()), 1e-9)
    plain, others = 0.0, dict[str, float]()
    for done, ms in zip(works, milliseconds / total, strict=True):
        if done.plain:
            plain += ms
        elif done.kind not in _PUBLISHED:
            others[done.kind] = others.get(done.kind, 0.0) + ms
    notes = []
    if plain >= _SAID_FROM:
        notes.append(
            "Operators on 16-bit activations run as plain loops on one thread, many times slower "
            "than on 8 bits; how slow was never published: a guess."
        )
    unknown = {w.kind for w in works if not w.known}  # said by `_notes`
    named = sorted(k for k, share in others.items() if share >= _SAID_FROM and k not in unknown)
    if named:
        notes.append(f"No published network has {', '.join(named)}: a guess by their work.")
    return math.hypot(_PLAIN * plain, _UNPUBLISHED * sum(others.values())), tuple(notes)


def _on_host(works: tuple[work.Work, ...], times: host.HostTimes, threads: int) -> Estimate:
    found = host.total_ms(times, works, _is_integer(works), threads)
    low, middle, high = _interval(math.log(found.ms), times.spread)
    low *= 1 - found.guessed_ms / found.ms * (1 - 1 / _UNMEASURED)
    high *= 1 + found.guessed_ms / found.ms * (_UNMEASURED - 1)
    notes = _notes(works) + found.notes
    return Estimate(middle, low, high, devices.HOST, threads, times.host, notes)


def _is_integer(works: tuple[work.Work, ...]) -> bool:
    """Whether most multiply-adds, or without any most operators, are on integers."""
    weights = [w.turns * w.macs if any(v.macs for v in works) else 1 for w in works]
    return 2 * sum(n for n, w in zip(weights, works, strict=True) if w.integer) > sum(weights)


def _notes(works: tuple[work.Work, ...]) -> tuple[str, ...]:
    unknown = sorted({w.kind for w in works if not w.known})
    if not unknown:
        return ()
    return (f"Only the memory traffic of {', '.join(unknown)} is counted.",)


def _interval(log_ms: float, half: float) -> list[float]:
    return np.exp([log_ms - half, log_ms, log_ms + half]).tolist()

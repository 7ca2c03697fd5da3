"""What a product owner should read of an estimate for an NPU."""

from tfedge.device import delegate_rules
from tfedge.device.file import tflite
from tfedge.device.prediction.accelerators import devices, estimating

_ALIKE = 1.5  # two estimates this near are too unsure to be told apart


def sentence(tflite_bytes: bytes, device: str, milliseconds: tuple[float, float, float]) -> str:
    """What one inference takes, what runs there, and whether another type would be faster.

    Args:
        tflite_bytes: a file that `estimating.of` takes.
        device: as `devices.find` gives it.
        milliseconds: (value, low, high) of the class that the device stands for.
    """
    file = tflite.read(tflite_bytes)
    value, low, high = milliseconds
    return (
        f"On the NPU of a {devices.known()[device]} one inference is estimated at {value:.2g} ms "
        f"({low:.2g} to {high:.2g}); {_where(file)}; {_types(file, device)}."
    )


def _where(file: tflite.TfliteFile) -> str:
    coverage = delegate_rules.coverage(file, devices.rules())
    if not coverage.falls_back:
        return "all operators run there"
    kinds = ", ".join(dict.fromkeys(each.operator for each in coverage.falls_back))
    return f"{coverage.fraction:.0%} of the operators run there, {kinds} on the CPU, uncounted"


def _types(file: tflite.TfliteFile, device: str) -> str:
    own, other = estimating.of(file, device), estimating.as_other_type(file, device)
    if other is None:
        return f"only {own.type} was published of it"
    ratio = other.value / own.value
    if 1 / _ALIKE < ratio < _ALIKE:
        return f"{other.type} would take about as long"
    faster, times = ("slower", ratio) if ratio > 1 else ("faster", 1 / ratio)
    return f"{other.type} would be about {times:.1f} times {faster}"

"""Numbers and identifiers as people read them."""

import math
from collections.abc import Callable, Mapping
from typing import Any

UNKNOWN = "not measured"
RESET = (
    "it remembers the example before: call Interpreter.resetVariableTensors() on Android, or make "
    "the interpreter anew; no CompiledModel can reset it"
)
_LONGEST_LIST = 12


def amount(size: int | None) -> str:
    """Bytes in a readable unit; 1 KB is 1,000 bytes, as an app store counts."""
    return in_one_unit(size)(size)


def in_one_unit(*sizes: int | None) -> Callable[[int | None], str]:
    """What says bytes in the unit of the smallest of these, so that they can be compared."""
    smallest = min((size for size in sizes if size), default=0)
    if smallest < 1000:
        return lambda size: UNKNOWN if size is None else f"{size:,} B"
    unit, divisor, digits = ("KB", 1e3, 1) if smallest < 1_000_000 else ("MB", 1e6, 2)

    def say(size: int | None) -> str:
        if size is None:
            return UNKNOWN
        value = size / divisor
        return f"{value:,.{0 if value >= 1000 else digits}f} {unit}"

    return say


def times_smaller(before: int | None, after: int) -> str:
    """Such as "3.6 times smaller"; "" where one of the two is not known."""
    if not before or not after:
        return ""
    ratio = before / after
    return f"{ratio:.1f} times smaller" if ratio >= 1 else f"{1 / ratio:.1f} times larger"


def is_share(metric: Mapping[str, Any]) -> bool:
    """Whether the metric counts right answers, so that it is read in per cent."""
    return metric.get("paired") is not None or metric["name"] in {"accuracy", "top5"}


def metric_value(metric: Mapping[str, Any], value: float | None) -> str:
    """The metric's value as people read it: per cent for shares, else four digits."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return "no number"
    return f"{value:.2%}" if is_share(metric) else f"{value:.4g}"


def difference(metric: Mapping[str, Any], value: float) -> str:
    """A difference of the metric: points for shares, else its own units; "" for none."""
    if not math.isfinite(value):
        return ""
    return f"{100 * value:+.2f} points" if is_share(metric) else f"{value:+.4g}"


def words(name: str) -> str:
    """An identifier as words: "peak_memory" -> "peak memory", "CONV_2D" -> "conv 2d"."""
    if ":" in name:  # a promise about a layer, whose name stays as it is
        return name
    return name.replace("_", " ").lower() if name.isupper() else name.replace("_", " ")


def count(number: int, what: str) -> str:
    """Such as "1 layer", "2 layers"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share, 0..1, in per cent."""
    return UNKNOWN if share is None else f"{share:.{digits}%}"


def number(value: float) -> str:
    """Three digits, and no fraction of what is 1,000 or more."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def plain(value: Any) -> str:
    """A value of a note or a promise, short enough for a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        value = [f"{key}: {plain(each)}" for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        shown = [plain(each) for each in value[:_LONGEST_LIST]]
        more = [f"and {len(value) - _LONGEST_LIST} more"] if len(value) > _LONGEST_LIST else []
        return ", ".join(shown + more)
    return str(value)

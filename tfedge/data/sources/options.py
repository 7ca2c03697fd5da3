"""What may follow a source after a question mark: npz:FILE?kind=regression&scale=1/255."""

import difflib
import fractions
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfedge import errors
from tfedge.data import given_weights, kinds
from tfedge.data.sources import resizing

NAMES = (
    *("kind", "metric", "scale", "offset", "size", "channels", "resize", "fit", "group"),
    "class_weight",
)


@dataclass(frozen=True)
class Options:
    """Settings of a source; None leaves the source's own default.

    Args:
        kind: a name of `kinds`, instead of the one inferred from the targets.
        metric: a name of `metrics`; NAME:OUTPUT for one of several outputs.
        scale: model input = raw * scale + offset; one number or one per channel, as 1/255 or 0.5.
        offset: likewise.
        size: (height, width) images are decoded to.
        channels: 1 or 3.
        resize: one of `resizing.INTERPOLATIONS`.
        fit: one of `resizing.FITS`.
        group: what of an image's path names the person, device or recording it is of.
        class_weight: "balanced" or "none"; see `class_weights`.
    """

    kind: str | None = None
    metric: str | None = None
    scale: float | tuple[float, ...] | None = None
    offset: float | tuple[float, ...] | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    resize: str | None = None
    fit: str | None = None
    group: re.Pattern[str] | None = None
    class_weight: str | None = None


def split(source: str, allowed: tuple[str, ...]) -> tuple[str, Options]:
    """The address and the options of a source such as "images:DIR?size=96x96&channels=3".

    Args:
        source: a question mark not followed by name=value belongs to the address.
        allowed: the options this source has.

    Raises:
        BadInput: an unknown option, or a value that cannot be read.
    """
    address, mark, query = _cut(source)
    if not mark or "=" not in query or "/" in query.partition("=")[0]:
        return source, Options()
    settings: dict[str, Any] = {}
    for setting in re.split(r"&(?=[a-z]+=|$)", query):
        name, _, text = setting.partition("=")
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise errors.BadInput(
                f"--data={source}", f"no option {name!r}{hint}", f"Options: {', '.join(allowed)}."
            )
        try:
            settings[name] = _READ[name](text)
        except (ValueError, ZeroDivisionError) as error:
            raise errors.BadInput(
                f"--data={source}",
                f"{name}={text} is not {_EXPECTED[name]}",
                f"For example {_EXAMPLE[name]}.",
            ) from error
    return address, Options(**settings)


def _cut(source: str) -> tuple[str, str, str]:
    """At the first question mark before a known option, else at the last: patterns hold some."""
    known = re.search(rf"\?(?=({'|'.join(NAMES)})=)", source)
    if known:
        return source[: known.start()], "?", source[known.end() :]
    return source.rpartition("?")


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return read


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(text) from error


def _numbers(text: str) -> float | tuple[float, ...]:
    numbers = tuple(float(fractions.Fraction(part)) for part in text.split(","))
    return numbers[0] if len(numbers) == 1 else numbers


def _size(text: str) -> tuple[int, int]:
    height, width = (int(part) for part in text.split("x"))
    if min(height, width) < 1:
        raise ValueError(text)
    return height, width


def _channels(text: str) -> int:
    if text not in ("1", "3"):
        raise ValueError(text)
    return int(text)


_READ: dict[str, Callable[[str], Any]] = {
    "kind": _one_of(kinds.of_one()),
    "metric": str,
    "scale": _numbers,
    "offset": _numbers,
    "size": _size,
    "channels": _channels,
    "resize": _one_of(resizing.INTERPOLATIONS),
    "fit": _one_of(resizing.FITS),
    "group": _pattern,
    "class_weight": _one_of((given_weights.BALANCED, given_weights.NONE)),
}
_EXPECTED = {
    "kind": f"one of {', '.join(kinds.of_one())}",
    "metric": "a metric",
    "scale": "a number, or one per channel",
    "offset": "a number, or one per channel",
    "size": "HEIGHTxWIDTH in pixels",
    "channels": "1 or 3",
    "resize": f"one of {', '.join(resizing.INTERPOLATIONS)}",
    "fit": f"one of {', '.join(resizing.FITS)}",
    "group": "a regular expression",
    "class_weight": "balanced or none",
}
_EXAMPLE = {
    "kind": "kind=regression",
    "metric": "metric=macro_f1",
    "scale": "scale=1/255",
    "offset": "offset=-1",
    "size": "size=96x96",
    "channels": "channels=3",
    "resize": "resize=bilinear",
    "fit": "fit=crop",
    "group": "group=person[0-9]+",
    "class_weight": "class_weight=balanced",
}

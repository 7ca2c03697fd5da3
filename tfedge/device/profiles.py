"""Phone classes as data: tfedge/device/profiles/*.json, or a file of your own in the same form.

Four classes of phones, assumed and called so, and the devices whose latencies were published.
"""

import dataclasses
import difflib
import functools
import math
import pathlib
from typing import Any

from tfedge import errors, foreign
from tfedge.device.file import flatbuffer
from tfedge.device.prediction import devices

_FOLDER = pathlib.Path(__file__).parent / "profiles"


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a model may use on one class of phones.

    Attributes:
        name: as reports show it.
        threads: for the interpreter.
        max_memory_bytes: peak growth of the process by loading and running the model.
        max_file_bytes: of the .tflite.
        runtime_version: the oldest runtime expected, such as "2.17.0".
        allowed_operators: the only kinds of operators there are; None for all of the runtime's.
        denied_operators: kinds that must not occur.
        allow_flex: whether TensorFlow operators may occur.
        latency_device: the published device whose latency is predicted; None for none.
        latency_scale: that latency times (value, low, high) is this class's; all 1 for the
            device itself.
        extrapolated: why the scale is what it is; empty for a published device.
        max_latency_ms, max_energy_mj: of one inference; None for no limit.
        latency_note: how to read a host's latency for this class; it is never judged.
        description, source: what is meant, and where the numbers come from.

    Raises:
        BadInput: a value out of range.
    """

    name: str
    threads: int = 4
    max_memory_bytes: int = 256 * 2**20
    max_file_bytes: int = 50 * 2**20
    runtime_version: str = "2.17.0"
    allowed_operators: tuple[str, ...] | None = None
    denied_operators: tuple[str, ...] = ()
    allow_flex: bool = False
    latency_device: str | None = None
    latency_scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    extrapolated: str = ""
    max_latency_ms: float | None = None
    max_energy_mj: float | None = None
    latency_note: str = ""
    description: str = ""
    source: str = ""

    def __post_init__(self):
        for field in ("threads", "max_memory_bytes", "max_file_bytes"):
            value = getattr(self, field)
            if type(value) is not int or value < 1:
                self._refuse(field, "a whole number from 1 up")
        if not _is_version(self.runtime_version):
            self._refuse("runtime_version", 'a version such as "2.17.0"')
        for field in ("max_latency_ms", "max_energy_mj"):
            value = getattr(self, field)
            if value is not None and not (_is_number(value) and value > 0):
                self._refuse(field, "a number above 0, or null")
        self._check_scale()
        for field in ("allowed_operators", "denied_operators"):
            self._check_operators(field)
        for field in ("name", "extrapolated", "latency_note", "description", "source"):
            if type(getattr(self, field)) is not str:
                self._refuse(field, "text")
        if type(self.allow_flex) is not bool:
            self._refuse("allow_flex", "true or false")

    def _check_operators(self, field: str) -> None:
        """A misspelt name would never match, and nothing would be denied."""
        kinds = getattr(self, field)
        if kinds is None:
            return
        if type(kinds) is not tuple or not all(type(kind) is str for kind in kinds):
            self._refuse(field, "a list of names")
        for kind in kinds:
            if kind.isupper() and kind not in flatbuffer.BUILTIN_NAMES.values():
                near = difflib.get_close_matches(kind, flatbuffer.BUILTIN_NAMES.values(), 1)
                self._refuse(field, f"names of operators; {kind} is none" + _instead(near))

    def _check_scale(self) -> None:
        """An extrapolation has to say why; a published device has nothing to scale."""
        if self.latency_device not in (None, devices.HOST):
            devices.find(self.latency_device)
        scale = self.latency_scale
        three = isinstance(scale, tuple) and len(scale) == 3 and all(map(_is_number, scale))
        if not three or min(scale) <= 0:
            self._refuse("latency_scale", "[value, low, high], each above 0")
        if not scale[1] <= scale[0] <= scale[2]:
            self._refuse("latency_scale", "[value, low, high] with low <= value <= high")
        if tuple(scale) != (1, 1, 1) and not self.extrapolated:
            self._refuse("extrapolated", "the reason for latency_scale")

    def _refuse(self, field: str, expected: str) -> None:
        found = getattr(self, field)
        raise errors.BadInput(
            f"profile {self.name}",
            f"{field} is {found!r}, expected {expected}",
            "Correct the file.",
        )


def names() -> tuple[str, ...]:
    """The phone classes that come with tfedge."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def load(profile: "str | pathlib.Path | Profile") -> Profile:
    """A phone class by its name, or by the path of a JSON file; a Profile is returned as it is.

    Raises:
        BadInput: no such name or file, or a file that is no profile.
    """
    if isinstance(profile, Profile):
        return profile
    if str(profile) in names():
        return _read(_FOLDER / f"{profile}.json")
    path = pathlib.Path(profile)
    if path.suffix == ".json" or path.is_file():
        return _read(path)
    near = difflib.get_close_matches(str(profile), names(), 1)
    raise errors.BadInput(
        f"--profile={profile}",
        "no such phone class" + (f"; did you mean {near[0]}?" if near else ""),
        f"Use one of {', '.join(names())}, or the path of a .json file.",
    )


def _instead(near: list[str]) -> str:
    return f", {near[0]} is" if near else ""


@functools.cache
def _fields() -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(Profile))


def _read(path: pathlib.Path) -> Profile:
    content = foreign.read_json(path, "Copy one of tfedge/device/profiles.")
    if not isinstance(content, dict) or "name" not in content:
        raise errors.BadInput(str(path), "not a profile: it has no name", "Copy one of ours.")
    for key in content:
        if key not in _fields():
            near = difflib.get_close_matches(key, _fields(), 1)
            raise errors.BadInput(
                str(path),
                f"{key!r} is no setting of a profile" + (f"; {near[0]!r} is" if near else ""),
                f"Use {', '.join(_fields())}.",
            )
    return Profile(**{key: _frozen(value) for key, value in content.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_version(text: Any) -> bool:
    return isinstance(text, str) and bool(text) and all(p.isdigit() for p in text.split("."))

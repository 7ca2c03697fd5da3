"""Phone classes as data: tfedge/device/profiles/*.json, or a file of your own in the same form.

Four classes of phones, assumed and called so, and the devices whose latencies were published.
"""

import dataclasses
import json
import pathlib
from typing import Any

from tfedge import errors, foreign, settings
from tfedge.device.prediction import devices
from tfedge.device.prediction.accelerators import devices as npus

_FOLDER = pathlib.Path(__file__).parent / "profiles"
_PROSE = settings.Text("text", empty=True)
_LIMIT = settings.optional(settings.Real(above=0))


@dataclasses.dataclass(frozen=True)
class _Version:
    """Numbers with dots between."""

    def fits(self, value: Any) -> bool:
        """See `settings.Kind`."""
        return isinstance(value, str) and all(part.isdigit() for part in value.split("."))

    def words(self, name: str) -> str:
        """See `settings.Kind`."""
        return 'a version such as "2.17.0"'


@dataclasses.dataclass(frozen=True)
class _Operators:
    """Kinds of operators, by the schema's names."""

    def fits(self, value: Any) -> bool:
        """See `settings.Kind`."""
        return type(value) is tuple and all(type(kind) is str for kind in value)

    def words(self, name: str) -> str:
        """See `settings.Kind`."""
        return "a list of names"


@settings.declared
class Profile:
    """What a model may use on one class of phones, which reports call by `name`.

    Raises:
        BadInput: a value out of range.
    """

    name: str
    threads: int = settings.setting(
        default=4, kind=settings.Whole(1), help="Threads of the interpreter."
    )
    max_memory_bytes: int = settings.setting(
        default=256 * 2**20,
        kind=settings.Whole(1),
        help="Peak growth of the process by loading and running the model.",
        unit="bytes",
    )
    max_file_bytes: int = settings.setting(
        default=50 * 2**20, kind=settings.Whole(1), help="Size of the .tflite.", unit="bytes"
    )
    runtime_version: str = settings.setting(
        default="2.17.0", kind=_Version(), help="The oldest runtime expected."
    )
    allowed_operators: tuple[str, ...] | None = settings.setting(
        default=None,
        kind=settings.optional(_Operators()),
        help="The only kinds of operators there are; None for all of the runtime's.",
    )
    denied_operators: tuple[str, ...] = settings.setting(
        default=(), kind=_Operators(), help="Kinds of operators that must not occur."
    )
    needs_integers: bool = settings.setting(
        default=False,
        kind=settings.Flag(),
        help="Whether what computes there is made for integers, or takes nothing else, as NPUs: "
        "the export is then full int8 where none is asked for.",
    )
    allow_flex: bool = settings.setting(
        default=False, kind=settings.Flag(), help="Whether TensorFlow operators may occur."
    )
    latency_device: str | None = settings.setting(
        default=None,
        kind=settings.optional(settings.Text("the name of a published device")),
        help="The published device whose latency is predicted; None for none.",
    )
    latency_accelerator: str = settings.setting(
        default="cpu",
        kind=settings.Choice(("cpu", "npu")),
        help="What of that device runs the model: its processor, or its neural accelerator.",
    )
    latency_scale: tuple[float, float, float] = settings.setting(
        default=(1.0, 1.0, 1.0),
        kind=settings.Several(settings.Real(above=0), 3),
        help="That latency times (value, low, high) is this class's; all 1 for the device itself.",
    )
    extrapolated: str = settings.setting(
        default="", kind=_PROSE, help="Why the scale is what it is; empty for a published device."
    )
    max_latency_ms: float | None = settings.setting(
        default=None, kind=_LIMIT, help="Of one inference.", unit="ms"
    )
    max_energy_mj: float | None = settings.setting(
        default=None, kind=_LIMIT, help="Of one inference.", unit="mJ"
    )
    latency_note: str = settings.setting(
        default="",
        kind=_PROSE,
        help="How to read a host's latency for this class; it is never judged.",
    )
    description: str = settings.setting(default="", kind=_PROSE, help="What is meant.")
    source: str = settings.setting(default="", kind=_PROSE, help="Where the numbers come from.")

    def __post_init__(self) -> None:
        """Refuse what is out of range, or contradicts itself."""
        self._check(type(self.name) is str, "name", "text")
        for each in settings.of(Profile):
            self._check(each.kind.fits(getattr(self, each.name)), each.name, each.expected)
        self._check_operators((*(self.allowed_operators or ()), *self.denied_operators))
        if self.latency_device is not None and self.latency_accelerator == "npu":
            npus.find(self.latency_device)
        elif self.latency_device not in (None, devices.HOST):
            devices.find(self.latency_device)
        value, low, high = self.latency_scale
        self._check(
            low <= value <= high, "latency_scale", "[value, low, high], low <= value <= high"
        )
        is_explained = self.latency_scale == (1, 1, 1) or bool(self.extrapolated)
        self._check(is_explained, "extrapolated", "the reason for latency_scale")

    def _check_operators(self, kinds: tuple[str, ...]) -> None:
        """A misspelt name would never match, and nothing would be denied."""
        from tfedge.device.file import flatbuffer  # the schema, which --help need not load

        known = flatbuffer.BUILTIN_NAMES.values()
        for kind in kinds:
            if kind.isupper() and kind not in known:
                raise errors.BadInput(
                    f"profile {self.name}",
                    f"{kind} is no operator",
                    settings.meant(kind, known) or "Name kinds such as CONV_2D.",
                )

    def _check(self, fine: bool, field: str, expected: str) -> None:
        if fine:
            return
        found = getattr(self, field)
        defaults = {each.name: each.default for each in settings.of(Profile)}
        raise errors.BadInput(
            f"profile {self.name}",
            f"{field} is {found!r}, expected {expected}",
            f'Write "{field}": {json.dumps(defaults.get(field, "phone"))}.',
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
    raise errors.BadInput(
        f"--profile={profile}",
        "no such phone class",
        f"{settings.nearest(str(profile), names())} Or name a .json file of your own.",
    )


def _read(path: pathlib.Path) -> Profile:
    content = foreign.read_json(path, "Copy one of tfedge/device/profiles.")
    if not isinstance(content, dict) or "name" not in content:
        raise errors.BadInput(str(path), "not a profile: it has no name", "Copy one of ours.")
    known = [field.name for field in dataclasses.fields(Profile)]
    for key in content:
        if key not in known:
            raise errors.BadInput(
                str(path), f"{key!r} is no setting of a profile", settings.nearest(key, known)
            )
    return Profile(**{key: _frozen(value) for key, value in content.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

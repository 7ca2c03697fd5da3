"""Settings declared once: what each may be, what it means, and how a search may vary it.

    @settings.declared
    class Slim(base.Pass):
        reduction: float = settings.setting(
            0.3, settings.Real(above=0, below=1), "Share of the budget's quantity that goes."
        )

From the declaration follow the refusals, text and JSON and back, the tables of docs/, `__doc__`
and what a search tries. Needs neither TensorFlow nor NumPy.
"""

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ClassVar, TypeVar, dataclass_transform

from tfedge import errors, grammar
from tfedge.settings.kinds import (
    Anything,
    Choice,
    Either,
    Flag,
    Kind,
    Real,
    Several,
    Table,
    Text,
    Whole,
    optional,
)

# All that declares a setting is written as settings.NAME.
__all__ = [
    "Anything",
    "Choice",
    "Either",
    "Flag",
    "Kind",
    "Real",
    "Search",
    "Setting",
    "Settings",
    "Several",
    "Table",
    "Text",
    "Whole",
    "declared",
    "make",
    "meant",
    "nearest",
    "of",
    "optional",
    "setting",
    "table",
]

_KEY = "setting"  # of a dataclass field's metadata
Class = TypeVar("Class", bound=type)


@dataclasses.dataclass(frozen=True)
class Search:
    """How a search may vary a setting; a `Choice` or a `Flag` without `values` by all there are.

    Attributes:
        low, high: of numbers.
        log: equal ratios instead of equal differences.
        step: between two numbers that are tried.
        values: instead of a range.
        when: other setting -> the values of it that this one means something with.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    values: tuple[Any, ...] = ()
    when: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One declared setting.

    Attributes:
        name: of the field.
        default: its value where none is written.
        kind: what it may be.
        help: what it means, in sentences.
        unit: of a number: "pixels", "steps".
        per_layer: whether a rule may give it another value for some layers.
        search: None for what is not searched.
    """

    name: str
    default: Any
    kind: Kind
    help: str
    unit: str = ""
    per_layer: bool = False
    search: Search | None = None

    @property
    def expected(self) -> str:
        """What it may be, in words."""
        return self.kind.words(self.name)


def setting(
    default: Any,
    kind: Kind,
    help: str,
    *,
    unit: str = "",
    per_layer: bool = False,
    search: Search | None = None,
) -> Any:
    """A field of a class of settings; see `Setting`."""
    metadata = {
        _KEY: {"kind": kind, "help": help, "unit": unit, "per_layer": per_layer, "search": search}
    }
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True, field_specifiers=(setting, dataclasses.field))
def declared(kind: Class) -> Class:
    """Makes a class of settings of a class: frozen, and each setting explained in its `__doc__`."""
    made: Any = dataclasses.dataclass(frozen=True)(kind)
    explained = [
        f"        {each.name}: {each.help} ({each.expected})"
        + (f", in {each.unit}" if each.unit else "")
        for each in of(made)
    ]
    if explained:
        made.__doc__ = "\n".join([f"{made.__doc__}\n\n    Attributes:", *explained])
    return made


def of(kind: type) -> tuple[Setting, ...]:
    """The settings that a class declares, in the order of its fields."""
    itself: Any = kind  # a type checker takes its instances' __hash__ for its own
    return _of(itself)


@functools.cache
def _of(kind: Any) -> tuple[Setting, ...]:
    return tuple(
        Setting(field.name, _default(field), **field.metadata[_KEY])
        for field in dataclasses.fields(kind)
        if _KEY in field.metadata
    )


@dataclasses.dataclass(frozen=True)
class Settings:
    """What has settings; made with a value out of range it is refused.

    Raises:
        BadInput: naming the setting, what was expected, what came, and what to write.
    """

    flag: ClassVar[str] = ""  # that it is written behind, such as "--augment="

    def __post_init__(self) -> None:
        """Refuse values out of range; a subclass adds what settings must be together."""
        for each in of(type(self)):
            self.check(each.kind.fits(getattr(self, each.name)), each.name, each.expected)

    @property
    def name(self) -> str:
        """As it is written in front of the parentheses: the class's, in small letters."""
        return type(self).__name__.lower()

    def changed(self) -> dict[str, Any]:
        """The settings that differ from their defaults."""
        values = {each.name: getattr(self, each.name) for each in of(type(self))}
        defaults = {each.name: each.default for each in of(type(self))}
        return {name: value for name, value in values.items() if value != defaults[name]}

    def __str__(self) -> str:
        """The text that makes it again."""
        return grammar.write(self.name, self.changed())

    def check(self, fine: bool, name: str, expected: str, remedy: str = "") -> None:
        """Refuse the value of a setting unless it is fine.

        Args:
            fine: whether it is.
            name: of the setting.
            expected: in words.
            remedy: what to write; "" writes the default.

        Raises:
            BadInput: it is not.
        """
        if not fine:
            value = grammar.literal(getattr(self, name))
            default = {each.name: each.default for each in of(type(self))}.get(name)
            raise errors.BadInput(
                f"{self.flag}{self.name}({name}={value})",
                f"expected {expected}, got {value}",
                remedy or f"Write {grammar.write(self.name, {name: default})}.",
            )


Made = TypeVar("Made")


def make(
    kinds: Mapping[str, Callable[..., Made]], call: grammar.Call, language: grammar.Language
) -> Made:
    """What a call of the grammar stands for.

    Args:
        kinds: name -> class of settings.
        call: as it was read.
        language: what it was read in.

    Raises:
        BadInput: an unknown name or setting, with the nearest one there is; a value out of range.
    """
    if call.name not in kinds:
        raise errors.BadInput(
            f"{language.where} {language.what} {call.name!r}",
            f"there is no such {language.what}",
            nearest(call.name, kinds),
        )
    kind = kinds[call.name]
    known = [each.name for each in of(kind)]  # type: ignore[arg-type]
    for name in call.settings:
        if name not in known:
            raise errors.BadInput(
                f"{language.where} {call.name}({name}=...)",
                "there is no such setting",
                nearest(name, known) if known else f"Write {call.name}.",
            )
    return kind(**call.settings)


def nearest(name: str, known: Collection[str]) -> str:
    """What a user may have meant, and all there is: the remedy for an unknown name."""
    return f"{meant(name, known)} There are: {', '.join(sorted(known))}.".lstrip()


def meant(name: str, known: Collection[str]) -> str:
    """What a user may have meant: "Did you mean 'prune'?", or nothing where none is near."""
    import difflib  # costs more than all of this module, and only a mistake needs it

    close = difflib.get_close_matches(name, list(known), 1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else ""


def _default(field: dataclasses.Field) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def table(kind: type) -> Iterator[tuple[str, str, str, str]]:
    """Rows for people: setting, default, what it may be, what it means."""
    for each in of(kind):
        unit = f" ({each.unit})" if each.unit else ""
        yield each.name, grammar.literal(each.default), each.expected, each.help + unit

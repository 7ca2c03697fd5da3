"""Which exports compute what a pass has trained, by their texts.

A pass prepares for a route and for those of its options that it says; an export may have others
beside them: int8(raw_input=True) is what "int8" means, too.
"""

from collections.abc import Sequence

from tfedge import grammar

_LANGUAGE = grammar.Language("--export", "route", "int8")


def fits(asked: str, prepared: Sequence[str]) -> bool:
    """Whether an export is one of those that are meant; any is where none is said."""
    return not prepared or any(_is(asked, each) for each in prepared)


def options(asked: str, prepared: Sequence[str]) -> frozenset[str]:
    """The options of an export that were prepared for."""
    meant = [each for each in prepared if _is(asked, each)]
    return frozenset(name for each in meant for name in _read(each).settings)


def _is(asked: str, meant: str) -> bool:
    given, wanted = _read(asked), _read(meant)
    return given.name == wanted.name and wanted.settings.items() <= given.settings.items()


def _read(text: str) -> grammar.Call:
    return grammar.read_one(text, _LANGUAGE)

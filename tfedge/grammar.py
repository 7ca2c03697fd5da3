"""The one grammar of recipes, exports, augmentations and metrics: `name(setting=value), name, ...`.

    read("crop(padding=2), flip", Language("--augment", "augmentation", "crop(padding=2)"))

Text is a Python expression, taken apart with `ast` and never evaluated; values are plain: numbers,
text, True, False, None, and tuples, lists and dicts of them.
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfedge import errors, foreign

_NAMED = {"true": "True", "false": "False", "none": "None", "null": "None"}
_SHOWN = 80  # characters of a text that a message repeats


@dataclass(frozen=True)
class Language:
    """What is written in the grammar, for messages.

    Attributes:
        where: the flag or kind of file it comes from: "--export", "recipe".
        what: one of its names is: "route", "pass".
        example: of what may be written.
    """

    where: str
    what: str
    example: str

    def shown(self, text: str) -> str:
        """Where a text stands, with as much of it as a line takes."""
        text = text.strip()[:_SHOWN]
        return f"{self.where}={text}" if self.where.startswith("--") else f"{self.where} {text!r}"


@dataclass(frozen=True)
class Call:
    """One name with the settings that were written, in their order."""

    name: str
    settings: Mapping[str, Any]


def read(text: str, language: Language) -> tuple[Call, ...]:
    """The calls that a text lists; nothing at all is no call.

    Raises:
        BadInput: another form, a value that would have to be computed, or one beyond all bounds.
    """
    if not text.strip():
        return ()
    try:
        body = ast.parse(f"({text.strip()},)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error) or "nested too deeply"
        raise errors.BadInput(
            language.shown(text), f"cannot be read ({reason})", f"Write: {language.example}"
        ) from error
    return tuple(_call(node, language) for node in getattr(body, "elts", (body,)))


def read_one(text: str, language: Language) -> Call:
    """The one call that a text is.

    Raises:
        BadInput: none or several, or as `read`.
    """
    calls = read(text, language)
    if len(calls) != 1:
        raise errors.BadInput(
            language.shown(text),
            f"expected one {language.what}, got {len(calls)}",
            f"Write: {language.example}",
        )
    return calls[0]


def write(name: str, settings: Mapping[str, Any]) -> str:
    """The text of a call; `name()` where no setting is written."""
    return f"{name}({', '.join(f'{key}={literal(value)}' for key, value in settings.items())})"


def literal(value: Any) -> str:
    """A plain value as text: text in double quotes, which single ones of a shell keep whole."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, tuple | list):
        ended = "," if len(value) == 1 else ""
        return f"({', '.join(map(literal, value))}{ended})"
    return repr(value)


def plain(settings: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Settings out of a JSON file as they are out of a text: lists are tuples.

    Raises:
        BadInput: deeper, larger or otherwise other than any that is meant.
    """
    foreign.check_plain(settings, where, "Write a smaller value.")
    return {str(key): _frozen(value) for key, value in settings.items()}


def _call(node: ast.expr, language: Language) -> Call:
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name) or call.args:
        raise errors.BadInput(
            language.shown(ast.unparse(node)),
            f"expected a {language.what} with named settings",
            f"Write: {language.example}",
        )
    where = f"{language.where} {call.func.id}"
    settings = {str(word.arg): _value(word, where) for word in call.keywords}
    if len(settings) < len(call.keywords):
        raise errors.BadInput(where, "names a setting twice", "Leave one of them out.")
    return Call(call.func.id, plain(settings, where))


def _value(word: ast.keyword, where: str) -> Any:
    try:
        return ast.literal_eval(word.value)
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        remedy = "Write the value itself."
        if isinstance(word.value, ast.Name):
            remedy = f"Write {word.arg}={_meant(word.value.id)}, all of it in single quotes."
        raise errors.BadInput(
            f"{where}({word.arg}={ast.unparse(word.value)[:_SHOWN]})",
            "expected a plain value (number, text in quotes, tuple, dict), nothing to compute",
            remedy,
        ) from error


def _meant(bare: str) -> str:
    """A word without quotes, which a shell may have taken away, as a plain value."""
    return _NAMED.get(bare.lower(), literal(bare[:_SHOWN]))


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(_frozen(each) for each in value) if isinstance(value, list | tuple) else value

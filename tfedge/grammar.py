"""The one grammar of recipes, exports, augmentations and metrics: `name(setting=value), name, ...`.

    read("crop(padding=2), flip", "--augment", "crop(padding=2)")

Text is a Python expression, taken apart with `ast` and never evaluated; values are plain: numbers,
text, True, False, None, and tuples, lists and dicts of them.
"""

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfedge import errors, foreign

_SHOWN = 80  # characters of a text that a message repeats


@dataclass(frozen=True)
class Call:
    """One name with the settings that were written, in their order."""

    name: str
    settings: Mapping[str, Any]


def read(text: str, where: str, example: str) -> tuple[Call, ...]:
    """The calls that a text lists.

    Args:
        text: nothing at all is no call.
        where: the flag or file it comes from, for messages.
        example: of what may be written.

    Raises:
        BadInput: another form, a value that would have to be computed, or one beyond all bounds.
    """
    if not text.strip():
        return ()
    where, remedy = f"{where}={text.strip()[:_SHOWN]}", f"Write: {example}."
    try:
        body = ast.parse(f"({text.strip()},)", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error) or "nested too deeply"
        raise errors.BadInput(where, f"it cannot be read ({reason})", remedy) from error
    return tuple(_call(node, where, remedy) for node in getattr(body, "elts", (body,)))


def read_one(text: str, where: str, example: str) -> Call:
    """The one call that a text is.

    Raises:
        BadInput: none or several, or as `read`.
    """
    calls = read(text, where, example)
    if len(calls) != 1:
        cause = f"expected one name, got {len(calls)}"
        raise errors.BadInput(f"{where}={text.strip()[:_SHOWN]}", cause, f"Write: {example}.")
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


def _call(node: ast.expr, where: str, remedy: str) -> Call:
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    if not isinstance(call.func, ast.Name) or call.args:
        shown = ast.unparse(node)[:_SHOWN]
        cause = f"expected a name with named settings, got {shown}"
        raise errors.BadInput(where, cause, remedy)
    settings = {str(word.arg): _value(word, where) for word in call.keywords}
    if len(settings) < len(call.keywords):
        raise errors.BadInput(
            where, f"{call.func.id} names a setting twice", "Leave one of them out."
        )
    return Call(call.func.id, plain(settings, where))


def _value(word: ast.keyword, where: str) -> Any:
    try:
        return ast.literal_eval(word.value)
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        shown = ast.unparse(word.value)[:_SHOWN]
        raise errors.BadInput(
            where,
            f"{word.arg} takes a plain value (number, text, tuple, dict), got {shown}",
            "Write the value itself, there is nothing to compute.",
        ) from error


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(_frozen(each) for each in value) if isinstance(value, list | tuple) else value

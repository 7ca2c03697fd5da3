"""What may follow a source after a question mark: npz:FILE?kind=regression&scale=1/255.

Options that several sources have are made here, each by a function, as fields of a `Source`.
"""

import re
from typing import Any, TypeVar, cast

from tfedge import errors, settings
from tfedge.data import given_weights
from tfedge.data.reading.written import KindName, MetricNames, Numbers, WholeNumber, Word, Written
from tfedge.data.source import Source

Made = TypeVar("Made", bound=Source)


def kind() -> Any:
    """The kind of the task."""
    return settings.setting(None, KindName(), "The kind of task; default: what the targets show.")


def metric() -> Any:
    """What judges."""
    said = "A metric of the kind, or several; NAME:OUTPUT for one of several outputs."
    return settings.setting(None, MetricNames("macro_f1", "a metric"), said)


def class_weight() -> Any:
    """How much classes count in training."""
    words = (given_weights.BALANCED, given_weights.NONE)
    said = "How much classes count in training; default: as the model was trained."
    return settings.setting(None, Word(words), said)


def padding() -> Any:
    """What stands behind the end of a sequence."""
    said = "The token that stands for none, of ?kind=tokens and language: its steps do not count."
    return settings.setting(None, WholeNumber(), said)


def scale(usual: str) -> Any:
    """What raw inputs are multiplied with; `usual` says what by default."""
    said = f"Model input = raw * scale + offset. Default: {usual}."
    return settings.setting(None, Numbers("1/255"), said)


def offset() -> Any:
    """What is added to scaled inputs."""
    return settings.setting(None, Numbers("-1"), "See scale. Default: 0.")


def split(source: str, kind: type[Made]) -> tuple[str, Made]:
    """The address and the options of a source such as "images:DIR?size=96x96&channels=3".

    Args:
        source: a question mark not followed by name=value belongs to the address.
        kind: the class of the source.

    Raises:
        BadInput: an unknown option, or a value that cannot be read.
    """
    known = {each.name: each for each in settings.of(kind)}
    address, mark, query = _cut(source, tuple(known))
    if not known or not mark or "=" not in query or "/" in query.partition("=")[0]:
        return source, kind()
    values: dict[str, Any] = {}
    for part in re.split(r"&(?=[a-z_]+=|$)", query):
        name, _, text = part.partition("=")
        if name not in known:
            raise errors.BadInput(
                f"--data={source}", f"no option {name!r}", settings.nearest(name, known)
            )
        form = cast(Written, known[name].kind)
        try:
            values[name] = form.read(text)
        except errors.BadInput:
            raise
        except (ValueError, LookupError, ZeroDivisionError) as error:
            raise errors.BadInput(
                f"--data={source}",
                f"expected {form.words(name)}, got {name}={text}",
                f"Write, for example, {name}={form.example}.",
            ) from error
    return address, kind(**values)


def _cut(source: str, known: tuple[str, ...]) -> tuple[str, str, str]:
    """At the first question mark before a known option, else at the last: patterns hold some."""
    found = re.search(rf"\?(?=({'|'.join(known)})=)", source) if known else None
    if found:
        return source[: found.start()], "?", source[found.end() :]
    return source.rpartition("?")

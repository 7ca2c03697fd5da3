"""Names of targets, and what may be in them: they become paths on servers and on phones."""

import re

from tfedge import errors

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CHANNEL = re.compile(r"[a-z][a-z0-9_-]{0,31}")
TEST = "test"  # a channel that begins so takes releases that did not pass


def check_model(name: str, where: str) -> str:
    """The name, where it may be one of a model.

    Raises:
        BadInput: it may not; `where` is what it was written behind.
    """
    return _checked(_MODEL, name, where, "letters, digits, - and _, at most 64")


def check_channel(name: str, where: str) -> str:
    """Likewise, of a channel."""
    return _checked(_CHANNEL, name, where, "small letters, digits, - and _, at most 32")


def channel(model: str, name: str) -> str:
    """The target of a channel."""
    return f"{model}/{name}.json"


def sealed(model: str, version: int) -> str:
    """The target of a sealed, packed model."""
    return f"{model}/{version}.sealed"


def delta(model: str, version: int, base: int) -> str:
    """The target of what turns version `base` into this one, sealed."""
    return f"{model}/{version}.from-{base}.sealed"


def golden(model: str, version: int) -> str:
    """The target of the examples by which a client probes a model."""
    return f"{model}/{version}.golden.npz"


def provenance(model: str, version: int) -> str:
    """The target that says where a version comes from, where that was asked for."""
    return f"{model}/{version}.intoto"


def signature(model: str, version: int) -> str:
    """The target by which a version's release was signed, likewise."""
    return f"{model}/{version}.sig"


def _checked(pattern: re.Pattern[str], name: str, where: str, expected: str) -> str:
    if not pattern.fullmatch(name):
        raise errors.BadInput(where, f"expected {expected}; got {name!r}", "Write such a name.")
    return name

"""Formats that a release can be brought into: NAME.py here has TARGET, and is `--to=NAME`."""

import dataclasses
import importlib
import pkgutil

from tfedge import errors, settings
from tfedge.targets.target import Target


def names() -> tuple[str, ...]:
    """Every format there is."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find(name: str) -> Target:
    """The target of this name.

    Raises:
        BadInput: there is none, or what it needs is not installed.
    """
    if name not in names():
        remedy = settings.nearest(name, names())
        raise errors.BadInput(f"--to={name}", "there is no such format", remedy)
    module = importlib.import_module(f"{__name__}.{name}")
    return dataclasses.replace(module.TARGET, name=name)

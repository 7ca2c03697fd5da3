"""Where an app runs: NAME.py here has PLATFORM, and templates/NAME/ what it fills."""

import dataclasses
import importlib
import pkgutil

from tfedge import errors, settings
from tfedge.app.platform import Platform


def names() -> tuple[str, ...]:
    """Every platform there is."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find(name: str) -> Platform:
    """The platform of this name.

    Raises:
        BadInput: there is none.
    """
    if name not in names():
        remedy = settings.nearest(name, names())
        raise errors.BadInput(f"--platform={name}", "there is no such platform", remedy)
    module = importlib.import_module(f"{__name__}.{name}")
    return dataclasses.replace(module.PLATFORM, name=name)

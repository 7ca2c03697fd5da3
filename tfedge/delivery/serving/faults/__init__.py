"""What may go wrong: NAME.py here has FAULT, the class of settings that does it."""

import importlib
import pkgutil

from tfedge import grammar, settings
from tfedge.delivery.serving.fault import LANGUAGE, Fault


def known() -> dict[str, type[Fault]]:
    """Every fault there is, by name."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}").FAULT
        for module in pkgutil.iter_modules(__path__)
    }


def read(text: str) -> tuple[Fault, ...]:
    """The faults that a text lists, in the order in which they spoil an answer.

    Raises:
        BadInput: there is no such fault, or setting.
    """
    calls = grammar.read(text, LANGUAGE)
    return tuple(settings.make(known(), call, LANGUAGE) for call in calls)

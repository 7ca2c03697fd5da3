"""Ways to break a fetch: NAME.py here has `run(asked)`, which yields rows."""

import importlib
import pkgutil
from types import ModuleType


def known() -> dict[str, ModuleType]:
    """Every trial there is, by name."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    }

"""Clients that are tried: NAME.py here has `missing()`, `opened` and two facts.

`missing` says what is not on this computer, "" where nothing is. `opened(folder, bed, address)` is
a context manager whose value is a `client.Client` of the repository `bed` at `address`, with
nothing installed. IN_THIS_PROCESS says whether that is Python here, HAS_FAULTS whether its
`failing` can be used.
"""

import importlib
import pkgutil
from types import ModuleType


def known() -> dict[str, ModuleType]:
    """Every client there is, by name."""
    return {
        module.name: importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    }


def here() -> dict[str, ModuleType]:
    """Those that can be run on this computer."""
    return {name: module for name, module in known().items() if not module.missing()}

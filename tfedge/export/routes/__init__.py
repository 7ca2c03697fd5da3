"""Export routes: one route is one file, which holds its record `ROUTE`; see `route.Route`.

The file's name is the route's: what lies in this folder is what `--export` knows.
"""

import importlib
import pkgutil

from tfedge.export.route import Route


def names() -> tuple[str, ...]:
    """All routes, those of the widest kernels first."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=_place))


def find(name: str) -> Route:
    """The record of a route in `names()`."""
    record: Route = importlib.import_module(f"{__name__}.{name}").ROUTE
    return record


def precisions() -> tuple[str, ...]:
    """The names of routes that single layers may take on other routes."""
    return tuple(name for name in names() if find(name).precision == name)


def _place(name: str) -> tuple[int, int, str]:
    record = find(name)
    return -record.kernel_bits, record.activation_bits, name

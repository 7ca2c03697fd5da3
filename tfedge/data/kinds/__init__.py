"""The kinds of tasks: one kind, one file, found by its name."""

import importlib
import pkgutil

import numpy as np

from tfedge import errors
from tfedge.data.kind import Kind


def names() -> tuple[str, ...]:
    """All there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def of_one() -> tuple[str, ...]:
    """Those that all targets of a task can be of: not open ones."""
    return tuple(name for name in names() if not named(name).is_open)


def named(name: str, where: str = "kind") -> Kind:
    """The kind of this name.

    Args:
        name: the name of a file here.
        where: what an error names.

    Raises:
        BadInput: there is none.
    """
    if name not in names():
        raise errors.BadInput(
            where,
            f"the kind {name!r} is none of {', '.join(names())}",
            'Use "custom" with a loss and a metric for anything else.',
        )
    return importlib.import_module(f"{__name__}.{name}").KIND


def of_targets(y: np.ndarray) -> Kind:
    """The kind of one array of targets, from its dtype, shape and values.

    Whole numbers stored as floats count as values, because a wrong guess is then refused by its
    shape when a model is compared with it, and never trained on.
    """
    return next(kind for kind in map(named, names()) if kind.looks_like(y))


def of_output(name: str, y: np.ndarray) -> Kind:
    """The kind of one output with these targets: that of the task, or its own in an open one."""
    found = named(name)
    return of_targets(y) if found.is_open else found

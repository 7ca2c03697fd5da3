"""Runs a Python file of the user's, named by the user: the models and layers that are in it."""

import importlib.util
import pathlib
import sys
import types
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from typing import Any

from tfedge import python_names
from tfedge.errors import BadInput


def run(path: str, where: str) -> types.ModuleType:
    """The module a Python file makes; its folder is added to the import path.

    Raises:
        BadInput: no such file, or code that raises.
    """
    file, spec, loader = _found(path, where)
    if str(file.parent.resolve()) not in sys.path:
        sys.path.append(str(file.parent.resolve()))
    module = importlib.util.module_from_spec(spec)
    # Where classes look up their own module, and where Keras looks for registered ones.
    sys.modules.setdefault(file.stem, module)
    _guarded(loader.exec_module, where, module)
    return module


def check_file(path: str, where: str) -> None:
    """Refuses, without running anything, a path that is no Python file.

    Raises:
        BadInput: see above.
    """
    _found(path, where)


def check_function(address: str, where: str) -> None:
    """Refuses, without running anything, "FILE:FUNCTION" whose file cannot have the function.

    Raises:
        BadInput: see above.
    """
    path, _, name = address.rpartition(":")
    file, _, _ = _found(path, where)
    python_names.check(file, name, where)


def call(address: str, where: str) -> Any:
    """What FUNCTION returns, for "FILE:FUNCTION".

    Raises:
        BadInput: no such file or function, or code that raises.
    """
    path, _, name = address.rpartition(":")
    function = getattr(run(path, where), name, None)
    if not callable(function):
        raise BadInput(where, f"{path} has no function {name!r}", "Use py:FILE:FUNCTION.")
    return _guarded(function, where)


def _found(path: str, where: str) -> tuple[pathlib.Path, ModuleSpec, Loader]:
    file = pathlib.Path(path)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise BadInput(where, f"no such Python file {path!r}", "Give the path of a .py file.")
    return file, spec, spec.loader


def _guarded(function: Any, where: str, *args: Any) -> Any:
    try:
        return function(*args)
    except BadInput:
        raise
    except (Exception, SystemExit) as error:
        trace, line = error.__traceback__, 0
        while trace is not None:
            line, trace = trace.tb_lineno, trace.tb_next
        raise BadInput(
            where,
            f"{type(error).__name__} in its line {line}: {error}",
            "Correct that line; the function has to run by itself.",
        ) from error

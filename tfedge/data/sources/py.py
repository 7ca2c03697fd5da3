"""py:FILE:FUNCTION: a Task from the user's own code, for everything the other sources lack."""

import importlib.util
import pathlib
import sys
import traceback

from tfedge import errors, python_names, quiet, settings
from tfedge.data import task
from tfedge.data.source import Source


@settings.declared
class Py(Source):
    """Runs FILE and calls FUNCTION without arguments.

    The file's folder is appended to the import path, so that it may import its neighbours.
    """

    own_metrics = True

    def load(self, address: str, data_dir: str | None, seed: int) -> task.Task:
        """See `Source.load`; the task says its own seed.

        Args:
            address: "FILE:FUNCTION".
            data_dir: not used.
            seed: not used.

        Raises:
            BadInput: no such file or function, code that raises, or something other than a Task.
        """
        return _called(address)


def _called(address: str) -> task.Task:
    file, _, name = address.rpartition(":")
    where = f"--data=py:{address}"
    path = pathlib.Path(file)
    if not file or not path.is_file():
        raise errors.BadInput(where, f"no such file {file!r}", "Use py:FILE:FUNCTION.")
    python_names.check(path, name, where)
    module = _run(path, where)
    if not callable(getattr(module, name, None)):
        found = ", ".join(key for key, value in vars(module).items() if callable(value))
        raise errors.BadInput(
            where, f"{path.name} has no function {name!r}", f"It has {found or 'none'}."
        )
    with _Blame(path, where):
        result = getattr(module, name)()
    if not isinstance(result, task.Task):
        raise errors.BadInput(
            where,
            f"a tfedge.Task was expected, {name}() returned {type(result).__name__}",
            "Return tfedge.Task(name=..., kind=..., train=..., ...).",
        )
    return result


def _run(path: pathlib.Path, where: str) -> object:
    if str(path.parent.resolve()) not in sys.path:
        sys.path.append(str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise errors.BadInput(where, f"{path.name} is not Python", "Give a .py file.")
    module = importlib.util.module_from_spec(spec)
    with _Blame(path, where), quiet.without_greetings():
        spec.loader.exec_module(module)
    return module


class _Blame:
    """Turns an error in the user's file into one line that names the place in that file."""

    def __init__(self, path: pathlib.Path, where: str):
        self.path, self.where = path, where

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, errors.BadInput) or not isinstance(error, Exception | SystemExit):
            return
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(trace)
            if pathlib.Path(frame.filename) == self.path
        ]
        line = getattr(error, "lineno", None) or (lines[-1] if lines else "?")
        raise errors.BadInput(
            self.where,
            f"{self.path.name}, line {line}: {type(error).__name__}: {error}",
            "Correct that line; the function has to run by itself.",
        ) from error

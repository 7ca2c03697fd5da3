"""From the text of --data to a Task: one source, one file, found by its name.

Importing this loads no source: some bring a library with them, and flags only show `grammar`.
"""

import ast
import importlib
import inspect
import pathlib
import re
from typing import TYPE_CHECKING

from tfedge import errors, progress, settings

if TYPE_CHECKING:
    from tfedge.data.source import Source
    from tfedge.data.task import Task


def forms() -> dict[str, str]:
    """How each source is written, "npz:FILE", and what it is: the first lines of their files."""
    found = {}
    for path in _files():
        with path.open(encoding="utf-8") as file:
            form, _, what = file.readline().strip().strip('"').partition(": ")
        found[form] = what
    return found


def _files() -> list[pathlib.Path]:
    paths = [path for folder in __path__ for path in pathlib.Path(folder).glob("*.py")]
    return sorted((path for path in paths if path.stem != "__init__"), key=lambda path: path.stem)


def option_names() -> list[str]:
    """All that may follow a question mark, of one source or another; read as `forms` is."""
    found: dict[str, None] = {}
    for path in _files():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and "Source" in map(ast.unparse, node.bases):
                fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
                found |= dict.fromkeys(map(ast.unparse, fields))
    return sorted(found)


def grammar() -> str:
    """What --data takes, in a line."""
    return " | ".join(forms())


def load_task(source: str, data_dir: str | None = None, seed: int = 0) -> "Task":
    """Loads the data a model is trained, calibrated and judged on.

    Options follow a question mark, such as "npz:FILE?kind=regression&metric=auc&scale=1/255" or
    "images:DIR?size=96x96&channels=3"; each source's module lists its own.

    Args:
        source: one of `forms`.
        data_dir: where fashion_mnist or a tfds: data set lies; None for the usual places.
        seed: of the split, and of everything random later done for this task.

    Raises:
        BadInput: an unknown source or option, a source that cannot be read, or a bad seed.
    """
    from tfedge.data import task

    task.check_seed(seed)
    address, chosen = parse(source)
    try:
        with progress.phase(f"reading {source}"):
            return chosen.load(address, data_dir, seed)
    except OSError as error:
        raise errors.BadInput(
            f"--data={source}",
            f"it cannot be read ({error})",
            "Check the path and who may read it.",
        ) from error


def parse(source: str) -> "tuple[str, Source]":
    """The address, and the source with its options, such as "FILE" and an `npz.Npz`.

    Raises:
        BadInput: an unknown source or option; nothing is read.
    """
    from tfedge.data.reading import options

    address, chosen = options.split(source, class_of(source))
    return address.partition(":")[2], chosen


def with_option(source: str, name: str, text: str) -> str:
    """A source with one more option, "images:DIR?size=8x8" -> "images:DIR?size=8x8&NAME=TEXT".

    Raises:
        BadInput: an unknown source, or one that has no such option.
    """
    from tfedge.data.reading import options

    kind = class_of(source)
    if name not in {each.name for each in settings.of(kind)}:
        form = source.partition(":")[0]
        raise errors.BadInput(f"--{name}", f"{form} has no such option", f"Leave out --{name}.")
    address, _ = options.split(source, kind)
    return f"{source}{'?' if address == source else '&'}{name}={text}"


def class_of(source: str) -> "type[Source]":
    """The class of the source that a text names, such as "npz:FILE".

    Raises:
        BadInput: there is none, or it is written otherwise.
    """
    from tfedge.data.source import Source

    name = re.split("[:?]", source, maxsplit=1)[0]
    written = {form.partition(":")[0]: form for form in forms()}
    if name not in written:
        remedy = settings.nearest(name, written)
        suffix, rest = pathlib.PurePath(name).suffix[1:], source[len(name) :]
        if suffix in written:  # a file alone
            options = rest if rest.startswith("?") else ""
            remedy = f"Write {written[suffix].replace('FILE', name)}{options}."
        raise errors.BadInput(f"--data={source}", f"there is no source {name!r}", remedy)
    rest = source[len(name) :]
    if not (len(rest) > 1 and rest[0] == ":" if ":" in written[name] else rest[:1] != ":"):
        raise errors.BadInput(
            f"--data={source}", f"expected {written[name]}", f"Write {written[name]}."
        )
    module = importlib.import_module(f"{__name__}.{name}")
    return next(
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Source) and kind is not Source
    )

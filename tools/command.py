"""The command `tfedge`: each program of pipelines/ and tools/ under the name of its file.

    tfedge release --model=FILE --data=SOURCE --output_dir=DIR
    tfedge inspect-tflite model.tflite

The first words of a name are enough where no other begins with them: tfedge inspect, tfedge phone.
"""

import tfedge_pipelines as _interruptible  # noqa: F401  (Ctrl-C is one line from here on)

# isort: split
import ast
import importlib
import pathlib
import pkgutil
import sys
from collections.abc import Mapping, Sequence

from tfedge_pipelines import entry

import tfedge
from tfedge import errors, plain_text, settings

_PACKAGES = ("tfedge_pipelines", "tfedge_tools")
_HELP = ("--help", "-help", "-h")


def run(argv: Sequence[str] | None = None) -> None:
    """Hands the rest of the command line to the program that is named first.

    Args:
        argv: the command line, `sys.argv` by default.

    Raises:
        SystemExit: always; 1 with one line on stderr where no program has that name.
    """
    _, *given = sys.argv if argv is None else argv
    known = programs()
    if given[:1] == ["--version"]:
        entry.tell(f"tfedge {tfedge.__version__}")
        entry.leave(entry.OK)
    if not given or given[0] in _HELP:
        sys.stdout.write(_help(known))
        entry.leave(entry.OK)
    try:
        name = find(given[0], list(known))
    except errors.BadInput as error:
        sys.stderr.write(f"{plain_text.printable(str(error))}\n")
        sys.exit(entry.BAD_INPUT)
    sys.argv = [f"tfedge {name}", *given[1:]]
    importlib.import_module(known[name]).run()


def programs() -> dict[str, str]:
    """Command -> module: those with a function `run` that takes nothing."""
    return {
        each.name.replace("_", "-"): f"{package}.{each.name}"
        for package in _PACKAGES
        for each in pkgutil.iter_modules(importlib.import_module(package).__path__)
        if not each.ispkg and _is_program(_tree(f"{package}.{each.name}"))
    }


def find(asked: str, known: Sequence[str]) -> str:
    """The one known command that is `asked`, or begins with it and goes on with another word.

    Raises:
        BadInput: there is none, or more than one.
    """
    asked = asked.replace("_", "-")
    found = [name for name in known if f"{name}-".startswith(f"{asked}-")]
    if asked in found:
        return asked
    if len(found) > 1:
        cause = f"several begin so: {', '.join(found)}"
        raise errors.BadInput(f"tfedge {asked}", cause, "Write the whole name.")
    if not found:
        remedy = settings.nearest(asked, {*known, *(name.split("-")[0] for name in known)})
        raise errors.BadInput(f"tfedge {asked}", "no such command", remedy)
    return found[0]


def _is_program(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "run" and not ast.unparse(node.args)
        for node in tree.body
    )


def _tree(module: str) -> ast.Module:
    """The program as text: importing all of them would take longer than a reader of help waits."""
    package, name = module.split(".")
    folder = next(iter(importlib.import_module(package).__path__))
    return ast.parse(pathlib.Path(folder, f"{name}.py").read_text(encoding="utf-8"))


def _help(known: Mapping[str, str]) -> str:
    width = max(map(len, known))
    lines = [
        f"  {name:{width}}  {(ast.get_docstring(_tree(module)) or '').splitlines()[0]}"
        for name, module in known.items()
    ]
    about = (__doc__ or "").strip()
    more = "Each has a --help of its own, and tfedge help explains what may be written in them."
    return "\n".join([about, "", "Commands:", *lines, "", more]) + "\n"

"""Whether a Python file of the user may have a function, told without running it."""

import ast
import pathlib
import re

from tfedge import settings
from tfedge.errors import BadInput

_ELSEWHERE = re.compile(r"import\s*\*|\b(exec|globals|setattr)\b")


def check(path: pathlib.Path, name: str, where: str) -> None:
    """Refuses a function whose name is written nowhere in a file.

    A file that may get names in other ways, or cannot be read, is left to whoever runs it.

    Raises:
        BadInput: it names the functions that the file has.
    """
    try:
        text = path.read_text(encoding="utf-8")
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return
    if re.search(rf"\b{re.escape(name)}\b", text) or _ELSEWHERE.search(text):
        return
    functions = [each.name for each in body if isinstance(each, ast.FunctionDef)]
    remedy = settings.nearest(name, functions) if functions else "Write py:FILE:FUNCTION."
    raise BadInput(where, f"{path.name} has no function {name!r}", remedy)

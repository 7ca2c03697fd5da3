"""The names of `tfedge` for docs/python.md: signatures as they are written, and docstrings.

Signatures are taken from the source text, so that they are the same under every Python.
"""

import ast
import functools
import importlib
import inspect
import pathlib
from collections.abc import Iterator
from typing import Any

from tfedge_tools import markdown

import tfedge

_ALSO = (  # what the names of `tfedge` take, and users make
    ("tfedge.making.order", "Order"),
    ("tfedge.data.task", "ArraySplit"),
    ("tfedge.data.task", "StreamSplit"),
    ("tfedge.data.task", "BatchSplit"),
    ("tfedge.data.task", "Normalization"),
    ("tfedge.data.metric", "Metric"),
    ("tfedge.probing.table", "Table"),
)
_WIDTH = 88
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def page() -> str:
    """Everything public, with a list of it at the top."""
    names = [("tfedge", name) for name in sorted(tfedge.__all__, key=str.lower)]
    entries = [*names, *_ALSO]
    listed = ", ".join(f"[{name}](#{name.lower()})" for _, name in entries)
    return "\n\n".join([listed, *(_entry(module, name) for module, name in entries)])


def _entry(module: str, name: str) -> str:
    found = getattr(importlib.import_module(module), name)
    node = _node(found)
    parts = [f"## {name}", f"`{module}.{name}`"]
    if inspect.isfunction(found):
        return "\n\n".join([*parts, *_function(node, found)])
    fields = list(_fields(node))
    parts += [_block(_wrapped(name, fields))] if fields else []
    parts.append(markdown.of_docstring(found.__doc__))
    for method in _methods(node):
        parts += [f"### {name}.{method.name}", *_function(method, getattr(found, method.name))]
    return "\n\n".join(parts)


def _function(node: _Function, found: Any) -> Iterator[str]:
    if not isinstance(found, property):
        yield _block(_signature(node))
    yield markdown.of_docstring(found.__doc__)


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


def _signature(node: _Function) -> str:
    """With one parameter a line where it is long."""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    given = [each for each in _parameters(node) if each.partition(":")[0] not in ("self", "cls")]
    return _wrapped(node.name, given, returns.replace("'", ""))


def _wrapped(name: str, parts: list[str], rest: str = "") -> str:
    short = f"{name}({', '.join(parts)}){rest}"
    if len(short) <= _WIDTH:
        return short
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){rest}"])


def _parameters(node: _Function) -> Iterator[str]:
    taken = node.args
    plain = [*taken.posonlyargs, *taken.args]
    defaults = [None] * (len(plain) - len(taken.defaults)) + list(taken.defaults)
    for each, default in zip(plain, defaults, strict=True):
        yield _parameter(each, default)
    if taken.vararg:
        yield f"*{_parameter(taken.vararg, None)}"
    elif taken.kwonlyargs:
        yield "*"
    for each, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True):
        yield _parameter(each, default)
    if taken.kwarg:
        yield f"**{_parameter(taken.kwarg, None)}"


def _parameter(given: ast.arg, default: ast.expr | None) -> str:
    hint = f": {_hint(given.annotation)}" if given.annotation else ""
    usual = ast.unparse(default) if default else ""
    made = "..." if usual.startswith("dataclasses.field(") else usual
    return f"{given.arg}{hint}" + (f" = {made}" if made else "")


def _hint(annotation: ast.expr) -> str:
    """Without the quotes of what is only imported for types."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation)


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """How a dataclass is made."""
    if any("dataclass" in ast.unparse(each) for each in node.decorator_list):
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and "ClassVar" not in ast.unparse(each.annotation):
                yield _parameter(ast.arg(ast.unparse(each.target), each.annotation), each.value)


def _methods(node: ast.ClassDef) -> Iterator[_Function]:
    return (
        each
        for each in node.body
        if isinstance(each, _Function)
        and not each.name.startswith("_")
        and not (ast.get_docstring(each) or "").startswith("See `")
    )


def _node(found: Any) -> Any:
    tree = _tree(inspect.getsourcefile(found) or "")
    return next(
        each
        for each in tree.body
        if isinstance(each, ast.ClassDef | _Function) and each.name == found.__name__
    )


@functools.cache
def _tree(path: str) -> ast.Module:
    return ast.parse(pathlib.Path(path).read_text(encoding="utf-8"))

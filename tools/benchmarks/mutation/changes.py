"""The small changes: one operator, constant, condition or statement of a file at a time.

The usual operators of mutation testing (DeMillo, Lipton, Sayward 1978; Offutt et al. 1996):
relations and arithmetic exchanged, logical connectors exchanged, constants moved, conditions
decided, statements deleted.
"""

import ast
import copy
import dataclasses
from collections.abc import Iterator
from typing import TypeGuard

_EXCHANGED: dict[type, type] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult},
}
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min", "sorted": "list"}
_TINY = 1e-6  # twice as little beside zero, 1e-12 or so, is the same: 1 is not
_SILENT = ("logging", "warnings")  # what is said is not what is decided
_DECLARED = ("annotation", "returns", "type_params", "decorator_list")  # to readers: frozen=True


@dataclasses.dataclass(frozen=True)
class Change:
    """One change of a file.

    Attributes:
        file: its path, as it was given.
        start, end: offsets in the source, in characters.
        lines: first and last line of what is changed, from 1.
        before, after: the source there.
        around: first and last line of the function it is in; None outside of all functions, of
            what runs when the module is imported.
    """

    file: str
    start: int
    end: int
    lines: tuple[int, int]
    before: str
    after: str
    around: tuple[int, int] | None = None

    def apply(self, source: str) -> str:
        """The source with the change in it."""
        return source[: self.start] + self.after + source[self.end :]


def of(file: str, source: str) -> list[Change]:
    """Every change there is to a file's source, in its order."""
    starts = _line_starts(source)

    def offset(line: int, column: int) -> int:
        """Columns of the syntax tree count bytes of UTF-8."""
        text = source[starts[line - 1] :]
        return starts[line - 1] + len(text.encode()[:column].decode())

    found, tree = [], ast.parse(source)
    bodies = [(f.body[0].lineno, f.end_lineno or 0) for f in ast.walk(tree) if _is_function(f)]
    for node, changed in _pairs(tree):
        assert isinstance(node, ast.stmt | ast.expr)  # the others have no place
        last, column = node.end_lineno or node.lineno, node.end_col_offset or 0
        start = offset(node.lineno, node.col_offset)
        end = offset(last, column)
        after = ast.unparse(changed)
        after = f"({after})" if isinstance(changed, ast.expr) else after
        lines = node.lineno, last
        around = max((each for each in bodies if each[0] <= node.lineno <= each[1]), default=None)
        found.append(Change(file, start, end, lines, source[start:end], after, around))
    return sorted(found, key=lambda change: (change.start, change.end, change.after))


def _is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef)


def _line_starts(source: str) -> list[int]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _pairs(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """(a node, what stands there instead), of all that runs."""
    for node in _running(tree):
        yield from ((node, changed) for changed in _changed(node))
        if isinstance(node, ast.If | ast.IfExp):
            yield from ((node.test, ast.Constant(value)) for value in (True, False))


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """A tree without annotations, decorators, types, and what is only said."""
    for name, value in ast.iter_fields(node):
        if name in _DECLARED or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_said(child) and not _is_checked(child):
                yield child
                yield from _running(child)


def _is_said(node: ast.AST) -> bool:
    """A docstring, a log line or an error: their words are not what is decided."""
    if isinstance(node, ast.Raise):
        return True
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func).startswith(_SILENT)


def _is_checked(node: ast.AST) -> bool:
    """What type checkers alone run, and zip's check of itself: right code passes without."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _changed(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare | ast.BoolOp | ast.BinOp):
        yield from _with_other_operator(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _other_constant(node.value)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in _CALLED:
        other = copy.deepcopy(node)
        other.func = ast.Name(_CALLED[ast.unparse(node.func)])
        yield other
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()


def _with_other_operator(node: ast.Compare | ast.BoolOp | ast.BinOp) -> Iterator[ast.AST]:
    other = copy.deepcopy(node)
    if isinstance(other, ast.Compare):
        kind = _EXCHANGED.get(type(other.ops[0]))
        if kind is not None:
            other.ops[0] = kind()
            yield other
        return
    is_text = isinstance(node, ast.BinOp) and any(
        isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str)
        for side in (node.left, node.right)
    )
    kind = _EXCHANGED.get(type(other.op))
    if kind is not None and not is_text:
        other.op = kind()
        yield other


def _other_constant(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(value * 2 if abs(value) >= _TINY else 1.0)

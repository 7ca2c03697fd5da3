"""The Swift of the decoder, read as Python: no Swift compiler is to be had where this runs.

It is translated statement by statement, with Swift's precedence of operators, its bounds of arrays
and its ranges of UInt8: enough to run the file's logic on the same vectors as the other languages.
It knows no types, so what only a compiler would refuse it does not see.
"""

import pathlib
import re
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

_TOKEN = re.compile(
    r'(?P<skip>[ \t]+|//[^\n]*)|(?P<line>\n)|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>0x[0-9a-f_]+|\d[\d_]*)|(?P<name>@?\w+|\$\d)"
    r"|(?P<sign>\.\.<|\.\.\.|<<=|>>=|<<|>>|->|&&|\|\||==|!=|<=|>=|\+=|-=|\*=|\|=|\^=|\?\?|.)"
)
_POWERS = {  # Swift's: the higher, the tighter
    **dict.fromkeys(("<<", ">>"), 9),
    **dict.fromkeys(("*", "/", "%", "&"), 8),
    **dict.fromkeys(("+", "-", "|", "^"), 7),
    "..<": 6,
    "??": 5,
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), 4),
    "&&": 3,
    "||": 2,
}
_IN_PYTHON = {"&&": "and", "||": "or", "/": "//"}
_NAMES = {"nil": "None", "true": "True", "false": "False", "self": "self"}
_ASSIGNMENTS = ("=", "+=", "-=", "|=", "^=", "<<=", ">>=")
_MODIFIERS = ("private", "fileprivate", "final", "static", "public")


class Trap(Exception):  # noqa: N818  (Swift's word: the program would end here)
    """What stops a Swift program."""


class Refusal(Exception):  # noqa: N818  (the Swift's own name)
    """What the Swift throws."""


class Array(list):
    """Swift's: an index that is not there traps."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, range):
            if not 0 <= index.start <= index.stop <= len(self):
                raise Trap("a slice that is not there")
            return Array(list.__getitem__(self, slice(index.start, index.stop)))
        return list.__getitem__(self, self._there(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        list.__setitem__(self, self._there(index), value)

    def __add__(self, other: Any) -> "Array":
        return Array([*self, *other])

    def __iadd__(self, other: Any) -> "Array":  # type: ignore[override,misc]
        self.extend(other)
        return self

    def _there(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise Trap("an index that is not there")
        return index

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many."""
        return len(self)

    @property
    def isEmpty(self) -> bool:  # noqa: N802  (Swift's name)
        """Whether it has none."""
        return not self

    @property
    def last(self) -> Any:
        """None where it is empty."""
        return self[len(self) - 1] if self else None

    def insert(self, value: Any, at: int) -> None:  # type: ignore[override]
        """Before the one that is at the place."""
        list.insert(self, at, value)

    def remove(self, at: int) -> Any:
        """And the one that was there."""
        return self.pop(self._there(at))

    def removeAll(self, which: Any) -> None:  # noqa: N802  (Swift's name)
        """Those of which it holds."""
        kept = [each for each in self if not which(each)]
        list.__setitem__(self, slice(None), kept)

    def map(self, made: Any) -> "Array":
        """Each by a function."""
        return Array(map(made, self))

    def reduce(self, start: int, _: Any) -> int:
        """The sum."""
        return sum(self, start)

    def dropFirst(self, count: int) -> "Array":  # noqa: N802  (Swift's name)
        """Without so many."""
        return Array(list.__getitem__(self, slice(count, None)))

    def replaceSubrange(self, where: range, with_: Any) -> None:  # noqa: N802  (Swift's name)
        """Others in their place."""
        list.__setitem__(self, slice(where.start, where.stop), with_)

    def reserveCapacity(self, _: int) -> None:  # noqa: N802  (Swift's name)
        """Nothing that shows."""


class Float:
    """A float32."""

    def __init__(self, bitPattern: int):  # noqa: N803  (Swift's name)
        self._value = np.array(bitPattern, "<u4").view("<f4")

    def __mul__(self, other: "Float") -> "Float":
        return Float(int((self._value * other._value).astype("<f4").view("<u4")))

    @property
    def bitPattern(self) -> int:  # noqa: N802  (Swift's name)
        """Its bits."""
        return int(self._value.view("<u4"))


def _uint8(value: int) -> int:
    if not 0 <= value <= 255:
        raise Trap(f"{value} is no UInt8")
    return value


def _up_to(start: int, stop: int) -> range:
    if stop < start:
        raise Trap("a range that ends before it begins")
    return range(start, stop)


def _need(holds: bool, cause: str) -> None:
    if not holds:
        raise Refusal(cause)


def _inflated(to: Array, most: int, packed: Array, *_: Any) -> int:
    """compression_decode_buffer of COMPRESSION_ZLIB, which fills what there is room for."""
    found = zlib.decompressobj(-15).decompress(bytes(packed), most)
    to.replaceSubrange(range(len(found)), found)
    return len(found)


_WORLD = {
    "Array": Array,
    "Float": Float,
    "Int": int,
    "UInt32": int,
    "UInt8": _uint8,
    "_up_to": _up_to,
    "need": _need,
    "damaged": Refusal,
    "compression_decode_buffer": _inflated,
    "COMPRESSION_ZLIB": None,
}


def unpacking(code: str) -> Any:
    """unpack(packed, primer, size) -> bytes, of the text of an Unpacking.swift.

    The function raises Refusal as the Swift throws, and Trap where the Swift would end the app.
    """
    world: dict[str, Any] = dict(_WORLD)
    exec(compile(_Reading(code).program(), "Unpacking.swift", "exec"), world)
    world |= {"need": _need, "damaged": Refusal}  # the Swift's take an autoclosure
    (entry,) = (each for name, each in world.items() if name.endswith("Unpacking"))

    def unpack(packed: bytes, primer: bytes, size: int) -> bytes:
        return bytes(entry.unpack(Array(packed), primer=Array(primer), size=size))

    return unpack


def of(folder: pathlib.Path) -> Any:
    """`unpacking` of the file in a generated folder."""
    (path,) = folder.glob("*Unpacking.swift")
    return unpacking(path.read_text())


class _Reading:
    """A reader of declarations, statements and expressions, which gives lines of Python."""

    def __init__(self, code: str):
        self._tokens: list[tuple[str, str, bool]] = []
        is_first = True
        for match in _TOKEN.finditer(code):
            if match.lastgroup == "line":
                is_first = True
            elif match.lastgroup != "skip":
                self._tokens.append((str(match.lastgroup), match[0], is_first))
                is_first = False
        self._at = 0
        self._members: set[str] = set()
        self._locals: set[str] = set()

    def program(self) -> str:
        lines: list[str] = []
        while self._at < len(self._tokens):
            lines += self._declaration()
        return "\n".join(lines)

    def _peek(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place][1] if place < len(self._tokens) else ""

    def _next(self, expected: str = "") -> str:
        found = self._peek()
        if expected and found != expected:
            raise ValueError(f"expected {expected!r}, got {found!r} at token {self._at}")
        self._at += 1
        return found

    def _is(self, *words: str) -> bool:
        if self._peek() in words:
            self._at += 1
            return True
        return False

    def _declaration(self) -> list[str]:
        while self._is(*_MODIFIERS):
            pass
        word = self._next()
        if word == "import":
            self._next()
            return []
        if word in ("class", "struct", "enum"):
            return self._type(self._next())
        if word == "func":
            return self._function(self._next(), [])
        return self._binding()

    def _type(self, name: str) -> list[str]:
        """One without an init takes a value for each field that has none, as a struct does."""
        self._members = self._names_inside()
        self._next("{")
        fields, bare, methods, has_init = list[str](), list[str](), list[str](), False
        while not self._is("}"):
            first = [] if self._peek() == "static" else ["self"]
            while self._is(*_MODIFIERS):
                pass
            word = self._next()
            if word == "init":
                has_init = True
                methods += self._function("__init__", first, fields)
            elif word == "func":
                methods += self._function(self._next(), first)
            else:
                field, made = self._peek(), self._binding()
                fields += [f"self.{line}" for line in made]
                bare += [] if made else [field]
        self._members = set()
        if not has_init:
            lines = [f"self.{field} = {field}" for field in bare] + fields
            methods += [f"def __init__({', '.join(['self', *bare])}):", *_inside(lines or ["pass"])]
        return [f"class {name}:", *_inside(methods)]

    def _names_inside(self) -> set[str]:
        """Of the members of the type whose brace comes next."""
        depth, found, place = 0, set[str](), self._at
        while True:
            word = self._tokens[place][1]
            depth += (word == "{") - (word == "}")
            if depth == 0:
                return found
            if depth == 1 and word in ("let", "var", "func"):
                found.add(self._tokens[place + 1][1])
            place += 1

    def _function(self, name: str, first: list[str], before: Iterable[str] = ()) -> list[str]:
        self._locals = set()
        taken = first + self._parameters()
        while self._peek() != "{":
            self._next()
        body = [*before, *self._block()]
        return [f"def {name}({', '.join(taken)}):", *_inside(body or ["pass"])]

    def _parameters(self) -> list[str]:
        self._next("(")
        found = []
        while not self._is(")"):
            label = self._next()
            name = label if self._peek() == ":" else self._next()
            self._locals.add(name)
            self._next(":")
            self._skip_type()
            default = f"={self._expression()}" if self._is("=") else ""
            found.append(f"{name}{default}")
            self._is(",")
        return found

    def _skip_type(self) -> None:
        depth = 0
        while depth or self._peek() not in (",", ")", "=", "{"):
            if not depth and self._tokens[self._at][2]:
                return
            depth += self._peek() in ("(", "[")
            depth -= self._peek() in (")", "]")
            self._next()

    def _binding(self) -> list[str]:
        """After let or var: a name or a tuple; nothing where it has no value."""
        names = [self._next()]
        if names == ["("]:
            names = []
            while not self._is(")"):
                names.append(self._next())
                self._is(",")
        if self._is(":"):
            self._skip_type()
        if not self._is("="):
            self._locals.update(names)
            return []
        value = self._expression()
        self._locals.update(names)
        return [f"{', '.join(names)} = {value}"]

    def _block(self) -> list[str]:
        self._next("{")
        lines: list[str] = []
        while not self._is("}"):
            lines += self._statement()
        return lines or ["pass"]

    def _statement(self) -> list[str]:
        word = self._peek()
        if word in ("let", "var"):
            self._next()
            return self._binding()
        if word in ("if", "while", "for", "guard", "return", "throw", "break", "continue"):
            self._next()
            return getattr(self, f"_{word}")()
        target = self._expression()
        if self._peek() in _ASSIGNMENTS:
            sign = self._next()
            target = "_" if target == "self._" else target
            return [f"{target} {sign} {self._expression()}"]
        return [target]

    def _if(self) -> list[str]:
        first, condition = self._condition()
        lines = [*first, f"if {condition}:", *_inside(self._block())]
        if self._is("else"):
            more = self._if() if self._is("if") else self._block()
            lines += ["else:", *_inside(more)]
        return lines

    def _condition(self) -> tuple[list[str], str]:
        """Lines before, and the condition; `let x = y` holds where it is something."""
        if not self._is("let"):
            return [], self._expression(trailing=False)
        name = self._peek()
        return self._binding(), f"{name} is not None"

    def _guard(self) -> list[str]:
        first, condition = self._condition()
        self._next("else")
        return [*first, f"if not ({condition}):", *_inside(self._block())]

    def _while(self) -> list[str]:
        condition = self._expression(trailing=False)
        return [f"while {condition}:", *_inside(self._block())]

    def _for(self) -> list[str]:
        name = self._next()
        self._next("in")
        over = self._expression(trailing=False)
        self._locals.add(name)
        rest = self._expression(trailing=False) if self._is("where") else ""
        body = self._block()
        return [f"for {name} in {over}:", *_inside(_where(rest, body))]

    def _return(self) -> list[str]:
        ends = self._peek() == "}" or self._tokens[self._at][2]
        return ["return" if ends else f"return {self._expression()}"]

    def _throw(self) -> list[str]:
        return [f"raise {self._expression()}"]

    def _break(self) -> list[str]:
        return ["break"]

    def _continue(self) -> list[str]:
        return ["continue"]

    def _expression(self, power: int = 0, *, trailing: bool = True) -> str:
        while self._is("try"):
            pass
        left = self._operand(trailing)
        while self._peek() in _POWERS and _POWERS[self._peek()] > power:
            sign = self._next()
            right = self._expression(_POWERS[sign], trailing=trailing)
            left = _joined(left, sign, right)
        if power == 0 and self._is("?"):
            chosen = self._expression(trailing=trailing)
            self._next(":")
            left = f"({chosen} if {left} else {self._expression(trailing=trailing)})"
        return left

    def _operand(self, trailing: bool) -> str:
        kind, word, _ = self._tokens[self._at]
        self._at += 1
        if word in ("-", "&", "!"):
            inner = self._operand(trailing)
            return {"-": f"(-{inner})", "&": inner, "!": f"(not {inner})"}[word]
        if kind == "number":
            made = word.replace("_", "")
        elif kind == "text":
            made = repr(word[1:-1])
        elif word == "(":
            made = f"({self._listed(')')})"
        elif word == "[":
            made = self._array()
        elif word == "{":
            made = self._closure()
        elif word == "+":
            return "None"  # the operator as a function: only sums are reduced
        else:
            made = self._resolved(word)
        return self._suffixes(made, trailing)

    def _resolved(self, name: str) -> str:
        if name.startswith("$"):
            return f"_{name[1:]}"
        is_member = name in self._members and name not in self._locals
        return _NAMES.get(name, f"self.{name}" if is_member else name)

    def _suffixes(self, made: str, trailing: bool) -> str:
        while True:
            is_first = self._at < len(self._tokens) and self._tokens[self._at][2]
            if self._is("."):
                made = f"{made}.{self._next()}"
                if trailing and self._is("{"):
                    made = f"{made}({self._closure()})"
            elif not is_first and self._is("("):
                made = f"{made}({self._listed(')')})"
            elif not is_first and self._is("["):
                made = f"{made}[{self._listed(']')}]"
            else:
                return made

    def _array(self) -> str:
        """A literal, or the type of one that is made: [UInt8](repeating: 0, count: n)."""
        if self._peek(1) == "]" and self._peek(2) == "(":
            self._at += 3
            self._next("repeating")
            self._next(":")
            value = self._expression()
            for word in (",", "count", ":"):
                self._next(word)
            made = f"Array([{value}] * ({self._expression()}))"
            self._next(")")
            return made
        return f"Array([{self._listed(']')}])"

    def _listed(self, end: str) -> str:
        """Arguments, whose labels become keywords."""
        found = []
        while not self._is(end):
            label = ""
            if self._peek(1) == ":" and self._tokens[self._at][0] == "name":
                label = {"with": "with_"}.get(self._peek(), self._peek()) + "="
                self._at += 2
            found.append(label + self._expression())
            self._is(",")
        return ", ".join(found)

    def _closure(self) -> str:
        name, before = "_0", set(self._locals)
        if self._peek(1) == "->":
            name = self._next()
            while not self._is("in"):
                self._next()
        self._locals.add(name)
        body = self._expression()
        self._next("}")
        self._locals = before
        return f"lambda {name}: {body}"


def _joined(left: str, sign: str, right: str) -> str:
    if sign == "..<":
        return f"_up_to({left}, {right})"
    if sign == "??":
        return f"({left} if {left} is not None else {right})"
    return f"({left} {_IN_PYTHON.get(sign, sign)} {right})"


def _where(condition: str, body: list[str]) -> list[str]:
    return [f"if {condition}:", *_inside(body)] if condition else body


def _inside(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]

"""Ways in which what is in a file becomes something else, while the file stays well formed."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

Change = Callable[[bytes, np.random.Generator], bytes]
_DEEP = 3000
# What parsers are seldom ready for; `deep` and `code` are made where they are needed.
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 10**400, -(10**400), 7_000_000, 1e308, float("nan"), 1.5),
    *(
        "",
        "\ud800",
        "\x1b[31m",
        "x" * 100_000,
        "../../etc/passwd",
        "Lambda",
        "os>system",
        "builtins",
    ),
    *([], {}, [[]], {"class_name": "Lambda"}, {"": None}, [1] * 10_000),
)


def json_value(code: str) -> Change:
    """One value or key of a JSON text is another; `code` is an address of Python code to name."""

    def change(content: bytes, random: np.random.Generator) -> bytes:
        try:
            value = json.loads(content)
        except ValueError:
            return content
        if random.random() < 0.1:
            return _nested(value, random)
        places = list(_places(value))
        if not places:
            return content
        holder, key = places[random.integers(len(places))]
        chosen = int(random.integers(len(_VALUES) + 2))
        if chosen == len(_VALUES):
            holder[key] = code
        elif chosen > len(_VALUES) and isinstance(holder, dict):
            holder[str(random.integers(10**6))] = holder.pop(key)
        else:
            holder[key] = _VALUES[min(chosen, len(_VALUES) - 1)]
        return _text(value)

    return change


def zipped(change: Change, suffix: str = "") -> Change:
    """`change` done to one member of a zip file, one whose name ends so where there is one."""

    def changed(content: bytes, random: np.random.Generator) -> bytes:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        names = [name for name in members if name.endswith(suffix) and len(members[name]) > 64]
        if not names:
            return content
        name = names[random.integers(len(names))]
        members[name] = change(members[name], random)
        return zip_of(members, compressed=bool(random.integers(2)))

    return changed


def zip_of(members: dict[str, bytes], compressed: bool = False) -> bytes:
    """A zip file."""
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def spliced(content: bytes, random: np.random.Generator) -> bytes:
    """A piece of the file stands once more, somewhere else."""
    start, stop = sorted(random.integers(0, len(content), 2).tolist())
    at = int(random.integers(0, len(content)))
    return content[:at] + content[start : min(stop, start + 4096)] + content[at:]


def number(content: bytes, random: np.random.Generator) -> bytes:
    """Four or eight bytes are a very large, a very small or a negative number."""
    spoilt = bytearray(content)
    size = int(random.choice([4, 8]))
    at = int(random.integers(0, max(1, len(content) - size)))
    value = random.choice([0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x10000000, 0x00100000, 1])
    spoilt[at : at + size] = int(value).to_bytes(size, "little")
    return bytes(spoilt)


def _places(value: Any) -> Any:
    holders = [value] if isinstance(value, dict | list) else []
    while holders:
        holder = holders.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if isinstance(holder[key], dict | list):
                holders.append(holder[key])


def _nested(value: Any, random: np.random.Generator) -> bytes:
    """Thousands of levels, in the place of a value or around everything."""
    opening, closing = ("[", "]") if random.integers(2) else ('{"a":', "}")
    depth = int(random.integers(100, _DEEP))
    if isinstance(value, dict) and value and random.integers(2):
        key = list(value)[random.integers(len(value))]
        value[key] = "HERE"
        inner = opening * depth + "1" + closing * depth
        return _text(value).replace(b'"HERE"', inner.encode())
    return (opening * depth).encode() + _text(value) + (closing * depth).encode()


def _text(value: Any) -> bytes:
    return _dumps(value).encode("utf-8", "surrogatepass")


def _dumps(value: Any) -> str:
    """Also whole numbers of more digits than Python writes without being asked."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{_dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dumps, value)) + "]"
    return json.dumps(value, ensure_ascii=False)

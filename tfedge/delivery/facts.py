"""What the signed metadata say of a target, beside its length and hash: its `custom` fields.

Of a sealed model `custom` is {"tfedge": Sealed}, of a delta {"tfedge": Delta}; a channel and golden
examples have none. Everything here was signed by the targets key.
"""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from tfedge import foreign
from tfedge.delivery import segments, wrapping

KEY = "tfedge"
SCHEMA_VERSION = 1
_REMEDY = "Publish again with this tfedge."
_HEX = frozenset("0123456789abcdef")


@dataclasses.dataclass(frozen=True)
class File:
    """Some bytes.

    Attributes:
        length: of them.
        sha256: in hexadecimal.
    """

    length: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> "File":
        """That of these bytes."""
        return cls(len(content), hashlib.sha256(content).hexdigest())


@dataclasses.dataclass(frozen=True)
class Chunks:
    """Of a sealed file, as it lies on the server.

    Attributes:
        bytes: of a chunk; the last one is what is left.
        sha256: of each, in hexadecimal.
    """

    bytes: int
    sha256: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Sealed:
    """A version of a model: a packed .tflite, sealed.

    Attributes:
        version: its number.
        model: the .tflite itself.
        chunks: of this file.
        keys: by audience, the content key wrapped for it (`wrapping`).
        golden: the target with the examples of its probe.
        deltas: by version to come from, the target that is shorter than this one.
    """

    version: int
    model: File
    chunks: Chunks
    keys: Mapping[str, bytes]
    golden: str
    deltas: Mapping[int, str] = dataclasses.field(default_factory=dict)

    def to_custom(self) -> dict[str, Any]:
        """The `custom` fields of the target."""
        keys = {name: base64.b64encode(each).decode() for name, each in sorted(self.keys.items())}
        deltas = {str(version): name for version, name in sorted(self.deltas.items())}
        return _custom(self, keys=keys, deltas=deltas)


@dataclasses.dataclass(frozen=True)
class Delta:
    """What turns an earlier version into another: a packed difference, sealed by its content key.

    Attributes:
        version: that it makes.
        base: the version that it needs, and which .tflite that is.
        base_model: the .tflite of `base`.
        chunks: of this file.
    """

    version: int
    base: int
    base_model: File
    chunks: Chunks

    def to_custom(self) -> dict[str, Any]:
        """The `custom` fields of the target."""
        return _custom(self)


def sealed(custom: Mapping[str, Any] | None, length: int, where: str) -> Sealed:
    """What `Sealed.to_custom` wrote.

    Args:
        custom: of the target.
        length: of the target, as signed.
        where: what to call the target.

    Raises:
        BadInput: it is not that, is of a later version, or does not fit the length.
    """
    with foreign.reading(where, _REMEDY, "its custom fields are no model's"):
        told = _told(custom)
        keys = {str(name): base64.b64decode(each) for name, each in told["keys"].items()}
        if any(len(each) != wrapping.WRAPPED_BYTES for each in keys.values()):
            raise ValueError("a wrapped key is of the wrong length")
        return Sealed(
            version=foreign.whole(told["version"], 1),
            model=_file(told["model"]),
            chunks=_chunks(told["chunks"], length),
            keys=keys,
            golden=str(told["golden"]),
            deltas={int(base): str(name) for base, name in told["deltas"].items()},
        )


def delta(custom: Mapping[str, Any] | None, length: int, where: str) -> Delta:
    """What `Delta.to_custom` wrote; as `sealed`."""
    with foreign.reading(where, _REMEDY, "its custom fields are no delta's"):
        told = _told(custom)
        return Delta(
            version=foreign.whole(told["version"], 1),
            base=foreign.whole(told["base"], 1),
            base_model=_file(told["base_model"]),
            chunks=_chunks(told["chunks"], length),
        )


def _custom(target: Sealed | Delta, **instead: Any) -> dict[str, Any]:
    told = {**dataclasses.asdict(target), **instead}
    told["chunks"]["sha256"] = list(told["chunks"]["sha256"])
    return {KEY: {"schema_version": SCHEMA_VERSION, **told}}


def _told(custom: Mapping[str, Any] | None) -> Mapping[str, Any]:
    told = (custom or {})[KEY]
    if foreign.whole(told["schema_version"]) != SCHEMA_VERSION:
        raise ValueError(f"they are of version {told['schema_version']}, {SCHEMA_VERSION} is known")
    return told


def _file(told: Mapping[str, Any]) -> File:
    return File(foreign.whole(told["length"], 0), _hash(told["sha256"]))


def _chunks(told: Mapping[str, Any], length: int) -> Chunks:
    size, hashes = foreign.whole(told["bytes"], segments.LEAST_CHUNK), told["sha256"]
    if size > segments.MOST_CHUNK or len(hashes) != len(segments.chunks(length, size)):
        raise ValueError("its chunks are not those of a file of its length")
    return Chunks(size, tuple(_hash(each) for each in hashes))


def _hash(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64 or set(value) - _HEX:
        raise ValueError("a SHA-256 has 64 hexadecimal digits")
    return value

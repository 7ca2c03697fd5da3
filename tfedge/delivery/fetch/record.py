"""version.json of a store: what was signed of a version, and which of its files came."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfedge import foreign
from tfedge.delivery import facts

SCHEMA_VERSION = 1
_REMEDY = "It is fetched again."


@dataclasses.dataclass(frozen=True)
class Record:
    """One version in a store.

    Attributes:
        sealed: its signed facts.
        length: of the sealed file of the target.
        name: of the target that came: of the model, or of a difference.
        base: the version that it is a difference from; None where it is whole.
    """

    sealed: facts.Sealed
    length: int
    name: str
    base: int | None = None

    @property
    def version(self) -> int:
        """Its number."""
        return self.sealed.version

    def to_json(self) -> dict[str, Any]:
        """What `of` reads."""
        told = {"length": self.length, "name": self.name, "base": self.base}
        return {"schema_version": SCHEMA_VERSION, "custom": self.sealed.to_custom(), **told}

    @classmethod
    def of(cls, told: Mapping[str, Any], where: str) -> "Record":
        """What `to_json` gave.

        Raises:
            BadInput: it is something else.
        """
        with foreign.reading(where, _REMEDY, "no version of a store"):
            if foreign.whole(told["schema_version"]) != SCHEMA_VERSION:
                raise ValueError(f"it is of version {told['schema_version']}")
            length, base = foreign.whole(told["length"]), told["base"]
            sealed = facts.sealed(told["custom"], length, where)
            if base is not None and not foreign.whole(base, 1) < sealed.version:
                raise ValueError(f"version {sealed.version} is no difference from {base}")
            return cls(sealed, length, str(told["name"]), base)

"""What was found of one layer under one change."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfedge.probing.changes import Change
from tfedge.probing.panel import Difference


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer, changed alone.

    Attributes:
        layer: its name.
        changes: that were made to it; of two only the bytes are known, which are not the sum.
        saved_bytes: of the packed file, with int8 weights elsewhere.
        difference: what becomes of the answers; None for two changes.
        along: layers that cannot but change with it.
    """

    layer: str
    changes: tuple[Change, ...]
    saved_bytes: int
    difference: Difference | None = None
    along: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        found = self.difference
        return {
            **dataclasses.asdict(self),
            "difference": None if found is None else found.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Row":
        """What `to_json` gave, read back."""
        changes = tuple(Change(**each) for each in data["changes"])
        found, difference = data["difference"], None
        if found is not None:
            difference = Difference(found["loss"], found["snr_db"], found["kl"])
        return cls(data["layer"], changes, data["saved_bytes"], difference, tuple(data["along"]))

"""What every way to a file makes, before the edits that all files have."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """A file on its route, unpacked.

    Attributes:
        tree: of the file.
        unusual: kernels that are to have another type than the route's, with the reason or that
            type.
        names: tensor names that the finished file keeps.
    """

    tree: Any
    unusual: Mapping[str, str]
    names: frozenset[str] = frozenset()

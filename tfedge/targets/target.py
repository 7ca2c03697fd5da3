"""What a target declares: the name of its file, and how it is made of a release and asked."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from tfedge.targets.source import Source

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """A model in another format.

    Attributes:
        files: content by path in the output folder.
        answer: inputs by name, (n, ...) as the release's file takes them -> outputs by name,
            (n, ...) real values or what the release's tensor holds, whichever it has the type of.
        notes: what a reader has to know, one sentence each.
    """

    files: Mapping[str, bytes]
    answer: Callable[[Arrays], dict[str, np.ndarray]]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Target:
    """A file of `formats` holds one, as TARGET.

    Attributes:
        help: what it is, for `--help`.
        make: (release, some inputs to try it on, as `Made.answer` takes them) -> it in the format.
        name: of the file, which `formats.find` puts in.
    """

    help: str
    make: Callable[[Source, Arrays], Made]
    name: str = ""

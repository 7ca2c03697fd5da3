"""What an HDF5 file of weights may hold: plain arrays, in the file, of the size they say.

HDF5 can point into other files of the machine (external links and storage, virtual data sets)
and declare arrays far larger than the file. Keras follows and allocates both.
"""

from collections.abc import Iterator
from typing import Any

import h5py

from tfedge.errors import BadInput

# Keras writes arrays as they are; an array nobody wrote takes no space at all.
_LARGEST_EXPANSION = 100
_SMALL_BYTES = 1 << 20
_MOST_OBJECTS = 50_000  # the largest network that Keras brings has 7,000
# Deflate, shuffle, checksum, scale-offset, LZF: what h5py brings; others load plug-ins.
_KNOWN_FILTERS = frozenset({1, 2, 3, 6, 32000})


def check(file: h5py.File, where: str) -> int:
    """Looks at every link and data set of an open file; reads none of the arrays.

    Returns:
        How many values all its arrays have.

    Raises:
        BadInput: anything but plain arrays.
    """
    seen: set[Any] = set()
    values = 0
    for name, found in _objects(file, where, seen):
        if isinstance(found, h5py.Dataset):
            _check_array(found, f"{where}, {name}")
            values += found.size
    return values


def _objects(group: h5py.Group, where: str, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    waiting = [group]
    while waiting:
        group = waiting.pop()
        for key in group:
            link = group.get(key, getlink=True)
            name = f"{group.name.rstrip('/')}/{key}"
            if not isinstance(link, h5py.HardLink):
                raise BadInput(
                    f"{where}, {name}",
                    "it points elsewhere instead of holding weights",
                    "Save the model again with Keras.",
                )
            found = group[key]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_OBJECTS:
                raise BadInput(where, "it holds too many objects", "Save the model again.")
            if isinstance(found, h5py.Group):
                waiting.append(found)
            yield name, found


def _check_array(array: h5py.Dataset, where: str) -> None:
    plist = array.id.get_create_plist()
    if plist.get_external_count() or array.is_virtual:
        raise BadInput(where, "it reads another file", "Save the model again with Keras.")
    if any(plist.get_filter(i)[0] not in _KNOWN_FILTERS for i in range(plist.get_nfilters())):
        raise BadInput(where, "it is packed by a plug-in", "Save it without compression.")
    if array.dtype.kind not in "biufSOV" or (array.dtype.kind == "O" and array.size > 10_000):
        raise BadInput(where, f"it holds {array.dtype}, not numbers", "Save the model again.")
    stored = array.id.get_storage_size()
    if array.nbytes > _SMALL_BYTES and array.nbytes > _LARGEST_EXPANSION * stored:
        raise BadInput(
            where,
            f"it would unpack {stored} bytes to {array.nbytes}",
            "Save the model again with Keras.",
        )

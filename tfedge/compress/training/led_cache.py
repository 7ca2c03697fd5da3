"""The cache of a training that several processes run: what the one that leads has.

All of them go on from the same epoch, and the leader alone writes, so nothing has to be shared but
the network that they train over.
"""

import contextlib
import json
from collections.abc import Iterator

from tfedge import cache
from tfedge.compress.training import distribution


class Led(cache.Cache):
    """As the leader's; every process asks it the same, in the same order."""

    def __init__(self, own: cache.Cache):
        """Takes the place of this process' own."""
        self._own = own
        self.folder, self.most_bytes = own.folder, own.most_bytes

    def read(self, key: str, part: str = "") -> dict[str, bytes] | None:
        """See `cache.Cache.read`."""
        found = self._own.read(key, part) if distribution.leads() else None
        return _files(distribution.from_leader(_content(found)))

    def write(self, key: str, files: cache.Files, part: str = "") -> None:
        """See `cache.Cache.write`."""
        if distribution.leads():
            self._own.write(key, files, part)

    @contextlib.contextmanager
    def making(self, key: str, what: str, source: str = "") -> Iterator[None]:
        """See `cache.Cache.making`; who does not lead waits for the leader anyway."""
        held = self._own.making(key, what, source)
        with held if distribution.leads() else contextlib.nullcontext():
            yield

    def drop_parts(self, key: str) -> None:
        """See `cache.Cache.drop_parts`."""
        if distribution.leads():
            self._own.drop_parts(key)

    def refuse(self, key: str, error: Exception, part: str = "") -> None:
        """See `cache.Cache.refuse`."""
        if distribution.leads():
            self._own.refuse(key, error, part)


def _content(files: cache.Files | None) -> bytes:
    """Files as one; nothing for none."""
    if files is None:
        return b""
    sizes = json.dumps({name: len(content) for name, content in files.items()})
    return b"\n".join([sizes.encode(), b"".join(files.values())])


def _files(content: bytes) -> dict[str, bytes] | None:
    """The inverse of `_content`."""
    if not content:
        return None
    sizes, _, rest = content.partition(b"\n")
    found, start = {}, 0
    for name, size in json.loads(sizes).items():
        found[name] = rest[start : start + size]
        start += size
    return found

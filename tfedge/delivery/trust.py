"""What an app brings with it to believe a repository and to open what is in it: one JSON file."""

import base64
import dataclasses
import json

from tfedge import foreign
from tfedge.delivery import segments

SCHEMA_VERSION = 1
_REMEDY = "Write it again with publish.py keys trust."


@dataclasses.dataclass(frozen=True)
class Trust:
    """An app's beginning.

    Attributes:
        root: bytes of a root metadata file, the first that the app believes.
        audience: whose key this is, as in `facts.Sealed.keys`.
        key: 32 bytes, which unwrap content keys.
    """

    root: bytes
    audience: str
    key: bytes = dataclasses.field(repr=False)

    def to_bytes(self) -> bytes:
        """The file; `key` in base64, `root` as JSON."""
        told = {
            "schema_version": SCHEMA_VERSION,
            "audience": self.audience,
            "key": base64.b64encode(self.key).decode(),
            "root": json.loads(self.root),
        }
        return (json.dumps(told, indent=1) + "\n").encode()


def read(content: bytes, where: str) -> Trust:
    """What `Trust.to_bytes` wrote; `root` is the same JSON, and perhaps not the same bytes.

    Raises:
        BadInput: it is none, or of a later version.
    """
    told = foreign.parse_json(content, where, _REMEDY)
    with foreign.reading(where, _REMEDY, "no trust of an app"):
        if foreign.whole(told["schema_version"]) != SCHEMA_VERSION:
            raise ValueError(f"it is of version {told['schema_version']}")
        key = base64.b64decode(told["key"])
        if len(key) != segments.KEY_BYTES:
            raise ValueError(f"a key has {segments.KEY_BYTES} bytes")
        return Trust(json.dumps(told["root"]).encode(), str(told["audience"]), key)

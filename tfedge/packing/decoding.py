"""A packed file back into the .tflite: numpy and the standard library, nothing else.

The bytes are somebody else's: every size is checked against the packed file before anything is
allocated, the work is bounded by it too, and nothing is returned whose SHA-256 is not the one kept.
"""

import hashlib
import lzma
import zlib

from tfedge import errors
from tfedge.packing import container, parts

_DAMAGED = (ValueError, IndexError, OverflowError, MemoryError, zlib.error, lzma.LZMAError)
_ALLOWANCE = 1 << 12  # bytes that a packed file may become whatever its length


def decode(packed: bytes, largest_bytes: int) -> bytes:
    """See `tfedge.packing.unpack`."""
    packed = bytes(packed)
    try:
        header = container.read_header(packed)
    except (ValueError, IndexError) as e:
        raise _refusal(str(e)) from e
    if header.size > largest_bytes:
        raise errors.BadInput(
            "packed file",
            f"it unpacks to {header.size:,} bytes, more than the {largest_bytes:,} allowed",
            "Raise largest_bytes if that is what you expect.",
        )
    if header.size > container.LARGEST_EXPANSION * len(packed) + _ALLOWANCE:
        raise _refusal(f"{len(packed):,} bytes cannot hold the {header.size:,} it names")
    try:
        content = _body(header, packed[header.body :])
    except _DAMAGED as e:
        raise _refusal(str(e) or type(e).__name__) from e
    if hashlib.sha256(content).digest() != header.sha256:
        raise _refusal("its content does not have the SHA-256 it was packed with")
    return content


def _body(header: container.Header, body: bytes) -> bytes:
    if header.mode == container.WHOLE:
        return container.expand(body, header.size)
    if header.mode in (container.PARTS, container.LONG_PARTS):
        return parts.read(body, header.size, is_long=header.mode == container.LONG_PARTS)
    raise ValueError(f"it has mode {header.mode}, which is not known here")


def _refusal(cause: str) -> errors.BadInput:
    return errors.BadInput(
        "packed file", f"truncated or damaged: {cause}", "Download or copy it again."
    )

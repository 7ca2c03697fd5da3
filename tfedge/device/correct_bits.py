"""Which held-out examples a model has right, short enough for scorecard.json.

With it two scorecards over the same examples can be compared pair by pair, long after the data
and the models' outputs are gone: 10,000 examples of which nine in ten are right take 1 KB. It
tells nothing of the examples themselves.
"""

import base64
import binascii
import zlib

import numpy as np


def pack(correct: np.ndarray) -> str:
    """(n,) bool -> deflated bits in base64."""
    bits = np.packbits(np.asarray(correct, bool)).tobytes()
    return base64.b64encode(zlib.compress(bits, 9)).decode()


def unpack(text: str, n: int) -> np.ndarray:
    """What `pack` was given.

    Args:
        text: of `pack`.
        n: the number of examples.

    Raises:
        ValueError: no such text, or of another number of examples.
    """
    size = -(-n // 8)
    try:
        reader = zlib.decompressobj()
        # One byte more than there may be: a scorecard from elsewhere cannot blow up the memory.
        bits = reader.decompress(base64.b64decode(text, validate=True), size + 1)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"no packed answers: {error}") from error
    if len(bits) != size:
        raise ValueError(f"{len(bits)} bytes of answers for {n} examples")
    return np.unpackbits(np.frombuffer(bits, np.uint8))[:n].astype(bool)

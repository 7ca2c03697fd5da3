"""Who gets a version first: a stable share of all installations.

    number = first four bytes of SHA-256("tfedge-rollout-1 MODEL/VERSION ID"), big-endian
    in the share of `parts` ten-thousandths: number * 10000 < parts * 2^32

The number does not move, so who is in stays in as the share grows; it is another one for every
version, so it is not always the same people who try a new one first.
"""

import hashlib

WHOLE = 10_000  # parts of all installations


def includes(parts: int, model: str, version: int, installation: str) -> bool:
    """Whether an installation is in the share.

    Args:
        parts: of all, in ten-thousandths.
        model: what is rolled out.
        version: of it.
        installation: an identifier that the app drew once and keeps.
    """
    said = f"tfedge-rollout-1 {model}/{version} {installation}".encode()
    number = int.from_bytes(hashlib.sha256(said).digest()[:4], "big")
    return number * WHOLE < parts << 32

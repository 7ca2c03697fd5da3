"""The next root, waiting for signatures of people who need not be at one computer.

It lies beside `metadata/`, as `root-to-sign.json`, where no client looks.
"""

import pathlib

from tuf.api.metadata import Metadata, Root

from tfedge.delivery import keyring, trusted, writing
from tfedge.delivery.keyring import ROOT

NAME = "root-to-sign.json"


def read(folder: pathlib.Path) -> Metadata[Root] | None:
    """What waits; None where nothing does."""
    path = folder / NAME
    return trusted.parse(path.read_bytes(), path) if path.exists() else None


def sign(
    folder: pathlib.Path, last: Metadata[Root], waiting: Metadata[Root], ring: keyring.Keyring
) -> None:
    """Signs by every root key that is here, of the last root or the next, and writes it."""
    keyids = [*last.signed.roles[ROOT].keyids, *waiting.signed.roles[ROOT].keyids]
    for keyid in dict.fromkeys(keyids):
        signer = ring.signer(ROOT, keyid)
        if signer is not None:
            waiting.sign(signer, append=True)
    writing.put(folder / NAME, trusted.bytes_of(waiting))


def missing(last: Metadata[Root], waiting: Metadata[Root]) -> int:
    """How many signatures it lacks, of the last root's keys or of its own."""
    content, signatures = waiting.signed_bytes, waiting.signatures
    results = [
        root.signed.get_verification_result(ROOT, content, signatures) for root in (last, waiting)
    ]
    return max(result.missing for result in results)


def is_complete(last: Metadata[Root], waiting: Metadata[Root]) -> bool:
    """Whether clients that believe the last root will believe it."""
    return waiting.signed.version == last.signed.version + 1 and not missing(last, waiting)


def remove(folder: pathlib.Path) -> None:
    """It is in place."""
    (folder / NAME).unlink(missing_ok=True)

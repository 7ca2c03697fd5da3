"""Sealed files (TFS1): encrypted in pieces, each of which can be opened and believed by itself.

AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated
Encryption and its Nonce-Reuse Misuse-Resistance", 2015), as in Tink's streaming AEAD: the nonce is
the piece's number and whether it is the last. The key of a file comes by HKDF-SHA256 (RFC 5869)
from a content key, the file's header and its target name, so a changed header and a file under
another name open no more than one with a changed byte. docs/delivery_format.md is the page to
write another decoder from.

    sealed = segments.seal(content, key, "ds_cnn/3.sealed")
    assert segments.open_sealed(sealed, key, "ds_cnn/3.sealed") == content
"""

import hashlib
import os

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import aead
from cryptography.hazmat.primitives.kdf import hkdf

from tfedge import errors

MAGIC = b"TFS1"
KEY_BYTES, SALT_BYTES, TAG_BYTES = 32, 32, 16
HEADER_BYTES = len(MAGIC) + 4 + SALT_BYTES
LEAST_CHUNK, MOST_CHUNK = 1 << 12, 1 << 24  # bytes
_USUAL_CHUNK, _USUAL_CHUNKS = 1 << 16, 256
_REMEDY = "Download it again; if that does not help, publish it again."


def chunk_bytes(size: int) -> int:
    """How long the chunks of a file of `size` bytes are: 64 KiB, longer above 16 MB."""
    wanted = max(_USUAL_CHUNK, -(-size // _USUAL_CHUNKS))
    return min(1 << (wanted - 1).bit_length(), MOST_CHUNK)


def seal(content: bytes, key: bytes, name: str, chunk: int = 0) -> bytes:
    """The sealed form of a file.

    Args:
        content: the whole file.
        key: 32 bytes, the content key.
        name: of the target that it will be.
        chunk: bytes of a chunk of the sealed file, a power of two; 0 for the usual.
    """
    chunk = chunk or chunk_bytes(len(content))
    if chunk & (chunk - 1) or not LEAST_CHUNK <= chunk <= MOST_CHUNK:
        raise ValueError(f"{chunk} is no length of chunks")
    header = MAGIC + chunk.to_bytes(4, "big") + os.urandom(SALT_BYTES)
    cipher = _cipher(key, header, name)
    pieces, start, room = [header], 0, chunk - TAG_BYTES - HEADER_BYTES
    while len(content) - start > room:
        pieces.append(_sealed(cipher, len(pieces) - 1, content[start : start + room], False))
        start, room = start + room, chunk - TAG_BYTES
    pieces.append(_sealed(cipher, len(pieces) - 1, content[start:], True))
    return b"".join(pieces)


def open_sealed(sealed: bytes, key: bytes, name: str) -> bytes:
    """What was sealed.

    Raises:
        BadInput: another key or name; truncated, lengthened, reordered or changed.
    """
    opener = Opener(sealed[:HEADER_BYTES], len(sealed), key, name)
    return b"".join(
        opener.open(number, sealed[start:end]) for number, (start, end) in enumerate(opener.chunks)
    )


def chunk_hashes(sealed: bytes) -> tuple[str, ...]:
    """The SHA-256 of each chunk as it lies in the file, in hexadecimal."""
    size = chunk_of(sealed, "sealed file")
    pieces = (sealed[start:end] for start, end in chunks(len(sealed), size))
    return tuple(hashlib.sha256(piece).hexdigest() for piece in pieces)


def chunks(length: int, chunk: int) -> tuple[tuple[int, int], ...]:
    """Where each chunk of a file of `length` bytes begins and ends; an empty file has one."""
    return tuple((start, min(start + chunk, length)) for start in range(0, max(length, 1), chunk))


class Opener:
    """Opens a sealed file chunk by chunk, in any order; the last one is only the last.

    Args:
        header: the first 40 bytes of the file; more may follow.
        length: of the whole file, as it was signed.
        key: 32 bytes, the content key.
        name: of the target.

    Attributes:
        chunks: (begin, end) of each chunk in the file.

    Raises:
        BadInput: this is no sealed file, or none of that length.
    """

    def __init__(self, header: bytes, length: int, key: bytes, name: str):
        self._name = name
        chunk = chunk_of(header, name)
        self._cipher = _cipher(key, header[:HEADER_BYTES], name)
        self.chunks = chunks(length, chunk)
        start, end = self.chunks[-1]
        if end - start < TAG_BYTES + (HEADER_BYTES if start == 0 else 1):
            raise _refusal(name, "it is truncated")

    def open(self, number: int, data: bytes) -> bytes:
        """What is in a chunk.

        Args:
            number: of the chunk, from 0.
            data: all of its bytes as they lie in the file; those of chunk 0 begin with the header.

        Raises:
            BadInput: it is not what was sealed at this place.
        """
        start, end = self.chunks[number]
        if len(data) != end - start:
            raise _refusal(self._name, f"chunk {number} has {len(data)} of {end - start} bytes")
        is_last = number == len(self.chunks) - 1
        body = data[HEADER_BYTES:] if number == 0 else data
        try:
            return self._cipher.decrypt(_nonce(number, is_last), body, None)
        except exceptions.InvalidTag:
            cause = f"chunk {number} is damaged, at the wrong place, or sealed by another key"
            raise _refusal(self._name, cause) from None


def chunk_of(header: bytes, name: str) -> int:
    """The bytes of a chunk, as the header says that a sealed file begins with.

    Raises:
        BadInput: this is no sealed file; `name` is what to call it.
    """
    if len(header) < HEADER_BYTES or header[: len(MAGIC)] != MAGIC:
        raise _refusal(name, "it is no file that tfedge sealed")
    chunk = int.from_bytes(header[len(MAGIC) : len(MAGIC) + 4], "big")
    if chunk & (chunk - 1) or not LEAST_CHUNK <= chunk <= MOST_CHUNK:
        raise _refusal(name, f"it has chunks of {chunk:,} bytes, which are not known here")
    return chunk


def _cipher(key: bytes, header: bytes, name: str) -> aead.AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a content key has {KEY_BYTES} bytes, this one {len(key)}")
    salt, info = header[-SALT_BYTES:], header + name.encode()
    return aead.AESGCM(hkdf.HKDF(hashes.SHA256(), KEY_BYTES, salt, info).derive(key))


def _sealed(cipher: aead.AESGCM, number: int, piece: bytes, is_last: bool) -> bytes:
    return cipher.encrypt(_nonce(number, is_last), piece, None)


def _nonce(number: int, is_last: bool) -> bytes:
    """12 bytes; a file's key is its own, so its nonces need no chance."""
    return bytes(7) + number.to_bytes(4, "big") + bytes([is_last])


def _refusal(name: str, cause: str) -> errors.BadInput:
    return errors.BadInput(name, cause, _REMEDY)

"""A secret on a disk: sealed by a passphrase, in a file that only its owner reads.

AES-256-GCM by a key that scrypt (RFC 7914) makes of the passphrase, 128 MB and a third of a second
for each guess. What the secret is for is authenticated with it, so that no file can stand in for
another.
"""

import base64
import json
import os
import pathlib
import stat
from collections.abc import Callable

from absl import logging
from cryptography import exceptions
from cryptography.hazmat.primitives.ciphers import aead
from cryptography.hazmat.primitives.kdf import scrypt

from tfedge import errors, foreign
from tfedge.delivery import writing

SCHEMA_VERSION = 1
COST = 1 << 17  # scrypt's N; others are 8 and 1
_MOST_COST = 1 << 20
_KEY_BYTES, _SALT_BYTES, _NONCE_BYTES = 32, 16, 12
_REMEDY = "Take the file from a backup."


def write(path: pathlib.Path, secret: bytes, passphrase: bytes, use: str) -> None:
    """Writes a new file, mode 0600.

    Args:
        path: of the file; its folder exists.
        secret: what is in it.
        passphrase: that opens it.
        use: what it is for.
    """
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    sealed = _cipher(passphrase, salt, COST).encrypt(nonce, secret, use.encode())
    told = {
        "schema_version": SCHEMA_VERSION,
        "use": use,
        "scrypt": {"n": COST, "r": 8, "p": 1, "salt": _text(salt)},
        "nonce": _text(nonce),
        "sealed": _text(sealed),
    }
    writing.put(path, (json.dumps(told, indent=1) + "\n").encode(), mode=0o600)


def check(path: pathlib.Path, passphrase: bytes) -> None:
    """Raises BadInput where a passphrase does not open a file."""
    read(path, passphrase, _use(path))


def change(path: pathlib.Path, old: Callable[[], bytes], new: bytes) -> None:
    """The same secret behind another passphrase, which it may have already.

    Raises:
        BadInput: neither opens it.
    """
    use = _use(path)
    try:
        read(path, new, use)
    except errors.BadInput:
        write(path, read(path, old(), use), new, use)


def _use(path: pathlib.Path) -> str:
    told = foreign.read_json(path, _REMEDY)
    with foreign.reading(path, _REMEDY, "no key file"):
        return str(told["use"])


def read(path: pathlib.Path, passphrase: bytes, use: str) -> bytes:
    """The secret.

    Raises:
        BadInput: a wrong passphrase, another use, or no such file.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        logging.warning("%s: others may read this file; chmod 600 it", path)
    told = foreign.read_json(path, _REMEDY)
    with foreign.reading(path, _REMEDY, "no key file"):
        cost, salt = told["scrypt"]["n"], base64.b64decode(told["scrypt"]["salt"])
        known = foreign.whole(told["schema_version"]) == SCHEMA_VERSION
        if not known or not 1 < foreign.whole(cost) <= _MOST_COST:
            raise ValueError("it is of a version that is not known here")
        nonce, sealed = (base64.b64decode(told[each]) for each in ("nonce", "sealed"))
        try:
            return _cipher(passphrase, salt, cost).decrypt(nonce, sealed, use.encode())
        except exceptions.InvalidTag:
            cause = "this passphrase does not open it"
            raise errors.BadInput(str(path), cause, "Give the one it was made with.") from None


def _cipher(passphrase: bytes, salt: bytes, cost: int) -> aead.AESGCM:
    return aead.AESGCM(scrypt.Scrypt(salt, _KEY_BYTES, cost, 8, 1).derive(passphrase))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()

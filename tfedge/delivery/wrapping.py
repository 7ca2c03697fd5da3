"""A content key as the signed metadata carries it: one copy for each audience, sealed by its key.

An audience is whoever holds one key of 32 bytes, such as all copies of an app. AES-256-GCM again,
so a client needs one cipher: nonce of 12 bytes, the key, a tag of 16 bytes; what is authenticated
with it is "tfedge-key-1 " and the name of the model's target, in which model and version stand.
"""

import os

from cryptography import exceptions
from cryptography.hazmat.primitives.ciphers import aead

from tfedge import errors

WRAPPED_BYTES = 60
_NONCE_BYTES = 12


def wrap(content_key: bytes, audience_key: bytes, name: str) -> bytes:
    """The content key of the model at target `name`, for one audience; 60 bytes."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + aead.AESGCM(audience_key).encrypt(nonce, content_key, _bound(name))


def unwrap(wrapped: bytes, audience_key: bytes, name: str) -> bytes:
    """The content key.

    Raises:
        BadInput: it was wrapped for another audience or another model.
    """
    nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
    try:
        return aead.AESGCM(audience_key).decrypt(nonce, sealed, _bound(name))
    except (exceptions.InvalidTag, ValueError):
        cause = "this key does not open it"
        raise errors.BadInput(name, cause, "Give the key of an audience of it.") from None


def _bound(name: str) -> bytes:
    return f"tfedge-key-1 {name}".encode()

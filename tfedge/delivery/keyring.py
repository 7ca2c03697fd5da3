"""The keys that a publisher holds: files in one folder or several, such as a stick for root's.

`ROLE-KEYID.key` signs for a role of TUF, `audience-NAME.key` opens models, `signing-NUMBER.key`
signs releases (`model_signature`) and has its public half beside it, `.pem`; see `at_rest`.
"""

import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.signer import CryptoSigner, SSlibKey

from tfedge import errors
from tfedge.delivery import at_rest, model_signature, names, segments, writing

ROOT, TARGETS, SNAPSHOT, TIMESTAMP = ROLES = ("root", "targets", "snapshot", "timestamp")
SIGNING = "signing"
_AUDIENCE = "audience-"
_NAME_DIGITS = 16  # of a key's number in a file's name


class Keyring:
    """Keys, opened when they are needed.

    Args:
        folders: where they are; new ones go to the first.
        passphrase: asks for that of a folder.
    """

    def __init__(
        self, folders: Sequence[pathlib.Path], passphrase: Callable[[pathlib.Path], bytes]
    ):
        self.folders = tuple(folders)
        self._passphrase = functools.cache(passphrase)
        self._opened: dict[pathlib.Path, bytes] = {}

    def make(self, role: str) -> SSlibKey:
        """A new key for a role; ECDSA P-256."""
        private = ec.generate_private_key(ec.SECP256R1())
        public = SSlibKey.from_crypto(private.public_key())
        self._write(_file(role, public.keyid), _secret_of(private), role)
        return public

    def numbers(self, role: str) -> tuple[str, ...]:
        """The beginnings of the key ids of all keys for a role that are here."""
        return tuple(sorted(path.stem.removeprefix(f"{role}-") for path in self._of(f"{role}-")))

    def public(self, role: str, number: str) -> SSlibKey:
        """The public half of a key of `numbers`."""
        return self._signer(self._path(_file(role, number)), role).public_key

    def signer(self, role: str, keyid: str) -> CryptoSigner | None:
        """What signs by a key; None where it is not here.

        Raises:
            BadInput: a wrong passphrase, or a file that holds another key.
        """
        path = self._found(_file(role, keyid))
        if path is None:
            return None
        found = self._signer(path, role)
        if found.public_key.keyid != keyid:
            raise errors.BadInput(str(path), "it holds another key", "Take it from a backup.")
        return found

    def make_audience(self, name: str, key: bytes = b"") -> None:
        """A new key that opens models; or this one, of 32 bytes, again."""
        names.check_channel(name, f"--audience={name}")
        if self._found(f"{_AUDIENCE}{name}.key"):
            raise errors.BadInput(f"--audience={name}", "it has a key", "Give another name.")
        secret = key or os.urandom(segments.KEY_BYTES)
        self._write(f"{_AUDIENCE}{name}.key", secret, f"{_AUDIENCE}{name}")

    def make_signing(self) -> pathlib.Path:
        """A new key that signs releases; the file with its public half."""
        if self.numbers(SIGNING):
            where = ", ".join(map(str, self.folders))
            remedy = "Use it, or move its .key away first; its .pem stays, for what it has signed."
            raise errors.BadInput(where, "a key that signs releases is there", remedy)
        private = ec.generate_private_key(ec.SECP256R1())
        pem = model_signature.public_pem(private)
        number = hashlib.sha256(pem).hexdigest()[:_NAME_DIGITS]
        path = self.folders[0] / f"{SIGNING}-{number}.pem"
        writing.folder(self.folders[0], 0o700)
        writing.put(path, pem)
        self._write(f"{SIGNING}-{number}.key", _secret_of(private), SIGNING)
        return path

    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """What signs releases.

        Raises:
            BadInput: none is there, or several; a wrong passphrase.
        """
        numbers = self.numbers(SIGNING)
        if len(numbers) != 1:
            where = ", ".join(map(str, self.folders))
            cause = f"{len(numbers)} keys that sign releases are there"
            raise errors.BadInput(where, cause, "Have one; publish.py keys signing makes it.")
        path = self._path(f"{SIGNING}-{numbers[0]}.key")
        private = serialization.load_der_private_key(self._secret(path, SIGNING), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        return private

    @property
    def is_public(self) -> bool:
        """Whether only public halves are here: who has them checks, and opens nothing."""
        return bool(self.signers()) and not self._of("")

    def signers(self) -> list[bytes]:
        """The public keys, as PEM, of whose releases are known; they need no passphrase."""
        paths = (path for folder in self.folders for path in folder.glob(f"{SIGNING}-*.pem"))
        return [model_signature.read_public(path) for path in sorted(paths)]

    def audiences(self) -> tuple[str, ...]:
        """Names, sorted."""
        return tuple(sorted(path.stem.removeprefix(_AUDIENCE) for path in self._of(_AUDIENCE)))

    def audience_key(self, name: str) -> bytes:
        """32 bytes.

        Raises:
            BadInput: there is none of that name; a wrong passphrase.
        """
        return self._secret(self.audience_path(name), f"{_AUDIENCE}{name}")

    def audience_path(self, name: str) -> pathlib.Path:
        """Its file.

        Raises:
            BadInput: there is none.
        """
        return self._path(f"{_AUDIENCE}{name}.key")

    def change_passphrase(self, new: bytes) -> int:
        """All keys of the first folder behind another passphrase; how many.

        One that was killed at it is called again: what has the new one already stays.

        Raises:
            BadInput: neither the old one nor the new one opens a key, or none is there.
        """
        paths = sorted(self.folders[0].glob("*.key"))
        if not paths:
            raise errors.BadInput(str(self.folders[0]), "no key is there", "Give --keys=FOLDER.")
        for path in paths:
            at_rest.change(path, functools.partial(self._passphrase, path.parent), new)
        return len(paths)

    def remove(self, role: str, keyid: str) -> None:
        """Deletes the file of a key that nothing trusts any more."""
        path = self._found(_file(role, keyid))
        if path is not None:
            path.unlink()

    def _of(self, start: str) -> list[pathlib.Path]:
        return [path for folder in self.folders for path in folder.glob(f"{start}*.key")]

    def _found(self, name: str) -> pathlib.Path | None:
        paths = (folder / name for folder in self.folders)
        return next((path for path in paths if path.is_file()), None)

    def _path(self, name: str) -> pathlib.Path:
        found = self._found(name)
        if found is None:
            where = ", ".join(map(str, self.folders))
            raise errors.BadInput(where, f"no {name} is there", "Give --keys=FOLDER,FOLDER.")
        return found

    def _signer(self, path: pathlib.Path, role: str) -> CryptoSigner:
        secret = self._secret(path, role)
        private = serialization.load_der_private_key(secret, None)
        return CryptoSigner(private)

    def _secret(self, path: pathlib.Path, use: str) -> bytes:
        if path not in self._opened:
            self._opened[path] = at_rest.read(path, self._passphrase(path.parent), use)
        return self._opened[path]

    def _is_open(self, folder: pathlib.Path) -> bool:
        return any(path.parent == folder for path in self._opened)

    def _write(self, name: str, secret: bytes, use: str) -> None:
        folder = self.folders[0]
        writing.folder(folder, 0o700)
        for other in sorted(folder.glob("*.key"))[: not self._is_open(folder)]:
            at_rest.check(other, self._passphrase(folder))  # one behind a slip of the hand is lost
        at_rest.write(folder / name, secret, self._passphrase(folder), use)
        self._opened[folder / name] = secret


def _secret_of(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _file(role: str, keyid: str) -> str:
    return f"{role}-{keyid[:_NAME_DIGITS]}.key"

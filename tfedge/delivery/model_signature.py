"""OpenSSF model signing over a release: which files it had, said by whoever made it.

    content = model_signature.sign("release", private)          # needs the extra `signing`
    found = model_signature.read(content, "release.sig", [pem])

A signature is a Sigstore bundle by a key (https://model.openssf.org): an in-toto statement with the
SHA-256 of every file of the release, in an envelope of DSSE. `model_signing verify key` compares a
release folder with it. Here it is read without the folder, which that package has no call for, and
without the package, so that who publishes needs none of it.
"""

import base64
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib import dsse

from tfedge import errors, foreign
from tfedge.release.publishing import manifest

EXTRA = "signing"  # of setup.cfg, to sign
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT, _PREDICATE = "https://in-toto.io/Statement/v1", "https://model_signing/signature/v1.0"
_SHOWN_DIGITS = 16
_REMEDY = "Sign the release again with publish.py sign."


@dataclasses.dataclass(frozen=True)
class Signature:
    """What was signed.

    Attributes:
        files: SHA-256 by name, of all files of the release.
        key: SHA-256 of the public key that it names, as PEM.
        is_checked: whether that key was at hand, and has signed it.
    """

    files: Mapping[str, str]
    key: str
    is_checked: bool

    @property
    def signer(self) -> str:
        """The first digits of `key`, for people."""
        return self.key[:_SHOWN_DIGITS]

    def check_release(self, files: Mapping[str, bytes], where: str) -> None:
        """Compares a release with it.

        Args:
            files: of the release, by name.
            where: what to call the signature.

        Raises:
            BadInput: its key was not at hand; other files.
        """
        if not self.is_checked:
            cause = f"nobody here knows the key {self.signer} that it is signed by"
            raise errors.BadInput(where, cause, "Put its .pem, named signing-*.pem, into --keys.")
        found = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        if found != self.files:
            names = sorted(name for name, _ in found.items() ^ self.files.items())
            cause = f"not the release that was signed: {', '.join(dict.fromkeys(names))}"
            raise errors.BadInput(where, cause, _REMEDY)


def sign(release: str | os.PathLike, private: ec.EllipticCurvePrivateKey) -> bytes:
    """The signature of a release folder, as the bytes of its file.

    Args:
        release: the folder, as it was released.
        private: of P-256.

    Raises:
        BadInput: it is not as it was released, or is exchanged meanwhile.
    """
    import model_signing  # two seconds

    files = manifest.read_release(release)
    folder = pathlib.Path(os.path.abspath(release))
    hashed = model_signing.hashing.Config().set_ignored_paths(
        paths=sorted(manifest.DROPPINGS), ignore_git_paths=False
    )
    config = model_signing.signing.Config().set_hashing_config(hashed)
    with tempfile.TemporaryDirectory(prefix="tfedge-") as place, _readable(private) as key:
        path = pathlib.Path(place, "signature")
        with foreign.reading(folder, "Try again.", "cannot be signed"):
            config.use_elliptic_key_signer(private_key=key).sign(folder, path)
        content = path.read_bytes()
    read(content, str(folder), [public_pem(private)]).check_release(files, str(folder))
    return content


def read(content: bytes, where: str, public: Sequence[bytes] = ()) -> Signature:
    """A signature, checked by the public key that it names.

    Args:
        content: of its file.
        where: what to call it.
        public: keys as `public_pem` writes them; where the one that it names is not among them,
            nothing is checked.

    Raises:
        BadInput: no signature of a release, or not by that key.
    """
    bundle = foreign.parse_json(content, where, _REMEDY)
    with foreign.reading(where, _REMEDY, "no signature of a release"):
        if bundle["mediaType"] != _BUNDLE:
            raise ValueError("no bundle of Sigstore")
        key = str(bundle["verificationMaterial"]["publicKey"]["hint"])
        (signed,) = bundle["dsseEnvelope"]["signatures"]
        payload = base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True)
        signature = base64.b64decode(signed["sig"], validate=True)
        if bundle["dsseEnvelope"]["payloadType"] != _PAYLOAD:
            raise ValueError("no statement of in-toto")
        content = dsse.Envelope(payload, _PAYLOAD, {}).pae()
        known = {hashlib.sha256(pem).hexdigest(): pem for pem in public}
        if key in known and not _is_signed(known[key], signature, content):
            raise ValueError(f"it is not signed by the key {key[:_SHOWN_DIGITS]}")
        return Signature(_files(foreign.parse_json(payload, where, _REMEDY)), key, key in known)


def public_pem(private: ec.EllipticCurvePrivateKey) -> bytes:
    """The file that those get who check."""
    return _pem(private.public_key())


def read_public(path: pathlib.Path) -> bytes:
    """A public key as PEM, the same bytes however it was written.

    Raises:
        BadInput: none of P-256.
    """
    remedy = "Write it again, or take it away."
    content = foreign.read_bytes(path, remedy)
    with foreign.reading(path, remedy, "no public key as PEM"):
        return _pem(_public(content))


def _pem(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _public(pem: bytes) -> ec.EllipticCurvePublicKey:
    public = serialization.load_pem_public_key(pem)
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.key_size != 256:
        raise ValueError("it is none of ECDSA P-256")
    return public


@contextlib.contextmanager
def _readable(private: ec.EllipticCurvePrivateKey) -> Iterator[str]:
    """A path to read the key from once, for it is taken from no other place; none on a disk."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as file:
            file.write(
                private.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)


def _is_signed(pem: bytes, signature: bytes, content: bytes) -> bool:
    try:
        _public(pem).verify(signature, content, ec.ECDSA(hashes.SHA256()))
        return True
    except exceptions.InvalidSignature:
        return False


def _files(told: Mapping[str, Any]) -> Mapping[str, str]:
    """SHA-256 by name, where the statement is about that and agrees with itself."""
    if (told["_type"], told["predicateType"]) != (_STATEMENT, _PREDICATE):
        raise ValueError("a statement about something else")
    predicate, (subject,) = told["predicate"], told["subject"]
    if (predicate["serialization"]["method"], {each["algorithm"] for each in _all(told)}) != (
        "files",
        {"sha256"},
    ):
        raise ValueError("its files are not hashed whole, by SHA-256")
    files = {str(each["name"]): str(each["digest"]) for each in _all(told)}
    digest = hashlib.sha256(b"".join(bytes.fromhex(each["digest"]) for each in _all(told)))
    if len(files) != len(_all(told)) or digest.hexdigest() != subject["digest"]["sha256"]:
        raise ValueError("its files are not those of its subject")
    return files


def _all(told: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return told["predicate"]["resources"]

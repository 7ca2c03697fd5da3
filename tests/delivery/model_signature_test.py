"""A release signed as OpenSSF says: by its package, read here without it."""

import base64
import dataclasses
import json
import shutil

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from provenance_test import row
from publishing_test import add, offered

from tfedge import errors
from tfedge.delivery import keyring, model_signature, offering, provenance
from tfedge.release.publishing import bundle, manifest

RECIPE = {"schema_version": 1, "recipe": "quantize", "versions": {"tfedge": "0.1.0"}}
PRIVATE = ec.generate_private_key(ec.SECP256R1())
PEM = model_signature.public_pem(PRIVATE)


def signature(files, private=PRIVATE, names=None, **changed):
    """What the package writes, by hand."""
    resources = [
        {"name": name, "algorithm": "sha256", "digest": digest} for name, digest in files.items()
    ]
    root = hashes.Hash(hashes.SHA256())
    for each in files.values():
        root.update(bytes.fromhex(each))
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "release", "digest": {"sha256": root.finalize().hex()}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {"serialization": {"method": "files"}, "resources": resources},
    }
    payload = json.dumps(statement | changed).encode()
    kind = "application/vnd.in-toto+json"
    signed = private.sign(
        b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload),
        ec.ECDSA(hashes.SHA256()),
    )
    digest = hashes.Hash(hashes.SHA256())
    digest.update(model_signature.public_pem(names or private))
    told = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": digest.finalize().hex()}},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind,
            "signatures": [{"sig": base64.b64encode(signed).decode(), "keyid": ""}],
        },
    }
    return json.dumps(told).encode()


def files_of(content):
    files = {
        "model.tflite": content,
        "recipe.json": json.dumps(RECIPE).encode(),
        "verdict.json": b'{"schema_version": 1, "outcome": "PASS"}',
    }
    return {manifest.NAME: manifest.of(files), **files}


def listed(files):
    found = json.loads(manifest.of({k: v for k, v in files.items() if k != manifest.NAME}))
    return {name: each["sha256"] for name, each in found["files"].items()}


def test_a_signature_says_which_files_and_whose_key_it_was():
    files = {"model.tflite": "ab" * 32, "b": "cd" * 32}
    found = model_signature.read(signature(files), "x", [PEM])
    assert (found.files, found.is_checked, len(found.signer)) == (files, True, 16)
    assert not model_signature.read(signature(files), "x").is_checked


def test_a_key_is_the_same_however_its_file_was_written(tmp_path):
    (tmp_path / "signing-x.pem").write_bytes(b"our CI\r\n" + PEM.replace(b"\n", b"\r\n"))
    assert keyring.Keyring([tmp_path], bytes).signers() == [PEM]
    (tmp_path / "signing-y.pem").write_bytes(b"x")
    with pytest.raises(errors.BadInput, match=r"signing-y.pem: no public key as PEM"):
        keyring.Keyring([tmp_path], bytes).signers()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            signature({"a": "ab" * 32}, ec.generate_private_key(ec.SECP256R1()), PRIVATE),
            "not signed by the key",
        ),
        (signature({"a": "ab" * 32}, predicateType="x"), "about something else"),
        (signature({"a": "ab" * 32}, subject=[{"digest": {"sha256": "00"}}]), "of its subject"),
        (signature({"a": "ab" * 32}).replace(b"bundle.v0.3", b"bundle.v0.1"), "no bundle"),
        (signature({"a": "ab" * 32}).replace(b"in-toto+", b"in-toto-"), "no statement"),
        (b'{"mediaType": 1}', "no bundle"),
        (b"[]", "no signature of a release"),
    ],
)
def test_what_is_no_signature_by_the_key_that_it_names_is_refused(content, says):
    with pytest.raises(errors.BadInput, match=says):
        model_signature.read(content, "x", [PEM])


def test_a_flipped_bit_is_never_another_file():
    content = signature({"model.tflite": "ab" * 32})
    for bit in range(0, 8 * len(content), 7):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = model_signature.read(bytes(flipped), "x", [PEM])
        except errors.BadInput:
            continue
        assert found.files == {"model.tflite": "ab" * 32} or not found.is_checked


def test_only_the_release_that_was_signed_by_a_known_key_is_taken():
    files = {"a": b"1", "b": b"2"}
    hashed = {
        name: each["sha256"] for name, each in json.loads(manifest.of(files))["files"].items()
    }
    found = model_signature.read(signature(hashed), "x", [PEM])
    found.check_release(files, "x")
    with pytest.raises(errors.BadInput, match=r"not the release that was signed: b, c\."):
        found.check_release({"a": b"1", "b": b"3", "c": b""}, "x")
    with pytest.raises(errors.BadInput, match="nobody here knows the key"):
        model_signature.read(signature(hashed), "x").check_release(files, "x")


def test_it_is_published_and_compared(repository, ring, monkeypatch, tmp_path):
    given, path = offered(1), ring.make_signing()
    files = files_of(given.content)
    given = dataclasses.replace(given, signature=signature(listed(files), ring.signing_key()))
    add(repository, ring, given)
    found = row(repository, monkeypatch)
    assert found.is_good
    assert found.found.endswith(f"says that it is signed by an unknown key, {path.stem[8:]}")
    auditor = keyring.Keyring([tmp_path / "auditor"], bytes)
    auditor.folders[0].mkdir()
    shutil.copy(path, auditor.folders[0])
    add(repository, ring, dataclasses.replace(given, provenance=provenance.of(files, "x")))
    found = row(repository, monkeypatch, auditor)
    assert found.found.endswith(f"quantize: PASS; signed by {path.stem[8:]}")
    assert "opened" not in found.found
    other = {**files, "verdict.json": files["verdict.json"] + b" "}
    other[manifest.NAME] = files_of(given.content)[manifest.NAME].replace(
        listed(files)["verdict.json"].encode(), listed(other)["verdict.json"].encode()
    )
    add(repository, ring, dataclasses.replace(given, provenance=provenance.of(other, "x")))
    assert "another release than its provenance" in row(repository, monkeypatch).found


def test_a_second_key_is_not_made_and_a_missing_one_is_told(tmp_path, ring):
    with pytest.raises(errors.BadInput, match="0 keys that sign releases"):
        ring.signing_key()
    ring.make_signing()
    with pytest.raises(errors.BadInput, match="a key that signs releases is there"):
        ring.make_signing()
    other = keyring.Keyring(ring.folders, lambda folder: b"correct horse")
    assert [model_signature.public_pem(other.signing_key())] == other.signers()


@pytest.fixture
def release(tmp_path):
    files = {name: each for name, each in files_of(b"x").items() if name != manifest.NAME}
    return bundle.publish(tmp_path / "release", files, {})


def test_the_package_signs_and_believes_what_is_signed(release, tmp_path):
    package = pytest.importorskip("model_signing")
    (release / ".DS_Store").write_text("of a file browser")
    content = model_signature.sign(release, PRIVATE)
    (tmp_path / "release.sig").write_bytes(content)
    (tmp_path / "key.pem").write_bytes(PEM)
    found = model_signature.read(content, "x", [PEM])
    assert set(found.files) == {"model.tflite", "recipe.json", "verdict.json", manifest.NAME}
    assert str(tmp_path).encode() not in base64.b64decode(
        json.loads(content)["dsseEnvelope"]["payload"]
    )
    by_package = package.verifying.Config().use_elliptic_key_verifier(
        public_key=tmp_path / "key.pem"
    )
    by_package.verify(release, tmp_path / "release.sig")
    (release / "model.tflite").write_bytes(b"y")
    with pytest.raises(ValueError, match=r"Hash mismatch for 'model\.tflite'"):
        by_package.verify(release, tmp_path / "release.sig")
    with pytest.raises(errors.BadInput, match="not as released"):
        model_signature.sign(release, PRIVATE)


def test_another_release_than_the_signed_one_is_not_offered(release, tmp_path):
    (tmp_path / "release.sig").write_bytes(signature({"model.tflite": "ab" * 32}))
    with pytest.raises(errors.BadInput, match="not the release that was signed"):
        offering.read(release, "test", signature=str(tmp_path / "release.sig"), signers=[PEM])
    with pytest.raises(errors.BadInput, match=r"--signature=.*no.sig"):
        offering.read(release, "test", signature=str(tmp_path / "no.sig"))


def test_sign_without_its_packages_says_what_to_install(monkeypatch, tmp_path):
    from tfedge_pipelines.publishing import sign

    from tfedge import extras

    monkeypatch.setattr(extras, "_packages", lambda extra: ["model-signing", "no_such_package"])
    with pytest.raises(errors.BadInput, match=r'pip install "tfedge\[signing\]"'):
        sign.main()
    assert not shutil.os.listdir(tmp_path)

import dataclasses
import json

import pytest
from publishing_test import add, offered

from tfedge import errors
from tfedge.delivery import checking, names, provenance, trusted
from tfedge.release.publishing import manifest

RECIPE = {
    "schema_version": 1,
    "recipe": "quantize(epochs=1)",
    "export": "int8",
    "seed": 1,
    "model": "/home/me/secret.keras",
    "source": "npz:/home/me/data.npz",
    "model_float32_sha256": "ab" * 32,
    "versions": {"tfedge": "0.1.0"},
}


def release(content):
    files = {
        "model.tflite": content,
        "recipe.json": json.dumps(RECIPE).encode(),
        "verdict.json": b'{"schema_version": 1, "outcome": "PASS"}',
    }
    facts = {"held_out": {"fingerprint": f"inputs and labels: {'cd' * 32}"}}
    return {manifest.NAME: manifest.of(files, facts), **files}


def test_a_statement_names_files_inputs_tools_and_verdict_and_no_path():
    files = release(b"model")
    written = provenance.of(files, "x")
    told = json.loads(written)
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert {each["name"] for each in told["subject"]} == set(files) - {manifest.NAME}
    build = told["predicate"]["buildDefinition"]
    assert build["externalParameters"]["export"] == "int8"
    assert [each["digest"]["sha256"][:2] for each in build["resolvedDependencies"]] == ["ab", "cd"]
    assert told["predicate"]["runDetails"]["builder"]["version"] == {"tfedge": "0.1.0"}
    assert b"/home" not in written
    found = provenance.read(written, "x")
    listed = json.loads(files[manifest.NAME])["files"]
    assert found.files == {name: each["sha256"] for name, each in listed.items()}
    assert (found.recipe, found.outcome) == ("quantize(epochs=1)", "PASS")


@pytest.mark.parametrize("missing", ["recipe.json", "verdict.json", "manifest.json"])
def test_a_release_that_does_not_say_is_refused(missing):
    files = {name: each for name, each in release(b"model").items() if name != missing}
    with pytest.raises(errors.BadInput, match="nothing says where it comes from"):
        provenance.of(files, "x")


@pytest.mark.parametrize("change", [{"_type": "other"}, {"subject": [{}]}, {"predicate": {}}])
def test_other_statements_are_refused(change):
    told = json.loads(provenance.of(release(b"model"), "x"))
    with pytest.raises(errors.BadInput, match="no provenance"):
        provenance.read(json.dumps(told | change).encode(), "x")


def published(repository, ring, content):
    given = offered(1)
    told = provenance.of(release(content or given.content), "x")
    add(repository, ring, given)
    add(repository, ring, dataclasses.replace(given, provenance=told))
    assert names.provenance("ds_cnn", 1) in trusted.read(repository).targets.signed.targets


def row(repository, monkeypatch, ring=None):
    monkeypatch.setattr(
        checking.vectors, "read", lambda *_: type("V", (), {"model_sha256": offered(1).sha256})
    )
    return {each.what: each for each in checking.check(repository, ring)}["ds_cnn 1"]


def test_it_is_published_also_later_and_compared(repository, ring, monkeypatch):
    published(repository, ring, None)
    found = row(repository, monkeypatch)
    assert found.is_good
    assert found.found.endswith("made by quantize(epochs=1): PASS")


def test_that_of_another_model_is_found(repository, ring, monkeypatch):
    published(repository, ring, b"another")
    assert "another model" in row(repository, monkeypatch).found

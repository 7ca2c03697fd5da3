"""A file whose version is `true` or 1.0, which Python takes for 1, is of no version."""

import json

import pytest
from hostile_fields_test import KINDS

from tfedge import errors
from tfedge.delivery import at_rest, belonging, facts, keyring
from tfedge.delivery.fetch.record import Record
from tfedge.delivery.fetch.state import Place, State


def with_version(told, version):
    """The value with this for each schema_version in it."""
    if not isinstance(told, dict):
        return told
    return {
        name: version if name == "schema_version" else with_version(each, version)
        for name, each in told.items()
    }


@pytest.mark.parametrize("version", [True, 1.0, "1", None, [1]], ids=repr)
@pytest.mark.parametrize("kind", ["sealed", "delta", "channel", "trust"])
def test_what_is_signed_or_brought(kind, version):
    good, read = KINDS[kind]
    with pytest.raises(errors.BadInput):
        read(json.dumps(with_version(good, version)))


@pytest.mark.parametrize("version", [True, 1.0], ids=repr)
def test_what_lies_in_a_store(version):
    sealed = facts.sealed(KINDS["sealed"][0], 4096, "x")
    good = Record(sealed, 4096, "m/2.sealed", 1).to_json()
    assert Record.of(good, "x").base == 1
    for wrong in (
        {**good, "schema_version": version},
        {**good, "base": version},
        {**good, "length": float(good["length"])},
    ):
        with pytest.raises(errors.BadInput, match="no version of a store"):
            Record.of(wrong, "x")


@pytest.mark.parametrize(
    "wrong",
    [
        {"current": True},
        {"previous": 0},
        {"refused": [{"version": True, "app": "", "runtime": ""}]},
        {"refused": [{"version": [], "app": "", "runtime": ""}]},
        {"refused": [{"version": 1, "app": [], "runtime": ""}]},
    ],
    ids=str,
)
def test_a_state_with_other_numbers_is_none(wrong):
    place = {"version": 1, "app": "2", "runtime": ""}
    good = {"current": 2, "previous": 1, "first_use": "done", "refused": [place]}
    assert State.of(good) == State(2, 1, "done", (Place(1, "2"),))
    with pytest.raises((LookupError, TypeError, ValueError)):
        State.of({**good, **wrong})


@pytest.mark.parametrize("version", [True, 1.0], ids=repr)
def test_what_lies_beside_keys(version, tmp_path):
    path = tmp_path / "app-x.key"
    at_rest.write(path, bytes(32), b"correct horse", "use")
    path.write_text(json.dumps(with_version(json.loads(path.read_bytes()), version)))
    with pytest.raises(errors.BadInput, match="no key file"):
        at_rest.read(path, b"correct horse", "use")
    note = {"schema_version": version, "folder": "x", "root_keys": []}
    (tmp_path / belonging.NAME).write_text(json.dumps(note))
    with pytest.raises(errors.BadInput, match="of a folder of keys"):
        belonging.check_new(tmp_path, keyring.Keyring([tmp_path], lambda _: b"correct horse"))
